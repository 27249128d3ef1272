import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCommandSteps } from '../../activities/commands.ts';
import type { CommandOutcome, Refusal } from '../../activities/telephony/port.ts';
import { createLogger } from '../../db/log.ts';
import { seedCast } from '../support/call-runner.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createFakeTelephony, type FakeTelephony } from '../support/fake-telephony.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

test('an order to dial that has left once is in doubt and is not sent a second time, whoever asks', async () => {
  const { db } = database;
  const { integrationId, anna } = await seedCast(db);
  await db('operators').insert({ integration_id: integrationId, extension: '101', agent_id: anna });
  const order = {
    command_id: 'once',
    workflow_id: 'callback:once',
    command_state: 'stored',
    ordered_by: anna,
    phone: '+79161234567',
  };
  const [call] = (await db('calls').insert({ integration_id: integrationId, state: 'dialling', ...order }, ['id'])) as {
    id: string;
  }[];
  const callId = call?.id ?? '';
  const placed: string[] = [];
  const place = () => {
    const pbx = createFakeTelephony();
    const log = createLogger('test', { level: 'silent' });
    const steps = createCommandSteps({ db, log, telephony: { forIntegration: () => pbx }, patienceMs: 0 });
    return steps.placeCallback({ callId, commandId: 'once' }).finally(() => placed.push(...pbx.callbacks.map(() => 'sent')));
  };
  expect(await place()).toEqual({ state: 'accepted' });
  expect(await place()).toEqual({ state: 'unknown' });
  expect(placed).toEqual(['sent']);
});

describe('every command to the PBX is kept with the call, and what came of it', () => {
  const log = createLogger('test', { level: 'silent' });
  const stepsOf = (pbx: FakeTelephony) =>
    createCommandSteps({ db: database.db, log, telephony: { forIntegration: () => pbx }, patienceMs: 0 });

  async function call(more: Record<string, unknown> = {}): Promise<{ callId: string; integrationId: string; anna: string }> {
    const { integrationId, anna } = await seedCast(database.db);
    const values = { integration_id: integrationId, entry_id: randomUUID(), state: 'active', ordered_by: anna, ...more };
    const [row] = (await database.db('calls').insert(values).returning('id')) as { id: string }[];
    return { callId: row?.id ?? '', integrationId, anna };
  }
  const kept = async (callId: string): Promise<unknown[]> =>
    ((await database.db('call_commands').where({ call_id: callId }).orderBy('id')) as Record<string, unknown>[]).map(
      ({ what, agent_id, state, word, code, answered_at }) => [what, agent_id, state, word, code, answered_at instanceof Date],
    );

  test.each<[string, Refusal | null, string, CommandOutcome['outcome'] | string | null, number | null]>([
    ['accepted', null, 'accepted', null, 1000],
    ['refused, with the PBX’s code', { outcome: 'refused', code: 4101, word: 'call_over' }, 'refused', 'call_over', 4101],
    ['refused without a code', { outcome: 'refused', code: null, word: 'access_denied' }, 'refused', 'access_denied', null],
    ['in doubt', { outcome: 'unknown', word: 'answer_lost' }, 'unknown', 'answer_lost', null],
    [
      'not sent: nobody answers there',
      { outcome: 'refused', code: null, word: 'pbx_unreachable' },
      'not_sent',
      'pbx_unreachable',
      null,
    ],
    ['not sent: the quota is full', { outcome: 'busy_try_later', retryAfterMs: 1 }, 'not_sent', 'busy_try_later', null],
    ['not sent: locked out', { outcome: 'locked_out', untilMs: 1 }, 'not_sent', 'locked_out', null],
  ])('a hang-up that was %s', async (_what, refusal, state, word, code) => {
    const pbx = createFakeTelephony();
    if (refusal) pbx.refuseNext('hangUp', refusal);
    const { callId, anna } = await call();
    await stepsOf(pbx).hangUpLeg({ callId, legId: 'L1', actionId: 'a1', agentId: anna });
    expect(await kept(callId)).toEqual([['hang_up', anna, state, word, code, true]]);
  });

  test('an order to dial that the PBX never saw, as no operator is mapped to the agent', async () => {
    const commandId = randomUUID();
    const { callId, anna } = await call({ command_id: commandId, command_state: 'stored', phone: '+79161234567' });
    await database.db('operators').where({ agent_id: anna }).delete();
    expect(await stepsOf(createFakeTelephony()).placeCallback({ callId, commandId })).toMatchObject({ code: 'no_operator' });
    expect(await kept(callId)).toEqual([['callback', anna, 'not_sent', 'no_operator', null, true]]);
  });

  test('while the PBX has not answered, that it was asked', async () => {
    const pbx = createFakeTelephony();
    const gate = pbx.hold('hangUp');
    const { callId } = await call();
    const asked = stepsOf(pbx).hangUpLeg({ callId, legId: 'L1', actionId: 'a1', agentId: null });
    await expect.poll(() => kept(callId)).toEqual([['hang_up', null, null, null, null, false]]);
    gate.release();
    await asked;
    expect(await kept(callId)).toEqual([['hang_up', null, 'accepted', null, 1000, true]]);
  });
});
