import type { Db, Executor, Transaction } from './pool.ts';
import { publish, publishTicketChanged } from './stream.ts';
import { appendTicketEvent, changeTicket, lockTicket, SYSTEM, type Cause, type TicketRow } from './tickets.ts';
import { ticketVisible, type Viewer } from './visibility.ts';

/** Why there is no recording (yet), as codes the interface puts into words. */
export type RecordingReason =
  | 'too_short'
  | 'not_recorded'
  | 'never_arrived'
  | 'mail_only'
  | 'not_kept'
  | 'refused'
  | 'not_found'
  | 'disk_full'
  | 'not_audio'
  | 'too_large'
  | 'pbx_unreachable'
  | 'removed'
  | 'erased'
  /** Its call's workflow was stopped. */
  | 'interrupted';

export interface RecordingRow {
  readonly id: string;
  readonly call_id: string;
  readonly recording_id: string | null;
  readonly conversation_id: string | null;
  readonly state: 'pending' | 'ready' | 'unavailable';
  readonly reason: string | null;
  readonly content_type: string | null;
  readonly bytes: string | null;
  readonly duration_seconds: number | null;
  readonly sha256: string | null;
  readonly attempts: number;
  readonly ready_at: Date | null;
  readonly removed_at: Date | null;
}

const table = (executor: Executor) => executor<RecordingRow, RecordingRow[]>('recordings');
const now = (executor: Executor) => executor.raw('clock_timestamp()');

/**
 * A talk that nobody announced a recording of keeps a place for it, which the first announced one takes over. Asked for whenever
 * a talk's ticket is settled; recordings that were there before the ticket join it now.
 */
export async function placeholder(
  trx: Transaction,
  { conversationId, callId }: { readonly conversationId: string; readonly callId: string },
): Promise<void> {
  await trx.raw(
    `insert into recordings (call_id, conversation_id, state)
     select cast(:callId as uuid), cast(:conversationId as text), 'pending'
     where not exists (select from recordings where conversation_id = :conversationId)
     on conflict do nothing`,
    { callId, conversationId },
  );
  await joinRecordings(trx, conversationId);
}

/** The PBX told of a recording: it takes over the conversation's placeholder, also one given up, or stands beside the others. */
export async function announce(
  trx: Transaction,
  {
    callId,
    recordingId,
    conversationId,
  }: { readonly callId: string; readonly recordingId: string; readonly conversationId: string },
): Promise<{ readonly id: string }> {
  const known = await table(trx).where({ call_id: callId, recording_id: recordingId }).first('id');
  if (known) return { id: known.id };
  const [taken] = await table(trx)
    .where({ conversation_id: conversationId, recording_id: null })
    .update({ recording_id: recordingId, state: 'pending', reason: null, updated_at: now(trx) } as object, ['id']);
  const [row] = taken
    ? [taken]
    : await table(trx).insert({ call_id: callId, recording_id: recordingId, conversation_id: conversationId, state: 'pending' }, [
        'id',
      ]);
  if (!row) throw new Error(`Recording of conversation ${conversationId} got no row`);
  await refuseOfErased(trx, row.id);
  const ticketId = await ticketIdOf(trx, conversationId);
  if (ticketId) await publishTicketChanged(trx, ticketId);
  return { id: row.id };
}

/** A recording that is announced once its customer has been erased is never fetched. */
async function refuseOfErased(trx: Transaction, id: string): Promise<void> {
  await trx.raw(
    `update recordings r set state = 'unavailable', reason = 'erased', removed_at = now()
     from calls c join erasures e on e.customer_id = c.customer_id
     where r.id = ? and c.id = r.call_id and e.state in ('checking', 'done')`,
    [id],
  );
}

/** No recording was announced in time. One that comes later still joins. */
export async function giveUp(
  trx: Transaction,
  { conversationId, reason }: { readonly conversationId: string; readonly reason: string },
): Promise<void> {
  const row = await table(trx).where({ conversation_id: conversationId, recording_id: null, state: 'pending' }).first('id');
  if (row) await settleRecording(trx, { id: row.id, state: 'unavailable', reason });
}

export type Settlement =
  | {
      readonly id: string;
      readonly state: 'ready';
      readonly contentType: string;
      readonly bytes: number;
      readonly durationSeconds: number;
      readonly sha256: string;
    }
  | { readonly id: string; readonly state: 'unavailable'; readonly reason: string };

/**
 * The one way in which a recording becomes ready or is given up. What is ready stays so, whatever comes late. The call's row is
 * locked first, as every decision about the call does. False if it was removed meanwhile: then its file is nobody's.
 */
export async function settleRecording(trx: Transaction, settlement: Settlement): Promise<boolean> {
  const row = await lockRecording(trx, settlement.id);
  if (!row) throw new Error(`Recording ${settlement.id} has no row`);
  if (row.removed_at) return false;
  if (row.state === 'ready') return true;
  if (settlement.state === 'ready') {
    const { contentType, bytes, durationSeconds, sha256 } = settlement;
    await table(trx)
      .where({ id: row.id })
      .update({
        state: 'ready',
        reason: null,
        content_type: contentType,
        bytes: String(bytes),
        duration_seconds: durationSeconds,
        sha256,
        ready_at: now(trx),
        updated_at: now(trx),
      } as object);
    if (row.conversation_id) await joinRecordings(trx, row.conversation_id);
    return true;
  }
  await changeReason(trx, row, 'unavailable', settlement.reason);
  return true;
}

/**
 * Makes the ready recordings of a conversation part of its ticket: an entry in the ticket's record each, word on the stream, and
 * S13. Done once per ticket and recording; to be asked for again when a conversation gets its ticket or moves to another.
 */
export async function joinRecordings(trx: Transaction, conversationId: string): Promise<void> {
  const { rows } = await trx.raw<{ rows: (Talk & { readonly ticket_id: string; readonly recording: string })[] }>(
    `select r.id as recording, c.id, c.call_id, c.ticket_id, c.outcome, c.answered_at from recordings r
     join conversations c on c.id = r.conversation_id
     where r.conversation_id = :conversationId and r.state = 'ready' and c.ticket_id is not null and not exists (
       select from ticket_events e
       where e.ticket_id = c.ticket_id and e.type = 'recording' and e.data ->> 'recordingId' = cast(r.id as text))
     order by r.ready_at, r.id`,
    { conversationId },
  );
  const [first] = rows;
  if (!first) return;
  const ticket = await lockTicket(trx, first.ticket_id);
  if (!ticket) throw new Error(`Ticket ${first.ticket_id} of conversation ${conversationId} is gone`);
  for (const { recording, ...talk } of rows) await joinOne(trx, ticket, talk, recording);
}

/** With the account at the PBX that has it. */
export interface RecordingToFetch extends RecordingRow {
  readonly integration_id: string;
}

interface Talk {
  readonly id: string;
  readonly call_id: string;
  readonly ticket_id: string | null;
  readonly outcome: string;
  readonly answered_at: Date | null;
}

/** A talk that is still going on will have been one. */
const tookPlace = (talk: Talk): boolean =>
  talk.outcome === 'talked' || (talk.outcome === 'in_progress' && talk.answered_at !== null);

async function joinOne(trx: Transaction, ticket: TicketRow, talk: Talk, recordingId: string): Promise<void> {
  const isTalk = tookPlace(talk);
  const cause: Cause = { actor: SYSTEM, rule: 'S13', callId: talk.call_id, conversationId: talk.id };
  const message = (await trx('messages').where({ conversation_id: talk.id }).first('id')) as { id: string } | undefined;
  await appendTicketEvent(
    trx,
    ticket,
    'recording',
    { ...cause, rule: null },
    {
      data: { talk: isTalk, recordingId },
      ...(message ? { messageId: message.id } : {}),
    },
  );
  await publish(trx, {
    type: 'recording.ready',
    agentId: null,
    ticketId: ticket.id,
    payload: { ticketId: ticket.id, recordingId },
  });
  const turnsGreen = isTalk && ticket.kind === 'missed' && ticket.handset === 'red';
  const changed = turnsGreen ? await changeTicket(trx, ticket, { handset: 'green' }, cause) : ticket;
  if (changed === ticket) await publishTicketChanged(trx, ticket.id);
}

/** A fetch begins; null if there is nothing to fetch. A recording that was given up is pending again. */
export async function beginFetch(db: Db, id: string): Promise<RecordingToFetch | null> {
  return db.transaction(async (trx) => {
    const row = await lockRecording(trx, id);
    if (!row?.recording_id || row.removed_at) return null;
    if (row.state !== 'ready') {
      await table(trx).where({ id }).increment('attempts', 1);
      if (row.state === 'unavailable') await changeReason(trx, row, 'pending', null);
    }
    return row;
  });
}

/** What a fetch would begin with, if nothing of it is to be seen before it has succeeded; null if there is nothing to fetch. */
export async function fetchable(db: Db, id: string): Promise<RecordingToFetch | null> {
  const { rows } = await db.raw<{ rows: RecordingToFetch[] }>(
    `select r.*, c.integration_id from calls c join recordings r on r.call_id = c.id
     where r.id = ? and r.recording_id is not null and r.removed_at is null`,
    [id],
  );
  return rows[0] ?? null;
}

/** Why the recording is not there yet: the message says so while it is being tried again. */
export async function noteReason(db: Db, id: string, reason: RecordingReason): Promise<void> {
  await db.transaction(async (trx) => {
    const row = await lockRecording(trx, id);
    if (row?.state === 'pending' && row.reason !== reason) await changeReason(trx, row, 'pending', reason);
  });
}

/** An admin asks again; false if the PBX never told of a recording that could be fetched, or if it is there. */
export async function askAgain(trx: Transaction, id: string): Promise<boolean> {
  const row = await lockRecording(trx, id);
  if (!row?.recording_id || row.state === 'ready' || row.removed_at) return false;
  await table(trx)
    .where({ id })
    .update({ requested_again_at: now(trx) } as object);
  await changeReason(trx, row, 'pending', null);
  return true;
}

async function changeReason(
  trx: Transaction,
  row: RecordingRow,
  state: 'pending' | 'unavailable',
  reason: string | null,
): Promise<void> {
  await table(trx)
    .where({ id: row.id })
    .update({ state, reason, updated_at: now(trx) } as object);
  const ticketId = row.conversation_id && (await ticketIdOf(trx, row.conversation_id));
  if (ticketId) await publishTicketChanged(trx, ticketId);
}

/** Locks in the order of all decisions about a call: the call, then what hangs on it. */
async function lockRecording(trx: Transaction, id: string): Promise<RecordingToFetch | undefined> {
  const { rows } = await trx.raw<{ rows: RecordingToFetch[] }>(
    `select r.*, c.integration_id from calls c join recordings r on r.call_id = c.id where r.id = ? for update of c, r`,
    [id],
  );
  return rows[0];
}

async function ticketIdOf(trx: Transaction, conversationId: string): Promise<string | null> {
  const row = (await trx('conversations').where({ id: conversationId }).first('ticket_id')) as
    { ticket_id: string | null } | undefined;
  return row?.ticket_id ?? null;
}

/** States of those recordings of the given ones that have a row. */
export async function recordingStates(db: Executor, ids: readonly string[]): Promise<ReadonlyMap<string, RecordingRow>> {
  const rows = await table(db)
    .whereIn('id', [...ids])
    .select();
  return new Map(rows.map((row) => [row.id, row]));
}

/** A ready recording, if the viewer may see a ticket it is in. Absent and forbidden look alike. */
export async function findRecordingForAgent(db: Executor, id: string, viewer: Viewer): Promise<RecordingRow | undefined> {
  const visible = ticketVisible(viewer, 't');
  const { rows } = await db.raw<{ rows: RecordingRow[] }>(
    `select r.* from recordings r
     join conversations c on c.id = r.conversation_id
     join tickets t on t.id = c.ticket_id
     where r.id = ? and r.removed_at is null and ${visible.sql}`,
    [id, ...visible.bindings],
  );
  return rows[0];
}
