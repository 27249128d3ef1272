import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { readStartConfig } from '../db/config.ts';
import { runAsProgram, say, StartError } from './console.ts';
import { copyTree, ownLike } from './copy-tree.ts';
import { PASSAGE, writePrivately } from './data-dir.ts';
import { embeddedUrls } from './postgres.ts';

/** Says that a backup is whole: written last, read first. */
export interface Manifest {
  readonly madeAt: string;
  readonly database: 'files' | 'dump';
  readonly bytes: number;
}
export const MANIFEST = 'backup.json';
export const DUMP = 'database.dump';
/** Small files of DATA_DIR without which the rest is of no use: the key of the stored secrets first of all. */
export const KEPT_FILES = ['secret.key', 'demo-pbx.json', 'first-admin.txt', join('postgres', 'settings.json')];

/** What a cluster makes anew at its next start; its log of changes is copied apart, at the end. */
const REMADE =
  /^(pg_wal|pg_replslot|pg_dynshmem|pg_notify|pg_serial|pg_snapshots|pg_stat_tmp|pg_subtrans|pgsql_tmp)\/.+|^postmaster\.(pid|opts)$/;

/**
 * Backs up a running system into an empty directory: the database first, then the recordings it speaks of. Temporal is left out: what it
 * knows of calls in flight is made again from the inbox.
 */
export async function backUp(options: {
  readonly dataDir: string;
  readonly to: string;
  /** Of a database that is not the embedded one. */
  readonly databaseUrl?: string | undefined;
}): Promise<Manifest> {
  const { dataDir, to, databaseUrl } = options;
  mkdirSync(to, { recursive: true, mode: PASSAGE });
  if (readdirSync(to).length > 0) throw new StartError(`${to} is not empty: a backup is made into a new directory`);
  let bytes = databaseUrl === undefined ? await copyCluster(dataDir, to) : dump(databaseUrl, to);
  // A recording is whole under its name before the database calls it ready, and later ones do no harm.
  bytes += copyTree(join(dataDir, 'recordings'), join(to, 'recordings'), (path) => path.startsWith('.'));
  for (const name of KEPT_FILES) {
    if (!existsSync(join(dataDir, name))) continue;
    mkdirSync(join(to, name, '..'), { recursive: true });
    bytes += copyTree(join(dataDir, name), join(to, name));
  }
  const manifest: Manifest = { madeAt: new Date().toISOString(), database: databaseUrl === undefined ? 'files' : 'dump', bytes };
  writePrivately(join(to, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

/** PostgreSQL's own way: the files as they change, and with them the log from the moment the copying began. */
async function copyCluster(dataDir: string, to: string): Promise<number> {
  const directory = join(dataDir, 'postgres');
  const version = existsSync(directory) ? readdirSync(directory).find((name) => /^\d+$/.test(name)) : undefined;
  if (version === undefined) throw new StartError(`${dataDir} holds no embedded database: name yours in DATABASE_URL`);
  const [from, copy] = [join(directory, version), join(to, 'postgres', version)];
  mkdirSync(join(to, 'postgres'), { mode: PASSAGE });
  const client = new pg.Client({ connectionString: embeddedUrls(directory).serverUrl });
  await client.connect().catch((cause: unknown) => {
    throw new StartError(`The database of ${dataDir} does not answer (${(cause as Error).message}): is Trubka running?`);
  });
  try {
    // While this session lives, no part of the log that the copy needs is thrown away.
    await client.query(`select pg_create_physical_replication_slot('trubka_backup', true, true)`);
    await client.query(`select pg_backup_start('trubka', true)`);
    let bytes = copyTree(from, copy, (path) => REMADE.test(path));
    const { rows } = await client.query<{ labelfile: string }>('select labelfile from pg_backup_stop(false)');
    writeFileSync(join(copy, 'backup_label'), rows[0]?.labelfile ?? '', { mode: 0o600 });
    ownLike(join(copy, 'backup_label'), from);
    bytes += copyTree(join(from, 'pg_wal'), join(copy, 'pg_wal'), (path) => path === 'archive_status' || path === 'summaries');
    return bytes;
  } finally {
    await client.end();
  }
}

function dump(databaseUrl: string, to: string): number {
  const file = join(to, DUMP);
  const { password, ...address } = splitPassword(databaseUrl);
  try {
    execFileSync('pg_dump', ['--format=custom', '--no-owner', '--no-privileges', `--file=${file}`, address.url], {
      env: { ...process.env, PGPASSWORD: password },
      stdio: ['ignore', 'inherit', 'pipe'],
    });
  } catch (error) {
    const { code, stderr } = error as { code?: string; stderr?: Buffer };
    const why = code === 'ENOENT' ? 'it is not installed' : (stderr?.toString().trim() ?? String(error));
    throw new StartError(`pg_dump, of the server's version or newer, is needed to back up DATABASE_URL: ${why}`);
  }
  return statSync(file).size;
}

/** A command line is seen by everybody on the machine; the environment is not. */
export function splitPassword(databaseUrl: string): { readonly url: string; readonly password: string } {
  const url = new URL(databaseUrl);
  const password = decodeURIComponent(url.password);
  url.password = '';
  return { url: url.href, password };
}

async function main([to, ...more]: readonly string[]): Promise<void> {
  if (to === undefined || to.startsWith('-') || more.length > 0)
    throw new StartError('Say where to: npm run backup -- /backups/2026-01-31');
  const { dataDir, databaseUrl } = readStartConfig(process.env);
  const { bytes } = await backUp({ dataDir, databaseUrl, to: resolve(to) });
  say(
    `Backed up ${(bytes / 1_000_000).toFixed(1)} MB into ${resolve(to)}. It holds personal data and the secret key: keep it where nobody looks.`,
  );
}

await runAsProgram(import.meta.url, main);
