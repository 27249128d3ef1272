import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { createTelephony } from '../../activities/telephony/telephony.ts';
import { startWorker, type RunningWorker } from '../../activities/worker.ts';
import { openTemporal } from '../../api/admin/temporal-access.ts';
import { createApp } from '../../api/app.ts';
import type { Integration } from '../../api/contract/integrations.ts';
import type { SelfTest, SelfTestCheck, TestCall } from '../../api/contract/self-test.ts';
import type { ApiDeps } from '../../api/deps.ts';
import { createMangoRouter } from '../../api/routes/mango.ts';
import { createEventHub } from '../../api/stream/hub.ts';
import { readConfig, type Config } from '../../db/config.ts';
import { createIntakePool } from '../../db/intake.ts';
import { createLogger } from '../../db/log.ts';
import { openSecrets } from '../../db/secrets.ts';
import { createSession } from '../../db/sessions.ts';
import { as, Caller } from './api.ts';
import { createTestDatabase } from './database.ts';
import { startPbx, type DemoPbx, type DemoPbxOptions } from './pbx.ts';
import { temporalAddress, uniqueTaskQueue, workflowBundle } from './temporal.ts';

type Changes = { -readonly [K in 'publicUrl' | 'temporal']?: Config[K] } & { statfs?: NonNullable<ApiDeps['statfs']> };

/** The product and a PBX that is set up anew, and wrongly, for each test. */
export interface SelfTestStage {
  readonly url: string;
  readonly db: ApiDeps['db'];
  readonly admin: Caller;
  readonly pbx: DemoPbx;
  readonly account: Integration;
  /** Removes the account before, and connects another one with a PBX of its own. */
  connect(options?: {
    readonly apiKey?: string;
    readonly apiSalt?: string;
    readonly pbx?: Partial<DemoPbxOptions>;
    readonly operators?: 'mapped' | 'read' | 'unread';
  }): Promise<void>;
  /** What the environment of this test says otherwise. */
  change(changes: Changes): void;
  startWorker(): Promise<void>;
  stopWorker(): Promise<void>;
  selfTest(): Promise<SelfTest>;
  check(name: SelfTestCheck['check']): Promise<SelfTestCheck>;
  testCall(phone?: string, extension?: string): Promise<() => Promise<TestCall>>;
  close(): Promise<void>;
}

export async function openSelfTestStage(): Promise<SelfTestStage> {
  const database = await createTestDatabase();
  const { db } = database;
  const dataDir = await mkdtemp(join(tmpdir(), 'trubka-self-test-'));
  const base = readConfig({
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: temporalAddress(),
    DATA_DIR: dataDir,
    PORT: '0',
    LOG_LEVEL: 'silent',
    ...{ CALL_SETTLE_SECONDS: '1', DRAFT_GRACE_SECONDS: '0.2', RECORDING_WAIT_SECONDS: '1' },
  });
  let changes: Changes = {};
  let pbx: DemoPbx | undefined;
  let account: Integration | undefined;
  let worker: RunningWorker | undefined;
  const log = createLogger('api', { level: 'silent' });
  const secrets = openSecrets(base);
  let taskQueue = uniqueTaskQueue('self-test');
  let pbxUrl: string | undefined;
  let accounts = 0;
  const config: Config = {
    ...base,
    get publicUrl() {
      return changes.publicUrl;
    },
    get mangoApiUrl() {
      return pbxUrl;
    },
  };
  const there = openTemporal(base.temporal);
  const away = openTemporal({ address: '127.0.0.1:1', namespace: 'default' });
  const events = createEventHub({ db, databaseUrl: database.url, logger: log });
  const intake = createIntakePool(database.url);
  const telephonyNow = (): ReturnType<typeof createTelephony> =>
    createTelephony({
      db,
      log,
      decryptSecret: (stored) => secrets.decrypt(stored),
      trustedApiUrl: pbxUrl,
      timing: { patienceMs: 3000 },
    });
  const deps: ApiDeps = {
    ...{ db, config, logger: log, secrets, events },
    get taskQueue() {
      return taskQueue;
    },
    telephony: { forIntegration: (id) => telephonyNow().forIntegration(id) },
    get temporal() {
      return changes.temporal ? away : there;
    },
    statfs: (path) => (changes.statfs ? changes.statfs(path) : Promise.resolve({ bavail: 500, blocks: 1000, bsize: 1024 ** 3 })),
  };
  const webhooks = createMangoRouter({ pool: intake, secrets, log, refusalsPerSecond: 1000 });
  const server: Server = createServer(createApp(deps, { webhooks }));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const admin = await signedIn();

  async function signedIn(): Promise<Caller> {
    const values = { full_name: 'Анна Смирнова', email: 'anna@demo.local', role: 'admin', password_hash: 'none' };
    const [row] = (await db('agents').insert(values).returning('id')) as { id: string }[];
    const { token } = await createSession(db, { agentId: row?.id ?? '', address: '127.0.0.1', userAgent: null });
    return new Caller(url, `trubka_session=${token}`, row?.id ?? '');
  }
  const need = <T>(thing: T | undefined): T => {
    if (thing === undefined) throw new Error('connect() first');
    return thing;
  };
  /** Nobody waits for our own quota, unless the PBX keeps one as well. */
  let keepsQuota = false;
  const selfTest = async (): Promise<SelfTest> => {
    if (!keepsQuota) await db('pbx_slots').delete();
    const answer = await admin.post(`/api/integrations/${need(account).id}/self-test`, {});
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
    return as<SelfTest>(answer);
  };

  return {
    ...{ url, db, admin, selfTest },
    get pbx() {
      return need(pbx);
    },
    get account() {
      return need(account);
    },
    async connect({ apiKey, apiSalt, pbx: options = {}, operators = 'mapped' } = {}) {
      changes = {};
      // Keys and queues of an earlier test are remembered for a while, by the intake and by Temporal.
      taskQueue = uniqueTaskQueue('self-test');
      accounts += 1;
      const credentials = { key: `key-${accounts}`, salt: `salt-${accounts}` };
      if (account) await admin.delete(`/api/integrations/${account.id}`);
      await pbx?.stop();
      pbx = await startPbx({ ...options, ...credentials, targetUrl: url });
      pbxUrl = pbx.url;
      keepsQuota = options.limits === true;
      await db('refused_events').delete();
      const made = await admin.post('/api/integrations', {
        name: 'Mango',
        apiKey: apiKey ?? credentials.key,
        apiSalt: apiSalt ?? credentials.salt,
        apiUrl: pbxUrl,
      });
      expect(made.status, JSON.stringify(made.body)).toBe(201);
      account = as<Integration>(made);
      if (operators === 'unread') return;
      await admin.post('/api/operators/refresh', { integrationId: account.id });
      if (operators === 'read') return;
      await db('operators').where({ integration_id: account.id, extension: '101' }).update({ agent_id: admin.id });
      await db('operators').where({ integration_id: account.id }).whereNot({ extension: '101' }).update({ ignored: true });
    },
    change(more) {
      changes = { ...changes, ...more };
    },
    async startWorker() {
      worker = await startWorker({
        config: { ...base, mangoApiUrl: pbxUrl },
        taskQueue,
        workflowBundle: await workflowBundle(),
      });
    },
    async stopWorker() {
      await worker?.stop();
      worker = undefined;
    },
    async check(name) {
      const { checks } = await selfTest();
      return need(checks.find(({ check }) => check === name));
    },
    async testCall(phone = '+79161112233', extension = '101') {
      const path = `/api/integrations/${need(account).id}/test-calls`;
      const answer = await admin.post(path, { phone, extension });
      expect(answer.status, JSON.stringify(answer.body)).toBe(202);
      const { testCallId } = as<{ testCallId: string }>(answer);
      return async () => as<TestCall>(await admin.get(`${path}/${testCallId}`));
    },
    async close() {
      await worker?.stop();
      await pbx?.stop();
      await events.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await Promise.all([intake.end(), there.close(), away.close()]);
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
