import type { Executor, Transaction } from './pool.ts';

/** An account whose calls are to be compared with the PBX's statistics. */
export interface Reconciliation {
  readonly integrationId: string;
  /** Calls before it was connected are none of ours. */
  readonly connectedAt: Date;
  /** Null before the first comparison. */
  readonly reconciledUntil: Date | null;
}

export async function listReconciliations(db: Executor): Promise<Reconciliation[]> {
  return (await db('integrations as i')
    .leftJoin('pbx_reconciliations as r', 'r.integration_id', 'i.id')
    .whereNull('i.removed_at')
    .orderBy('i.created_at')
    .select({ integrationId: 'i.id', connectedAt: 'i.created_at', reconciledUntil: 'r.reconciled_until' })) as Reconciliation[];
}

export interface ReconciliationRun {
  readonly until: Date;
  readonly callsSeen: number;
  readonly eventsAdded: number;
}

/** How far the comparison has come. */
export async function storeReconciliation(db: Executor, integrationId: string, run: ReconciliationRun): Promise<void> {
  await db.raw(
    `insert into pbx_reconciliations (integration_id, reconciled_until, calls_seen, events_added)
     values (:integrationId, :until, :callsSeen, :eventsAdded)
     on conflict (integration_id) do update
       set reconciled_until = greatest(pbx_reconciliations.reconciled_until, excluded.reconciled_until), ran_at = excluded.ran_at,
         calls_seen = excluded.calls_seen, events_added = excluded.events_added, code = null`,
    { integrationId, ...run },
  );
}

/** The PBX did not tell: the same period is asked for next time. */
export async function storeReconciliationFailure(db: Executor, integrationId: string, from: Date, code: string): Promise<void> {
  await db.raw(
    `insert into pbx_reconciliations (integration_id, reconciled_until, code) values (:integrationId, :from, :code)
     on conflict (integration_id) do update set ran_at = excluded.ran_at, calls_seen = 0, events_added = 0, code = excluded.code`,
    { integrationId, from, code },
  );
}

export interface EntryRow {
  readonly entry: string;
  readonly path: string;
  readonly body: unknown;
}

/** Events of these entries, in the order in which they came. */
export async function eventsOfEntries(db: Executor, integrationId: string, entries: readonly string[]): Promise<EntryRow[]> {
  return (await db('inbox')
    .where({ integration_id: integrationId })
    .whereIn('source', ['pbx', 'reconcile'])
    .whereIn('entry', [...entries])
    .whereNotNull('path')
    .orderBy('id')
    .select('entry', 'path', 'body')) as EntryRow[];
}

export interface EntryState {
  /** The call's workflow has decided that it is over. */
  readonly over: boolean;
  /** Something of it is still on its way, or came a moment ago: it is not asked what is missing. */
  readonly busy: boolean;
  /** Recordings that are kept. */
  readonly recordingIds: readonly string[];
}

/** Entries of which anything is known, also if their raw events have been deleted since. */
export async function statesOfEntries(
  db: Executor,
  integrationId: string,
  entries: readonly string[],
  quietMs: number,
): Promise<ReadonlyMap<string, EntryState>> {
  const { rows } = await db.raw<{ rows: (EntryState & { entry: string })[] }>(
    `with asked as (select unnest(cast(:entries as text[])) as entry),
     heard as (
       select entry, bool_or(delivered_at is null or received_at > clock_timestamp() - :quietMs * interval '1 ms') as busy
       from inbox where integration_id = :integrationId and source in ('pbx', 'reconcile') and entry = any(cast(:entries as text[]))
       group by entry)
     select asked.entry, coalesce(c.state = 'over', false) as over, coalesce(heard.busy, false) as busy,
       array(select r.recording_id from recordings r where r.call_id = c.id and r.recording_id is not null and r.state = 'ready') as "recordingIds"
     from asked
     left join heard on heard.entry = asked.entry
     left join calls c on c.integration_id = :integrationId and c.entry_id = asked.entry
     where heard.entry is not null or c.id is not null`,
    { integrationId, entries: [...entries], quietMs },
  );
  return new Map(rows.map(({ entry, ...state }) => [entry, state]));
}

/** A callback we ordered of which no event has come. */
export interface WaitingCallback {
  readonly commandId: string;
  readonly phone: string | null;
  readonly startedAt: Date;
  /** Extensions of the agent who ordered it. */
  readonly extensions: readonly string[];
}

export async function waitingCallbacks(db: Executor, integrationId: string, from: Date, to: Date): Promise<WaitingCallback[]> {
  const { rows } = await db.raw<{ rows: WaitingCallback[] }>(
    `select c.command_id as "commandId", c.phone, c.started_at as "startedAt",
       array(select o.extension from operators o where o.integration_id = c.integration_id and o.agent_id = c.ordered_by) as extensions
     from calls c
     where c.integration_id = ? and c.command_id is not null and c.entry_id is null and c.merged_into is null
       and c.command_state in ('sent', 'accepted', 'unknown', 'refused', 'cancelled') and c.started_at between ? and ?
     order by c.started_at`,
    [integrationId, from, to],
  );
  return rows;
}

export interface ReconciledRow {
  readonly key: string;
  readonly entry: string;
  readonly path: string;
  readonly body: object;
}

/** Puts what was missing through the one door; what is there already is dropped. Returns how many rows are new. */
export async function insertReconciled(trx: Transaction, integrationId: string, rows: readonly ReconciledRow[]): Promise<number> {
  let added = 0;
  for (const { key, entry, path, body } of rows) {
    const { rowCount } = await trx.raw<{ rowCount: number }>(
      `insert into inbox (source, integration_id, key, entry, path, body)
       values ('reconcile', :integrationId, :key, :entry, :path, cast(:body as jsonb)) on conflict do nothing`,
      { integrationId, key, entry, path, body: JSON.stringify(body) },
    );
    added += rowCount;
  }
  return added;
}
