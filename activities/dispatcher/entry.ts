import {
  claimEntry,
  postponeRows,
  settleRows,
  unlockEntry,
  type Claim,
  type EntryKey,
  type InboxRow,
  type Settled,
} from '../../db/inbox.ts';
import { forgetRank } from '../../db/calls.ts';
import type { Logger } from '../../db/log.ts';
import type { Db, Transaction } from '../../db/pool.ts';
import type { Tracing } from '../../db/tracing.ts';
import { rowIdsOf, type Delivery } from './deliveries.ts';
import type { OperatorDirectories } from './operators.ts';
import { prepareAtOnce } from './prepare-at-once.ts';
import { prepareDeliveries } from './prepare.ts';
import type { Ringing } from './ringing.ts';
import type { Place } from './room.ts';
import { send, type SendingDeps } from './send.ts';
import { describeTemporalError, isRefusedForGood, SendingFailed } from './temporal-errors.ts';

export type EntryOutcome =
  /** What waited was handed to Temporal. */
  | 'delivered'
  /** What waited was settled without Temporal. */
  | 'settled'
  /** Somebody else is at it, or holds its first row. */
  | 'busy'
  /** What rings is shown, and what rings next will be; there was no place to hand it to Temporal. */
  | 'shown'
  /** There is no place, and nothing more to show but by the workflow. */
  | 'crowded'
  /** Temporal did not take it; its rows wait for their next attempt. */
  | 'postponed';

export interface EntryDeps extends SendingDeps {
  readonly log: Logger;
  /** How numbers without a country code are read, by what is stored. */
  readonly countryOf: (stored: string | null) => string;
  readonly operators: OperatorDirectories;
  readonly batchSize: number;
  readonly ringing: Ringing;
  readonly tracing?: Tracing | undefined;
}

const FIRST_DELAY_MS = 1_000;
export const LONGEST_DELAY_MS = 60_000;

/** One entry held by one connection, until it is given back. */
interface Hold {
  readonly key: EntryKey;
  readonly connection: unknown;
  held: boolean;
}

/** Delivers what waits of one entry, in order, while nobody else does. Whatever dies in between, what is not marked comes again. */
export async function deliverEntry(deps: EntryDeps, key: EntryKey, place: Place): Promise<EntryOutcome> {
  const hold: Hold = { key, connection: await deps.db.client.acquireConnection(), held: false };
  try {
    const deliver = () => deliverBatches(deps, hold, place);
    return await (deps.tracing?.inCall('deliver', key.entry, {}, deliver) ?? deliver());
  } finally {
    if (hold.held) await unlock(deps.db, hold);
    await deps.db.client.releaseConnection(hold.connection);
  }
}

/** A connection that cannot give its lock back must not serve anybody else: the server frees the lock when it closes. */
async function unlock(db: Db, { connection, key }: Hold): Promise<void> {
  try {
    await unlockEntry(db, connection, key);
  } catch (error) {
    (connection as { __knex__disposed?: unknown }).__knex__disposed = error;
  }
}

async function claim(deps: EntryDeps, hold: Hold, limit: number): Promise<Claim | null> {
  const claimed = await claimEntry(deps.db, hold.connection, hold.key, { limit, holds: hold.held });
  if (claimed) hold.held = true;
  return claimed;
}

async function deliverBatches(deps: EntryDeps, hold: Hold, place: Place): Promise<EntryOutcome> {
  let size = deps.batchSize;
  let outcome: EntryOutcome = 'busy';
  for (;;) {
    const claimed = await claim(deps, hold, size);
    if (!claimed || claimed.rows.length === 0) return outcome;
    const batch = await prepareBatch(deps, hold, claimed);
    const { rows } = batch;
    const isSent = place.take();
    const { deliveries, isLeft, wasSent } = await deps.ringing.show({ ...hold, ...batch, isSent });
    if (!isSent) return isLeft ? 'crowded' : 'shown';
    // Less than a whole batch was all there was; what has come since rings the bell itself.
    const isAll = rows.length < size && rows.length === claimed.rows.length;
    const sent = await sendAll(deps, hold, { rows, deliveries, isAll });
    if (sent === 'postponed') {
      await deps.ringing.show({ ...hold, ...batch, isSent: false });
      return sent;
    }
    if (sent === 'refused') size = 1;
    else {
      wasSent();
      if (outcome !== 'delivered') outcome = sent;
    }
    if (sent !== 'refused' && isAll) return outcome;
  }
}

interface Batch {
  readonly rows: readonly InboxRow[];
  readonly deliveries: readonly Delivery[];
}

/** A batch that Postgres itself rejects is taken apart: the one row that is to blame is given up, the others go on. */
async function prepareBatch(deps: EntryDeps, hold: Hold, claimed: Claim): Promise<Batch> {
  const { rows } = claimed;
  try {
    const country = deps.countryOf(claimed.country);
    const { db, operators } = deps;
    const atOnce = await prepareAtOnce({ db, operators, connection: hold.connection }, claimed, country);
    const write = (trx: Transaction): Promise<Delivery[]> => prepareDeliveries(trx, rows, country);
    return { rows, deliveries: atOnce ?? (await inTransaction(deps.db, hold.connection, write)) };
  } catch (error) {
    if (!isOurFault(error)) throw error;
    const [row, ...others] = rows;
    if (!row) throw error;
    if (others.length > 0) return prepareBatch(deps, hold, { ...claimed, rows: [row] });
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
  hold: Hold,
  { rows, deliveries, isAll }: Batch & { readonly isAll: boolean },
): Promise<Exclude<EntryOutcome, 'busy'> | 'refused'> {
  for (const [index, delivery] of deliveries.entries()) {
    try {
      await settle(deps, hold, await send(deps, delivery), isAll && index === deliveries.length - 1);
    } catch (error) {
      if (!(error instanceof SendingFailed)) throw error;
      if (isRefusedForGood(error.cause)) return refused(deps, hold, delivery, error);
      const left = new Set(deliveries.slice(index).flatMap(rowIdsOf));
      await putOff(
        deps,
        hold.connection,
        rows.filter((row) => left.has(row.id)),
        error,
      );
      return 'postponed';
    }
  }
  return deliveries.some((delivery) => delivery.kind !== 'none') ? 'delivered' : 'settled';
}

async function settle(deps: EntryDeps, hold: Hold, settled: readonly Settled[], isLast = false): Promise<void> {
  await settleRows(deps.db, hold.connection, settled, { unlock: isLast ? hold.key : undefined });
  if (isLast) hold.held = false;
}

/** Temporal refuses a delivery for good: a batch is taken apart, to see which row is to blame, and that one is given up. */
async function refused(deps: EntryDeps, hold: Hold, delivery: Delivery, failure: SendingFailed): Promise<'refused' | 'settled'> {
  const [id, ...others] = rowIdsOf(delivery);
  if (others.length > 0 || id === undefined) return 'refused';
  const error = describeTemporalError(failure.cause);
  deps.log.error({ inboxId: id, error }, 'Gave up an inbox row that Temporal refuses');
  // What was shown because of it must not outrank what the workflow knows without it.
  if (delivery.kind === 'call' && delivery.shown !== undefined) await forgetRank(deps.db, delivery.callId);
  await settle(deps, hold, [{ id, verdict: 'failed', why: 'refused_by_temporal', workflowId: null, error }]);
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
