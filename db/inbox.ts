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

/** What became of one row. */
export interface Settled {
  readonly id: string;
  readonly verdict: Verdict;
  readonly why: string | null;
  readonly workflowId: string | null;
  readonly error?: string | null;
}

/** Seeds the hash of the advisory locks, so that they meet no lock of another purpose. */
const LOCK_SEED = 7_282_004;
const LOCK = 'hashtextextended(? || chr(47) || ?, ?)';

const lockBindings = (key: EntryKey): (string | number)[] => [key.integrationId ?? '', key.entry, LOCK_SEED];
export const nameOfEntry = (key: EntryKey): string => `${key.integrationId ?? ''}/${key.entry}`;

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

/** Held by the session and not by a transaction: none stays open while Temporal is spoken to (the event stream waits for those). */
export async function tryLockEntry(db: Db, connection: unknown, key: EntryKey): Promise<boolean> {
  const { rows } = (await db.raw(`select pg_try_advisory_lock(${LOCK}) as locked`, lockBindings(key)).connection(connection)) as {
    rows: { locked: boolean }[];
  };
  return rows[0]?.locked === true;
}

export async function unlockEntry(db: Db, connection: unknown, key: EntryKey): Promise<void> {
  await db.raw(`select pg_advisory_unlock(${LOCK})`, lockBindings(key)).connection(connection);
}

/**
 * The entry's oldest undelivered rows, in order. A row that somebody else holds ends the batch: nothing overtakes it.
 * The locks alone need not survive a crash; whoever writes more in this transaction calls `makeDurable`.
 */
export async function claimRows(trx: Executor, key: EntryKey, limit: number): Promise<InboxRow[]> {
  const { rows } = await trx.raw<{ rows: (InboxRow & { held_from: string | null })[] }>(
    `with claimed as (
       select inbox.id, source, integration_id, key, entry, path, body, received_at, attempts
       from inbox, (select set_config('synchronous_commit', 'off', true) as synchronous) as setting
       where entry = :entry and integration_id is not distinct from :integration::uuid and delivered_at is null and synchronous = 'off'
       order by inbox.id limit :limit for update of inbox skip locked)
     select claimed.*, (
       select min(held.id) from inbox held
       where held.entry = :entry and held.integration_id is not distinct from :integration::uuid and held.delivered_at is null
         and held.id not in (select id from claimed)) as held_from
     from claimed order by id`,
    { entry: key.entry, integration: key.integrationId as string, limit },
  );
  const heldFrom = rows[0]?.held_from ?? null;
  return heldFrom === null ? rows : rows.filter((row) => BigInt(row.id) < BigInt(heldFrom));
}

/** What this transaction wrote is on disk before anybody is told of it, whatever the database's own setting. */
export async function makeDurable(trx: Executor): Promise<void> {
  await trx.raw(`select set_config('synchronous_commit', 'on', true)`);
}

/**
 * Marks rows as done with. Need not survive a crash: what was marked and forgotten is delivered again and dropped by its receiver,
 * so nobody waits for the disk.
 */
export async function settleRows(db: Db, connection: unknown, settled: readonly Settled[]): Promise<void> {
  if (settled.length === 0) return;
  const statement = db.raw(
    `update inbox set verdict = done.verdict, why = coalesce(done.why, inbox.why), workflow_id = done."workflowId",
       last_error = done.error, attempts = attempts + 1, delivered_at = now()
     from jsonb_to_recordset(?::jsonb) as done (id bigint, verdict text, why text, "workflowId" text, error text),
       (select set_config('synchronous_commit', 'off', true) as synchronous) as setting
     where inbox.id = done.id and inbox.delivered_at is null and synchronous = 'off'`,
    [JSON.stringify(settled)],
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
