import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from '../db/migrate.ts';
import { createPool, type Db } from '../db/pool.ts';
import { openSecrets } from '../db/secrets.ts';
import { createSession } from '../db/sessions.ts';
import { LogFile } from '../run/log-file.ts';
import { freePort, freePorts } from '../run/ports.ts';
import { urlOfDatabase, withClient } from '../run/postgres-server.ts';
import { startPostgres } from '../run/postgres.ts';
import { supervise, type Service } from '../run/supervise.ts';
import { startTemporal } from '../run/temporal.ts';
import { ensureWorkflowBundle } from '../run/workflow-bundle.ts';
import { untilReady } from '../run/until-ready.ts';
import { startBalancer } from './balancer.ts';

export const ACCOUNT = { key: 'benchkey', salt: 'benchsalt' };

export type Part = 'api' | 'worker' | 'temporal' | 'postgres';

export interface Stage {
  /** Of the API; of several, of what stands before them. */
  readonly url: string;
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  /** Of the database file of Temporal's server. */
  readonly temporalFolder: string;
  /** Where a PBX may listen to whom the product sends commands, and asks for recordings. */
  readonly pbxPort: number;
  readonly db: Db;
  /** The product's processes; of several the first. */
  readonly api: Service;
  readonly worker: Service;
  /** All of them, by kind. */
  readonly parts: Readonly<Record<Part, readonly Service[]>>;
  readonly agents: readonly { readonly id: string; readonly extension: string; readonly cookie: string }[];
  /** Stops one process as an operator does (SIGTERM) and starts it again; resolves when it works. */
  restart(part: 'api' | 'worker', index: number): Promise<void>;
  stop(): Promise<void>;
}

export interface Temporal {
  readonly address: string;
  readonly services: readonly Service[];
  stop(): Promise<void>;
}

export interface StageOptions {
  /** How many processes of each kind; one if not said. */
  readonly apis?: number;
  readonly workers?: number;
  /** Settings of the product that differ from what it does by itself. */
  readonly env?: Readonly<Record<string, string>>;
  /** Another Temporal than `npm start` has: given PostgreSQL's address for superusers and a folder. */
  readonly startTemporal?: (serverUrl: string, directory: string) => Promise<Temporal>;
  /** Another PostgreSQL, and a database of it that is there and filled. */
  readonly filled?: { readonly databaseUrl: string; readonly service: Service; stop(): Promise<void> };
}

/** Statements are counted: `pg_stat_statements` comes with the server, and must be there when it starts. */
async function startCountingPostgres(options: Parameters<typeof startPostgres>[0]): ReturnType<typeof startPostgres> {
  const first = await startPostgres(options);
  await withClient(first.serverUrl, (server) => server.query(`alter system set shared_preload_libraries = 'pg_stat_statements'`));
  await first.stop();
  const postgres = await startPostgres(options);
  const name = new URL(postgres.databaseUrl).pathname.slice(1);
  await withClient(urlOfDatabase(postgres.serverUrl, name), async (database) => {
    await database.query('create extension if not exists pg_stat_statements');
    await database.query('grant pg_read_all_stats to trubka');
  });
  return postgres;
}

async function startEmbedded(_serverUrl: string, directory: string): Promise<Temporal> {
  const { address, service, stop } = await startTemporal({ directory });
  return { address, services: [service], stop };
}

interface Stores {
  readonly databaseUrl: string;
  readonly postgres: Service;
  readonly temporal: Temporal;
  stop(): Promise<void>;
}

async function startStores(dataDir: string, { startTemporal: start = startEmbedded, filled }: StageOptions): Promise<Stores> {
  const own = filled ? undefined : await startCountingPostgres({ directory: join(dataDir, 'postgres'), durable: true });
  const temporal = await start(own?.serverUrl ?? '', join(dataDir, 'temporal')).catch(async (error: unknown) => {
    await (filled ?? own)?.stop();
    throw error;
  });
  return {
    databaseUrl: filled?.databaseUrl ?? own?.databaseUrl ?? '',
    postgres: (filled?.service ?? own?.service) as Service,
    temporal,
    async stop() {
      await temporal.stop();
      await (filled ?? own)?.stop();
    },
  };
}

/** Processes of the product, which can be started again one by one. */
async function startProcesses(
  env: NodeJS.ProcessEnv,
  dataDir: string,
  { apis = 1, workers = 1 }: StageOptions,
): Promise<Pick<Stage, 'url' | 'restart' | 'stop'> & Record<'api' | 'worker', Service[]>> {
  const scripts = { api: 'api/server.ts', worker: 'activities/worker.ts' };
  const ports = await freePorts(Array.from({ length: apis }, () => undefined));
  const start = (part: 'api' | 'worker', index: number): Service =>
    supervise({
      name: `${part} ${index}`,
      command: process.execPath,
      args: ['run/service.mjs', scripts[part]],
      env: part === 'api' ? { ...env, PORT: String(ports[index]) } : env,
      log: new LogFile(join(dataDir, `${part}-${index}.log`)),
    });
  const urls = ports.map((port) => `http://127.0.0.1:${port}`);
  const running = {
    api: ports.map((_, index) => start('api', index)),
    worker: Array.from({ length: workers }, (_, index) => start('worker', index)),
  };
  const apiReady = (index: number): Promise<void> => untilReady(`${urls[index]}/health/ready`, running.api[index] as Service);
  await Promise.all(ports.map((_, index) => apiReady(index)));
  const balancer = apis > 1 ? await startBalancer(urls) : undefined;
  return {
    ...running,
    url: balancer?.url ?? urls[0] ?? '',
    async restart(part, index) {
      await running[part][index]?.stop(60_000);
      running[part][index] = start(part, index);
      if (part === 'api') await apiReady(index);
    },
    async stop() {
      balancer?.close();
      await Promise.all([...running.api, ...running.worker].map((service) => service.stop(8_000)));
    },
  };
}

/** The product as `npm start` runs it: durable PostgreSQL and Temporal, an API and a worker process; with so many agents signed in. */
export async function startStage(agentCount: number, options: StageOptions = {}): Promise<Stage> {
  const dataDir = await mkdtemp(join(tmpdir(), 'trubka-bench-'));
  const stores = await startStores(dataDir, options);
  const { databaseUrl } = stores;
  await migrate(databaseUrl);
  const db = createPool(databaseUrl);
  const pbxPort = await freePort();
  const agents = await seed(db, dataDir, agentCount, pbxPort);
  const env = {
    ...process.env,
    ...options.env,
    DATABASE_URL: databaseUrl,
    TEMPORAL_ADDRESS: stores.temporal.address,
    DATA_DIR: dataDir,
    LOG_LEVEL: 'warn',
    TRUST_PROXY: 'false',
    NODE_ENV: 'production',
    WORKFLOW_BUNDLE: await ensureWorkflowBundle(),
  };
  const processes = await startProcesses(env, dataDir, options);
  const { url, api, worker } = processes;
  return {
    url,
    databaseUrl,
    temporalAddress: stores.temporal.address,
    temporalFolder: join(dataDir, 'temporal'),
    pbxPort,
    db,
    api: api[0] as Service,
    worker: worker[0] as Service,
    parts: { api, worker, temporal: stores.temporal.services, postgres: [stores.postgres] },
    agents,
    restart: (part, index) => processes.restart(part, index),
    async stop() {
      await processes.stop();
      await db.destroy();
      await stores.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function seed(db: Db, dataDir: string, count: number, pbxPort: number): Promise<Stage['agents']> {
  const secrets = openSecrets({ dataDir });
  const [integration] = (await db('integrations').insert(
    {
      kind: 'demo',
      name: 'Bench',
      api_url: `http://127.0.0.1:${pbxPort}`,
      api_key_encrypted: secrets.encrypt(ACCOUNT.key),
      api_salt_encrypted: secrets.encrypt(ACCOUNT.salt),
      api_key_hash: secrets.hashKey(ACCOUNT.key),
    },
    ['id'],
  )) as { id: string }[];
  const agents = [];
  for (let index = 0; index < count; index++) {
    const [agent] = (await db('agents').insert(
      { full_name: `Agent ${index}`, email: `agent${index}@bench.local`, role: 'agent' },
      ['id'],
    )) as { id: string }[];
    if (!agent || !integration) throw new Error('The bench could not be seeded');
    const extension = String(1000 + index);
    await db('operators').insert({ integration_id: integration.id, extension, full_name: `Agent ${index}`, agent_id: agent.id });
    const { token } = await createSession(db, { agentId: agent.id, address: '127.0.0.1', userAgent: 'bench' });
    agents.push({ id: agent.id, extension, cookie: `trubka_session=${token}` });
  }
  return agents;
}
