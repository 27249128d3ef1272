import { readFile, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { createPool } from './pool.ts';
import type { Knex } from 'knex';

const DIRECTORY = fileURLToPath(new URL('./migrations/', import.meta.url));
/** Any constant will do, as long as it is the same in every starter. */
const ADVISORY_LOCK = 7_282_001;

/** Numbered plain SQL files, each run in one transaction. */
const migrationSource: Knex.MigrationSource<string> = {
  async getMigrations() {
    return (await readdir(DIRECTORY)).filter((name) => name.endsWith('.sql')).sort();
  },
  getMigrationName: (name) => name,
  async getMigration(name) {
    const sql = await readFile(DIRECTORY + name, 'utf8');
    return {
      async up(knex: Knex) {
        await knex.raw(sql.replaceAll('?', '\\?'));
      },
      async down() {
        throw new Error(`Migration ${name} has no way back: restore a backup instead`);
      },
    };
  },
};

/**
 * Brings the schema up to date. Two starters may race: the second waits on an advisory lock and finds the work done.
 * Returns the names of the migrations that ran.
 */
export async function migrate(databaseUrl: string): Promise<string[]> {
  const db = createPool(databaseUrl, { max: 2 });
  try {
    const holder = await db.client.acquireConnection();
    try {
      await holder.query('select pg_advisory_lock($1)', [ADVISORY_LOCK]);
      const [, names] = (await db.migrate.latest({ migrationSource, tableName: 'migrations' })) as [number, string[]];
      return names;
    } finally {
      await holder.query('select pg_advisory_unlock($1)', [ADVISORY_LOCK]);
      await db.client.releaseConnection(holder);
    }
  } finally {
    await db.destroy();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const databaseUrl = process.env['DATABASE_URL'];
  if (!databaseUrl) throw new Error('DATABASE_URL is not set: which database shall be migrated?');
  const names = await migrate(databaseUrl);
  process.stdout.write(names.length ? `Migrated: ${names.join(', ')}\n` : 'The schema is up to date\n');
}
