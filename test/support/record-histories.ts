/**
 * Records one history per scenario into test/histories/. Run when a new kind of call is to be kept; recordings already
 * there stay as they are, since they stand for calls that older versions have begun.
 */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { WorkflowHandle } from '@temporalio/client';
import { inTransaction } from '../../db/pool.ts';
import { createTicket, SYSTEM } from '../../db/tickets.ts';
import { callbackSignal, callbackWorkflowId, type CallbackInput } from '../../workflows/messages.ts';
import { CallRunner, seedCast } from './call-runner.ts';
import { createTestDatabase } from './database.ts';
import setup from './global-setup.ts';
import { CALLBACK_STORIES, FETCHED_AT_ONCE, HISTORY_SCENARIOS, type CallbackStory } from './history-scenarios.ts';
import { createTestWorker, LiveCall } from './live-call.ts';
import { connectTemporal, uniqueTaskQueue } from './temporal.ts';

const DIRECTORY = fileURLToPath(new URL('../histories/', import.meta.url));

const tearDown = await setup();
const database = await createTestDatabase();
const temporal = await connectTemporal();
const taskQueue = uniqueTaskQueue('histories');
const cast = await seedCast(database.db);
let recorded = '';
const worker = await createTestWorker({
  db: database.db,
  connection: temporal.nativeConnection,
  taskQueue,
  pbx: {
    placeCallback: async ({ commandId }) => CALLBACK_STORIES[commandId]?.placed ?? { state: 'accepted' },
    fetchRecordingAtOnce: async () => ({ state: FETCHED_AT_ONCE.has(recorded) ? 'settled' : 'not_at_once' }),
  },
});
await mkdir(DIRECTORY, { recursive: true });

async function startCall(): Promise<{ readonly events: CallRunner; readonly ticketId: string }> {
  const events = await CallRunner.start(database.db, cast.integrationId, { phone: '+79990000001', at: Date.now() });
  const ticket = await inTransaction(database.db, (trx) =>
    createTicket(
      trx,
      {
        ...{ subject: 'Пропущенный звонок', status: 'open', channel: 'call', kind: 'missed', phone: '+79990000001' },
        ...{ customerId: null, assigneeId: null, automatic: true },
      },
      { actor: SYSTEM, rule: 'S11' },
    ),
  );
  return { events, ticketId: ticket.id };
}

async function keep(name: string, play: () => Promise<WorkflowHandle>): Promise<void> {
  const path = `${DIRECTORY}${name}.json`;
  if (existsSync(path)) return;
  recorded = name;
  const handle = await play();
  await handle.result();
  const history = JSON.stringify(await handle.fetchHistory()).replaceAll(/"identity":"[^"]*"/gu, '"identity":"recorder"');
  await writeFile(path, `${history}\n`);
  process.stdout.write(`${name}\n`);
}

async function startCallback(name: string, { told }: CallbackStory): Promise<WorkflowHandle> {
  const { events } = await startCall();
  const input: CallbackInput = { callId: events.callId, commandId: name, firstRingMs: 1_000, commandPatienceMs: 1_000 };
  const workflowId = callbackWorkflowId(name);
  const handle = await temporal.client.workflow.start('callback', { workflowId, taskQueue, args: [input] });
  for (const message of told) await handle.signal(callbackSignal, message(cast.anna, events.callId));
  return handle;
}

for (const [name, play] of Object.entries(HISTORY_SCENARIOS)) {
  await keep(name, async () => {
    const { events, ticketId } = await startCall();
    const call = new LiveCall(temporal.client, taskQueue, events.callId);
    await play({ events, call, ticketId, ...cast });
    return call.handle;
  });
}
for (const [name, story] of Object.entries(CALLBACK_STORIES)) await keep(name, () => startCallback(name, story));
await worker.stop();
await temporal.close();
await database.drop();
await tearDown();
