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
import { draftOf, isFilled, subjectOr, type Draft } from './talks.ts';

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

/** After the end: what was typed goes into the ticket that was made meanwhile, which so becomes the agent's. */
async function fillAutomatic(
  context: DecisionContext,
  action: ActionMessage,
  conversation: ConversationRow,
  ticket: TicketRow,
  text: Draft,
): Promise<void> {
  const cause = byAgent(context, action.agentId, action.inboxId, conversation.id, 'S15');
  const ended = conversation.outcome !== 'in_progress';
  const standard = standardSubject(conversation.direction, ticket.phone && formatPhone(ticket.phone));
  const after = await changeTicket(
    context.trx,
    ticket,
    { subject: subjectOr(text.subject, standard), ...(ended ? { status: 'pending' as const } : {}) },
    cause,
  );
  const message = (await context.trx('messages').where({ conversation_id: conversation.id }).first('id', 'body')) as
    { id: string; body: string } | undefined;
  if (!message) return;
  await context.trx('messages').where({ id: message.id }).update({ body: text.gist, automatic: false });
  if (message.body === text.gist) return;
  await appendTicketEvent(context.trx, after, 'reply', cause, { messageId: message.id, isWork: true });
  await publishTicketChanged(context.trx, after.id);
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
  if (conversation.ticket_id === target.id && conversation.made_by !== 'auto')
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

async function saveGist(
  context: DecisionContext,
  conversation: ConversationRow,
  ticket: TicketRow,
  gist: string,
  cause: ReturnType<typeof byAgent>,
): Promise<ActionOutcome> {
  const { trx } = context;
  const message = (await trx('messages').where({ conversation_id: conversation.id }).first('id', 'body', 'type')) as
    { id: string; body: string; type: string } | undefined;
  if (!message) {
    const author = { type: 'agent', id: conversation.agent_id ?? '' } as const;
    await addMessage(trx, ticket, { type: 'reply', author, body: gist, conversationId: conversation.id }, cause);
  } else if (message.body !== gist) {
    await trx('messages').where({ id: message.id }).update({ body: gist, automatic: false });
    await appendTicketEvent(trx, ticket, 'reply', cause, { messageId: message.id, isWork: true });
    await trx('tickets').where({ id: ticket.id }).update({ updated_at: new Date() });
    await publishTicketChanged(trx, ticket.id);
  }
  return done(ticket.id);
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

/** The text itself is in `drafts` already; here only what arrives after the end is carried on into the ticket. */
async function saveDraft(context: DecisionContext, action: ActionMessage, conversation: ConversationRow): Promise<ActionOutcome> {
  if (conversation.ticket_id && conversation.made_by === 'link' && conversation.outcome === 'unanswered') {
    return noteOnAttempt(context, action, conversation, conversation.ticket_id);
  }
  if (!conversation.ticket_id) return done(conversation.ticket_id);
  const draft = await draftOf(context, conversation.id);
  if (conversation.made_by !== 'auto') return carryOnUnsaved(context, action, conversation, conversation.ticket_id, draft);
  if (!isFilled(draft)) return done(conversation.ticket_id);
  const ticket = await lockTicket(context.trx, conversation.ticket_id);
  if (!ticket || ticket.touched_at !== null) return refused('ticket_changed', conversation.ticket_id);
  await fillAutomatic(context, action, conversation, ticket, draft);
  return done(ticket.id);
}

/** S8: nobody saved the gist, so the message took the draft as it was; text that arrives later still belongs there. */
async function carryOnUnsaved(
  context: DecisionContext,
  action: ActionMessage,
  conversation: ConversationRow,
  ticketId: string,
  { gist }: Draft,
): Promise<ActionOutcome> {
  const { trx } = context;
  const ticket = await lockTicket(trx, ticketId);
  const message = (await trx('messages').where({ conversation_id: conversation.id }).first('id')) as { id: string } | undefined;
  if (!ticket || !message) return done(ticketId);
  const written = (await trx('ticket_events')
    .where({ ticket_id: ticketId, message_id: message.id, type: 'reply' })
    .orderBy('id', 'desc')
    .first('rule')) as { rule: string | null } | undefined;
  if (written?.rule !== 'S8') return done(ticketId);
  return saveGist(context, conversation, ticket, gist, byAgent(context, action.agentId, action.inboxId, conversation.id, 'S8'));
}

/** S17: what is typed after an attempt stands beside it; the ticket it was recorded in stays as it is. */
async function noteOnAttempt(
  context: DecisionContext,
  action: ActionMessage,
  conversation: ConversationRow,
  ticketId: string,
): Promise<ActionOutcome> {
  const ticket = await lockTicket(context.trx, ticketId);
  if (!ticket) return refused('ticket_not_found');
  const { gist } = await draftOf(context, conversation.id);
  return saveGist(context, conversation, ticket, gist, byAgent(context, action.agentId, action.inboxId, conversation.id, 'S17'));
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
  await publish(trx, { type: 'customer.changed', agentId: action.agentId, payload: { customerId: action.customerId } });
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
