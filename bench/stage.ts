import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { migrate } from '../db/migrate.ts';
import { createPool, type Db } from '../db/pool.ts';
import { openSecrets } from '../db/secrets.ts';
import { createSession } from '../db/sessions.ts';
import { LogFile } from '../run/log-file.ts';
import { freePorts } from '../run/ports.ts';
import { startPostgres } from '../run/postgres.ts';
import { supervise, type Service } from '../run/supervise.ts';
import { startTemporal } from '../run/temporal.ts';
import { ensureWorkflowBundle } from '../run/workflow-bundle.ts';
import { untilReady } from '../run/until-ready.ts';

export const ACCOUNT = { key: 'benchkey', salt: 'benchsalt' };

export interface Stage {
  readonly url: string;
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  /** Of the database file of Temporal's server. */
  readonly temporalFolder: string;
  /** Where a PBX may listen to whom the product sends commands, and asks for recordings. */
  readonly pbxPort: number;
  readonly db: Db;
  readonly api: Service;
  readonly worker: Service;
  readonly temporal: Service;
  readonly postgres: Service;
  readonly agents: readonly { readonly id: string; readonly extension: string; readonly cookie: string }[];
  stop(): Promise<void>;
}

/** Statements are counted: `pg_stat_statements` comes with the server, and must be there when it starts. */
async function startCountingPostgres(options: Parameters<typeof startPostgres>[0]): ReturnType<typeof startPostgres> {
  const first = await startPostgres(options);
  const server = new pg.Client(first.serverUrl);
  await server.connect();
  await server.query(`alter system set shared_preload_libraries = 'pg_stat_statements'`);
  await server.end();
  await first.stop();
  const postgres = await startPostgres(options);
  const { pathname } = new URL(postgres.databaseUrl);
  const database = new pg.Client(Object.assign(new URL(postgres.serverUrl), { pathname }).href);
  await database.connect();
  await database.query('create extension if not exists pg_stat_statements');
  await database.query('grant pg_read_all_stats to trubka');
  await database.end();
  return postgres;
}

/** The product as `npm start` runs it: durable PostgreSQL and Temporal, an API and a worker process; with so many agents signed in. */
export async function startStage(agentCount: number): Promise<Stage> {
  const dataDir = await mkdtemp(join(tmpdir(), 'trubka-bench-'));
  const postgres = await startCountingPostgres({ directory: join(dataDir, 'postgres'), durable: true });
  const temporal = await startTemporal({ directory: join(dataDir, 'temporal') });
  const { databaseUrl } = postgres;
  await migrate(databaseUrl);
  const db = createPool(databaseUrl);
  const [port, pbxPort] = (await freePorts([undefined, undefined])) as [number, number];
  const agents = await seed(db, dataDir, agentCount, pbxPort);
  const url = `http://127.0.0.1:${port}`;
  const env = {
    ...process.env,
    DATABASE_URL: databaseUrl,
    TEMPORAL_ADDRESS: temporal.address,
    DATA_DIR: dataDir,
    PORT: String(port),
    LOG_LEVEL: 'warn',
    TRUST_PROXY: 'false',
    NODE_ENV: 'production',
    WORKFLOW_BUNDLE: await ensureWorkflowBundle(),
  };
  const start = (name: string, script: string): Service =>
    supervise({
      name,
      command: process.execPath,
      args: ['run/service.mjs', script],
      env,
      log: new LogFile(join(dataDir, `${name}.log`)),
    });
  const api = start('api', 'api/server.ts');
  const worker = start('worker', 'activities/worker.ts');
  await untilReady(`${url}/health/ready`, api);
  return {
    url,
    databaseUrl,
    temporalAddress: temporal.address,
    temporalFolder: join(dataDir, 'temporal'),
    pbxPort,
    db,
    api,
    worker,
    temporal: temporal.service,
    postgres: postgres.service,
    agents,
    async stop() {
      await Promise.all([api.stop(8_000), worker.stop(8_000)]);
      await db.destroy();
      await temporal.stop();
      await postgres.stop();
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
