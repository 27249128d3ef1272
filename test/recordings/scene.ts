import { randomUUID } from 'node:crypto';
import { inTransaction, type Db } from '../../db/pool.ts';
import { announce, placeholder } from '../../db/recordings.ts';
import { addMessage, createTicket, SYSTEM, type TicketRow } from '../../db/tickets.ts';
import type { TicketKind } from '../../domain/tickets.ts';

export interface Scene {
  readonly callId: string;
  readonly conversationId: string;
  readonly ticket: TicketRow;
  /** `recordings.id` of the one announced. */
  readonly rowId: string;
  readonly recordingId: string;
}

export interface SceneOptions {
  readonly kind?: TicketKind;
  readonly outcome?: 'in_progress' | 'talked' | 'missed' | 'unanswered';
  readonly assigneeId?: string | null;
}

/** A call with a conversation, its ticket and message. */
export async function makeTalk(
  db: Db,
  cast: { readonly integrationId: string; readonly anna: string },
  options: SceneOptions = {},
): Promise<Omit<Scene, 'rowId' | 'recordingId'>> {
  const conversationId = randomUUID();
  return inTransaction(db, async (trx) => {
    const [call] = (await trx('calls')
      .insert({ integration_id: cast.integrationId, entry_id: randomUUID(), direction: 'incoming', phone: '+79161234567' })
      .returning('id')) as { id: string }[];
    if (!call) throw new Error('no call');
    const ticket = await createTicket(
      trx,
      {
        subject: 'Входящий звонок',
        status: 'open',
        channel: 'call',
        kind: options.kind ?? 'incoming',
        phone: '+79161234567',
        customerId: null,
        assigneeId: options.assigneeId === undefined ? cast.anna : options.assigneeId,
        automatic: true,
      },
      { actor: SYSTEM, rule: 'S2a', callId: call.id },
    );
    const outcome = options.outcome ?? 'talked';
    const answered = outcome === 'talked' || outcome === 'in_progress';
    await trx('conversations').insert({
      id: conversationId,
      call_id: call.id,
      ordinal: 1,
      agent_id: cast.anna,
      direction: 'incoming',
      outcome,
      ticket_id: ticket.id,
      made_by: 'auto',
      phone: '+79161234567',
      started_at: new Date(),
      answered_at: answered ? new Date() : null,
      ended_at: outcome === 'in_progress' ? null : new Date(),
    });
    await addMessage(
      trx,
      ticket,
      { type: 'reply', author: { type: 'agent', id: cast.anna }, automatic: true, conversationId },
      { actor: SYSTEM, conversationId },
    );
    return { callId: call.id, conversationId, ticket };
  });
}

/** The same, with a recording that the PBX has told of. */
export async function makeScene(
  db: Db,
  cast: { readonly integrationId: string; readonly anna: string },
  options: SceneOptions = {},
): Promise<Scene> {
  const talk = await makeTalk(db, cast, options);
  const recordingId = `rec-${randomUUID()}=`;
  const row = await inTransaction(db, async (trx) => {
    await placeholder(trx, talk);
    return announce(trx, { callId: talk.callId, conversationId: talk.conversationId, recordingId });
  });
  return { ...talk, rowId: row.id, recordingId };
}

export const streamOf = async (db: Db, ticketId: string): Promise<{ type: string; payload: unknown }[]> =>
  (await db('stream_events').where({ ticket_id: ticketId }).orderBy('id').select('type', 'payload')) as {
    type: string;
    payload: unknown;
  }[];

export const recordOf = async (db: Db, ticketId: string, type: string): Promise<Record<string, unknown>[]> =>
  (await db('ticket_events').where({ ticket_id: ticketId, type }).orderBy('id')) as Record<string, unknown>[];
