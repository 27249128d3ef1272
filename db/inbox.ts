import type { DispatchCall } from './dispatch.ts';
import type { Db, Executor } from './pool.ts';

export type Verdict = 'accepted' | 'kept' | 'ignored' | 'late' | 'delivered' | 'failed';

/** Whose turn it is: rows of one PBX entry (or callback) are delivered one batch after the other. */
export interface EntryKey {
  readonly integrationId: string | null;
  readonly entry: string;
}

export interface InboxRow {
  readonly id: string;
  readonly source: 'pbx' | 'agent' | 'system' | 'reconcile';
  readonly integration_id: string | null;
  readonly key: string;
  readonly entry: string;
  readonly path: string | null;
  readonly body: unknown;
  readonly received_at: Date;
  readonly attempts: number;
}

/** Where rows that were committed to the inbox are told of. */
export const INBOX_CHANNELS = ['inbox', 'inbox_asked', 'inbox_ringing'] as const;

/** What became of one row. */
export interface Settled {
  readonly id: string;
  readonly verdict: Verdict;
  readonly why: string | null;
  readonly workflowId: string | null;
  readonly error?: string | null;
}

export const nameOfEntry = (key: EntryKey): string => `${key.integrationId ?? ''}/${key.entry}`;

/** The entry of that name; undefined if it is none. */
export function entryNamed(name: string): EntryKey | undefined {
  const slash = name.indexOf('/');
  if (slash < 0) return undefined;
  return { integrationId: name.slice(0, slash) || null, entry: name.slice(slash + 1) };
}

/**
 * Entries whose oldest undelivered row is due, or will be within `aheadMs`. Looks at rows' state, never at "ids above the last one seen": a transaction that
 * took its id early may commit late.
 */
export async function findWaitingEntries(
  db: Executor,
  options: { readonly limit: number; readonly except: readonly string[]; readonly aheadMs?: number },
): Promise<EntryKey[]> {
  const { rows } = await db.raw<{ rows: { integration_id: string | null; entry: string }[] }>(
    `select head.integration_id, head.entry from inbox head
     where head.delivered_at is null and head.entry is not null
       and head.next_attempt_at <= now() + ? * interval '1 millisecond'
       and not (coalesce(head.integration_id::text, '') || '/' || head.entry = any(?::text[]))
       and not exists (
         select from inbox earlier
         where earlier.entry = head.entry and earlier.id < head.id and earlier.delivered_at is null
           and earlier.integration_id is not distinct from head.integration_id)
     order by head.next_attempt_at, head.id limit ?`,
    [options.aheadMs ?? 0, [...options.except], options.limit],
  );
  return rows.map((row) => ({ integrationId: row.integration_id, entry: row.entry }));
}

/** What waits of one entry, and what is known of its call. */
export interface Claim {
  readonly rows: readonly InboxRow[];
  readonly call: DispatchCall | null;
  readonly numbers: ReadonlyMap<string, number>;
  /** Differs whenever the account's operators do. */
  readonly operatorsVersion: string;
  /** The stored country of numbers without a country code. */
  readonly country: string | null;
}

interface ClaimJson {
  readonly rows: readonly (Omit<InboxRow, 'received_at'> & { readonly received_at: string })[];
  readonly call: DispatchCall | null;
  readonly numbers: readonly (readonly [string, number])[];
  readonly operators: string;
  readonly country: string | null;
}

/**
 * Takes the entry, unless this connection `holds` it already, and its oldest undelivered rows in order; null if somebody else has it.
 * Given back by `settleRows` or `unlockEntry` on the same connection.
 */
export async function claimEntry(
  db: Db,
  connection: unknown,
  key: EntryKey,
  { limit, holds }: { readonly limit: number; readonly holds: boolean },
): Promise<Claim | null> {
  const { rows } = (await db
    .raw('select inbox_claim(?::uuid, ?, ?, ?) as claim', [key.integrationId as string, key.entry, limit, holds])
    .connection(connection)) as { rows: { claim: ClaimJson | null }[] };
  const claim = rows[0]?.claim;
  if (!claim) return null;
  return {
    rows: claim.rows.map((row) => ({ ...row, received_at: new Date(row.received_at) })),
    call: claim.call,
    numbers: new Map(claim.numbers),
    operatorsVersion: claim.operators,
    country: claim.country,
  };
}

export async function unlockEntry(db: Db, connection: unknown, key: EntryKey): Promise<void> {
  await db
    .raw('select pg_advisory_unlock(inbox_lock_key(?::uuid, ?))', [key.integrationId as string, key.entry])
    .connection(connection);
}

/** What this transaction wrote is on disk before anybody is told of it, whatever the database's own setting. */
export async function makeDurable(trx: Executor): Promise<void> {
  await trx.raw(`select set_config('synchronous_commit', 'on', true)`);
}

/**
 * Marks rows as done with, and gives the entry back if it is named. Need not survive a crash: what was marked and forgotten is
 * delivered again and dropped by its receiver, so nobody waits for the disk.
 */
export async function settleRows(
  db: Db,
  connection: unknown,
  settled: readonly Settled[],
  { unlock }: { readonly unlock?: EntryKey | undefined } = {},
): Promise<void> {
  const statement = db.raw(
    `with settled as (
       update inbox set verdict = done.verdict, why = coalesce(done.why, inbox.why), workflow_id = done."workflowId",
         last_error = done.error, attempts = attempts + 1, delivered_at = now()
       from jsonb_to_recordset(?::jsonb) as done (id bigint, verdict text, why text, "workflowId" text, error text),
         (select set_config('synchronous_commit', 'off', true) as synchronous) as setting
       where inbox.id = done.id and inbox.delivered_at is null and synchronous = 'off' returning 1)
     select case when ?::text is not null then pg_advisory_unlock(inbox_lock_key(?::uuid, ?::text)) end from (select count(*) from settled) as done`,
    [
      JSON.stringify(settled),
      (unlock?.entry ?? null) as string,
      (unlock?.integrationId ?? null) as string,
      (unlock?.entry ?? null) as string,
    ],
  );
  await statement.connection(connection);
}

/** They stay in line: the first one's time is the whole entry's. */
export async function postponeRows(
  db: Db,
  connection: unknown,
  ids: readonly string[],
  options: { readonly delayMs: number; readonly error: string },
): Promise<void> {
  const statement = db.raw(
    `update inbox set attempts = attempts + 1, next_attempt_at = now() + ? * interval '1 millisecond', last_error = ?
     where id = any(?::bigint[]) and delivered_at is null`,
    [options.delayMs, options.error, [...ids]],
  );
  await statement.connection(connection);
}

/** Temporal is back: nobody who waited for it waits any longer. */
export async function hurryPostponedRows(db: Executor, errorPrefix: string): Promise<void> {
  await db.raw(
    `update inbox set next_attempt_at = now()
     where delivered_at is null and entry is not null and next_attempt_at > now() and starts_with(last_error, ?)`,
    [errorPrefix],
  );
}
