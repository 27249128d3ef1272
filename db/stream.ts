import type { Executor } from './pool.ts';

/** What the event stream tells the browsers. Payloads are the same objects as the lists they change (spec, External interface). */
export type StreamEventType =
  | 'call.ringing'
  | 'call.dialling'
  | 'call.answered'
  | 'call.updated'
  | 'call.ended'
  | 'callback.failed'
  | 'ticket.changed'
  | 'recording.ready'
  | 'action.done'
  | 'action.refused'
  | 'customer.changed'
  | 'agents.changed'
  | 'fields.changed'
  | 'session.ended';

export interface StreamEvent {
  readonly type: StreamEventType;
  /** The one agent it is for; null: everybody who may see `ticketId`. */
  readonly agentId: string | null;
  readonly ticketId?: string | null;
  readonly payload: unknown;
}

/** Appends to the stream in the caller's transaction: it is seen if, and only if, the change itself is. */
export async function publish(trx: Executor, event: StreamEvent): Promise<void> {
  await trx('stream_events').insert({
    type: event.type,
    agent_id: event.agentId,
    ticket_id: event.ticketId ?? null,
    payload: JSON.stringify(event.payload),
  });
}

/** Everybody reads the list of them again. */
export const publishListChanged = (trx: Executor, list: 'agents' | 'fields'): Promise<void> =>
  publish(trx, { type: `${list}.changed`, agentId: null, payload: {} });

/** Tickets that a transaction has told of already: everybody hears of it at once, when it commits. */
const told = new WeakMap<Executor, Set<string>>();

export async function publishTicketChanged(trx: Executor, ticketId: string): Promise<void> {
  if (trx.isTransaction) {
    const known = told.get(trx) ?? new Set();
    if (known.has(ticketId)) return;
    told.set(trx, known.add(ticketId));
  }
  await publish(trx, { type: 'ticket.changed', agentId: null, ticketId, payload: { ticketId } });
}
