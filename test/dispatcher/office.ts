import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import type pg from 'pg';
import { createDispatcher, type Dispatcher, type Tuning } from '../../activities/dispatcher/index.ts';
import { canonicalPath, parseWebhook } from '../../activities/telephony/mango/webhooks.ts';
import { connectsAgainSoon } from '../../db/config.ts';
import { createIntakePool, storeEvent, type Stored } from '../../db/intake.ts';
import { createLogger } from '../../db/log.ts';
import type { Db } from '../../db/pool.ts';
import { openSecrets } from '../../db/secrets.ts';
import { callWorkflowId } from '../../workflows/messages.ts';
import { createTestDatabase } from '../support/database.ts';
import { connectTemporal, temporalAddress, uniqueTaskQueue } from '../support/temporal.ts';
import { openWire, type Wire } from '../support/wire.ts';
import { closeSignal, heardByCall, type HeardByCall } from './stub-workflows.ts';

const CONFIG = {
  phoneCountry: 'RU',
  phoneCountryGiven: false,
  callSettleSeconds: 30,
  legMaxSeconds: 14_400,
  draftGraceSeconds: 2,
  recordingWaitSeconds: 900,
};
const SECRETS = openSecrets({ dataDir: join(tmpdir(), 'unused'), secretKey: 'a'.repeat(32) });

export interface Office {
  readonly db: Db;
  readonly url: string;
  readonly client: Client;
  readonly pool: pg.Pool;
  readonly integrationId: string;
  readonly taskQueue: string;
  /** What the intake does with a signed event. */
  receive(path: string, json: object): Promise<Stored>;
  dispatcher(tuning?: Partial<Tuning>, client?: Client): Dispatcher;
  /** Stops every dispatcher that a test has made: one that failed must not deliver what the next one watches. */
  stopDispatchers(): Promise<void>;
  workflowIdOf(entry: string): string;
  /** What the call's stub workflow was told. */
  heard(entry: string): Promise<HeardByCall>;
  heardAt(workflowId: string): Promise<HeardByCall>;
  close(workflowId: string): Promise<void>;
  addAgent(name?: string): Promise<string>;
  addOperator(extension: string, more?: { agentId?: string | null; ignored?: boolean; devices?: unknown }): Promise<void>;
  inboxRow(key: string): Promise<InboxFacts>;
  tearDown(): Promise<void>;
}

export interface InboxFacts {
  readonly id: string;
  readonly verdict: string;
  readonly why: string | null;
  readonly delivered_at: Date | null;
  readonly attempts: number;
  readonly last_error: string | null;
  readonly workflow_id: string | null;
  readonly repeats: number;
}

/** A client of Temporal whose connection can be cut, swallowed and healed. */
export async function openWiredClient(): Promise<{ readonly client: Client; readonly wire: Wire; close(): Promise<void> }> {
  const [host = '', port = ''] = temporalAddress().split(':');
  const wire = await openWire({ host, port: Number(port) });
  const connection = Connection.lazy({ address: `127.0.0.1:${wire.port}`, ...connectsAgainSoon });
  return {
    client: new Client({ connection }),
    wire,
    async close() {
      await connection.close();
      await wire.cut();
    },
  };
}

/** A database, an integration, a worker that runs the stub workflows. */
export async function openOffice(): Promise<Office> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const database = await createTestDatabase();
  const temporal = await connectTemporal();
  const taskQueue = uniqueTaskQueue('dispatcher');
  const worker = await Worker.create({
    connection: temporal.nativeConnection,
    taskQueue,
    workflowsPath: fileURLToPath(new URL('./stub-workflows.ts', import.meta.url)),
    shutdownGraceTime: 0,
  });
  const working = worker.run();
  const pool = createIntakePool(database.url);
  const integrationId = await addIntegration(database.db);
  const open: Dispatcher[] = [];

  const office: Office = {
    db: database.db,
    url: database.url,
    client: temporal.client,
    pool,
    integrationId,
    taskQueue,
    async receive(path, json) {
      const raw = JSON.stringify(json);
      const parsed = parseWebhook(canonicalPath(path), raw);
      if ('errors' in parsed) throw new Error(`The test's event is malformed: ${JSON.stringify(parsed.errors)}`);
      return storeEvent(pool, { ...parsed.webhook, integrationId, path: canonicalPath(path), raw });
    },
    dispatcher(tuning = {}, client = temporal.client) {
      const log = createLogger('dispatcher', { level: 'silent' });
      const made = createDispatcher({ db: database.db, temporalClient: client, log, config: CONFIG, taskQueue, tuning });
      open.push(made);
      return made;
    },
    async stopDispatchers() {
      await Promise.all(open.splice(0).map((dispatcher) => dispatcher.stop()));
    },
    workflowIdOf: (entry) => callWorkflowId(integrationId, entry),
    heard: (entry) => office.heardAt(office.workflowIdOf(entry)),
    heardAt: (workflowId) => temporal.client.workflow.getHandle(workflowId).query(heardByCall),
    async close(workflowId) {
      const handle = temporal.client.workflow.getHandle(workflowId);
      await handle.signal(closeSignal);
      await handle.result();
    },
    addAgent: (name = 'Агент') => addAgent(database.db, name),
    async addOperator(extension, { agentId = null, ignored = false, devices = [] } = {}) {
      const row = { integration_id: integrationId, extension, agent_id: agentId, ignored, devices: JSON.stringify(devices) };
      await database.db('operators').insert(row);
    },
    async inboxRow(key) {
      const row = (await database.db('inbox').where({ key }).first()) as InboxFacts | undefined;
      if (!row) throw new Error(`There is no inbox row ${key}`);
      return row;
    },
    async tearDown() {
      await office.stopDispatchers();
      worker.shutdown();
      await working;
      await pool.end();
      await temporal.close();
      await database.drop();
    },
  };
  return office;
}

async function addIntegration(db: Db): Promise<string> {
  const key = randomUUID();
  const [row] = (await db('integrations').insert(
    {
      kind: 'mango',
      name: 'Mango Office',
      api_url: 'http://127.0.0.1:9',
      api_key_encrypted: SECRETS.encrypt(key),
      api_salt_encrypted: SECRETS.encrypt('salt'),
      api_key_hash: SECRETS.hashKey(key),
    },
    ['id'],
  )) as { id: string }[];
  if (!row) throw new Error('The integration was not made');
  return row.id;
}

async function addAgent(db: Db, name: string): Promise<string> {
  const row = { full_name: name, email: `${randomUUID()}@example.com`, role: 'agent' };
  const [made] = (await db('agents').insert(row, ['id'])) as { id: string }[];
  if (!made) throw new Error('The agent was not made');
  return made.id;
}

/** A leg event with the shapes seen in production; what a test does not say is usual. */
export function legEvent(entry: string, leg: string, seq: number, state: string, more: Record<string, unknown> = {}): object {
  return {
    entry_id: entry,
    call_id: leg,
    timestamp: 1_700_000_000 + seq,
    seq,
    call_state: state,
    location: 'abonent',
    from: { number: '79990000001' },
    to: { extension: '101', number: 'sip:user1@vpbx400000000.mangosip.ru', line_number: '74950000000', acd_group: '' },
    dct: { type: 0 },
    ...(state === 'Disconnected' ? { disconnect_reason: 1110 } : {}),
    ...more,
  };
}

export const newEntry = (): string => Buffer.from(randomUUID()).toString('base64');

/** Until `probe` gives something, or fails for the time given. */
export async function eventually<T>(probe: () => Promise<T> | T, timeoutMs = 15_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await probe();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(25);
    }
  }
}
