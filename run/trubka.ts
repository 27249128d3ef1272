import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readStartConfig, type StartConfig } from '../db/config.ts';
import { migrate } from '../db/migrate.ts';
import { createPool, type Db } from '../db/pool.ts';
import { openSecrets } from '../db/secrets.ts';
import { say, step, StartError, timings } from './console.ts';
import { keepJson, takeDataDir, writePrivately, type DataDir } from './data-dir.ts';
import { DEMO_AGENTS, ensureDemo, hasRealPbx, retireDemo, type DemoPbx } from './demo-data.ts';
import { ensureAdmin } from './first-admin.ts';
import { LogFile } from './log-file.ts';
import { freePort, freePorts, whyNotFree } from './ports.ts';
import { ensureProgram } from './program.mjs';
import { startPostgres } from './postgres.ts';
import { rebuildOpenCalls } from './rebuild-calls.ts';
import { migrateSealed } from './sealed-logs.ts';
import type { Services } from './services.ts';
import { startTemporal, type RunningTemporal } from './temporal.ts';
import { ensureUi } from './ui-build.ts';
import { ensureWorkflowBundle } from './workflow-bundle.ts';
import { untilReachable, untilReady } from './until-ready.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Who can sign in after this start, as far as it is news. */
interface FirstSteps {
  readonly lines: readonly string[];
  readonly demoPbx: DemoPbx | undefined;
}

/** What is ours to build and to run; tests have stand-ins. */
export interface Parts {
  readonly buildUi: () => Promise<void>;
  readonly api: string;
  readonly worker: string;
  readonly demoPbx: string;
}

export const PARTS: Parts = {
  buildUi: () => ensureUi(ROOT),
  api: 'api/server.ts',
  worker: 'activities/worker.ts',
  demoPbx: 'run/demo-pbx/server.ts',
};

/** Starts whatever the environment does not name, in order, and keeps it running until it is told to stop. */
export async function startTrubka(services: Services, env: NodeJS.ProcessEnv, parts: Parts = PARTS): Promise<void> {
  const startedAt = Date.now();
  const config = readStartConfig(env);
  const port = config.port === 0 ? await freePort() : config.port;
  const dataDir = await takeDataDir(config.dataDir);
  services.onStopping(() => dataDir.leaving());
  services.onStopped(() => dataDir.release());
  await refuseTakenPort(port);

  const log = (name: string): LogFile => new LogFile(join(dataDir.path, 'logs', `${name}.log`));
  // What is built and what the database needs have nothing to do with each other.
  const [{ databaseUrl, temporal, first }, workflowBundle] = await Promise.all([
    provideStores(config, dataDir, services, log),
    step('Bundling the workflows', ensureWorkflowBundle),
    parts.buildUi(),
    step('Building the programs', () => buildPrograms(parts)),
  ]);

  startOurs({
    services,
    dataDir,
    log,
    parts,
    env: { ...childEnvironment(config, port, databaseUrl, temporal), WORKFLOW_BUNDLE: workflowBundle },
    demoPbx: first.demoPbx,
    port,
  });
  await step('Waiting for the API', () => untilReady(`http://127.0.0.1:${port}/health/ready`, services.named('api')));
  announce(port, config, first, dataDir, startedAt);
}

/** Each process would build its own as it starts, which is only when the database is up to date. */
async function buildPrograms({ api, worker, demoPbx }: Parts): Promise<void> {
  for (const script of [api, worker, demoPbx]) if (existsSync(resolve(ROOT, script))) await ensureProgram(script);
}

async function refuseTakenPort(port: number): Promise<void> {
  const fault = await whyNotFree(port);
  if (fault === undefined) return;
  const other = `choose another port, for example PORT=${port < 1024 ? 3000 : port + 1} npm start`;
  throw new StartError(
    fault === 'EADDRINUSE'
      ? `Port ${port} is taken by another program: stop it, or ${other}`
      : `Port ${port} may not be used (${fault}): ${other}`,
  );
}

type OpenLog = (name: string) => LogFile;

interface Database {
  readonly databaseUrl: string;
  /** The superuser's, where the server is our own. */
  readonly serverUrl?: string;
}

interface Stores {
  readonly databaseUrl: string;
  readonly temporal: RunningTemporal | undefined;
  readonly first: FirstSteps;
}

async function provideStores(config: StartConfig, dataDir: DataDir, services: Services, log: OpenLog): Promise<Stores> {
  const [database, temporal] = await Promise.all([
    providePostgres(config, dataDir, services, log),
    provideTemporal(config, dataDir, services, log),
  ]);
  return { databaseUrl: database.databaseUrl, temporal, first: await prepareDatabase(database, config, dataDir, temporal) };
}

async function providePostgres(config: StartConfig, dataDir: DataDir, services: Services, log: OpenLog): Promise<Database> {
  if (config.databaseUrl !== undefined) return { databaseUrl: config.databaseUrl };
  return step('Starting PostgreSQL', () =>
    startPostgres({
      directory: join(dataDir.path, 'postgres'),
      durable: true,
      log: log('postgres'),
      started: (pid) => dataDir.remember('postgres', pid),
      supervised: (service) => services.add(service),
    }),
  );
}

async function provideTemporal(
  config: StartConfig,
  dataDir: DataDir,
  services: Services,
  log: OpenLog,
): Promise<RunningTemporal | undefined> {
  if (config.temporal !== undefined) return undefined;
  const temporal = await step('Starting Temporal', () =>
    startTemporal({
      directory: join(dataDir.path, 'temporal'),
      log: log('temporal'),
      started: (pid) => dataDir.remember('temporal', pid),
      supervised: (service) => services.add(service),
    }),
  );
  return temporal;
}

async function prepareDatabase(
  { databaseUrl, serverUrl }: Database,
  config: StartConfig,
  dataDir: DataDir,
  temporal: RunningTemporal | undefined,
): Promise<FirstSteps> {
  await step('Waiting for PostgreSQL', () => untilReachable(databaseUrl));
  await step('Bringing the database up to date', () =>
    serverUrl === undefined ? migrate(databaseUrl) : migrateSealed({ serverUrl, databaseUrl }),
  );
  const db = createPool(databaseUrl, { max: 2 });
  try {
    if (temporal?.isNew) {
      const rows = await rebuildOpenCalls(db);
      if (rows > 0) say(`Temporal starts with an empty database: ${rows} events of calls in flight are delivered to it again`);
    }
    const admin = await ensureAdmin(db, { email: config.adminEmail, password: config.adminPassword });
    const demo = await provideDemo(db, config, dataDir);
    const lines = [
      ...(admin?.generatedPassword ? [`Admin:        ${admin.email}  password ${admin.generatedPassword}`] : []),
      ...(demo?.password ? [`Demo agents:  ${DEMO_AGENTS.map(({ email }) => email).join(', ')}  password ${demo.password}`] : []),
    ];
    if (lines.length > 0) keepFirstPasswords(dataDir, lines);
    return { lines, demoPbx: demo?.pbx };
  } finally {
    await db.destroy();
  }
}

function keepFirstPasswords(dataDir: DataDir, lines: readonly string[]): void {
  const note = 'Who can sign in to Trubka for the first time. Change the passwords and remove this file.';
  writePrivately(join(dataDir.path, 'first-admin.txt'), `${[note, ...lines].join('\n')}\n`);
}

/** The demonstration runs until a real PBX is connected. */
async function provideDemo(
  db: Db,
  config: StartConfig,
  dataDir: DataDir,
): Promise<{ readonly pbx: DemoPbx; readonly password: string | undefined } | undefined> {
  if (config.mango !== undefined || (await hasRealPbx(db))) {
    await retireDemo(db);
    return undefined;
  }
  const file = join(dataDir.path, 'demo-pbx.json');
  const secret = (): string => randomBytes(16).toString('hex');
  const kept = keepJson<DemoPbx>(file, () => ({ port: 0, controlPort: 0, apiKey: secret(), apiSalt: secret() }));
  const [port = 0, controlPort = 0] = await freePorts([kept.port || undefined, kept.controlPort || undefined]);
  const pbx = { ...kept, port, controlPort };
  if (pbx.port !== kept.port || pbx.controlPort !== kept.controlPort) writePrivately(file, `${JSON.stringify(pbx, null, 2)}\n`);
  return { pbx, password: await ensureDemo(db, openSecrets(config), pbx) };
}

function childEnvironment(
  config: StartConfig,
  port: number,
  databaseUrl: string,
  temporal: RunningTemporal | undefined,
): NodeJS.ProcessEnv {
  return {
    PORT: String(port),
    DATA_DIR: config.dataDir,
    DATABASE_URL: databaseUrl,
    NODE_ENV: process.env['NODE_ENV'] || 'production',
    ...(temporal ? { TEMPORAL_ADDRESS: temporal.address } : {}),
    ...(temporal?.uiUrl ? { TEMPORAL_UI_URL: temporal.uiUrl } : {}),
  };
}

interface OurProcesses {
  readonly services: Services;
  readonly dataDir: DataDir;
  readonly log: OpenLog;
  readonly parts: Parts;
  readonly env: NodeJS.ProcessEnv;
  readonly demoPbx: DemoPbx | undefined;
  readonly port: number;
}

function startOurs({ services, dataDir, log, parts, env, demoPbx, port }: OurProcesses): void {
  const run = (name: string, script: string, extra: NodeJS.ProcessEnv = {}): void => {
    if (!existsSync(resolve(ROOT, script))) throw new StartError(`${script} is missing: is this checkout complete?`);
    services.startOurs({
      name,
      script,
      env: { ...env, ...extra },
      cwd: ROOT,
      log: log(name),
      started: (pid) => dataDir.remember(name, pid),
    });
  };
  const control = demoPbx ? { DEMO_PBX_CONTROL_URL: `http://127.0.0.1:${demoPbx.controlPort}` } : {};
  run('worker', parts.worker);
  run('api', parts.api, control);
  if (!demoPbx) return;
  run('demo-pbx', parts.demoPbx, {
    DEMO_PBX_PORT: String(demoPbx.port),
    DEMO_PBX_CONTROL_PORT: String(demoPbx.controlPort),
    DEMO_PBX_KEY: demoPbx.apiKey,
    DEMO_PBX_SALT: demoPbx.apiSalt,
    DEMO_PBX_TARGET: `http://127.0.0.1:${port}`,
  });
}

function announce(port: number, config: StartConfig, first: FirstSteps, dataDir: DataDir, startedAt: number): void {
  const kept = join(dataDir.path, 'first-admin.txt');
  say('');
  say(
    `Trubka is ready after ${((Date.now() - startedAt) / 1000).toFixed(1)} s: ${config.publicUrl ?? `http://localhost:${port}`}`,
  );
  for (const line of first.lines) say(`  ${line}`);
  if (first.lines.length > 0) say(`  (kept in ${kept})`);
  else if (existsSync(kept)) say(`  Sign in as ${kept} says`);
  if (first.demoPbx)
    say('  Make the first call on the page «Демо-телефоны» (/demo), or from a terminal: npm run call -- incoming --to 101');
  say(`  Logs: ${join(dataDir.path, 'logs')}   Stop: Ctrl-C`);
  if (process.argv.includes('--timings')) for (const line of ['Steps since the process began:', ...timings()]) say(line);
}
