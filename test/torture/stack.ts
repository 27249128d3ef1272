import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createPool } from '../../db/pool.ts';
import { ensureAdmin } from '../../run/first-admin.ts';
import { LogFile } from '../../run/log-file.ts';
import { freePorts } from '../../run/ports.ts';
import { startPostgres } from '../../run/postgres.ts';
import { migrateSealed } from '../../run/sealed-logs.ts';
import { rebuildOpenCalls } from '../../run/rebuild-calls.ts';
import { supervise, type Service } from '../../run/supervise.ts';
import { startTemporal } from '../../run/temporal.ts';
import { ensureWorkflowBundle } from '../../run/workflow-bundle.ts';
import { openGate, type Gate } from './gate.ts';

export const PROCESSES = ['api1', 'api2', 'worker1', 'worker2', 'temporal', 'postgres'] as const;
export type ProcessName = (typeof PROCESSES)[number];
export type OurProcess = 'api1' | 'api2' | 'worker1' | 'worker2';
export const GATES = ['webhooks', 'database', 'temporal'] as const;
export type GateName = (typeof GATES)[number];

const SETTLE_MS = 8_000;
export const ADMIN = { email: 'admin@torture.local', password: 'correct horse battery staple' };

/** The product as production runs it: two APIs behind a balancer, two workers, Temporal and Postgres, each a process of its own. */
export interface Stack {
  /** The balancer in front of both APIs. */
  readonly url: string;
  readonly apiUrls: readonly string[];
  /** Past the gates, for whoever gathers evidence. */
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  readonly dataDir: string;
  readonly logs: readonly string[];
  readonly services: Readonly<Record<ProcessName, Service>>;
  /** Ends processes of ours at once, and keeps them away. */
  down(...names: readonly OurProcess[]): Promise<void>;
  /** Starts them again, with other environment if given, and waits until the APIs among them are ready. */
  up(names: readonly OurProcess[], env?: Readonly<Record<string, string>>): Promise<void>;
  readonly gates: Readonly<Record<GateName, Gate>>;
  /** True where recordings and the database lie on small disks of their own, which can be filled. */
  readonly smallDisk: boolean;
  /** `CALL_SETTLE_SECONDS` of the product under test. */
  readonly settleMs: number;
  /** Asks one to stop in order, and starts it anew when it has: what a deployment does. */
  restart(name: OurProcess, env?: Readonly<Record<string, string>>): Promise<void>;
  stop(): Promise<void>;
}

export interface StackOptions {
  readonly pbx: { readonly url: string; readonly key: string; readonly salt: string };
  /** Recordings and the database lie on disks of their own, so small that they can be filled. */
  readonly recordingsMb?: number;
  readonly databaseMb?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Of a system that was restored; a new one if absent. */
  readonly dataDir?: string;
  /** Where Temporal's database lies, if not in `dataDir`. */
  readonly temporalDirectory?: string;
  /** False: `stop` leaves everything where it lies. */
  readonly clearUp?: boolean;
}

const BACK_OFF = { firstMs: 50, mostMs: 1_000 };

export async function startStack(options: StackOptions): Promise<Stack> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'trubka-torture-')));
  const log = (name: string): LogFile => new LogFile(join(dataDir, 'logs', `${name}.log`));
  const disks: string[] = [];
  for (const [name, megabytes, mode] of [
    ['recordings', options.recordingsMb, '0700'],
    ['postgres', options.databaseMb, '0711'],
  ] as const) {
    if (megabytes === undefined) continue;
    if (await mountDisk(join(dataDir, name), megabytes, mode)) disks.push(join(dataDir, name));
  }
  const postgres = await startPostgres({
    directory: join(dataDir, 'postgres'),
    durable: true,
    log: log('postgres'),
    backOff: BACK_OFF,
  });
  const temporal = await startTemporal({
    directory: options.temporalDirectory ?? join(dataDir, 'temporal'),
    log: log('temporal'),
    backOff: BACK_OFF,
  });
  await migrateSealed(postgres);
  await prepareDatabase(postgres.databaseUrl, temporal.isNew);

  const [port1 = 0, port2 = 0] = await freePorts([quietPort(), quietPort()]);
  const databaseUrl = new URL(postgres.databaseUrl);
  const gates = {
    webhooks: await openGate([port1, port2]),
    database: await openGate([Number(databaseUrl.port)]),
    temporal: await openGate([Number(temporal.address.split(':')[1])]),
  };
  databaseUrl.port = String(gates.database.port);
  const env = {
    DATABASE_URL: databaseUrl.href,
    TEMPORAL_ADDRESS: `127.0.0.1:${gates.temporal.port}`,
    DATA_DIR: dataDir,
    WORKFLOW_BUNDLE: await ensureWorkflowBundle(),
    NODE_ENV: 'production',
    LOG_LEVEL: 'info',
    MANGO_API_KEY: options.pbx.key,
    MANGO_API_SALT: options.pbx.salt,
    MANGO_API_URL: options.pbx.url,
    CALL_SETTLE_SECONDS: String(SETTLE_MS / 1000),
    DRAFT_GRACE_SECONDS: '0.5',
    LEG_MAX_SECONDS: '120',
    RECORDING_WAIT_SECONDS: '15',
    ...options.env,
  };
  const ours: Readonly<Record<OurProcess, { readonly script: string; readonly port?: number }>> = {
    api1: { script: 'api/server.ts', port: port1 },
    api2: { script: 'api/server.ts', port: port2 },
    worker1: { script: 'activities/worker.ts' },
    worker2: { script: 'activities/worker.ts' },
  };
  const run = (name: OurProcess, more: Readonly<Record<string, string>> = {}): Service =>
    supervise({
      name,
      command: process.execPath,
      args: ['run/service.mjs', ours[name].script],
      env: { ...env, ...(ours[name].port === undefined ? {} : { PORT: String(ours[name].port) }), ...more },
      log: log(name),
      backOff: BACK_OFF,
      leavesWithParent: true,
    });
  const services: Record<ProcessName, Service> = {
    api1: run('api1'),
    api2: run('api2'),
    worker1: run('worker1'),
    worker2: run('worker2'),
    temporal: temporal.service,
    postgres: postgres.service,
  };
  const up = async (names: readonly OurProcess[], more?: Readonly<Record<string, string>>): Promise<void> => {
    for (const name of names) services[name] = run(name, more);
    const ports = names.flatMap((name) => ours[name].port ?? []);
    await Promise.all(ports.map((port) => untilOk(`http://127.0.0.1:${port}/health/ready`)));
  };
  const apiUrls = [port1, port2].map((port) => `http://127.0.0.1:${port}`);
  await Promise.all(apiUrls.map((url) => untilOk(`${url}/health/ready`)));

  return {
    url: `http://127.0.0.1:${gates.webhooks.port}`,
    apiUrls,
    databaseUrl: postgres.databaseUrl,
    temporalAddress: temporal.address,
    dataDir,
    logs: PROCESSES.map((name) => join(dataDir, 'logs', `${name}.log`)),
    services,
    gates,
    smallDisk: disks.length === 2,
    settleMs: SETTLE_MS,
    async down(...names) {
      await Promise.all(names.map((name) => services[name].stop(0)));
    },
    up,
    async restart(name, more) {
      await services[name].stop(12_000);
      await up([name], more);
    },
    async stop() {
      const { api1, api2, worker1, worker2 } = services;
      await Promise.all([api1, api2, worker1, worker2].map((service) => service.stop(8_000)));
      await Promise.all(Object.values(gates).map((gate) => gate.close()));
      await temporal.stop();
      await postgres.stop();
      for (const disk of disks) execFileSync('umount', [disk]);
      if (options.clearUp !== false) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Below those that the system hands out for a moment: nobody takes it while an API is down. */
const quietPort = (): number => randomInt(15_000, 32_000);

export async function answersWell(url: string, withinMs = 3_000): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(withinMs), headers: { connection: 'close' } });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

async function untilOk(url: string): Promise<void> {
  const deadline = Date.now() + 120_000;
  while (!(await answersWell(url))) {
    if (Date.now() > deadline) throw new Error(`${url} does not answer`);
    await delay(100);
  }
}

/** As `npm start` does it. */
async function prepareDatabase(databaseUrl: string, temporalIsNew: boolean): Promise<void> {
  const db = createPool(databaseUrl, { max: 1 });
  if (temporalIsNew) await rebuildOpenCalls(db);
  await ensureAdmin(db, ADMIN);
  await db.destroy();
}

/** A file system of its own, where the machine lets us: the only honest full disk. */
async function mountDisk(directory: string, megabytes: number, mode: string): Promise<boolean> {
  await mkdir(directory, { recursive: true, mode: Number.parseInt(mode, 8) });
  if (process.getuid?.() !== 0) return false;
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=${mode}`, 'tmpfs', directory], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
