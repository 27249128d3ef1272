import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCommandSteps } from '../../activities/commands.ts';
import { createLogger } from '../../db/log.ts';
import { seedCast } from '../support/call-runner.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createFakeTelephony } from '../support/fake-telephony.ts';

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
