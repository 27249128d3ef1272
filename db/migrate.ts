import { readFile, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { createPool, type Db } from './pool.ts';
import type { Knex } from 'knex';

const DIRECTORY = fileURLToPath(new URL('./migrations/', import.meta.url));
/** Any constant will do, as long as it is the same in every starter. */
const ADVISORY_LOCK = 7_282_001;
/** The old version serves meanwhile: a migration that waits for a table longer than this lets everybody pass, and tries again. */
const LOCK_PATIENCE_MS = 2_000;
const ATTEMPTS = 60;
const PAUSE_MS = 500;
/** What those meet who wait for each other: lock_not_available, deadlock_detected. */
const PASSING = ['55P03', '40P01'];

export async function migrationNames(): Promise<string[]> {
  return (await readdir(DIRECTORY)).filter((name) => name.endsWith('.sql')).sort();
}

/** Numbered plain SQL files, each run in one transaction. */
const migrationSource = (upTo: string | undefined): Knex.MigrationSource<string> => ({
  async getMigrations() {
    return (await migrationNames()).filter((name) => upTo === undefined || name <= upTo);
  },
  getMigrationName: (name) => name,
  async getMigration(name) {
    const sql = await readFile(DIRECTORY + name, 'utf8');
    return {
      async up(knex: Knex) {
        await knex.raw(`set local lock_timeout = ${LOCK_PATIENCE_MS}`);
        await knex.raw(sql.replaceAll('?', '\\?'));
      },
      async down() {
        throw new Error(`Migration ${name} has no way back: restore a backup instead`);
      },
    };
  },
});

/**
 * Brings the schema up to date, or up to a version. Two starters may race: the second waits on an advisory lock and finds the work
 * done. Returns the names of the migrations that ran.
 */
export async function migrate(databaseUrl: string, options: { readonly upTo?: string } = {}): Promise<string[]> {
  const db = createPool(databaseUrl, { max: 2 });
  try {
    const holder = await db.client.acquireConnection();
    try {
      await holder.query('select pg_advisory_lock($1)', [ADVISORY_LOCK]);
      return await runAll(db, options.upTo);
    } finally {
      await holder.query('select pg_advisory_unlock($1)', [ADVISORY_LOCK]);
      await db.client.releaseConnection(holder);
    }
  } finally {
    await db.destroy();
  }
}

/** Each attempt is whole or nothing; what an earlier one has done stays done. */
async function runAll(db: Db, upTo: string | undefined): Promise<string[]> {
  const config = { migrationSource: migrationSource(upTo), tableName: 'migrations' };
  const ran = async (): Promise<string[]> =>
    ((await db.migrate.list(config)) as [{ name: string }[], unknown])[0].map(({ name }) => name);
  const before = new Set(await ran());
  for (let attempt = 1; ; attempt += 1) {
    try {
      await db.migrate.latest(config);
      return (await ran()).filter((name) => !before.has(name));
    } catch (error) {
      if (!PASSING.includes((error as { code?: string }).code ?? '') || attempt >= ATTEMPTS) throw error;
      await delay(PAUSE_MS);
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const databaseUrl = process.env['DATABASE_URL'];
  if (!databaseUrl) throw new Error('DATABASE_URL is not set: which database shall be migrated?');
  const names = await migrate(databaseUrl);
  process.stdout.write(names.length ? `Migrated: ${names.join(', ')}\n` : 'The schema is up to date\n');
}
