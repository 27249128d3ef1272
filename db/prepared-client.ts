import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';

interface Query {
  readonly sql: string;
  readonly bindings?: readonly unknown[];
  options?: { readonly name: string };
}

interface Connection {
  /** Read by knex: a connection with this is closed instead of being used again. */
  __knex__disposed?: unknown;
}

/** Statements are few and repeat; whoever builds an endless variety of them goes on without names. */
const MOST_NAMES = 500;
const names = new Map<string, string>();

function nameOf(sql: string): string | undefined {
  const known = names.get(sql);
  if (known !== undefined) return known;
  if (names.size >= MOST_NAMES) return undefined;
  const name = createHash('sha256').update(sql).digest('base64url').slice(0, 20);
  names.set(sql, name);
  return name;
}

/** A migration changed what a prepared `select *` returns: only a new connection can prepare it anew. */
const isOutOfDate = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === '0A000' && error.message.includes('cached plan');

type Base = new (config: object) => {
  _query(connection: Connection, query: Query): Promise<Query>;
};

/** Knex's own dialect; its package has no other door to it. */
const Postgres = createRequire(import.meta.url)('knex/lib/dialects/postgres/index.js') as Base;

/**
 * Speaks to PostgreSQL in prepared statements: each connection has a statement parsed and planned once instead of every time, which is
 * a good part of what a short statement costs. For pools that repeat a few statements endlessly.
 */
export class PreparedClient extends Postgres {
  override async _query(connection: Connection, query: Query): Promise<Query> {
    const name = query.bindings && query.bindings.length > 0 ? nameOf(query.sql) : undefined;
    if (name !== undefined) query.options = { ...query.options, name };
    try {
      return await super._query(connection, query);
    } catch (error) {
      if (isOutOfDate(error)) connection.__knex__disposed = error;
      throw error;
    }
  }
}
