import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { migrate } from '../db/migrate.ts';
import { createPool } from '../db/pool.ts';
import { rebuildFacts } from '../db/statistics/facts.ts';
import { databaseExists, urlOfDatabase, withClient } from '../run/postgres-server.ts';
import { startPostgres } from '../run/postgres.ts';
import type { Service } from '../run/supervise.ts';
import { fill } from './statistics-data.ts';

export const DATABASE = 'trubka_bench_statistics';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

export interface Server {
  readonly url: string;
  /** Of one that was started here. */
  readonly service?: Service;
  stop(): Promise<void>;
}

/** One of our own in the directory to keep it in, TEST_DATABASE_URL's server, or one that goes with the run. All keep what is written. */
export async function provideServer(keep: string | undefined): Promise<Server> {
  if (keep !== undefined) {
    const postgres = await startPostgres({ directory: join(resolve(keep), 'postgres'), durable: true });
    return { url: postgres.serverUrl, service: postgres.service, stop: () => postgres.stop() };
  }
  const given = process.env['TEST_DATABASE_URL'];
  if (given) return { url: given, stop: () => Promise.resolve() };
  const directory = await mkdtemp(join(tmpdir(), 'trubka-bench-'));
  const postgres = await startPostgres({ directory: join(directory, 'postgres'), durable: true });
  return {
    url: postgres.serverUrl,
    async stop() {
      await postgres.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export interface Size {
  readonly tickets: number;
  readonly days: number;
}

/** Whether the database is there from an earlier run with `--keep`. */
export const isFilled = (server: string): Promise<boolean> => withClient(server, (client) => databaseExists(client, DATABASE));

export async function fillDatabase(server: string, { tickets, days }: Size): Promise<void> {
  await withClient(server, (client) => client.query(`create database ${DATABASE}`));
  await migrate(urlOfDatabase(server, DATABASE));
  const db = createPool(urlOfDatabase(server, DATABASE));
  const timed = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    const startedAt = performance.now();
    await work();
    say(`${what}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
  };
  try {
    await timed(`Filling with ${tickets} tickets, ${tickets * 3} messages and ${tickets * 10} lines of the record`, () =>
      db.transaction((trx) => fill(trx, { tickets, days, agents: 50, customers: Math.max(1000, tickets / 10) })),
    );
    await withClient(urlOfDatabase(server, DATABASE), (client) => client.query('vacuum analyze'));
    await timed('Computing the facts', () => rebuildFacts(db));
    await withClient(urlOfDatabase(server, DATABASE), (client) => client.query('vacuum analyze'));
  } finally {
    await db.destroy();
  }
}
