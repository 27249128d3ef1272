import { formatPhone } from '../../domain/phone.ts';
import type { ActionMessage } from '../../domain/messages.ts';
import { standardSubject, type TicketStatus } from '../../domain/tickets.ts';
import { publishTicketChanged } from '../../db/stream.ts';
import { addMessage, appendTicketEvent, changeTicket, lockTicket, type TicketRow } from '../../db/tickets.ts';
import { byAgent, type ConversationRow, type DecisionContext } from './context.ts';
import { done, refused, type ActionOutcome } from './outcome.ts';
import { draftOf, isFilled, subjectOr, type Draft } from './talks.ts';

interface Automatic {
  readonly status: TicketStatus;
  readonly rule: string;
}
const BY_THE_AGENT: Automatic = { status: 'pending', rule: 'S15' };

const standardOf = ({ direction }: ConversationRow, { phone }: TicketRow): string =>
  standardSubject(direction, phone && formatPhone(phone));

/**
 * What the service gave the ticket of a talk in which nobody did anything; undefined where it was made of a draft,
 * or where another call has come to it since.
 */
async function givenTo({ trx }: DecisionContext, ticketId: string, conversationId: string): Promise<Automatic | undefined> {
  const another = (await trx('conversations').where({ ticket_id: ticketId }).whereNot({ id: conversationId }).first('id')) as
    { id: string } | undefined;
  if (another) return undefined;
  const row = (await trx('ticket_events')
    .where({ ticket_id: ticketId })
    .whereIn('rule', ['S2a', 'S5', 'S10'])
    .whereNotNull('to_value')
    .orderBy('id', 'desc')
    .first('to_value as status', 'rule')) as Automatic | undefined;
  return row;
}

/** After the end: what was typed goes into the ticket that was made meanwhile, which so becomes the agent's. */
export async function fillAutomatic(
  context: DecisionContext,
  action: ActionMessage,
  conversation: ConversationRow,
  ticket: TicketRow,
  text: Draft,
  as: Automatic = BY_THE_AGENT,
): Promise<void> {
  const cause = byAgent(context, action.agentId, action.inboxId, conversation.id, as.rule);
  const ended = conversation.outcome !== 'in_progress';
  const standard = standardOf(conversation, ticket);
  const after = await changeTicket(
    context.trx,
    ticket,
    { subject: subjectOr(text.subject, standard), ...(ended ? { status: as.status } : {}) },
    cause,
  );
  const message = (await context.trx('messages').where({ conversation_id: conversation.id }).first('id', 'body')) as
    { id: string; body: string } | undefined;
  if (!message) return;
  await context
    .trx('messages')
    .where({ id: message.id })
    .update({ body: text.gist, automatic: as !== BY_THE_AGENT });
  if (message.body === text.gist) return;
  await appendTicketEvent(context.trx, after, 'reply', cause, { messageId: message.id, isWork: as === BY_THE_AGENT });
  await publishTicketChanged(context.trx, after.id);
}

export async function saveGist(
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

/** The text itself is in `drafts` already; here only what arrives after the end is carried on into the ticket. */
export async function saveDraft(
  context: DecisionContext,
  action: ActionMessage,
  conversation: ConversationRow,
): Promise<ActionOutcome> {
  if (conversation.ticket_id && conversation.made_by === 'link' && conversation.outcome === 'unanswered') {
    return noteOnAttempt(context, action, conversation, conversation.ticket_id);
  }
  if (!conversation.ticket_id) return done(conversation.ticket_id);
  const draft = await draftOf(context, conversation.id);
  if (conversation.made_by !== 'auto') return carryOnUnsaved(context, action, conversation, conversation.ticket_id, draft);
  const ticket = await lockTicket(context.trx, conversation.ticket_id);
  if (!ticket || ticket.touched_at !== null)
    return isFilled(draft) ? refused('ticket_changed', conversation.ticket_id) : done(conversation.ticket_id);
  const isTakenBack = !draft.gist.trim() && ['', standardOf(conversation, ticket)].includes(draft.subject.trim());
  const given = isTakenBack ? await givenTo(context, ticket.id, conversation.id) : undefined;
  if (isFilled(draft) || given) await fillAutomatic(context, action, conversation, ticket, draft, given);
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
