import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCallbackSteps } from '../../activities/decisions/callbacks.ts';
import { storeCallback } from '../../db/callbacks.ts';
import { seedCast } from '../support/call-runner.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let cast: Awaited<ReturnType<typeof seedCast>>;
let ticketId: string;
beforeAll(async () => {
  database = await createTestDatabase();
  cast = await seedCast(database.db);
  const made = { subject: 'x', status: 'open', channel: 'call', kind: 'missed', handset: 'red', phone: '+79990000001' };
  const [ticket] = (await database.db('tickets').insert(made, ['id'])) as { id: string }[];
  ticketId = ticket!.id;
});
afterAll(() => database.drop());

/** What the agent is told when a callback ends with this code. */
async function told(code: string, pbxCode?: number): Promise<object> {
  const commandId = randomUUID();
  const order = { commandId, agentId: cast.anna, ticketId, customerId: null, phone: '+79990000001' };
  const callId = await database.db.transaction((trx) => storeCallback(trx, { ...order, integrationId: cast.integrationId }));
  const steps = createCallbackSteps({ db: database.db });
  await steps.settleCallback({ callId, commandId, code, ...(pbxCode === undefined ? {} : { pbxCode }) });
  const event = await database
    .db('stream_events')
    .where({ agent_id: cast.anna, type: 'callback.failed' })
    .orderBy('id', 'desc')
    .first();
  expect(event.payload).toMatchObject({ commandId, callId });
  return { code: event.payload.code, pbxCode: event.payload.pbxCode };
}

describe('S9: a refused callback reaches the agent as a word the interface has a sentence for', () => {
  test.each([
    ['pbx_2240', undefined, { code: 'not_enough_money', pbxCode: 2240 }],
    ['pbx_1121', undefined, { code: 'busy', pbxCode: 1121 }],
    // An unlisted code is read as its sub-class, and failing that as its class.
    ['pbx_2219', undefined, { code: 'limit_reached', pbxCode: 2219 }],
    ['pbx_4999', undefined, { code: 'impossible', pbxCode: 4999 }],
    ['unsupported', 4001, { code: 'unsupported', pbxCode: 4001 }],
    ['no_answer_from_pbx', undefined, { code: 'no_answer_from_pbx', pbxCode: undefined }],
  ])('%s', async (code, pbxCode, expected) => expect(await told(code, pbxCode)).toEqual(expected));
});
