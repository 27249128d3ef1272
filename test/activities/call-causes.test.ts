import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { agent, CallRunner, latestInboxId, seedCast } from '../support/call-runner.ts';
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

async function miss(call: CallRunner): Promise<{ rang: number; gone: number; ended: number }> {
  const rang = call.leg('a', 'appeared', { to: agent(cast.anna) });
  await call.send(rang);
  const gone = call.leg('a', 'disconnected');
  await call.send(gone, call.summary());
  await call.pass(60_000);
  return { rang: rang.inboxId, gone: gone.inboxId, ended: call.causes.latest ?? 0 };
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
    const over = call.leg('b', 'disconnected');
    await call.send(over, call.summary({ talkedAt: call.now - 10_000 }));
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
    expect(record).toContainEqual(['created', 'S5', gone.inboxId]);
    expect(record).toContainEqual(['created', 'S2a', over.inboxId]);
  });

  test('what comes in one go is told apart: who rang, who answered, and a recording that begins is no cause', async () => {
    const call = await start();
    const rings = [cast.anna, cast.boris].map((id, at) => call.leg(`a${at}`, 'appeared', { to: agent(id) }));
    await call.send(...rings);
    const answered = call.leg('a0', 'connected');
    const stopped = call.leg('a1', 'disconnected');
    await call.send(answered, stopped, call.recording(1, 'started'));
    const steps = [
      ...[cast.anna, cast.boris].map((id, at) => ['card_ringing', 'S1', id, rings[at]?.inboxId]),
      ['card_gone', 'S1', cast.boris, stopped.inboxId],
      ['card_talking', 'S2', cast.anna, answered.inboxId],
    ];
    expect((await noted(call)).sort()).toEqual(steps.sort());
    await call.pass(5_000);
    const ended = call.leg('a0', 'disconnected');
    await call.send(ended, call.recording(2, 'completed'), call.summary({ talkedAt: call.now - 5_000 }));
    await call.pass(60_000);
    expect(await recorded(call)).toContainEqual(['created', 'S2a', ended.inboxId]);
  });

  test('what an agent asked for is its cause', async () => {
    const call = await start();
    await call.send(call.leg('a', 'appeared', { to: agent(cast.anna) }), call.leg('a', 'connected'));
    await call.act(cast.anna, { action: 'create_ticket', conversationId: call.conversationId() }, { subject: 'Тема' });
    const acted = latestInboxId();
    expect(await recorded(call)).toContainEqual(['created', 'S15', acted]);
    await call.send(call.leg('a', 'disconnected'), call.summary({ talkedAt: call.now }));
    await call.pass(60_000);
    expect(await recorded(call)).toContainEqual(['status', 'S15', acted + 1]);
  });

  test('a missed call, and one grouped with it', async () => {
    const first = await start();
    const { rang, gone, ended } = await miss(first);
    expect(await noted(first)).toEqual([
      ['card_ringing', 'S1', cast.anna, rang],
      ['card_gone', 'S1', cast.anna, gone],
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
    expect(await noted(call)).toEqual([['nothing_made', 'S14', null, call.causes.latest]]);
    expect(await recorded(call)).toEqual([]);
  });
});
