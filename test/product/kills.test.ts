import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LiveCall } from '../../db/calls.ts';
import { eventually } from '../support/live-call.ts';
import { startProcesses, type Killable, type RunningProcesses } from '../support/processes.ts';
import type { Visitor } from '../support/product.ts';

let product: RunningProcesses;
let anna: Visitor;
let boris: Visitor;
beforeAll(async () => {
  product = await startProcesses();
  anna = await product.signIn('anna@demo.local');
  boris = await product.signIn('boris@demo.local');
}, 180_000);
afterAll(() => product.stop(), 60_000);

const PATIENCE_MS = 60_000;
let counter = 0;

const callOf = (visitor: Visitor, phone: string, state: string): Promise<LiveCall> =>
  eventually(
    async () =>
      (await visitor.get<{ items: LiveCall[] }>('/api/calls?state=active')).items.find(
        (call) => call.phone === phone && call.state === state,
      ),
    (call) => call !== undefined,
    PATIENCE_MS,
  ) as Promise<LiveCall>;

/** What came of a call, without ids and times: the same whatever died meanwhile. */
async function outcomeOf(phone: string): Promise<unknown> {
  const { rows } = await product.database.db.raw<{ rows: unknown[] }>(
    `select t.subject like '%заказ%' as by_agent, t.status, t.kind, t.handset, t.assignee_id, t.missed_count,
       (select jsonb_agg(jsonb_build_object('type', m.type, 'body', m.body, 'outcome', c.outcome,
          'recordings', (select jsonb_agg(r.state) from recordings r where r.conversation_id = c.id)) order by m.id)
        from messages m left join conversations c on c.id = m.conversation_id where m.ticket_id = t.id) as messages
     from tickets t where t.phone = ? order by t.id`,
    [phone],
  );
  return rows;
}

const isSettled = (outcome: unknown, tickets: number): boolean =>
  Array.isArray(outcome) &&
  outcome.length === tickets &&
  !/"(pending|in_progress)"/.test(JSON.stringify(outcome).replaceAll('"status":"pending"', ''));

/** A call with everything in it: an action during the talk, a transfer, recordings; `strike` hits between any two steps. */
async function transferred(strike: (step: string) => Promise<void>): Promise<unknown> {
  const phone = `+7906${1_000_000 + ++counter}`;
  const call = product.pbx.incoming({ from: phone });
  await call.ring('101');
  await strike('ringing');
  await product.healed();
  await call.answer('101');
  await strike('answered');
  await product.healed();
  const { callId, conversationId } = await callOf(anna, phone, 'talking');
  const actionId = randomUUID();
  await anna.post(`/api/calls/${callId}/actions`, {
    actionId,
    type: 'create_ticket',
    conversationId,
    subject: 'Про заказ',
    gist: 'Суть',
  });
  await strike('acted');
  await product.healed();
  await call.consult('101', '102');
  await call.answer('102');
  await call.completeTransfer('101');
  await strike('transferred');
  await product.healed();
  await callOf(boris, phone, 'talking');
  await call.pass(20);
  await call.hangUp();
  await strike('hung up');
  await product.healed();
  await call.finish();
  await strike('summed up');
  await product.healed();
  return eventually(
    () => outcomeOf(phone),
    (outcome) => isSettled(outcome, 2),
    PATIENCE_MS,
  );
}

describe('a kill -9 in the middle of a call', () => {
  let calm: unknown;
  beforeAll(async () => {
    calm = await transferred(async () => undefined);
  }, 120_000);

  test('without any kill the call comes to what the rules say', () => {
    expect(calm).toMatchObject([
      { by_agent: true, status: 'pending', messages: [{ body: 'Суть', outcome: 'talked', recordings: ['ready'] }] },
      { by_agent: false, status: 'open', messages: [{ outcome: 'talked', recordings: ['ready'] }] },
    ]);
  });

  test('R10: what rings or is answered as the worker dies is on the screen as soon as another one is there', async () => {
    const delays: number[] = [];
    for (const state of ['ringing', 'talking']) {
      const phone = `+7906${1_000_000 + ++counter}`;
      const call = product.pbx.incoming({ from: phone });
      await call.ring('101');
      if (state === 'talking') {
        await callOf(anna, phone, 'ringing');
        await call.answer('101');
      }
      const killedAt = Date.now();
      await product.kill('worker');
      await callOf(anna, phone, state);
      delays.push(Date.now() - killedAt);
      await product.healed();
      if (state === 'ringing') await call.answer('101');
      await call.hangUp();
      await call.finish();
    }
    process.stdout.write(`R10: rings, is answered, ms after the kill: ${delays.join(', ')}\n`);
    // Half of it is the worker's start where the machine is busy; fifteen seconds is the aim.
    expect(Math.max(...delays)).toBeLessThan(30_000);
  }, 120_000);

  for (const which of ['worker', 'api', 'temporal'] satisfies Killable[]) {
    test(`of the ${which}, between any two steps, changes no outcome`, { timeout: 240_000 }, async () => {
      const kills: string[] = [];
      const outcome = await transferred(async (step) => {
        await product.kill(which);
        kills.push(step);
      });
      expect(kills).toEqual(['ringing', 'answered', 'acted', 'transferred', 'hung up', 'summed up']);
      expect(outcome).toEqual(calm);
    });
  }
});
