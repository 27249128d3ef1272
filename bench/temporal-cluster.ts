import { execFile } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { registerSearchAttributes } from '../activities/search-attributes.ts';
import { LogFile } from '../run/log-file.ts';
import { freePort } from '../run/ports.ts';
import { supervise, type Service } from '../run/supervise.ts';
import { thisMachine } from '../run/temporal-binary.ts';
import { pause } from './measure.ts';

const run = promisify(execFile);
const SERVER = 'go.temporal.io/server';
const SERVER_VERSION = 'v1.29.1';
/** As docker-compose.yml has it. */
const SHARDS = 16;
const RETENTION_SECONDS = 7 * 86_400;
const READY_WITHIN_MS = 120_000;
const SERVICES = ['history', 'matching', 'frontend', 'worker'] as const;
const DYNAMIC_CONFIG = fileURLToPath(new URL('../run/compose/temporal-dynamic-config.yaml', import.meta.url));

interface Programs {
  readonly server: string;
  readonly sql: string;
  /** Of the schema's versions for PostgreSQL. */
  readonly schema: string;
}

/** The server and its SQL tool, built by Go from the module proxy on first use (some minutes), kept in the cache. */
async function findPrograms(): Promise<Programs> {
  const { cacheDirectory } = thisMachine();
  const [server, sql] = ['server', 'sql'].map((name) => join(cacheDirectory, `temporal-${name}-${SERVER_VERSION}`)) as [
    string,
    string,
  ];
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=mod' };
  if (!existsSync(server) || !existsSync(sql)) {
    process.stderr.write(`Building Temporal server ${SERVER_VERSION} from source, once: this takes some minutes\n`);
    mkdirSync(cacheDirectory, { recursive: true });
    const draft = mkdtempSync(join(cacheDirectory, 'build-'));
    const packages = ['cmd/server', 'cmd/tools/sql'].map((path) => `${SERVER}/${path}@${SERVER_VERSION}`);
    await run('go', ['install', ...packages], { env: { ...env, GOBIN: draft } });
    copyFileSync(join(draft, 'sql'), sql);
    renameSync(join(draft, 'server'), server);
    rmSync(draft, { recursive: true });
  }
  const { stdout } = await run('go', ['mod', 'download', '-json', `${SERVER}@${SERVER_VERSION}`], { env, maxBuffer: 10_000_000 });
  const { Dir } = JSON.parse(stdout) as { Dir: string };
  return { server, sql, schema: join(Dir, 'schema/postgresql/v12') };
}

const DATABASES = [
  { database: 'temporal', schema: 'temporal' },
  { database: 'temporal_visibility', schema: 'visibility' },
];

/** As run/compose/temporal-schema.sh. */
async function createSchema({ sql, schema }: Programs, url: URL): Promise<void> {
  const server = ['--plugin', 'postgres12', '--ep', url.hostname, '-p', url.port, '-u', url.username, '--pw', url.password];
  for (const { database, schema: name } of DATABASES) {
    const tool = (...args: string[]) => run(sql, [...server, '--db', database, ...args]);
    await tool('create');
    await tool('setup-schema', '-v', '0.0');
    await tool('update-schema', '-d', join(schema, name, 'versioned'));
  }
}

type Ports = Readonly<Record<(typeof SERVICES)[number], { readonly grpcPort: number; readonly membershipPort: number }>>;

/** Temporal keeps them in a small integer. */
const [LOWEST_PORT, HIGHEST_PORT] = [20_000, 32_000];

async function lowPorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  const first = LOWEST_PORT + Math.floor(Math.random() * (HIGHEST_PORT - LOWEST_PORT - 1_000));
  for (let port = first; ports.length < count; port++) if ((await freePort(port)) === port) ports.push(port);
  return ports;
}

async function choosePorts(): Promise<Ports> {
  const ports = await lowPorts(2 * SERVICES.length);
  const each = SERVICES.map((name, index) => [name, { grpcPort: ports[2 * index], membershipPort: ports[2 * index + 1] }]);
  return Object.fromEntries(each) as Ports;
}

function configuration(ports: Ports, url: URL): object {
  const store = (databaseName: string, connections: number) => ({
    sql: {
      ...{ pluginName: 'postgres12', databaseName, connectAddr: url.host, connectProtocol: 'tcp' },
      ...{ user: url.username, password: url.password, maxConns: connections, maxIdleConns: connections, maxConnLifetime: '1h' },
    },
  });
  const address = `127.0.0.1:${ports.frontend.grpcPort}`;
  return {
    log: { stdout: true, level: 'warn' },
    persistence: {
      ...{ defaultStore: 'default', visibilityStore: 'visibility', numHistoryShards: SHARDS },
      datastores: { default: store('temporal', 20), visibility: store('temporal_visibility', 4) },
    },
    global: { membership: { maxJoinDuration: '30s', broadcastAddress: '127.0.0.1' } },
    services: Object.fromEntries(SERVICES.map((name) => [name, { rpc: { ...ports[name], bindOnLocalHost: true } }])),
    clusterMetadata: {
      ...{ enableGlobalNamespace: false, failoverVersionIncrement: 10 },
      ...{ masterClusterName: 'active', currentClusterName: 'active' },
      clusterInformation: {
        active: { enabled: true, initialFailoverVersion: 1, rpcName: 'frontend', rpcAddress: address },
      },
    },
    dcRedirectionPolicy: { policy: 'noop' },
    publicClient: { hostPort: address },
    dynamicConfigClient: { filepath: DYNAMIC_CONFIG, pollInterval: '60s' },
  };
}

async function untilReady(address: string): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  const namespace = 'default';
  for (;;) {
    try {
      const connection = await Connection.connect({ address, connectTimeout: 2_000 });
      try {
        const workflowExecutionRetentionPeriod = { seconds: RETENTION_SECONDS as never };
        await connection.workflowService
          .registerNamespace({ namespace, workflowExecutionRetentionPeriod })
          .catch((error: Error) => {
            if (!/already exists/i.test(error.message)) throw error;
          });
        await registerSearchAttributes({ address, namespace });
        // Its services learn of the namespace, and of what it may be searched by, some seconds after.
        await new Client({ connection, namespace }).workflow.count(`CallState = 'over'`);
        return;
      } finally {
        await connection.close();
      }
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await pause(500);
    }
  }
}

export interface TemporalCluster {
  readonly address: string;
  readonly services: readonly Service[];
  readonly shards: number;
  readonly version: string;
  stop(): Promise<void>;
}

/** Temporal as a centre runs it: four processes, their state in PostgreSQL. */
export async function startTemporalCluster(serverUrl: string, directory: string): Promise<TemporalCluster> {
  const programs = await findPrograms();
  const url = new URL(serverUrl);
  await createSchema(programs, url);
  const ports = await choosePorts();
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  // Their format holds JSON.
  writeFileSync(join(directory, 'bench.yaml'), JSON.stringify(configuration(ports, url)), { mode: 0o600 });
  const services = SERVICES.map((name) =>
    supervise({
      name: `temporal-${name}`,
      command: programs.server,
      args: ['--root', '/', '--config', directory, '--env', 'bench', '--allow-no-auth', 'start', '--service', name],
      log: new LogFile(join(directory, `${name}.log`)),
    }),
  );
  const stop = async (): Promise<void> => void (await Promise.all(services.map((service) => service.stop(10_000))));
  const address = `127.0.0.1:${ports.frontend.grpcPort}`;
  try {
    await untilReady(address);
  } catch (error) {
    await stop();
    throw error;
  }
  return { address, services, shards: SHARDS, version: SERVER_VERSION, stop };
}
