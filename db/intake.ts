import { createHash } from 'node:crypto';
import pg from 'pg';
import { INSPECTOR_CHANNEL } from './inspector.ts';
import { GENERIC_PLANS } from './pool.ts';
import type { Secrets } from './secrets.ts';

/** No answer of the intake takes longer than this: a PBX that waits may hang up for good. */
export const INTAKE_DEADLINE_MS = 2_000;
const MAX_CONNECTIONS = 6;
/** How long a changed key or salt may go unnoticed. A signature that fails is checked against the database itself. */
const CACHE_MS = 5_000;
const NOTED_EVERY_MS = 10_000;
const KEPT_REFUSALS = 1_000;
/** The database must not be filled by whoever has no key. */
export const REFUSALS_PER_SECOND = 5;

/** An account at the PBX, with what its webhooks are signed with. */
export interface SigningAccount {
  readonly integrationId: string;
  readonly salt: string;
}

export interface InboxEntry {
  readonly integrationId: string;
  readonly key: string;
  readonly entry: string | null;
  readonly path: string;
  readonly body: unknown;
  readonly raw: string;
}

export type Stored = 'stored' | 'repeated' | 'differing';

export interface Refused {
  readonly path: string;
  readonly reason: string;
  readonly integrationId: string | null;
  readonly address: string | null;
  readonly detail: Readonly<Record<string, unknown>>;
  /** Looked for only if the refusal is remembered: finding out costs more than refusing. */
  readonly findWhy?: () => Promise<string | null>;
}

/**
 * Connections of the webhooks' own: whatever the rest of the API asks of the database, an event finds a free one.
 * A statement that does not come back in time takes its connection with it.
 */
export function createIntakePool(databaseUrl: string): pg.Pool {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    application_name: 'trubka-intake',
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: INTAKE_DEADLINE_MS,
    query_timeout: INTAKE_DEADLINE_MS,
    statement_timeout: INTAKE_DEADLINE_MS - 100,
    keepAlive: true,
    options: GENERIC_PLANS,
  });
  // Postgres went away under an idle connection: the pool has dropped it, and the next event opens another.
  pool.on('error', () => undefined);
  return pool;
}

/**
 * Commits an event, flushed to disk whatever the database's own setting is. Whoever repeats it learns so; a second event that
 * claims the key of the first and says something else is kept beside it, for admins to see, and delivered to nobody.
 */
export async function storeEvent(pool: pg.Pool, event: InboxEntry): Promise<Stored> {
  const body = JSON.stringify(event.body);
  if (await insert(pool, event, body, null)) return 'stored';
  const same = await noteRepeat(pool, event, body);
  if (same) return 'repeated';
  const other = createHash('sha256').update(body, 'utf8').digest('hex').slice(0, 16);
  await insert(pool, { ...event, key: `${event.key}#${other}`, entry: null }, body, 'differs_from_first');
  return 'differing';
}

async function insert(pool: pg.Pool, event: InboxEntry, body: string, why: string | null): Promise<boolean> {
  const { rowCount } = await pool.query({
    name: 'store event',
    text: `insert into inbox (source, integration_id, key, entry, path, body, raw, why, verdict, delivered_at)
     select 'pbx', $1::uuid, $2, $3::text, $4, $5::jsonb, $6, $7,
       case when $3::text is null then 'kept' else 'accepted' end, case when $3::text is null then now() end
     from (select set_config('synchronous_commit', 'on', true) as synchronous) as setting
     where synchronous = 'on'
     on conflict (source, coalesce(integration_id, '00000000-0000-0000-0000-000000000000'::uuid), key) do nothing`,
    values: [event.integrationId, event.key, event.entry, event.path, body, event.raw, why],
  });
  return rowCount === 1;
}

/** Counts the repeat unless somebody holds the row; true if it says what the first one said. */
async function noteRepeat(pool: pg.Pool, event: InboxEntry, body: string): Promise<boolean> {
  const { rows } = await pool.query<{ id: string; same: boolean }>(
    `select id, redacted_at is not null or body = $3::jsonb as same from inbox
     where source = 'pbx' and coalesce(integration_id, '00000000-0000-0000-0000-000000000000'::uuid) = $1::uuid and key = $2`,
    [event.integrationId, event.key, body],
  );
  const [first] = rows;
  if (!first) return true;
  await pool.query(
    'update inbox set repeats = repeats + 1, repeated_at = now() where id = (select id from inbox where id = $1 for update skip locked)',
    [first.id],
  );
  await pool.query('select pg_notify($1, $2)', [INSPECTOR_CHANNEL, '']);
  return first.same;
}

export interface SigningAccounts {
  /** The account of a key, as lately known; `fresh` asks the database. Null: no account has this key. */
  find(key: string, options?: { readonly fresh?: boolean }): Promise<SigningAccount | null>;
  /** Every account's, to find out whose a stray signature is. */
  all(): Promise<readonly SigningAccount[]>;
  /** Whether an account of this key was here once. */
  wasRemoved(key: string): Promise<boolean>;
}

export function createSigningAccounts(pool: pg.Pool, secrets: Secrets): SigningAccounts {
  const known = new Map<string, { readonly account: SigningAccount; readonly until: number }>();
  return {
    async find(key, options = {}) {
      const hash = secrets.hashKey(key);
      const name = hash.toString('hex');
      const cached = known.get(name);
      if (cached && cached.until > Date.now() && !options.fresh) return cached.account;
      known.delete(name);
      const { rows } = await pool.query<{ id: string; api_salt_encrypted: Buffer }>(
        'select id, api_salt_encrypted from integrations where api_key_hash = $1 and removed_at is null',
        [hash],
      );
      const [row] = rows;
      if (!row) return null;
      const account = { integrationId: row.id, salt: secrets.decrypt(row.api_salt_encrypted) };
      known.set(name, { account, until: Date.now() + CACHE_MS });
      return account;
    },
    async all() {
      const { rows } = await pool.query<{ id: string; api_salt_encrypted: Buffer }>(
        'select id, api_salt_encrypted from integrations where removed_at is null order by created_at limit 50',
      );
      return rows.map((row) => ({ integrationId: row.id, salt: secrets.decrypt(row.api_salt_encrypted) }));
    },
    async wasRemoved(key) {
      const { rowCount } = await pool.query(
        'select from integrations where api_key_hash = $1 and removed_at is not null limit 1',
        [secrets.hashKey(key)],
      );
      return rowCount === 1;
    },
  };
}

/** Notes that a PBX account is alive, now and then; it decides nothing, so nobody waits for it. */
export function createLastEventNote(pool: pg.Pool): (integrationId: string) => void {
  const noted = new Map<string, number>();
  return (integrationId) => {
    const now = Date.now();
    if ((noted.get(integrationId) ?? 0) > now - NOTED_EVERY_MS) return;
    noted.set(integrationId, now);
    pool
      .query('update integrations set last_event_at = now() where id = $1', [integrationId])
      .catch(() => noted.delete(integrationId));
  };
}

/**
 * Remembers refused requests for the inspector: the newest thousand, a few per second. What was passed over in between is counted in the next.
 */
export function createRefusalRecord(pool: pg.Pool, perSecond: number): (refused: Refused) => void {
  let second = 0;
  let left = 0;
  let passedOver = 0;
  return (refused) => {
    const now = Math.floor(Date.now() / 1000);
    if (now !== second) [second, left] = [now, perSecond];
    if (left === 0) {
      passedOver += 1;
      return;
    }
    left -= 1;
    const detail = passedOver > 0 ? { ...refused.detail, passedOver } : refused.detail;
    passedOver = 0;
    recordRefusal(pool, { ...refused, detail }).catch(() => undefined);
  };
}

async function recordRefusal(pool: pg.Pool, { findWhy, ...refused }: Refused): Promise<void> {
  const why = (await findWhy?.().catch(() => null)) ?? null;
  const detail = why === null ? refused.detail : { ...refused.detail, why };
  await pool.query('insert into refused_events (path, reason, integration_id, address, detail) values ($1, $2, $3, $4, $5)', [
    refused.path,
    refused.reason,
    refused.integrationId,
    refused.address,
    JSON.stringify(detail),
  ]);
  await pool.query('delete from refused_events where id <= (select id from refused_events order by id desc offset $1 limit 1)', [
    KEPT_REFUSALS,
  ]);
  await pool.query('select pg_notify($1, $2)', [INSPECTOR_CHANNEL, '']);
}
