import type { Channel, Handset, TicketKind, TicketStatus } from '../domain/tickets.ts';
import { handsetOf, statusEventType } from '../domain/tickets.ts';
import { publishTicketChanged } from './stream.ts';
import type { Transaction } from './pool.ts';

export type Actor =
  | { readonly type: 'agent'; readonly id: string }
  | { readonly type: 'customer'; readonly id: string | null }
  | { readonly type: 'system' };

export const SYSTEM: Actor = { type: 'system' };

/** Who did it and why: what `ticket_events` remembers beside the change itself. */
export interface Cause {
  readonly actor: Actor;
  /** The rule (S12 …) where the service decided; absent when an agent did it by hand. */
  readonly rule?: string | null;
  readonly callId?: string | null;
  readonly conversationId?: string | null;
  readonly inboxId?: number | string | null;
}

export interface TicketRow {
  readonly id: string;
  readonly number: string;
  readonly subject: string;
  readonly status: TicketStatus;
  readonly channel: Channel;
  readonly kind: TicketKind | null;
  readonly handset: Handset | null;
  readonly phone: string | null;
  readonly customer_id: string | null;
  readonly assignee_id: string | null;
  readonly automatic: boolean;
  readonly touched_at: Date | null;
  readonly status_rule: string | null;
  readonly missed_count: number;
  readonly last_missed_at: Date | null;
  readonly last_missed_seen_at: Date | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly closed_at: Date | null;
}

export interface NewTicket {
  readonly subject: string;
  readonly status: TicketStatus;
  readonly channel: Channel;
  readonly kind: TicketKind | null;
  readonly phone: string | null;
  readonly customerId: string | null;
  readonly assigneeId: string | null;
  /** True when the service makes it and no agent did anything. */
  readonly automatic: boolean;
}

/** Tickets that their transaction has just made: what is put into them at once makes them no newer. */
const justMade = new WeakSet<TicketRow>();

type EventRow = Readonly<Record<string, unknown>>;

function eventRow(ticket: TicketRow, type: string, cause: Cause, more: EventRow = {}): EventRow {
  return {
    ticket_id: ticket.id,
    type,
    channel: ticket.channel,
    kind: ticket.kind,
    assignee_id: ticket.assignee_id,
    actor_type: cause.actor.type,
    actor_id: cause.actor.type === 'system' ? null : cause.actor.id,
    rule: cause.rule ?? null,
    call_id: cause.callId ?? null,
    conversation_id: cause.conversationId ?? null,
    inbox_id: cause.inboxId ?? null,
    ...more,
  };
}

/** Appends to the append-only record of a ticket. */
export async function appendTicketEvent(
  trx: Transaction,
  ticket: TicketRow,
  type: string,
  cause: Cause,
  more: {
    fromValue?: string | null;
    toValue?: string | null;
    messageId?: string;
    isWork?: boolean;
    at?: Date;
    data?: object;
  } = {},
): Promise<void> {
  await trx('ticket_events').insert(
    eventRow(ticket, type, cause, {
      from_value: more.fromValue ?? null,
      to_value: more.toValue ?? null,
      message_id: more.messageId ?? null,
      is_work: more.isWork ?? false,
      data: JSON.stringify(more.data ?? {}),
      ...(more.at ? { at: more.at } : {}),
    }),
  );
}

/** Makes a ticket, its `created` (and, if it is made closed, `closed`) entry at the same instant, and tells the stream. */
export async function createTicket(trx: Transaction, ticket: NewTicket, cause: Cause): Promise<TicketRow> {
  const now = new Date();
  const [row] = (await trx('tickets')
    .insert({
      subject: ticket.subject,
      status: ticket.status,
      channel: ticket.channel,
      kind: ticket.kind,
      handset: handsetOf(ticket.channel, ticket.kind),
      phone: ticket.phone,
      customer_id: ticket.customerId,
      assignee_id: ticket.assigneeId,
      automatic: ticket.automatic,
      status_rule: cause.rule ?? 'hand',
      created_at: now,
      updated_at: now,
      closed_at: ticket.status === 'closed' ? now : null,
    })
    .returning('*')) as TicketRow[];
  if (!row) throw new Error('Postgres returned no row for a new ticket');
  justMade.add(row);
  const byHand = cause.actor.type === 'agent';
  await appendTicketEvent(trx, row, 'created', cause, { at: now, toValue: row.status, isWork: byHand });
  if (row.status === 'closed') await appendTicketEvent(trx, row, 'closed', cause, { at: now, toValue: 'closed' });
  await publishTicketChanged(trx, row.id);
  return row;
}

/** Locks one ticket for the rest of the transaction; undefined if there is none. */
export async function lockTicket(trx: Transaction, ticketId: string): Promise<TicketRow | undefined> {
  return (await trx('tickets').where({ id: ticketId }).forUpdate().first()) as TicketRow | undefined;
}

export interface TicketChange {
  readonly status?: TicketStatus;
  readonly subject?: string;
  readonly assigneeId?: string | null;
  readonly customerId?: string | null;
  readonly handset?: Handset;
  readonly kind?: TicketKind;
  readonly phone?: string | null;
  /** The service's ticket becomes an agent's (a draft or an action arrived after the end). */
  readonly automatic?: boolean;
}

const COLUMN: Readonly<Record<keyof TicketChange, keyof TicketRow>> = {
  status: 'status',
  subject: 'subject',
  assigneeId: 'assignee_id',
  customerId: 'customer_id',
  handset: 'handset',
  kind: 'kind',
  phone: 'phone',
  automatic: 'automatic',
};

function eventTypeOf(property: keyof TicketChange, before: TicketRow, change: TicketChange): string | null {
  switch (property) {
    case 'status':
      return statusEventType(before.status, change.status ?? before.status);
    case 'assigneeId':
      return 'assigned';
    case 'customerId':
      return 'customer';
    case 'subject':
    case 'handset':
      return property;
    case 'kind':
    case 'phone':
    case 'automatic':
      return null;
  }
}

/**
 * Changes a locked ticket's properties; what does not differ is left alone. A change by hand (no rule) counts as the
 * agent's work (S20) and marks the ticket as touched, so that no later rule overwrites the person's choice.
 */
export async function changeTicket(trx: Transaction, before: TicketRow, change: TicketChange, cause: Cause): Promise<TicketRow> {
  const properties = (Object.keys(change) as (keyof TicketChange)[]).filter(
    (property) => change[property] !== undefined && before[COLUMN[property]] !== change[property],
  );
  const byHand = cause.actor.type === 'agent' && !cause.rule;
  const settlesStatus = change.status !== undefined;
  if (properties.length === 0 && !(settlesStatus && byHand)) return before;
  const now = new Date();
  const [after] = (await trx('tickets')
    .where({ id: before.id })
    .update({
      ...Object.fromEntries(properties.map((property) => [COLUMN[property], change[property]])),
      ...(settlesStatus ? { status_rule: cause.rule ?? 'hand' } : {}),
      ...(properties.includes('status') ? { closed_at: change.status === 'closed' ? now : null } : {}),
      ...(byHand ? { touched_at: now } : {}),
      ...(properties.length > 0 ? { updated_at: now } : {}),
    })
    .returning('*')) as TicketRow[];
  if (!after) throw new Error(`Ticket ${before.id} vanished while it was locked`);
  for (const property of properties) {
    const type = eventTypeOf(property, before, change);
    if (!type) continue;
    const column = COLUMN[property];
    await appendTicketEvent(trx, after, type, cause, {
      at: now,
      fromValue: before[column] === null ? null : String(before[column]),
      toValue: after[column] === null ? null : String(after[column]),
      isWork: byHand,
    });
  }
  if (properties.length > 0) await publishTicketChanged(trx, after.id);
  return after;
}

export interface NewMessage {
  readonly type: 'reply' | 'note' | 'system';
  readonly author: Actor;
  readonly body?: string;
  readonly code?: string;
  readonly params?: object;
  /** Made by the service: never counts as work. */
  readonly automatic?: boolean;
  readonly conversationId?: string | null;
  readonly writingSeconds?: number | null;
  /** Of a ticket's opening message: the ticket's own time, so that it does not count as a reply after the creation. */
  readonly at?: Date;
}

/** Adds a message to a locked ticket and records it (`reply` and `note` by an agent are work, S20). */
export async function addMessage(
  trx: Transaction,
  ticket: TicketRow,
  message: NewMessage,
  cause: Cause,
): Promise<{ readonly id: string }> {
  const automatic = message.automatic ?? message.type === 'system';
  const [row] = (await trx('messages')
    .insert({
      ticket_id: ticket.id,
      type: message.type,
      author_type: message.author.type,
      author_id: message.author.type === 'system' ? null : message.author.id,
      body: message.body ?? '',
      code: message.code ?? null,
      params: JSON.stringify(message.params ?? {}),
      automatic,
      conversation_id: message.conversationId ?? null,
      writing_seconds: message.writingSeconds ?? null,
      ...(message.at ? { created_at: message.at } : {}),
    })
    .returning(['id'])) as { id: string }[];
  if (!row) throw new Error('Postgres returned no row for a new message');
  if (message.type !== 'system') {
    await appendTicketEvent(trx, ticket, message.type, cause, {
      messageId: row.id,
      isWork: !automatic && message.author.type === 'agent',
      ...(message.at ? { at: message.at } : {}),
    });
  }
  if (!justMade.has(ticket)) await trx('tickets').where({ id: ticket.id }).update({ updated_at: new Date() });
  await publishTicketChanged(trx, ticket.id);
  return row;
}
