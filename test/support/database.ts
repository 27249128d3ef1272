import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { migrate } from '../../db/migrate.ts';
import { createPool, type Db } from '../../db/pool.ts';
import { databaseExists, urlOfDatabase, withClient } from '../../run/postgres-server.ts';

const MIGRATIONS = fileURLToPath(new URL('../../db/migrations/', import.meta.url));
const TEMPLATE_LOCK = 7_282_002;
const IN_USE = '55006';

export interface TestDatabase {
  readonly url: string;
  readonly db: Db;
  /** Closes the pool and drops the database. */
  drop(): Promise<void>;
}

/** A database of its own for one test file: a clone of the migrated template, ready in some 100 ms. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = serverUrl();
  const template = await ensureTemplate(server);
  const name = `trubka_test_${randomBytes(6).toString('hex')}`;
  await withClient(server, (client) => whileInUse(() => client.query(`create database ${name} template ${template}`)));
  const url = urlOfDatabase(server, name);
  const db = createPool(url);
  return {
    url,
    db,
    async drop() {
      await db.destroy();
      await withClient(server, (client) => client.query(`drop database if exists ${name} with (force)`));
    },
  };
}

/** The superuser's address of the server that global setup found or started. */
export function serverUrl(): string {
  const url = process.env['TEST_DATABASE_URL'];
  if (!url)
    throw new Error('TEST_DATABASE_URL is not set: the test runs outside the projects that have test/support/global-setup.ts');
  return url;
}

/** Name of the migrated template; made once per server and set of migrations, whoever comes first. */
export async function ensureTemplate(server: string): Promise<string> {
  const name = `trubka_template_${await migrationsHash()}`;
  await withClient(server, async (client) => {
    if (await databaseExists(client, name)) return;
    await client.query('select pg_advisory_lock($1)', [TEMPLATE_LOCK]);
    if (await databaseExists(client, name)) return;
    const draft = `${name}_draft`;
    await client.query(`drop database if exists ${draft} with (force)`);
    await client.query(`create database ${draft}`);
    await migrate(urlOfDatabase(server, draft));
    await whileInUse(() => client.query(`alter database ${draft} rename to ${name}`));
  });
  return name;
}

async function migrationsHash(): Promise<string> {
  const hash = createHash('sha256');
  for (const name of (await readdir(MIGRATIONS)).filter((file) => file.endsWith('.sql')).sort()) {
    hash.update(name).update(await readFile(MIGRATIONS + name));
  }
  return hash.digest('hex').slice(0, 16);
}

/** A closed connection lives on in the server for some milliseconds, and until then its database counts as being used. */
async function whileInUse<T>(work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if ((error as { code?: string }).code !== IN_USE || Date.now() > deadline) throw error;
      await delay(20);
    }
  }
}
