import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SECTIONS, type Statistics } from '../../api/contract/statistics.ts';
import { inTransaction } from '../../db/pool.ts';
import { announce, settleRecording } from '../../db/recordings.ts';
import { checkFacts } from '../../db/statistics/facts.ts';
import { as, startTestApi, type TestApi } from '../support/api.ts';
import { seedPbx } from '../support/api-calls.ts';
import { agent, CallRunner } from '../support/call-runner.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

const period = () => ({
  from: new Date(Date.now() - 86_400_000).toISOString(),
  to: new Date(Date.now() + 86_400_000).toISOString(),
  tz: 'Europe/Moscow',
});
const sectionOf = async (section: string): Promise<Statistics> =>
  as<Statistics>(await api.admin.get(`/api/statistics/${section}?${new URLSearchParams(period()).toString()}`));

interface Counted {
  readonly figures: Readonly<Record<string, number | null>>;
  /** The tickets each figure leads to. */
  readonly lists: Readonly<Record<string, readonly string[]>>;
}
/** Every figure, with its list; wherever a figure counts tickets the list is as long. */
async function everything(): Promise<Counted> {
  const figures: Record<string, number | null> = {};
  const lists: Record<string, string[]> = {};
  for (const section of SECTIONS) {
    const answer = await sectionOf(section);
    Object.assign(figures, answer.figures);
    for (const { figure, unit, leadsTo } of answer.rules) {
      const list = as<{ items: { id: string }[]; total: number }>(
        await api.admin.get(`/api/tickets?${new URLSearchParams(leadsTo).toString()}`),
      );
      lists[figure] = list.items.map(({ id }) => id).sort();
      if (unit === 'tickets') expect(list.total, figure).toBe(answer.figures[figure]);
    }
  }
  expect(await checkFacts(api.db)).toEqual([]);
  return { figures, lists };
}

it('S20–S25: figures and their lists follow a call that is moved, and moved back', async () => {
  const integrationId = await seedPbx(api.db);
  const call = await CallRunner.start(api.db, integrationId, { at: Date.now() - 120_000 });
  await call.send(call.leg('A', 'appeared', { to: agent(api.anna.id) }), call.leg('A', 'connected'));
  await call.pass(30_000);
  await call.send(call.leg('A', 'disconnected'), call.summary({ talkedAt: call.now - 30_000 }));
  await call.pass(2_500);
  const conversationId = call.conversationId();
  await inTransaction(api.db, async (trx) => {
    const { id } = await announce(trx, { callId: call.callId, conversationId, recordingId: 'R1' });
    await settleRecording(trx, { id, state: 'ready', contentType: 'audio/mpeg', bytes: 1, durationSeconds: 30, sha256: 'ab' });
  });
  const { ticket_id: first, customer_id } = (await api
    .db('conversations')
    .where({ id: conversationId })
    .first('ticket_id', 'customer_id')) as { ticket_id: string; customer_id: string };
  const second = as<{ id: string }>(
    await api.boris.post('/api/tickets', { subject: 'Верное', channel: 'call', kind: 'incoming', customerId: customer_id }),
  ).id;
  await api.boris.patch(`/api/tickets/${second}`, { status: 'closed' });
  const move = (ticketId: string) =>
    call.act(api.boris.id, { action: 'move_call', actionId: randomUUID(), conversationId, ticketId });

  const before = await everything();
  expect(before.figures).toMatchObject({ newTickets: 2, withReply: 1, totalReplies: 1, closed: 0 });
  expect(before.lists).toMatchObject({ withReply: [first], inWork: [second], closed: [] });

  expect(await move(second)).toMatchObject({ state: 'done' });
  const moved = await everything();
  // The closing of the emptied ticket holds no talk; that of the other, before the move, now does.
  expect(moved.figures).toMatchObject({ newTickets: 2, withReply: 1, totalReplies: 1, closed: 1 });
  expect(moved.lists).toMatchObject({ withReply: [second], inWork: [first, second].sort(), closed: [second] });

  expect(await move(first)).toMatchObject({ state: 'done' });
  const back = await everything();
  expect(back.figures).toMatchObject({ newTickets: 2, withReply: 1, totalReplies: 1 });
  expect(back.lists).toMatchObject({ withReply: [first], closed: [first] });
});
