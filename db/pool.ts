import knex, { type Knex } from 'knex';
import { PreparedClient } from './prepared-client.ts';

export type Db = Knex;
export type Transaction = Knex.Transaction;
/** Either: what a query needs that does not care whether it runs alone or inside a transaction. */
export type Executor = Knex | Knex.Transaction;

export interface PoolOptions {
  readonly max?: number;
  /** For processes that repeat the same few statements endlessly: they are parsed and planned once per connection. */
  readonly prepared?: boolean;
}
/**
 * For connections whose few statements find rows by keys: each is planned once, without trying whether its parameters deserve a plan of
 * their own, as they never do.
 */
export const GENERIC_PLANS = '-c plan_cache_mode=force_generic_plan';

/** The driver would write to standard output by itself; what fails is thrown too, and logged by whoever catches it. */
const SILENT = { warn() {}, error() {}, deprecate() {}, debug() {} };

/** A pool of connections. Statements are cut off after 20 s, so that no request waits for ever. */
export function createPool(databaseUrl: string, options: PoolOptions = {}): Db {
  const db = knex({
    client: options.prepared ? (PreparedClient as unknown as typeof Knex.Client) : 'pg',
    connection: {
      connectionString: databaseUrl,
      application_name: 'trubka',
      statement_timeout: 20_000,
      connectionTimeoutMillis: 5_000,
    },
    pool: { min: 0, max: options.max ?? 8 },
    acquireConnectionTimeout: 5_000,
    log: SILENT,
  });
  db.on('query-error', hideValue);
  return db;
}

/** Another pool at the database of `db`, whose connections plan each statement once (`GENERIC_PLANS`). */
export function ownPool(db: Db, max: number): Db {
  const { connection, ...config } = db.client.config as { connection: object };
  const own = knex({ ...config, connection: { ...connection, options: GENERIC_PLANS }, pool: { min: 0, max } });
  own.on('query-error', hideValue);
  return own;
}

/** SQLSTATE class 22, data exception: the server repeats the value that it could not read, and that may be what somebody typed. */
function hideValue(error: Error & { readonly code?: string }, { sql }: { readonly sql: string }): void {
  const before = `${sql} - `;
  if (!error.code?.startsWith('22') || !error.message.startsWith(before)) return;
  const said = error.message.slice(before.length);
  const left = said.replace(/"[^]*"/, '"…"');
  error.message = before + left;
  if (error.stack) error.stack = error.stack.replace(said, () => left);
}

/** Runs `work` in one transaction; what it returns leaves only after the commit. */
export function inTransaction<T>(db: Db, work: (trx: Transaction) => Promise<T>): Promise<T> {
  return db.transaction(work);
}
