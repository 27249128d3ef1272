import { afterAll, beforeAll } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createOpenMango } from './open-mango.ts';
import { json, loseAnswer } from './fake-mango.ts';
import { describePort } from './port-contract.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

describePort('The Mango adapter', async () => {
  const { port, mango } = await createOpenMango(database.db);
  return {
    port,
    setOperators: (operators) => {
      mango.operators = operators.map((operator, index) => ({
        general: { name: operator.fullName, email: operator.email, user_id: 300 + index },
        telephony: {
          extension: operator.extension,
          numbers: operator.devices.map((device) => ({ ...device, status: device.on ? 'on' : 'off', order: '0', wait_sec: 30 })),
        },
        groups: [],
      }));
    },
    setRecording: (id, audio) => void mango.recordings.set(id, audio),
    setCall: ({ entryId, startedAt, caller, recordingId }) => {
      const epoch = startedAt.getTime() / 1000;
      mango.report = [
        {
          list: [
            {
              entry_id: entryId,
              context_type: 1,
              caller_number: caller,
              called_number: '74950000000',
              context_start_time: epoch,
              duration: 60,
              talk_duration: 55,
              context_calls: [
                {
                  call_type: 'user',
                  call_abonent_id: 300,
                  call_start_time: epoch,
                  call_answer_time: epoch + 5,
                  call_end_time: epoch + 60,
                  call_end_reason: 1110,
                  recording_id: [recordingId],
                },
              ],
            },
          ],
        },
      ];
    },
    nextCallback: (what) => {
      const path = '/vpbx/commands/callback';
      if (what === 'answer lost') mango.next(path, loseAnswer);
      else if (what === 'busy')
        mango.next(path, json(429, { name: 'Service Unavailable', message: 'Rate limit exceeded.', code: 0, status: 429 }));
      else mango.next(path, json(200, { result: what.code }));
    },
    endLeg: (legId) => void mango.overLegs.add(legId),
    callbacksSeen: () => mango.seenAt('/vpbx/commands/callback').map((request) => String(request.json?.['command_id'])),
    close: () => mango.close(),
  };
});
