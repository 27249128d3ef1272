import { withoutNumbers } from '../domain/redaction.ts';
import { recordTermEnded } from './destruction-log.ts';
import { inTransaction, type Db, type Executor } from './pool.ts';
import { publishTicketChanged } from './stream.ts';

/** Signs of life and of attack are of use for some weeks. */
export const REFUSED_DAYS = 30;
export const SESSION_DAYS = 30;
export const SIGN_IN_ATTEMPT_DAYS = 1;
/** A browser that was away longer asks for the present state instead. */
export const STREAM_HOURS = 72;

const RECORDING_BATCH = 200;
const EVENT_BATCH = 1000;
const ROW_BATCH = 10_000;

const OLD_RECORDINGS = `from recordings where state = 'ready' and removed_at is null and ready_at < now() - make_interval(days => ?)`;
const OLD_EVENTS = `from inbox where redacted_at is null and source in ('pbx', 'reconcile') and delivered_at is not null
  and received_at < now() - make_interval(days => ?)`;

/** What a run with these terms would remove now. */
export interface RetentionPreview {
  readonly recordings: number;
  readonly recordingBytes: number;
  readonly rawEvents: number;
}

export async function previewRetention(
  db: Executor,
  terms: { readonly recordingDays: number | null; readonly rawEventDays: number | null },
): Promise<RetentionPreview> {
  const none = { rows: [{ n: '0', bytes: '0' }] };
  const [recordings, events] = await Promise.all([
    terms.recordingDays === null
      ? none
      : db.raw<typeof none>(`select count(*) as n, coalesce(sum(bytes), 0) as bytes ${OLD_RECORDINGS}`, [terms.recordingDays]),
    terms.rawEventDays === null ? none : db.raw<typeof none>(`select count(*) as n ${OLD_EVENTS}`, [terms.rawEventDays]),
  ]);
  return {
    recordings: Number(recordings.rows[0]?.n ?? 0),
    recordingBytes: Number(recordings.rows[0]?.bytes ?? 0),
    rawEvents: Number(events.rows[0]?.n ?? 0),
  };
}

/**
 * Removes a batch of recordings: each one's file first, then, with the commit, what is known of it. Who dies in between, or cannot remove
 * a file, leaves rows that are still due and says nothing in the log; the next attempt finds them, and files that are gone already.
 */
export async function removeOldRecordings(
  db: Db,
  days: number,
  removeFile: (id: string) => Promise<unknown>,
): Promise<{ readonly count: number; readonly more: boolean }> {
  return inTransaction(db, async (trx) => {
    const { rows } = await trx.raw<{ rows: { id: string; conversation_id: string | null }[] }>(
      `update recordings set state = 'unavailable', reason = 'removed', removed_at = now(), updated_at = now(),
         bytes = null, sha256 = null
       where id in (select id ${OLD_RECORDINGS} order by ready_at limit ${RECORDING_BATCH} for update skip locked)
       returning id, conversation_id`,
      [days],
    );
    await recordTermEnded(trx, 'recordings', rows.length);
    const talks = rows.flatMap(({ conversation_id }) => conversation_id ?? []);
    const tickets = (await trx('conversations').whereIn('id', talks).whereNotNull('ticket_id').distinct('ticket_id')) as {
      ticket_id: string;
    }[];
    for (const { ticket_id } of tickets) await publishTicketChanged(trx, ticket_id);
    for (const { id } of rows) await removeFile(id);
    return { count: rows.length, more: rows.length === RECORDING_BATCH };
  });
}

/** Numbers in old events become keyed hashes: still telling one caller from another, no more who it was. */
export async function redactOldEvents(
  db: Db,
  days: number,
  hash: (number: string) => string,
): Promise<{ readonly count: number; readonly more: boolean }> {
  return inTransaction(db, async (trx) => {
    const { rows } = await trx.raw<{ rows: { id: string; body: unknown }[] }>(
      `select id, body ${OLD_EVENTS} order by received_at limit ${EVENT_BATCH} for update skip locked`,
      [days],
    );
    await storeRedacted(
      trx,
      rows.map(({ id, body }) => ({ id, body: withoutNumbers(body, hash) })),
    );
    await recordTermEnded(trx, 'raw_events', rows.length);
    return { count: rows.length, more: rows.length === EVENT_BATCH };
  });
}

export async function storeRedacted(
  trx: Executor,
  rows: readonly { readonly id: string; readonly body: unknown }[],
): Promise<void> {
  if (rows.length === 0) return;
  await trx.raw(
    `update inbox set body = done.body, raw = null, redacted_at = now()
     from jsonb_to_recordset(?::jsonb) as done (id bigint, body jsonb) where inbox.id = done.id`,
    [JSON.stringify(rows)],
  );
}

/** What is deleted outright, a batch each time. */
const CUTS = {
  sign_in_attempts: `delete from sign_in_attempts where id in
    (select id from sign_in_attempts where at < now() - make_interval(days => ${SIGN_IN_ATTEMPT_DAYS}) limit ${ROW_BATCH})`,
  refused_events: `delete from refused_events where id in
    (select id from refused_events where at < now() - make_interval(days => ${REFUSED_DAYS}) limit ${ROW_BATCH})`,
  sessions: `delete from sessions where token_hash in
    (select token_hash from sessions where expires_at < now() - make_interval(days => ${SESSION_DAYS}) limit ${ROW_BATCH})`,
  stream_events: `delete from stream_events where id in
    (select id from stream_events where at < now() - make_interval(hours => ${STREAM_HOURS}) order by id limit ${ROW_BATCH})`,
} as const;

export async function cutOldRows(db: Db, kind: keyof typeof CUTS): Promise<number> {
  let total = 0;
  for (;;) {
    const count = await inTransaction(db, async (trx) => {
      const { rowCount } = await trx.raw<{ rowCount: number }>(CUTS[kind]);
      await recordTermEnded(trx, kind, rowCount);
      return rowCount;
    });
    total += count;
    if (count < ROW_BATCH) return total;
  }
}
