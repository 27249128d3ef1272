import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { hashPassword } from '../../api/passwords.ts';
import { openSecrets } from '../../db/secrets.ts';
import { migrate } from '../../db/migrate.ts';
import { createPool } from '../../db/pool.ts';
import { ensureDemo } from '../../run/demo-data.ts';
import { LogFile } from '../../run/log-file.ts';
import { freePorts } from '../../run/ports.ts';
import { startPostgres } from '../../run/postgres.ts';
import { supervise, type Service } from '../../run/supervise.ts';
import { startTemporal, type RunningTemporal } from '../../run/temporal.ts';
import { untilReady } from '../../run/until-ready.ts';
import { eventually } from './live-call.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { startPbx, TEST_CREDENTIALS, type DemoPbx } from './pbx.ts';
import { Visitor } from './product.ts';
import { workflowBundle } from './temporal.ts';

const PASSWORD = 'correct horse battery';
export type Killable = 'api' | 'worker' | 'temporal';

/** The product as processes of its own: API, worker and a durable Temporal, each started again when it dies. */
export interface RunningProcesses {
  readonly url: string;
  readonly dataDir: string;
  readonly temporalAddress: string;
  readonly database: TestDatabase;
  readonly pbx: DemoPbx;
  signIn(email: string): Promise<Visitor>;
  /** `kill -9`, or another signal that ends it; the supervisor starts it again. Comes back when the process is gone. */
  kill(which: Killable, signal?: NodeJS.Signals): Promise<void>;
  /** It answers nobody meanwhile, and its connections stay open. */
  freeze(which: Killable, ms: number): Promise<void>;
  /** Waits until the API answers: only then does the PBX's next event have somebody to hear it. */
  healed(): Promise<void>;
  stop(): Promise<void>;
}

/** A database on a server of its own, which can be crashed without harm to other tests. */
export interface CrashableDatabase extends TestDatabase {
  /** As a superuser, on whatever is there. */
  readonly serverUrl: string;
  /** Down at once, without a checkpoint, and up again by its supervisor. Comes back when it answers. */
  crash(): Promise<void>;
}

export async function startCrashableDatabase(): Promise<CrashableDatabase> {
  const directory = await mkdtemp(join(tmpdir(), 'trubka-crashes-'));
  const backOff = { firstMs: 50, mostMs: 500 };
  const postgres = await startPostgres({ directory: join(directory, 'postgres'), durable: true, backOff });
  const { databaseUrl: url, serverUrl, service } = postgres;
  await migrate(url);
  const db = createPool(url);
  return {
    ...{ url, db, serverUrl },
    async crash() {
      const { deaths } = service;
      process.kill(service.pid as number, 'SIGQUIT');
      const now = () => Promise.resolve(service.deaths);
      await eventually(now, (count) => count > deaths, 60_000);
      const answers = (): Promise<boolean> =>
        db.raw('select 1').then(
          () => true,
          () => false,
        );
      await eventually(answers, (yes) => yes, 60_000);
    },
    async drop() {
      await db.destroy();
      await postgres.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export async function startProcesses(
  given?: TestDatabase,
  waits: Readonly<Record<string, string>> = {},
): Promise<RunningProcesses> {
  const database = given ?? (await createTestDatabase());
  const dataDir = await mkdtemp(join(tmpdir(), 'trubka-kills-'));
  const temporal: RunningTemporal = await startTemporal({ directory: join(dataDir, 'temporal') });
  const [port] = (await freePorts([undefined])) as [number];
  const url = `http://127.0.0.1:${port}`;
  const env = {
    ...process.env,
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: temporal.address,
    DATA_DIR: dataDir,
    PORT: String(port),
    LOG_LEVEL: 'warn',
    WORKFLOW_BUNDLE: (await workflowBundle()).codePath,
    CALL_SETTLE_SECONDS: '5',
    DRAFT_GRACE_SECONDS: '0.5',
    RECORDING_WAIT_SECONDS: '10',
    ...waits,
  };
  const backOff = { firstMs: 50, mostMs: 500 };
  const start = (name: string, script: string): Service =>
    supervise({
      name,
      command: process.execPath,
      args: ['run/service.mjs', script],
      env,
      log: new LogFile(join(dataDir, `${name}.log`)),
      backOff,
    });
  const services: Record<Killable, Service> = {
    api: start('api', 'api/server.ts'),
    worker: start('worker', 'activities/worker.ts'),
    temporal: temporal.service,
  };
  await untilReady(`${url}/health/ready`, services.api);
  const pbx = await startPbx({ targetUrl: url });
  const account = { port: Number(new URL(pbx.url).port), apiKey: TEST_CREDENTIALS.key, apiSalt: TEST_CREDENTIALS.salt };
  await ensureDemo(database.db, openSecrets({ dataDir }), account);
  await database.db('agents').update({ password_hash: await hashPassword(PASSWORD) });

  const pidOf = async (which: Killable): Promise<number> =>
    (await eventually(
      async () => services[which].pid,
      (found) => found !== undefined,
      60_000,
    )) as number;

  return {
    url,
    dataDir,
    temporalAddress: temporal.address,
    database,
    pbx,
    async signIn(email) {
      const response = await fetch(`${url}/api/session`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ email, password: PASSWORD }),
      });
      if (!response.ok) throw new Error(`${email} could not sign in: ${response.status}`);
      const cookie = response.headers
        .getSetCookie()
        .map((line) => line.split(';')[0])
        .join('; ');
      return new Visitor(url, cookie, ((await response.json()) as { id: string }).id);
    },
    async kill(which, signal = 'SIGKILL') {
      const service = services[which];
      const pid = await pidOf(which);
      const { deaths } = service;
      process.kill(pid, signal);
      await eventually(
        async () => service.deaths,
        (now) => now > deaths,
        60_000,
      );
    },
    async freeze(which, ms) {
      const pid = await pidOf(which);
      process.kill(pid, 'SIGSTOP');
      await delay(ms);
      process.kill(pid, 'SIGCONT');
    },
    async healed() {
      const isReady = (): Promise<boolean> =>
        fetch(`${url}/health/ready`).then(
          (response) => response.ok,
          () => false,
        );
      await eventually(isReady, (ready) => ready, 60_000);
    },
    async stop() {
      await pbx.stop();
      await Promise.all([services.api.stop(5_000), services.worker.stop(5_000)]);
      await temporal.stop();
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
