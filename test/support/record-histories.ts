/**
 * Records one history per scenario into test/histories/. Run when a new kind of call is to be kept; recordings already
 * there stay as they are, since they stand for calls that older versions have begun.
 */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { CallRunner, seedCast } from './call-runner.ts';
import { createTestDatabase } from './database.ts';
import { HISTORY_SCENARIOS } from './history-scenarios.ts';
import { createTestWorker, LiveCall } from './live-call.ts';
import { connectTemporal, uniqueTaskQueue } from './temporal.ts';

const DIRECTORY = fileURLToPath(new URL('../histories/', import.meta.url));

const database = await createTestDatabase();
const temporal = await connectTemporal();
const taskQueue = uniqueTaskQueue('histories');
const cast = await seedCast(database.db);
const worker = await createTestWorker({ db: database.db, connection: temporal.nativeConnection, taskQueue });
await mkdir(DIRECTORY, { recursive: true });
for (const [name, play] of Object.entries(HISTORY_SCENARIOS)) {
  const path = `${DIRECTORY}${name}.json`;
  if (existsSync(path)) continue;
  const events = await CallRunner.start(database.db, cast.integrationId, { phone: '+79990000001', at: Date.now() });
  const call = new LiveCall(temporal.client, taskQueue, events.callId);
  await play({ events, call, anna: cast.anna, boris: cast.boris });
  await call.handle.result();
  await writeFile(path, `${JSON.stringify(await call.handle.fetchHistory())}\n`);
  process.stdout.write(`${name}\n`);
}
await worker.stop();
await temporal.close();
await database.drop();
