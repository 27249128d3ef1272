import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createCallSteps } from '../../activities/decisions/index.ts';
import { inTransaction } from '../../db/pool.ts';
import { changeTicket, lockTicket } from '../../db/tickets.ts';
import { agent, CallRunner, seedCast } from '../support/call-runner.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let cast: Awaited<ReturnType<typeof seedCast>>;
let call: CallRunner;
let counter = 0;
const customer = { kind: 'outside', number: 1 } as const;

beforeAll(async () => {
  database = await createTestDatabase();
  cast = await seedCast(database.db);
});
afterAll(() => database.drop());
beforeEach(async () => {
  counter += 1;
  call = await CallRunner.start(database.db, cast.integrationId, { phone: `+7916${String(1_000_000 + counter)}` });
});

const conversations = async () =>
  (await database
    .db('conversations')
    .where({ call_id: call.callId })
    .orderBy('ordinal')
    .select('id', 'outcome', 'ticket_id')) as {
    id: string;
    outcome: string;
    ticket_id: string | null;
  }[];
const status = async (id: string | null): Promise<string> =>
  ((await database.db('tickets').where({ id }).first('status')) as { status: string }).status;

async function changeByHand(id: string, to: 'open' | 'closed'): Promise<void> {
  await inTransaction(database.db, async (trx) => {
    const ticket = await lockTicket(trx, id);
    if (ticket) await changeTicket(trx, ticket, { status: to }, { actor: { type: 'agent', id: cast.anna } });
  });
}

describe('a talk that turns out to have been handed over after its end was settled', () => {
  /** Anna's leg ends; Boris is rung only when her talk has been settled. */
  async function handedOverLate(between: () => Promise<void>): Promise<void> {
    await call.send(call.leg('A', 'disconnected'));
    await call.pass(5_000);
    await between();
    await call.send(call.leg('B', 'appeared', { from: customer, to: agent(cast.boris), takenFrom: 'A', transfer: 'blind' }));
    await call.pass(10_000);
    await call.send(call.leg('B', 'disconnected'), call.summary({ to: agent(cast.anna), talkedAt: call.now - 20_000 }));
    await call.pass(3_000);
  }

  async function talkOfAnna(): Promise<void> {
    await call.send(call.leg('A', 'appeared', { to: agent(cast.anna) }), call.leg('A', 'connected'));
    await call.pass(10_000);
  }

  test('S5: the automatic ticket is closed after all', async () => {
    await talkOfAnna();
    let before = '';
    await handedOverLate(async () => void (before = await status((await conversations())[0]?.ticket_id ?? null)));
    const talk = (await conversations()).find((row) => row.outcome === 'talked');
    expect([before, await status(talk?.ticket_id ?? null)]).toEqual(['open', 'closed']);
  });

  test('S15: of a ticket that the agent made, what was chosen by hand since the end stands', async () => {
    await talkOfAnna();
    const { ticket_id: id } = await call.act(cast.anna, { action: 'create_ticket', conversationId: call.conversationId() });
    await handedOverLate(async () => {
      expect(await status(id)).toBe('pending');
      await changeByHand(id ?? '', 'closed');
    });
    expect(await status(id)).toBe('closed');
  });
});

describe('what looked like a conversation and was none', () => {
  /** Anna dials a number that the PBX, on connecting, names as Boris's. */
  async function dialsColleague(meanwhile: () => Promise<void> = async () => undefined): Promise<void> {
    await call.send(call.leg('A', 'appeared', { from: agent(cast.anna), to: customer }));
    expect(await conversations()).toMatchObject([{ outcome: 'in_progress' }]);
    await meanwhile();
    await call.send(call.leg('A', 'connected', { to: agent(cast.boris) }));
    await call.pass(10_000);
    await call.send(
      call.leg('A', 'disconnected'),
      call.summary({ direction: 'outgoing', from: agent(cast.anna), to: agent(cast.boris) }),
    );
    await call.pass(3_000);
  }

  test('leaves nothing', async () => {
    await dialsColleague();
    expect(await conversations()).toEqual([]);
    expect(await database.db('call_cards').where({ call_id: call.callId })).toEqual([]);
  });

  test('stays, and does not go on for ever, if an agent has made a ticket of it', async () => {
    await dialsColleague(
      async () => void (await call.act(cast.anna, { action: 'create_ticket', conversationId: call.conversationId() })),
    );
    const [row, ...others] = await conversations();
    expect(others).toEqual([]);
    expect(row).toMatchObject({ outcome: 'unanswered' });
    expect(row?.ticket_id).not.toBeNull();
  });
});

describe('missed calls recorded out of order', () => {
  /** `happenedAt`: the statistics tell it now. */
  const missed = async (runner: CallRunner, happenedAt?: number): Promise<string> => {
    const told = happenedAt === undefined ? {} : { reconciled: true, at: happenedAt };
    await runner.send(runner.leg('A', 'appeared', { to: agent(cast.anna), ...told }));
    await runner.pass(10_000);
    await runner.send(runner.leg('A', 'disconnected', told), runner.summary());
    await runner.pass(3_000);
    const row = (await database.db('conversations').where({ call_id: runner.callId }).first('ticket_id')) as {
      ticket_id: string;
    };
    return row.ticket_id;
  };

  test('S12: one that the statistics tell a day later does not hide a talk that took place since', async () => {
    const phone = `+7917${String(1_000_000 + counter)}`;
    const at = Date.now() - 24 * 3_600_000;
    const start = (from: number) => CallRunner.start(database.db, cast.integrationId, { phone, at: from });
    const talk = await start(at + 3_600_000);
    await talk.send(talk.leg('A', 'appeared', { to: agent(cast.anna) }), talk.leg('A', 'connected'));
    await talk.pass(10_000);
    await talk.send(talk.leg('A', 'disconnected'), talk.summary({ talkedAt: talk.now - 10_000, to: agent(cast.anna) }));
    await talk.pass(3_000);
    const old = await missed(await start(at + 5_400_000), at);
    const fresh = await missed(await start(at + 7_200_000));
    expect(fresh).not.toBe(old);
  });
});

describe('a call that is about to end', () => {
  const end = (endsHaving: number) =>
    createCallSteps({ db: database.db }).applyDecisions({ callId: call.callId, decisions: [], endsHaving });

  async function keep(row: { delivered_at: Date | null; verdict: string; workflow_id: string | null }): Promise<void> {
    const { entry_id: entry } = (await database.db('calls').where({ id: call.callId }).first('entry_id')) as { entry_id: string };
    const key = `${entry}:${row.verdict}:${String(row.delivered_at)}`;
    await database.db('inbox').insert({ source: 'pbx', integration_id: cast.integrationId, key, entry, body: '{}', ...row });
  }

  test('never 1: goes on while the inbox holds something for it', async () => {
    expect(await end(0)).toEqual([]);
    await keep({ delivered_at: null, verdict: 'accepted', workflow_id: null });
    expect(await end(9)).toEqual([{ type: 'more_is_coming' }]);
  });

  test('never 1: goes on while something was delivered that it has not heard', async () => {
    const { workflow_id } = (await database.db('calls').where({ id: call.callId }).first('workflow_id')) as {
      workflow_id: string;
    };
    await keep({ delivered_at: new Date(), verdict: 'delivered', workflow_id });
    await keep({ delivered_at: new Date(), verdict: 'late', workflow_id });
    expect(await end(0)).toEqual([{ type: 'more_is_coming' }]);
    expect(await end(1)).toEqual([]);
  });
});
