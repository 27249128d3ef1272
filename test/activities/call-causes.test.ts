import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { agent, CallRunner, seedCast } from '../support/call-runner.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let cast: Awaited<ReturnType<typeof seedCast>>;
let phone: string;
let counter = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  cast = await seedCast(database.db);
});
afterAll(() => database.drop());
beforeEach(() => {
  counter += 1;
  phone = `+7917${String(1_000_000 + counter)}`;
});

const start = () => CallRunner.start(database.db, cast.integrationId, { phone });
const noted = async ({ callId }: CallRunner): Promise<unknown[]> =>
  ((await database.db('call_decisions').where({ call_id: callId }).orderBy('id')) as Record<string, unknown>[]).map(
    ({ what, rule, agent_id, inbox_id }) => [what, rule, agent_id, Number(inbox_id)],
  );
const recorded = async ({ callId }: CallRunner): Promise<unknown[]> =>
  ((await database.db('ticket_events').where({ call_id: callId }).orderBy('id')) as Record<string, unknown>[]).map(
    ({ type, rule, inbox_id }) => [type, rule, Number(inbox_id)],
  );

async function miss(call: CallRunner): Promise<{ rang: number; ended: number }> {
  const rang = call.leg('a', 'appeared', { to: agent(cast.anna) });
  await call.send(rang);
  const gone = call.leg('a', 'disconnected');
  await call.send(gone, call.summary());
  await call.pass(60_000);
  return { rang: rang.inboxId, ended: call.heard ?? 0 };
}

describe('each decision names its rule and the event that led to it', () => {
  test('a talk handed over: cards, the hand-over, a ticket for each', async () => {
    const call = await start();
    const rang = call.leg('a', 'appeared', { to: agent(cast.anna) });
    await call.send(rang);
    const answered = call.leg('a', 'connected');
    await call.send(answered);
    await call.pass(5_000);
    const gone = call.leg('a', 'disconnected');
    const blind = call.leg('b', 'appeared', { to: agent(cast.boris), takenFrom: 'a', transfer: 'blind' });
    await call.send(gone, blind);
    const taken = call.leg('b', 'connected');
    await call.send(taken);
    await call.pass(5_000);
    await call.send(call.leg('b', 'disconnected'), call.summary({ talkedAt: call.now - 10_000 }));
    await call.pass(60_000);
    const steps = await noted(call);
    expect(steps.slice(0, 2)).toEqual([
      ['card_ringing', 'S1', cast.anna, rang.inboxId],
      ['card_talking', 'S2', cast.anna, answered.inboxId],
    ]);
    expect(steps).toContainEqual(['card_ringing', 'S1', cast.boris, blind.inboxId]);
    expect(steps).toContainEqual(['card_talking', 'S2', cast.boris, taken.inboxId]);
    expect(steps.filter((step) => (step as string[])[0] === 'handed_over')).toEqual([
      ['handed_over', 'S5', cast.boris, expect.any(Number)],
    ]);
    const record = await recorded(call);
    expect(record).toContainEqual(['created', 'S5', expect.any(Number)]);
    expect(record).toContainEqual(['created', 'S2a', call.heard]);
  });

  test('a missed call, and one grouped with it', async () => {
    const first = await start();
    const { rang, ended } = await miss(first);
    expect(await noted(first)).toEqual([
      ['card_ringing', 'S1', cast.anna, rang],
      ['card_gone', 'S1', cast.anna, ended],
    ]);
    expect(await recorded(first)).toEqual([
      ['created', 'S16', ended],
      ['missed', 'S11', ended],
    ]);
    const second = await start();
    const again = await miss(second);
    expect(await recorded(second)).toEqual([['missed', 'S12', again.ended]]);
  });

  test('a call that reached nobody says so, once', async () => {
    const call = await start();
    const rang = call.leg('a', 'appeared', { to: { kind: 'ignored' } });
    await call.send(rang, call.leg('a', 'disconnected'), call.summary());
    await call.pass(60_000);
    expect(await noted(call)).toEqual([['nothing_made', 'S14', null, call.heard]]);
    expect(await recorded(call)).toEqual([]);
  });
});
