import { formatPhone } from '../../domain/phone.ts';
import type { ActionMessage } from '../../domain/messages.ts';
import { standardSubject } from '../../domain/tickets.ts';
import { publish, publishTicketChanged } from '../../db/stream.ts';
import {
  addMessage,
  appendTicketEvent,
  changeTicket,
  createTicket,
  lockTicket,
  SYSTEM,
  type TicketRow,
} from '../../db/tickets.ts';
import { joinRecordings } from '../../db/recordings.ts';
import { byAgent, byRule, callOf, conversationOf, type ConversationRow, type DecisionContext } from './context.ts';
import {
  chooseCustomerOf,
  createCustomer,
  customerForTicket,
  isCallers,
  isNothingButTheNumber,
  lockCustomer,
  replaceCustomer,
  setCustomer,
} from './customers.ts';
import { closeMissedTickets } from './missed.ts';
import { moveCall } from './moves.ts';
import { done, refused, type ActionOutcome } from './outcome.ts';
import { publishCardsUpdated } from './project.ts';
import { draftOf, subjectOr, type Draft } from './talks.ts';
import { fillAutomatic, saveDraft, saveGist } from './typed.ts';

/** Carries out one action, once, and says what came of it: in `actions` and on the agent's stream. */
export async function actOn(context: DecisionContext, action: ActionMessage): Promise<string | null> {
  const { trx } = context;
  const row = (await trx('actions')
    .where({ agent_id: action.agentId, action_id: action.actionId })
    .forUpdate()
    .first('state', 'ticket_id')) as { state: string; ticket_id: string | null } | undefined;
  if (!row || row.state !== 'accepted') return row?.ticket_id ?? null;
  const outcome = await carryOut(context, action);
  await answerAction(context, action, outcome);
  await publishCardsUpdated(context);
  return outcome.ticketId ?? null;
}

/** Settles an action's row and tells the agent. */
export async function answerAction(
  { trx }: DecisionContext,
  action: Pick<ActionMessage, 'actionId' | 'agentId'>,
  outcome: ActionOutcome,
): Promise<void> {
  const { actionId, agentId } = action;
  await trx('actions')
    .where({ agent_id: agentId, action_id: actionId, state: 'accepted' })
    .update({
      state: outcome.code === null ? 'done' : 'refused',
      code: outcome.code,
      ticket_id: outcome.ticketId ?? null,
      settled_at: new Date(),
    });
  await publish(trx, {
    type: outcome.code === null ? 'action.done' : 'action.refused',
    agentId,
    payload: { actionId, code: outcome.code, ...(outcome.ticketId ? { ticketId: outcome.ticketId } : {}) },
  });
}

async function carryOut(context: DecisionContext, action: ActionMessage): Promise<ActionOutcome> {
  switch (action.action) {
    case 'identify_customer':
      return identifyCustomer(context, action);
    case 'create_customer':
      return createCallCustomer(context, action);
    case 'create_ticket':
    case 'link_ticket':
    case 'save_draft': {
      const conversation = action.conversationId ? await conversationOf(context, action.conversationId) : undefined;
      if (!conversation || conversation.outcome === 'missed') return refused('no_conversation');
      if (action.action === 'create_ticket') return createForConversation(context, action, conversation);
      if (action.action === 'link_ticket') return linkConversation(context, action, conversation);
      return saveDraft(context, action, conversation);
    }
    case 'move_call':
      return moveCall(context, action);
    case 'hang_up':
    case 'fetch_recording_again':
      throw new Error(`Action ${action.action} is not one that a transaction carries out`);
  }
}

/** What was typed: the action's own text, and where it says nothing the draft. */
async function typedText(context: DecisionContext, action: ActionMessage): Promise<Draft> {
  const row = (await context.trx('actions').where({ agent_id: action.agentId, action_id: action.actionId }).first('body')) as
    { body: { subject?: string; gist?: string } } | undefined;
  const draft = action.conversationId ? await draftOf(context, action.conversationId) : { subject: '', gist: '' };
  return { subject: row?.body.subject || draft.subject, gist: row?.body.gist || draft.gist };
}

/** S2a, S4b: the ticket an agent makes for a call; after the end it fills the automatic one. */
async function createForConversation(
  context: DecisionContext,
  action: ActionMessage,
  conversation: ConversationRow,
): Promise<ActionOutcome> {
  if (conversation.ticket_id && conversation.made_by !== 'auto') return refused('ticket_exists', conversation.ticket_id);
  const text = await typedText(context, action);
  const rule = conversation.direction === 'incoming' ? 'S18а' : 'S18г';
  const cause = byAgent(context, action.agentId, action.inboxId, conversation.id, 'S15');
  if (conversation.ticket_id) {
    const ticket = await lockTicket(context.trx, conversation.ticket_id);
    if (!ticket || ticket.touched_at !== null) return refused('ticket_exists', conversation.ticket_id);
    await fillAutomatic(context, action, conversation, ticket, text);
    await context.trx('conversations').where({ id: conversation.id }).update({ made_by: 'create' });
    if (conversation.answered_at) await closeMissedTickets(context, rule, ticket.id, conversation.id);
    return done(ticket.id);
  }
  const call = await customerForTicket(context);
  const ticket = await createTicket(
    context.trx,
    {
      subject: subjectOr(text.subject, standardSubject(conversation.direction, call.phone && formatPhone(call.phone))),
      status: 'open',
      channel: 'call',
      kind: conversation.direction,
      phone: call.phone,
      customerId: call.customer_id,
      assigneeId: conversation.agent_id,
      automatic: false,
    },
    cause,
  );
  await context.trx('conversations').where({ id: conversation.id }).update({ ticket_id: ticket.id, made_by: 'create' });
  await addMessage(
    context.trx,
    ticket,
    { type: 'reply', author: { type: 'agent', id: action.agentId }, body: text.gist, conversationId: conversation.id },
    cause,
  );
  if (conversation.answered_at) await closeMissedTickets(context, rule, ticket.id, conversation.id);
  return done(ticket.id);
}

/** S2b, S18: the conversation joins an earlier ticket of the same customer; saving its gist again changes the text only. */
async function linkConversation(
  context: DecisionContext,
  action: ActionMessage,
  conversation: ConversationRow,
): Promise<ActionOutcome> {
  const { trx } = context;
  const call = await callOf(context);
  await lockCustomer(trx, call);
  const target = action.ticketId ? await lockTicket(trx, action.ticketId) : undefined;
  if (!target) return refused('ticket_not_found');
  const text = await typedText(context, action);
  const cause = byAgent(context, action.agentId, action.inboxId, conversation.id, 'S2b');
  // A ticket that somebody has changed since keeps what they gave it.
  if (conversation.ticket_id === target.id && (conversation.made_by !== 'auto' || target.touched_at !== null))
    return saveGist(context, conversation, target, text.gist, cause);
  if (conversation.ticket_id && conversation.made_by !== 'auto') return refused('ticket_exists', conversation.ticket_id);
  if (conversation.ticket_id === target.id) {
    await fillAutomatic(context, action, conversation, target, { subject: target.subject, gist: text.gist });
    return done(target.id);
  }
  if (!(await isCallers(trx, call, target))) return refused('other_customer');
  await chooseCustomerOf(context, call, target);
  const emptied = conversation.ticket_id ? await lockTicket(trx, conversation.ticket_id) : undefined;
  await trx('conversations').where({ id: conversation.id }).update({ ticket_id: target.id, made_by: 'link' });
  if (emptied) await moveMessage(context, conversation, emptied, target, text.gist);
  else {
    await addMessage(
      trx,
      target,
      { type: 'reply', author: { type: 'agent', id: action.agentId }, body: text.gist, conversationId: conversation.id },
      cause,
    );
  }
  await appendTicketEvent(trx, target, 'linked', cause);
  await publishTicketChanged(trx, target.id);
  const talking = conversation.outcome === 'in_progress' && conversation.answered_at !== null;
  const over = conversation.outcome === 'talked';
  const assignee = target.assignee_id === null && conversation.agent_id ? { assigneeId: conversation.agent_id } : {};
  const linked = await changeTicket(
    trx,
    target,
    { ...assignee, ...(talking || (over && target.status === 'closed') ? { status: 'open' as const } : {}) },
    cause,
  );
  if (over)
    await changeTicket(trx, linked, { status: 'pending' }, byRule(context, linkRule(linked, conversation), conversation.id));
  // S13: a recording that was there before the link counts in the ticket it now stands in.
  await joinRecordings(trx, conversation.id);
  return done(target.id);
}

function linkRule(ticket: TicketRow, conversation: ConversationRow): string {
  if (ticket.kind !== 'missed') return 'S15';
  return conversation.direction === 'incoming' ? 'S18б' : 'S18д';
}

/** The automatic ticket loses its conversation: closed, if nobody touched it, with word of where it went. */
async function moveMessage(
  context: DecisionContext,
  conversation: ConversationRow,
  from: TicketRow,
  to: TicketRow,
  gist: string,
): Promise<void> {
  const { trx } = context;
  const cause = byRule(context, 'S2b', conversation.id);
  const kept = (await trx('messages').where({ conversation_id: conversation.id }).first('body')) as { body: string } | undefined;
  await trx('messages')
    .where({ conversation_id: conversation.id })
    .update({ ticket_id: to.id, body: gist || (kept?.body ?? ''), automatic: false });
  await appendTicketEvent(trx, from, 'unlinked', cause, { toValue: to.id });
  await addMessage(
    trx,
    from,
    { type: 'system', author: SYSTEM, code: 'call_moved_to', params: { ticketId: to.id, number: to.number } },
    cause,
  );
  if (from.touched_at === null) await changeTicket(trx, from, { status: 'closed' }, cause);
}

/** S4a: the caller is this customer, who gets the number, too. */
async function identifyCustomer(context: DecisionContext, action: ActionMessage): Promise<ActionOutcome> {
  const { trx } = context;
  const call = await callOf(context);
  const customer = action.customerId
    ? await trx('customers').where({ id: action.customerId }).whereNull('erased_at').first('id')
    : undefined;
  if (!customer || !action.customerId) return refused('customer_not_found');
  if (call.customer_id === action.customerId) return done();
  await lockCustomer(trx, { phone: call.phone, customer_id: action.customerId });
  const tickets = (await trx('conversations')
    .join('tickets', 'tickets.id', 'conversations.ticket_id')
    .where({ 'conversations.call_id': call.id })
    .select('tickets.id as id', 'tickets.customer_id as customer_id')) as { id: string; customer_id: string | null }[];
  const stopgap = call.customer_id && (await isNothingButTheNumber(trx, call.customer_id, call.phone)) ? call.customer_id : null;
  const taken = tickets.find(
    (ticket) => ticket.customer_id !== null && ![action.customerId, stopgap].includes(ticket.customer_id),
  );
  if (taken) return refused('ticket_exists', taken.id);
  if (stopgap)
    await replaceCustomer(context, stopgap, action.customerId, byAgent(context, action.agentId, action.inboxId, null, 'S4a'));
  if (call.phone) {
    const position = trx('customer_phones').where({ customer_id: action.customerId }).count('*');
    await trx('customer_phones').insert({ customer_id: action.customerId, phone: call.phone, position }).onConflict().ignore();
  }
  await setCustomer(context, action.customerId);
  const cause = byAgent(context, action.agentId, action.inboxId, null, 'S4a');
  for (const { id } of tickets) {
    const ticket = await lockTicket(trx, id);
    if (ticket) await changeTicket(trx, ticket, { customerId: action.customerId }, cause);
  }
  await publish(trx, { type: 'customer.changed', agentId: null, payload: { customerId: action.customerId } });
  return done();
}

/** S4b: a customer is made from the number. */
async function createCallCustomer(context: DecisionContext, action: ActionMessage): Promise<ActionOutcome> {
  const call = await callOf(context);
  if (call.customer_id) return refused('customer_known');
  await lockCustomer(context.trx, call);
  const row = (await context.trx('actions').where({ agent_id: action.agentId, action_id: action.actionId }).first('body')) as
    { body: { fullName?: string } } | undefined;
  const customerId = await createCustomer(context.trx, call.phone, row?.body.fullName);
  await setCustomer(context, customerId);
  return done();
}
