import { formatPhone } from '../../domain/phone.ts';
import type { Decision } from '../../domain/decisions.ts';
import { isAfter, standardSubject, type Moment } from '../../domain/tickets.ts';
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

/** Has anybody talked to the customer between the last missed call of `ticket` and `now`, the one to be recorded? */
async function talkedSince(trx: Transaction, customer: Customer, ticket: TicketRow, now: Moment): Promise<boolean> {
  if (!ticket.last_missed_at) return false;
  const missed = moment(ticket.last_missed_at, ticket.last_missed_seen_at);
  const talks = (await ofCustomer(trx, 'conversations', customer)
    .whereNotNull('answered_at')
    .orderBy('answered_seen_at', 'desc')
    .limit(20)
    .select('answered_at', 'answered_seen_at', 'reconciled')) as {
    answered_at: Date;
    answered_seen_at: Date | null;
    reconciled: boolean;
  }[];
  return talks
    .map((talk) => moment(talk.answered_at, talk.answered_seen_at, talk.reconciled))
    .some((talk) => isAfter(talk, missed) && !isAfter(talk, now));
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

/** S18а, S18г: an agent who answered made a new ticket, so the open missed-call tickets of this customer are closed. */
export async function closeMissedTickets(
  context: DecisionContext,
  rule: 'S18а' | 'S18г',
  newTicketId: string,
  conversationId: string,
): Promise<void> {
  const call = await callOf(context);
  await lockCustomer(context.trx, call);
  for (const ticket of await openMissedTickets(context.trx, call)) {
    if (ticket.id === newTicketId) continue;
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
