import { afterAll, beforeAll, expect, test } from 'vitest';
import { inTransaction } from '../../db/pool.ts';
import { changeTicket, lockTicket } from '../../db/tickets.ts';
import { agent, CallRunner, seedCast } from '../support/call-runner.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let cast: Awaited<ReturnType<typeof seedCast>>;
beforeAll(async () => {
  database = await createTestDatabase();
  cast = await seedCast(database.db);
});
afterAll(() => database.drop());

type Ticket = Readonly<Record<'id' | 'kind' | 'status' | 'assignee_id', string>> & {
  readonly missed_count: number;
  readonly last_missed_at: Date | null;
};
const ticketsOf = async (phone: string): Promise<Ticket[]> =>
  (await database.db('tickets').where({ phone }).orderBy('id')) as Ticket[];
const seen = async (phone: string) =>
  (await ticketsOf(phone)).map(({ kind, status, missed_count }) => [kind, status, missed_count] as const);

/** Rings at Anna's; that she answers is told too late. */
async function ringAndEnd(phone: string) {
  const call = await CallRunner.start(database.db, cast.integrationId, { phone });
  await call.send(call.leg('A', 'appeared', { to: agent(cast.anna) }));
  const rangAt = call.now;
  await call.pass(2_000);
  const connected = call.leg('A', 'connected');
  await call.pass(10_000);
  await call.send(call.leg('A', 'disconnected'));
  const summary = call.summary({
    to: agent(cast.anna),
    startedAt: rangAt,
    talkedAt: rangAt + 2_000,
    endedAt: call.now,
  });
  return { call, connected, summary, before: call.state };
}

/** Counted as missed by an attempt of which Temporal never heard: the task is done again from where it stood, and knows more. */
async function missedUnheard(phone: string) {
  const told = await ringAndEnd(phone);
  await told.call.pass(60_000);
  expect((await seen(phone)).at(-1)?.[0]).toBe('missed');
  told.call.state = told.before;
  return told;
}

for (const [what, late, phone] of [
  ['the summary', 'summary', '+79160009701'],
  ['the answer', 'connected', '+79160009702'],
] as const) {
  test(`a call that a lost attempt counted as missed is a talk, and no missed call, when ${what} comes after all`, async () => {
    const told = await missedUnheard(phone);
    const [missed] = await ticketsOf(phone);
    await told.call.send(told[late]);
    await told.call.pass(60_000);
    expect(await seen(phone)).toEqual([['incoming', 'open', 0]]);
    const missedConversation = { id: `${told.call.callId}.m` };
    expect(await database.db('conversations').where(missedConversation)).toEqual([]);
    expect(await database.db('ticket_events').where({ ticket_id: missed?.id })).toEqual([]);
  });
}

test('what comes after all and changes nothing leaves the missed call as it is counted', async () => {
  const phone = '+79160009710';
  const { call, before } = await missedUnheard(phone);
  await call.send(call.summary({ to: agent(cast.anna) }));
  await call.pass(60_000);
  expect(before.overAt).toBeNull();
  expect(await seen(phone)).toEqual([['missed', 'open', 1]]);
  expect(await database.db('messages').where({ conversation_id: `${call.callId}.m` })).toHaveLength(1);
});

test('in a ticket of several missed calls the others stay, and the status is as it was before', async () => {
  const phone = '+79160009720';
  const first = await ringAndEnd(phone);
  await first.call.pass(60_000);
  const [ticket] = await ticketsOf(phone);
  await inTransaction(database.db, async (trx) => {
    const locked = await lockTicket(trx, ticket?.id ?? '');
    if (locked) await changeTicket(trx, locked, { status: 'pending' }, { actor: { type: 'agent', id: cast.boris } });
  });
  const second = await missedUnheard(phone);
  expect(await seen(phone)).toEqual([['missed', 'open', 2]]);
  await second.call.send(second.connected);
  await second.call.pass(60_000);
  expect(await seen(phone)).toEqual([
    ['missed', 'pending', 1],
    ['incoming', 'open', 0],
  ]);
  expect((await ticketsOf(phone))[0]?.last_missed_at).toEqual(ticket?.last_missed_at);
});

test('a ticket in which somebody has done something since is left to them', async () => {
  const phone = '+79160009730';
  const { call, connected } = await missedUnheard(phone);
  const [ticket] = await ticketsOf(phone);
  await inTransaction(database.db, async (trx) => {
    const locked = await lockTicket(trx, ticket?.id ?? '');
    if (locked) await changeTicket(trx, locked, { status: 'closed' }, { actor: { type: 'agent', id: cast.boris } });
  });
  await call.send(connected);
  await call.pass(60_000);
  expect(await seen(phone)).toEqual([
    ['missed', 'closed', 0],
    ['incoming', 'open', 0],
  ]);
});

test('a call to the customer that a lost attempt took for one without an answer is a talk', async () => {
  const phone = '+79160009740';
  const missed = await ringAndEnd(phone);
  await missed.call.pass(60_000);
  const call = await CallRunner.start(database.db, cast.integrationId, { phone });
  await call.send(call.leg('A', 'appeared', { from: agent(cast.boris), to: { kind: 'outside', number: 1 } }));
  await call.pass(2_000);
  const connected = call.leg('A', 'connected');
  await call.pass(10_000);
  await call.send(call.leg('A', 'disconnected'));
  const before = call.state;
  await call.pass(60_000);
  const [ticket] = await ticketsOf(phone);
  expect(await database.db('conversations').where({ id: call.conversationId() }).pluck('ticket_id')).toEqual([ticket?.id]);
  call.state = before;
  await call.send(connected);
  await call.pass(60_000);
  expect(await seen(phone)).toEqual([
    ['missed', 'open', 1],
    ['outgoing', 'closed', 0],
  ]);
  expect(await database.db('messages').where({ code: 'call_attempt' })).toEqual([]);
});
