import { publish, publishTicketChanged } from './stream.ts';
import { appendTicketEvent, changeTicket, lockTicket, SYSTEM, type Cause } from './tickets.ts';
import type { Executor, Transaction } from './pool.ts';

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
  readonly created_at: Date;
}

interface ConversationFacts {
  readonly id: string;
  readonly agent_id: string | null;
  readonly outcome: string;
  readonly ticket_id: string | null;
  readonly ended_at: Date | null;
}

/** A talk has ended and nothing was announced yet: its message says that the recording is on its way. */
export async function placeholder(
  trx: Transaction,
  talk: { readonly callId: string; readonly conversationId: string },
): Promise<void> {
  const known = (await trx('recordings').where({ conversation_id: talk.conversationId }).first('id')) as
    { id: string } | undefined;
  if (known) return;
  await trx('recordings')
    .insert({ call_id: talk.callId, conversation_id: talk.conversationId, state: 'pending' })
    .onConflict(trx.raw('(conversation_id) where recording_id is null'))
    .ignore();
}

/** The PBX names a recording: it takes the placeholder's row, or a further one if the conversation has several. */
export async function announce(
  trx: Transaction,
  recording: { readonly callId: string; readonly recordingId: string; readonly conversationId: string },
): Promise<{ readonly id: string }> {
  const { callId, recordingId, conversationId } = recording;
  const known = (await trx('recordings').where({ call_id: callId, recording_id: recordingId }).first('id')) as
    { id: string } | undefined;
  if (known) return known;
  const named = { recording_id: recordingId, state: 'pending', reason: null, updated_at: new Date() };
  const [taken] = (await trx('recordings')
    .where({ conversation_id: conversationId, recording_id: null })
    .update(named)
    .returning('id')) as { id: string }[];
  if (taken) {
    await publishOf(trx, conversationId);
    return taken;
  }
  const [row] = (await trx('recordings')
    .insert({ ...named, call_id: callId, conversation_id: conversationId })
    .returning('id')) as { id: string }[];
  if (!row) throw new Error('Postgres returned no row for a new recording');
  return row;
}

async function publishOf(trx: Transaction, conversationId: string): Promise<void> {
  const row = (await trx('conversations').where({ id: conversationId }).first('ticket_id')) as
    { ticket_id: string | null } | undefined;
  if (row?.ticket_id) await publishTicketChanged(trx, row.ticket_id);
}

export type Settlement =
  | {
      readonly id: string;
      readonly state: 'ready';
      readonly contentType: string;
      readonly bytes: number;
      readonly durationSeconds: number | null;
      readonly sha256: string;
    }
  | { readonly id: string; readonly state: 'unavailable'; readonly reason: string };

/**
 * A recording is there, or will not come. A ready one of a talk enters the ticket's record (S20 «с ответом»), and turns the
 * handset of a missed-call ticket green (S13). Its time in the statistics is the end of the talk, not of the download.
 */
export async function settleRecording(trx: Transaction, settlement: Settlement): Promise<void> {
  const row = (await trx('recordings').where({ id: settlement.id }).forUpdate().first()) as RecordingRow | undefined;
  if (!row || row.state === 'ready') return;
  const now = new Date();
  if (settlement.state === 'unavailable') {
    await trx('recordings').where({ id: row.id }).update({ state: 'unavailable', reason: settlement.reason, updated_at: now });
    if (row.conversation_id) await publishOf(trx, row.conversation_id);
    return;
  }
  await trx('recordings').where({ id: row.id }).update({
    state: 'ready',
    reason: null,
    content_type: settlement.contentType,
    bytes: settlement.bytes,
    duration_seconds: settlement.durationSeconds,
    sha256: settlement.sha256,
    ready_at: now,
    updated_at: now,
  });
  if (row.conversation_id) await enterRecord(trx, row.id, row.conversation_id, row.call_id);
}

async function enterRecord(trx: Transaction, recordingRowId: string, conversationId: string, callId: string): Promise<void> {
  const talk = (await trx('conversations')
    .where({ id: conversationId })
    .first('id', 'agent_id', 'outcome', 'ticket_id', 'ended_at')) as ConversationFacts | undefined;
  const ticket = talk?.ticket_id ? await lockTicket(trx, talk.ticket_id) : undefined;
  if (!talk || !ticket) return;
  const message = (await trx('messages').where({ conversation_id: conversationId }).first('id')) as { id: string } | undefined;
  const cause: Cause = { actor: SYSTEM, rule: 'S2a', callId, conversationId };
  const isTalk = talk.outcome === 'talked';
  await appendTicketEvent(trx, ticket, 'recording', cause, {
    ...(message ? { messageId: message.id } : {}),
    data: {
      talk: isTalk,
      recordingId: recordingRowId,
      conversationId,
      agentId: talk.agent_id,
      talkEndedAt: talk.ended_at?.toISOString() ?? null,
    },
  });
  if (isTalk && ticket.kind === 'missed' && ticket.handset === 'red') {
    await changeTicket(trx, ticket, { handset: 'green' }, { ...cause, rule: 'S13' });
  }
  await publish(trx, {
    type: 'recording.ready',
    agentId: null,
    ticketId: ticket.id,
    payload: { ticketId: ticket.id, recordingId: recordingRowId },
  });
  await publishTicketChanged(trx, ticket.id);
}

/** Nothing was announced in time: the message says so. */
export async function giveUp(
  trx: Transaction,
  talk: { readonly conversationId: string; readonly reason: string },
): Promise<void> {
  const row = (await trx('recordings').where({ conversation_id: talk.conversationId, recording_id: null }).first('id')) as
    { id: string } | undefined;
  if (row) await settleRecording(trx, { id: row.id, state: 'unavailable', reason: talk.reason });
}

/** Back to waiting, for an admin who asks for it again. False if it is there already, or the PBX never named it. */
export async function askAgain(trx: Transaction, id: string): Promise<boolean> {
  const count = await trx('recordings')
    .where({ id, state: 'unavailable' })
    .whereNotNull('recording_id')
    .update({ state: 'pending', reason: null, requested_again_at: new Date(), updated_at: new Date() });
  return count > 0;
}

export async function findRecording(db: Executor, id: string): Promise<RecordingRow | undefined> {
  return (await db('recordings').where({ id }).first()) as RecordingRow | undefined;
}
