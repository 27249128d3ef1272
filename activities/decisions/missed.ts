import { formatPhone } from '../../domain/phone.ts';
import type { Decision } from '../../domain/decisions.ts';
import { isAfter, standardSubject, type Moment, type TicketStatus } from '../../domain/tickets.ts';
import {
  addMessage,
  appendTicketEvent,
  changeTicket,
  createTicket,
  lockTicket,
  SYSTEM,
  type TicketRow,
} from '../../db/tickets.ts';
import type { Transaction } from '../../db/pool.ts';
import { publishTicketChanged } from '../../db/stream.ts';
import { byRule, callOf, type CallRow, type DecisionContext } from './context.ts';
import { customerForTicket, lockCustomer } from './customers.ts';

type Customer = Pick<CallRow, 'customer_id' | 'phone'>;

/**
 * Rows of `table` that concern this customer, whichever of their numbers (S12): the person's own, and those of the person's
 * numbers that were never given an owner. Where the number has no one owner, the number is all there is to go by.
 */
function ofCustomer(trx: Transaction, table: 'tickets' | 'conversations', { customer_id, phone }: Customer) {
  return trx(table).where((query) => {
    if (!customer_id) {
      void query.where({ phone });
      if (table === 'tickets') void query.whereNull('customer_id');
      return;
    }
    void query.where({ customer_id }).orWhere((ownerless) => {
      void ownerless
        .whereNull('customer_id')
        .where(
          (numbers) =>
            void numbers.whereIn('phone', trx('customer_phones').where({ customer_id }).select('phone')).orWhere({ phone }),
        );
    });
  });
}

const moment = (at: Date, seenAt: Date | null, reconciled = false): Moment => ({
  at: at.getTime(),
  seenAt: (seenAt ?? at).getTime(),
  reconciled,
});

const TALK_COLUMNS = ['answered_at', 'answered_seen_at', 'reconciled'] as const;
interface Talk {
  readonly answered_at: Date;
  readonly answered_seen_at: Date | null;
  readonly reconciled: boolean;
}
const momentOfTalk = (talk: Talk): Moment => moment(talk.answered_at, talk.answered_seen_at, talk.reconciled);

/** None where every missed call of the ticket has been taken back. */
const lastMissed = (ticket: TicketRow): Moment | null =>
  ticket.last_missed_at && moment(ticket.last_missed_at, ticket.last_missed_seen_at);

/** Has anybody talked to the customer between the last missed call of `ticket` and `now`, the one to be recorded? */
async function talkedSince(trx: Transaction, customer: Customer, ticket: TicketRow, now: Moment): Promise<boolean> {
  const missed = lastMissed(ticket);
  if (!missed) return false;
  const talks = (await ofCustomer(trx, 'conversations', customer)
    .whereNotNull('answered_at')
    .orderBy('answered_seen_at', 'desc')
    .limit(20)
    .select(...TALK_COLUMNS)) as Talk[];
  return talks.map(momentOfTalk).some((talk) => isAfter(talk, missed) && !isAfter(talk, now));
}

/** S12: the missed-call ticket that this customer's next missed call belongs in, locked; null if it is to have one of its own. */
async function groupFor(trx: Transaction, customer: Customer, now: Moment): Promise<TicketRow | null> {
  if (!customer.customer_id && !customer.phone) return null;
  const latest = (await ofCustomer(trx, 'tickets', customer)
    .where({ kind: 'missed' })
    .orderBy([
      { column: 'last_missed_seen_at', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .first('id')) as { id: string } | undefined;
  const ticket = latest && (await lockTicket(trx, latest.id));
  return ticket && !(await talkedSince(trx, customer, ticket, now)) ? ticket : null;
}

/** Open missed-call tickets of a customer (S17, S18), oldest first, locked. */
export async function openMissedTickets(trx: Transaction, customer: Customer): Promise<TicketRow[]> {
  if (!customer.customer_id && !customer.phone) return [];
  return (await ofCustomer(trx, 'tickets', customer)
    .where({ kind: 'missed', status: 'open' })
    .orderBy('id')
    .forUpdate()) as TicketRow[];
}

/**
 * S18а, S18г: an agent who answered made a new ticket, so the open missed-call tickets of this customer are closed. One whose last call was
 * missed after the talk began stays open: nobody has talked to the customer since, however late the agent makes the ticket.
 */
export async function closeMissedTickets(
  context: DecisionContext,
  rule: 'S18а' | 'S18г',
  newTicketId: string,
  conversationId: string,
): Promise<void> {
  const call = await callOf(context);
  await lockCustomer(context.trx, call);
  const talk = momentOfTalk(
    (await context
      .trx('conversations')
      .where({ id: conversationId })
      .first(...TALK_COLUMNS)) as Talk,
  );
  for (const ticket of await openMissedTickets(context.trx, call)) {
    const missed = lastMissed(ticket);
    if (ticket.id === newTicketId || (missed && !isAfter(talk, missed))) continue;
    await changeTicket(context.trx, ticket, { status: 'closed' }, byRule(context, rule, conversationId));
    await addMessage(
      context.trx,
      ticket,
      { type: 'system', author: SYSTEM, code: 'closed_by_new_ticket', params: { ticketId: newTicketId } },
      byRule(context, rule, conversationId),
    );
  }
}

/** S11, S12: one missed PBX call, counted once, in a ticket of its own or in the group it belongs to. */
export async function recordMissed(
  context: DecisionContext,
  decision: Extract<Decision, { type: 'record_missed' }>,
): Promise<string> {
  const { trx } = context;
  const conversationId = `${context.callId}.m`;
  const done = (await trx('conversations').where({ id: conversationId }).first('ticket_id')) as { ticket_id: string } | undefined;
  if (done) return done.ticket_id;
  const call = await customerForTicket(context);
  await lockCustomer(trx, call);
  const [only, ...others] = decision.agentIds;
  const missedAt = new Date(decision.endedAt);
  // What the statistics told long after was seen, for the order between calls, when it happened.
  const seenAt = new Date(decision.reconciled ? decision.endedAt : decision.seenAt);
  const group = await groupFor(trx, call, moment(missedAt, seenAt));
  const cause = byRule(context, group ? 'S12' : 'S11', conversationId);
  const ticket = group
    ? await changeTicket(trx, group, { status: 'open' }, cause)
    : await createTicket(
        trx,
        {
          subject: standardSubject('missed', call.phone && formatPhone(call.phone)),
          status: 'open',
          channel: 'call',
          kind: 'missed',
          phone: call.phone,
          customerId: call.customer_id,
          assigneeId: only !== undefined && others.length === 0 ? only : null,
          automatic: true,
        },
        { ...cause, rule: 'S16' },
      );
  await trx('conversations').insert({
    id: conversationId,
    call_id: call.id,
    ordinal: 0,
    agent_id: only !== undefined && others.length === 0 ? only : null,
    direction: 'incoming',
    outcome: 'missed',
    ticket_id: ticket.id,
    made_by: 'auto',
    customer_id: call.customer_id,
    phone: call.phone,
    started_at: new Date(decision.startedAt),
    ended_at: missedAt,
    ended_seen_at: seenAt,
    reconciled: decision.reconciled,
  });
  await trx('tickets')
    .where({ id: ticket.id })
    .update({ missed_count: trx.raw('missed_count + 1') });
  // The latest stays the latest, with the moment at which it was seen, in whatever order they are recorded.
  await trx('tickets')
    .where({ id: ticket.id })
    .where((query) => void query.whereNull('last_missed_at').orWhere('last_missed_at', '<=', missedAt))
    .update({ last_missed_at: missedAt, last_missed_seen_at: seenAt });
  const message = await addMessage(
    trx,
    ticket,
    { type: 'system', author: SYSTEM, code: 'missed_call', params: { agentIds: decision.agentIds }, conversationId },
    cause,
  );
  await appendTicketEvent(trx, ticket, 'missed', cause, { messageId: message.id, data: { agentIds: decision.agentIds } });
  return ticket.id;
}

/**
 * Takes back a missed call that an attempt counted of which Temporal never heard, and which whoever ends the call now, knowing more, knows
 * to be none. All that was written of it goes; the ticket as well, if it holds nothing else and nobody has done anything in it.
 */
export async function takeBackMissed(context: DecisionContext): Promise<void> {
  const { trx, callId } = context;
  const id = `${callId}.m`;
  const missed = (await trx('conversations').where({ id }).first('ticket_id')) as { ticket_id: string } | undefined;
  if (!missed) return;
  await lockCustomer(trx, await callOf(context));
  const ticket = await lockTicket(trx, missed.ticket_id);
  if (!ticket) return;
  await trx('messages').where({ conversation_id: id }).delete();
  await restoreStatus(trx, ticket, id);
  await trx('ticket_events').where({ ticket_id: ticket.id, type: 'missed', conversation_id: id }).delete();
  await trx('conversations').where({ id }).delete();
  await trx('step_results').where({ call_id: callId, key: 'missed' }).delete();
  if (await isNothingElse(trx, ticket)) {
    for (const table of ['messages', 'ticket_events']) await trx(table).where({ ticket_id: ticket.id }).delete();
    await trx('tickets').where({ id: ticket.id }).delete();
  } else {
    const latest = (await trx('conversations')
      .where({ ticket_id: ticket.id, outcome: 'missed' })
      .orderBy('ended_at', 'desc')
      .first('ended_at', 'ended_seen_at')) as { ended_at: Date; ended_seen_at: Date } | undefined;
    const [last_missed_at, last_missed_seen_at] = [latest?.ended_at ?? null, latest?.ended_seen_at ?? null];
    await trx('tickets')
      .where({ id: ticket.id })
      .update({ missed_count: trx.raw('missed_count - 1'), last_missed_at, last_missed_seen_at });
  }
  await publishTicketChanged(trx, ticket.id);
}

/** As it was before that missed call opened the ticket again, unless somebody or something else has had a say since. */
async function restoreStatus(trx: Transaction, ticket: TicketRow, missedId: string): Promise<void> {
  const [latest, before] = (await trx('ticket_events')
    .where({ ticket_id: ticket.id })
    .whereIn('type', ['created', 'status', 'closed', 'reopened'])
    .orderBy('id', 'desc')
    .limit(2)) as {
    id: string;
    type: string;
    at: Date;
    rule: string | null;
    conversation_id: string;
    from_value: TicketStatus;
  }[];
  if (!latest || !before || latest.type === 'created' || latest.conversation_id !== missedId) return;
  const closed_at = latest.from_value === 'closed' ? before.at : null;
  await trx('tickets')
    .where({ id: ticket.id })
    .update({ status: latest.from_value, status_rule: before.rule ?? 'hand', closed_at });
  await trx('ticket_events').where({ id: latest.id }).delete();
}

/** Whether a missed-call ticket holds nothing any more but what the service itself has noted in it. */
async function isNothingElse(trx: Transaction, { id, automatic, touched_at }: TicketRow): Promise<boolean> {
  if (!automatic || touched_at !== null) return false;
  for (const table of ['conversations', 'calls', 'actions'])
    if (await trx(table).where({ ticket_id: id }).first('ticket_id')) return false;
  const written: unknown = await trx('messages')
    .where({ ticket_id: id })
    .whereNot({ type: 'system', author_type: 'system' })
    .first('id');
  return written === undefined;
}
