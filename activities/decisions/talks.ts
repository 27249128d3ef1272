import { formatPhone } from '../../domain/phone.ts';
import { standardSubject, type TicketStatus } from '../../domain/tickets.ts';
import type { Decision } from '../../domain/decisions.ts';
import { addMessage, appendTicketEvent, changeTicket, createTicket, lockTicket, type TicketRow } from '../../db/tickets.ts';
import { publishTicketChanged } from '../../db/stream.ts';
import { placeholder } from '../../db/recordings.ts';
import { about, byRule, conversationOf, type ConversationRow, type DecisionContext } from './context.ts';
import { customerForTicket } from './customers.ts';
import { openMissedTickets } from './missed.ts';

export interface Draft {
  readonly subject: string;
  readonly gist: string;
}

const visible = (text: string): boolean => /[^\s\p{Cf}]/u.test(text);
/** Fine points, Drafts: non-empty means that subject or gist has a visible character. */
export const isFilled = (draft: Draft): boolean => visible(draft.subject) || visible(draft.gist);
export const subjectOr = (typed: string, standard: string): string => (visible(typed) ? typed.trim() : standard);

export async function draftOf({ trx }: DecisionContext, conversationId: string): Promise<Draft> {
  const row = (await trx('drafts').where({ conversation_id: conversationId }).first('subject', 'gist')) as Draft | undefined;
  return row ?? { subject: '', gist: '' };
}

/** The ticket that is made when nobody made one (S2a, S4, S5, S10); with a typed draft it ends as if the agent had made it. */
export async function makeAutomaticTicket(
  context: DecisionContext,
  conversation: ConversationRow,
  outcome: { readonly status: TicketStatus; readonly rule: string },
): Promise<TicketRow> {
  const call = await customerForTicket(context);
  const draft = await draftOf(context, conversation.id);
  const typed = isFilled(draft);
  const cause = byRule(context, typed ? 'S15' : outcome.rule, conversation.id);
  const ticket = await createTicket(
    context.trx,
    {
      subject: subjectOr(draft.subject, standardSubject(conversation.direction, call.phone && formatPhone(call.phone))),
      status: typed ? 'pending' : outcome.status,
      channel: 'call',
      kind: conversation.direction,
      phone: call.phone,
      customerId: call.customer_id,
      assigneeId: conversation.agent_id,
      automatic: true,
    },
    cause,
  );
  await context.trx('conversations').where({ id: conversation.id }).update({ ticket_id: ticket.id, made_by: 'auto' });
  await addConversationMessage(context, ticket, conversation, draft.gist, !typed, cause.rule ?? outcome.rule);
  return ticket;
}

/** The message that carries a conversation: from the agent, with the gist as body. */
export async function addConversationMessage(
  context: DecisionContext,
  ticket: TicketRow,
  conversation: Pick<ConversationRow, 'id' | 'agent_id'>,
  gist: string,
  automatic: boolean,
  rule: string,
): Promise<void> {
  const author = conversation.agent_id ? ({ type: 'agent', id: conversation.agent_id } as const) : ({ type: 'system' } as const);
  await addMessage(
    context.trx,
    ticket,
    { type: 'reply', author, body: gist, automatic, conversationId: conversation.id },
    { ...byRule(context, rule, conversation.id), actor: automatic ? { type: 'system' } : author },
  );
}

const hasMessage = async ({ trx }: DecisionContext, conversationId: string): Promise<boolean> =>
  (await trx('messages').where({ conversation_id: conversationId }).first('id')) !== undefined;

/** S15 and its variants by which ticket it is: the same status, but the record says which rule it was. */
function endRule(ticket: TicketRow, conversation: ConversationRow): string {
  if (ticket.kind !== 'missed') return 'S15';
  if (conversation.made_by === 'callback') return 'S18в';
  return conversation.direction === 'incoming' ? 'S18б' : 'S18д';
}

function automaticOutcome(conversation: ConversationRow, handedOver: boolean): { status: TicketStatus; rule: string } {
  if (conversation.direction === 'outgoing') return { status: 'closed', rule: 'S10' };
  return handedOver ? { status: 'closed', rule: 'S5' } : { status: 'open', rule: 'S2a' };
}

/** A talk has ended: its ticket is made if there is none, and gets the status that the rules give it. */
export async function settleTalk(
  call: DecisionContext,
  decision: Extract<Decision, { type: 'settle_talk' }>,
): Promise<string | null> {
  const { trx } = call;
  const found = await conversationOf(call, decision.conversationId);
  if (!found) throw new Error(`Conversation ${decision.conversationId} was to be settled before it was written`);
  const context = about(call, found.agent_id);
  const conversation = await withoutAttempt(context, found);
  const automatic = automaticOutcome(conversation, decision.handedOver);
  let ticketId: string;
  if (!conversation.ticket_id) ticketId = (await makeAutomaticTicket(context, conversation, automatic)).id;
  else {
    ticketId = conversation.ticket_id;
    const ticket = await lockTicket(trx, ticketId);
    if (!ticket) throw new Error(`Ticket ${ticketId} of conversation ${conversation.id} is gone`);
    // Of a ticket that an agent made, the end of the talk has had its say already; whatever was chosen since stands.
    if (!decision.again || conversation.made_by === 'auto') await settleExisting(context, conversation, ticket, automatic);
  }
  await placeholder(trx, { conversationId: conversation.id, callId: context.callId });
  await publishTicketChanged(trx, ticketId);
  return ticketId;
}

/**
 * A talk that an attempt of which Temporal never heard recorded as one without an answer: its entry goes, and with it the place in the
 * missed-call ticket, where nobody else has put it.
 */
async function withoutAttempt({ trx }: DecisionContext, conversation: ConversationRow): Promise<ConversationRow> {
  const entry = (await trx('messages')
    .where({ conversation_id: conversation.id, code: 'call_attempt' })
    .first('id', 'ticket_id')) as { id: string; ticket_id: string } | undefined;
  if (!entry) return conversation;
  await trx('messages').where({ id: entry.id }).delete();
  await trx('ticket_events').where({ message_id: entry.id }).delete();
  await publishTicketChanged(trx, entry.ticket_id);
  if (conversation.made_by !== 'link') return conversation;
  const nowhere = { ticket_id: null, made_by: null };
  await trx('conversations').where({ id: conversation.id }).update(nowhere);
  return { ...conversation, ...nowhere };
}

const wasTyped = async ({ trx }: DecisionContext, conversationId: string): Promise<boolean> =>
  (await trx('messages').where({ conversation_id: conversationId, automatic: false }).first('id')) !== undefined;

async function settleExisting(
  context: DecisionContext,
  conversation: ConversationRow,
  ticket: TicketRow,
  automatic: { readonly status: TicketStatus; readonly rule: string },
): Promise<void> {
  if (conversation.made_by === 'auto') {
    // The talk went on after its first end, or was handed over later than it seemed: corrected unless a person decided since.
    if (ticket.touched_at !== null) return;
    const typed = await wasTyped(context, conversation.id);
    const { status, rule } = typed ? { status: 'pending' as const, rule: 'S15' } : automatic;
    await changeTicket(context.trx, ticket, { status }, byRule(context, rule, conversation.id));
    return;
  }
  if (!(await hasMessage(context, conversation.id))) {
    // S8: not saved by the agent, so it is added with whatever was typed.
    const draft = await draftOf(context, conversation.id);
    await addConversationMessage(context, ticket, conversation, draft.gist, !isFilled(draft), 'S8');
  }
  await changeTicket(context.trx, ticket, { status: 'pending' }, byRule(context, endRule(ticket, conversation), conversation.id));
}

/** S9, S10: an attempt without an answer. */
export async function recordAttempt(
  context: DecisionContext,
  decision: Extract<Decision, { type: 'record_attempt' }>,
): Promise<string | null> {
  const { trx } = context;
  const conversation = await conversationOf(context, decision.conversationId);
  if (!conversation) throw new Error(`Conversation ${decision.conversationId} was to be settled before it was written`);
  if (await hasMessage(context, conversation.id)) {
    // The agent made or linked a ticket while it rang: its message tells of the attempt.
    if (conversation.ticket_id) await publishTicketChanged(trx, conversation.ticket_id);
    return conversation.ticket_id;
  }
  const draft = await draftOf(context, conversation.id);
  const call = await customerForTicket(context);
  const rule = conversation.made_by === 'callback' ? 'S9' : 'S17';
  let ticket: TicketRow | undefined;
  if (conversation.ticket_id) ticket = await lockTicket(trx, conversation.ticket_id);
  else if (!isFilled(draft)) ticket = (await openMissedTickets(trx, call)).at(-1);
  if (!ticket) {
    const made = await makeAutomaticTicket(context, conversation, { status: 'closed', rule: 'S10' });
    await appendTicketEvent(trx, made, 'attempt', byRule(context, 'S10', conversation.id));
    return made.id;
  }
  await trx('conversations')
    .where({ id: conversation.id })
    .update({ ticket_id: ticket.id, made_by: conversation.made_by ?? 'link' });
  const message = await addMessage(
    trx,
    ticket,
    {
      type: 'system',
      author: conversation.agent_id ? { type: 'agent', id: conversation.agent_id } : { type: 'system' },
      code: 'call_attempt',
      body: draft.gist,
      params: { agentId: conversation.agent_id },
      conversationId: conversation.id,
    },
    byRule(context, rule, conversation.id),
  );
  await appendTicketEvent(trx, ticket, 'attempt', byRule(context, rule, conversation.id), { messageId: message.id });
  return ticket.id;
}
