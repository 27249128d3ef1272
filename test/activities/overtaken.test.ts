import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCallSteps } from '../../activities/decisions/index.ts';
import type { Decision } from '../../domain/decisions.ts';
import { agent, CallRunner, seedCast } from '../support/call-runner.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let callId: string;
let cast: Awaited<ReturnType<typeof seedCast>>;
beforeAll(async () => {
  database = await createTestDatabase();
  cast = await seedCast(database.db);
  const { integrationId } = cast;
  const entry = randomUUID();
  const [row] = (await database
    .db('calls')
    .insert({ integration_id: integrationId, entry_id: entry, workflow_id: `call:${entry}` }, ['id'])) as { id: string }[];
  callId = row?.id ?? '';
});
afterAll(() => database.drop());

const projection = (over: boolean, rank: number): Decision => ({
  type: 'project',
  direction: 'incoming',
  customer: null,
  conversations: [],
  withdrawn: [],
  cards: [],
  over,
  startedAt: null,
  endedAt: null,
  flags: {},
  rank,
});
const write = (over: boolean, rank: number) =>
  createCallSteps({ db: database.db }).applyDecisions({ callId, decisions: [projection(over, rank)] });
const state = async (): Promise<unknown> =>
  ((await database.db('calls').where({ id: callId }).first('state')) as { state: string }).state;

test('a worker that was held up, and overtaken, does not undo what is known since', async () => {
  await write(true, 9);
  expect(await write(false, 4)).toEqual([{ type: 'projected', cancelled: false }]);
  expect(await state()).toBe('over');
});

test('whoever knows as much, or more, is heard', async () => {
  await write(true, 9);
  await write(true, 9);
  expect(await state()).toBe('over');
  await write(false, 10);
  expect(await state()).toBe('active');
});

test('what is known grows with every event, and with the end', async () => {
  const call = await CallRunner.start(database.db, cast.integrationId, { phone: '+79160009901' });
  const rank = async () =>
    Number(
      ((await database.db('calls').where({ id: call.callId }).first('projection_rank')) as { projection_rank: string })
        .projection_rank,
    );
  const ranks: number[] = [];
  for (const step of ['appeared', 'connected', 'disconnected'] as const) {
    await call.send(call.leg('A', step, { to: agent(cast.anna) }));
    ranks.push(await rank());
  }
  await call.pass(60_000);
  ranks.push(await rank());
  expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
  expect(new Set(ranks).size).toBe(4);
});

test('a workflow whose call the database does not know ends, and does not ask for ever', async () => {
  const steps = createCallSteps({ db: database.db });
  const unknown = { callId: randomUUID(), decisions: [projection(true, 1)] };
  await expect(steps.applyDecisions(unknown)).rejects.toMatchObject({ nonRetryable: true });
});

test('what an attempt wrote that was lost with its worker is corrected by the next one, which knows more', async () => {
  const call = await CallRunner.start(database.db, cast.integrationId, { phone: '+79160009900' });
  await call.send(call.leg('A', 'appeared', { to: agent(cast.anna) }));
  await call.pass(2_000);
  await call.send(call.leg('A', 'connected'));
  await call.pass(10_000);
  await call.send(call.leg('A', 'disconnected'));
  const before = call.state;
  const status = async () => (await database.db('tickets').where({ phone: '+79160009900' }).pluck('status')) as string[];
  await call.pass(5_000);
  expect(await status()).toEqual(['open']);
  // The task is done again from where it stood, and hears of the hand-over that came meanwhile.
  call.state = before;
  await call.send(call.leg('B', 'appeared', { to: agent(cast.boris), takenFrom: 'A', transfer: 'blind' }));
  await call.pass(5_000);
  expect(await status()).toEqual(['closed']);
});

test('what an attempt filled in from the summary does not outweigh the event that came after all', async () => {
  const call = await CallRunner.start(database.db, cast.integrationId, { phone: '+79160009902' });
  await call.send(call.leg('A', 'appeared', { to: agent(cast.anna) }));
  const rangAt = call.now;
  await call.pass(2_000);
  const connected = call.leg('A', 'connected');
  await call.pass(10_000);
  const times = { startedAt: rangAt, talkedAt: rangAt + 3_000, endedAt: call.now };
  await call.send(call.leg('A', 'disconnected'), call.summary({ to: agent(cast.anna), ...times }));
  const before = call.state;
  await call.pass(60_000);
  const isReconciled = async () =>
    (await database.db('conversations').where({ call_id: call.callId }).pluck('reconciled')) as boolean[];
  expect(await isReconciled()).toEqual([true]);
  call.state = before;
  await call.send(connected);
  await call.pass(5_000);
  expect(await isReconciled()).toEqual([false]);
});
