import { chmodSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { StartError } from './console.ts';
import { keepJson, writePrivately } from './data-dir.ts';
import { LogFile } from './log-file.ts';
import { freePorts } from './ports.ts';
import { supervise, type Service, type ServiceOptions } from './supervise.ts';
import { findTemporal, type TemporalBinary } from './temporal-binary.ts';

/** Where the API shows Temporal's own Web UI to admins; the UI must know, as its links begin with it. */
export const UI_PATH = '/admin/temporal';
/** How long a finished call's history is kept: its id refuses a second run until then. */
const RETENTION_SECONDS = 7 * 86_400;
const READY_WITHIN_MS = 60_000;
/**
 * Under load the card of a ringing call comes first, for which nobody waits on Temporal: what a call becomes may be written a little later.
 * A third of the share that the API, the worker and PostgreSQL have.
 */
const NICENESS = 5;

export interface TemporalOptions {
  /** Holds the database file; null keeps everything in memory, for tests. */
  readonly directory: string | null;
  readonly log?: LogFile;
  readonly started?: (pid: number) => void;
  /** Told at once, so that it can be stopped before it is ready. */
  readonly supervised?: (service: Service) => void;
  /** Which program to run; looked for if not given. */
  readonly binary?: TemporalBinary;
  readonly backOff?: ServiceOptions['backOff'];
}

export interface RunningTemporal {
  readonly address: string;
  /** Of the Web UI, on loopback. */
  readonly uiUrl: string;
  /** True when the server starts with an empty database: what it knew of open calls is gone. */
  readonly isNew: boolean;
  readonly service: Service;
  stop(patienceMs?: number): Promise<void>;
}

interface Ports {
  readonly port: number;
  readonly uiPort: number;
  readonly httpPort: number;
  readonly metricsPort: number;
}

/** The official Temporal server as a child process, on loopback. It has no sign-in of its own. */
export async function startTemporal(options: TemporalOptions): Promise<RunningTemporal> {
  const binary = options.binary ?? (await findTemporal());
  const { directory } = options;
  if (directory !== null) mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = directory === null ? null : databaseFile(directory, binary.serverVersion);
  const isNew = file === null || !readdirSync(directory ?? '.').includes(file.name);
  const ports = await choosePorts(directory);
  const service = supervise({
    name: 'temporal',
    command: binary.path,
    args: serverArguments(ports, file?.path ?? null),
    niceness: NICENESS,
    log: options.log ?? (directory === null ? new LogFile('/dev/null') : new LogFile(join(directory, 'temporal.log'))),
    ...(options.started ? { started: options.started } : {}),
    ...(options.backOff ? { backOff: options.backOff } : {}),
  });
  options.supervised?.(service);
  const address = `127.0.0.1:${ports.port}`;
  try {
    await untilReady(address, service);
  } catch (error) {
    await service.stop(5_000);
    throw error;
  }
  return {
    address,
    uiUrl: `http://127.0.0.1:${ports.uiPort}${UI_PATH}`,
    isNew,
    service,
    stop: (patienceMs = 5_000) => service.stop(patienceMs),
  };
}

/**
 * The queue settings take away waits that are meant for clusters: with the defaults each step costs 50 ms on a single shard.
 * `synchronous=2`: a signal that was acknowledged survives a power failure.
 */
export function serverArguments(ports: Ports, databasePath: string | null): string[] {
  const durable =
    databasePath === null
      ? []
      : ['--db-filename', databasePath, '--sqlite-pragma', 'journal_mode=wal', '--sqlite-pragma', 'synchronous=2'];
  const ui = ['--ui-ip', '127.0.0.1', '--ui-port', String(ports.uiPort), '--ui-public-path', UI_PATH];
  const dynamic = {
    'history.transferProcessorMaxPollRPS': 1500,
    'history.timerProcessorMaxPollRPS': 1500,
    'history.visibilityProcessorMaxPollRPS': 200,
    // Timers fire when they are due, not up to a second later.
    'history.timerProcessorMaxTimeShift': '"50ms"',
    'matching.numTaskqueueReadPartitions': 1,
    'matching.numTaskqueueWritePartitions': 1,
  };
  return [
    ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(ports.port)],
    ...['--http-port', String(ports.httpPort), '--metrics-port', String(ports.metricsPort)],
    ...['--log-level', 'warn', '--log-format', 'json', '--disable-config-file', '--disable-config-env'],
    ...durable,
    ...ui,
    ...Object.entries(dynamic).flatMap(([key, value]) => ['--dynamic-config-value', `${key}=${value}`]),
  ];
}

/** A file belongs to one version of the server, which has no way to convert it: others are moved aside, never deleted. */
function databaseFile(directory: string, serverVersion: string): { readonly name: string; readonly path: string } {
  const name = `temporal-${serverVersion}.db`;
  const others = readdirSync(directory).filter(
    (entry) => /^temporal-[\d.]+\.db(-wal|-shm)?$/.test(entry) && !entry.startsWith(name),
  );
  // Files of an earlier release of ours, which let the server choose.
  for (const own of readdirSync(directory).filter((entry) => entry.startsWith(name))) chmodSync(join(directory, own), 0o600);
  if (others.length > 0) {
    const aside = join(directory, `aside-${new Date().toISOString().replaceAll(':', '-')}`);
    mkdirSync(aside, { mode: 0o700 });
    for (const other of others) renameSync(join(directory, other), join(aside, other));
  }
  return { name, path: join(directory, name) };
}

async function choosePorts(directory: string | null): Promise<Ports> {
  const none: Partial<Ports> = {};
  const file = directory === null ? null : join(directory, 'ports.json');
  const known = file === null ? none : keepJson(file, () => none);
  const [port = 0, uiPort = 0, httpPort = 0, metricsPort = 0] = await freePorts([
    known.port,
    known.uiPort,
    known.httpPort,
    known.metricsPort,
  ]);
  const ports = { port, uiPort, httpPort, metricsPort };
  if (file !== null) writePrivately(file, JSON.stringify(ports));
  return ports;
}

/** Ready means that the namespace answers and keeps what is closed long enough. */
async function untilReady(address: string, service: Service): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  for (;;) {
    try {
      return await raiseRetention(address);
    } catch (error) {
      if (service.deaths >= 3 || Date.now() > deadline) {
        throw new StartError(
          `The Temporal server does not start (${(error as Error).message}):\n${service.log.lastLines().join('\n')}`,
        );
      }
      await delay(100);
    }
  }
}

async function raiseRetention(address: string): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: 1_000 });
  try {
    await connection.withDeadline(Date.now() + 5_000, async () => {
      const namespace = 'default';
      const { config } = await connection.workflowService.describeNamespace({ namespace });
      if (Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) >= RETENTION_SECONDS) return;
      const workflowExecutionRetentionTtl = { seconds: RETENTION_SECONDS as never };
      await connection.workflowService.updateNamespace({ namespace, config: { workflowExecutionRetentionTtl } });
    });
  } finally {
    await connection.close();
  }
}
