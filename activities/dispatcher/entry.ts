import { claimRows, postponeRows, settleRows, tryLockEntry, unlockEntry, type EntryKey, type InboxRow } from '../../db/inbox.ts';
import type { Logger } from '../../db/log.ts';
import type { Db, Transaction } from '../../db/pool.ts';
import type { Tracing } from '../../db/tracing.ts';
import { rowIdsOf, type Delivery } from './deliveries.ts';
import { prepareDeliveries } from './prepare.ts';
import { send, type SendingDeps } from './send.ts';
import { describeTemporalError, isRefusedForGood, SendingFailed } from './temporal-errors.ts';

export type EntryOutcome =
  /** What waited was handed to Temporal. */
  | 'delivered'
  /** What waited was settled without Temporal. */
  | 'settled'
  /** Somebody else is at it, or holds its first row. */
  | 'busy'
  /** Temporal did not take it; its rows wait for their next attempt. */
  | 'postponed';

export interface EntryDeps extends SendingDeps {
  readonly log: Logger;
  readonly country: string;
  readonly batchSize: number;
  readonly tracing?: Tracing | undefined;
}

const FIRST_DELAY_MS = 1_000;
export const LONGEST_DELAY_MS = 60_000;

/** Delivers what waits of one entry, in order, while nobody else does. Whatever dies in between, what is not marked comes again. */
export async function deliverEntry(deps: EntryDeps, key: EntryKey): Promise<EntryOutcome> {
  const connection: unknown = await deps.db.client.acquireConnection();
  try {
    if (!(await tryLockEntry(deps.db, connection, key))) return 'busy';
    try {
      const deliver = () => deliverBatches(deps, key, connection);
      return await (deps.tracing?.inCall('deliver', key.entry, {}, deliver) ?? deliver());
    } finally {
      await unlock(deps.db, connection, key);
    }
  } finally {
    await deps.db.client.releaseConnection(connection);
  }
}

/** A connection that cannot give its lock back must not serve anybody else: the server frees the lock when it closes. */
async function unlock(db: Db, connection: unknown, key: EntryKey): Promise<void> {
  try {
    await unlockEntry(db, connection, key);
  } catch (error) {
    (connection as { __knex__disposed?: unknown }).__knex__disposed = error;
  }
}

async function deliverBatches(deps: EntryDeps, key: EntryKey, connection: unknown): Promise<EntryOutcome> {
  let size = deps.batchSize;
  let outcome: EntryOutcome = 'busy';
  for (;;) {
    const { rows, deliveries } = await prepareBatch(deps, key, connection, size);
    if (rows.length === 0) return outcome;
    const sent = await sendAll(deps, connection, rows, deliveries);
    if (sent === 'postponed') return sent;
    if (sent === 'refused') size = 1;
    else if (outcome !== 'delivered') outcome = sent;
    // Less than a whole batch was all there was; what has come since rings the bell itself.
    if (sent !== 'refused' && rows.length < size) return outcome;
  }
}

interface Batch {
  readonly rows: readonly InboxRow[];
  readonly deliveries: readonly Delivery[];
}

/** A batch that Postgres itself rejects is taken apart: the one row that is to blame is given up, the others go on. */
async function prepareBatch(deps: EntryDeps, key: EntryKey, connection: unknown, size: number): Promise<Batch> {
  let claimed: readonly InboxRow[] = [];
  try {
    return await inTransaction(deps.db, connection, async (trx) => {
      const rows = await claimRows(trx, key, size);
      claimed = rows;
      return { rows, deliveries: rows.length > 0 ? await prepareDeliveries(trx, rows, deps.country) : [] };
    });
  } catch (error) {
    if (!isOurFault(error)) throw error;
    if (claimed.length > 1) return prepareBatch(deps, key, connection, 1);
    const [row] = claimed;
    if (!row) throw error;
    deps.log.error({ inboxId: row.id, err: error }, 'Gave up an inbox row that cannot be prepared');
    return { rows: [row], deliveries: [givenUp(row, 'cannot_be_prepared', error)] };
  }
}

/** Rather a mistake in the program or an odd row than a database that is away, busy or restarting. */
function isOurFault(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (/^(22|23|42)/u.test(code)) return true;
  return code === '' && (error instanceof TypeError || error instanceof RangeError);
}

function givenUp(row: InboxRow, why: string, error: unknown): Delivery {
  const message = error instanceof Error ? error.name : 'unknown error';
  return { kind: 'none', settled: { id: row.id, verdict: 'failed', why, workflowId: null, error: message } };
}

async function sendAll(
  deps: EntryDeps,
  connection: unknown,
  rows: readonly InboxRow[],
  deliveries: readonly Delivery[],
): Promise<Exclude<EntryOutcome, 'busy'> | 'refused'> {
  for (const [index, delivery] of deliveries.entries()) {
    try {
      await settleRows(deps.db, connection, await send(deps, delivery));
    } catch (error) {
      if (!(error instanceof SendingFailed)) throw error;
      if (isRefusedForGood(error.cause)) return refused(deps, connection, delivery, error);
      const left = new Set(deliveries.slice(index).flatMap(rowIdsOf));
      await putOff(
        deps,
        connection,
        rows.filter((row) => left.has(row.id)),
        error,
      );
      return 'postponed';
    }
  }
  return deliveries.some((delivery) => delivery.kind !== 'none') ? 'delivered' : 'settled';
}

/** Temporal refuses a delivery for good: a batch is taken apart, to see which row is to blame, and that one is given up. */
async function refused(
  deps: EntryDeps,
  connection: unknown,
  delivery: Delivery,
  failure: SendingFailed,
): Promise<'refused' | 'settled'> {
  const [id, ...others] = rowIdsOf(delivery);
  if (others.length > 0 || id === undefined) return 'refused';
  const error = describeTemporalError(failure.cause);
  deps.log.error({ inboxId: id, error }, 'Gave up an inbox row that Temporal refuses');
  await settleRows(deps.db, connection, [{ id, verdict: 'failed', why: 'refused_by_temporal', workflowId: null, error }]);
  return 'settled';
}

async function putOff(deps: EntryDeps, connection: unknown, rows: readonly InboxRow[], failure: SendingFailed): Promise<void> {
  const [first] = rows;
  const attempts = first?.attempts ?? 0;
  const delayMs = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempts, 10));
  const error = describeTemporalError(failure.cause);
  await postponeRows(
    deps.db,
    connection,
    rows.map((row) => row.id),
    { delayMs, error },
  );
  deps.log.warn({ inboxId: first?.id, waiting: rows.length, attempts: attempts + 1, error }, 'Temporal did not take an entry');
}

function inTransaction<T>(db: Db, connection: unknown, work: (trx: Transaction) => Promise<T>): Promise<T> {
  return db.transaction(work, { connection });
}
