import type { ActionMessage } from '../../domain/messages.ts';
import {
  handsetAfterMove,
  movedTalk,
  moveRefusal,
  newTicketOfMove,
  sourceAfterMove,
  targetAfterMove,
  type MovedTalk,
  type StatusStep,
  type TicketInSight,
} from '../../domain/moving.ts';
import { formatPhone } from '../../domain/phone.ts';
import { standardSubject, type TicketStatus } from '../../domain/tickets.ts';
import { joinRecordings } from '../../db/recordings.ts';
import type { Transaction } from '../../db/pool.ts';
import { addMessage, appendTicketEvent, changeTicket, createTicket, lockTicket, type TicketRow } from '../../db/tickets.ts';
import { maySee, type Viewer } from '../../db/visibility.ts';
import { byAgent, byRule, callOf, conversationOf, type CallRow, type ConversationRow, type DecisionContext } from './context.ts';
import { chooseCustomerOf, customerForTicket, isCallers } from './customers.ts';
import { done, refused, type ActionOutcome } from './outcome.ts';
import { subjectOr } from './talks.ts';

/** Of what a move does to the two tickets; the rules of the statuses bear their own names. */
const RULE = 'moved';

/** Moves a conversation, its message and its recordings to another ticket of the same customer, or out into a new one. */
export async function moveCall(context: DecisionContext, action: ActionMessage): Promise<ActionOutcome> {
  const { trx } = context;
  const conversation = action.conversationId ? await conversationOf(context, action.conversationId) : undefined;
  const call = await callOf(context);
  const [source, target] = await lockBoth(trx, conversation?.ticket_id ?? null, action.ticketId);
  const viewer = await viewerOf(trx, action.agentId);
  const refusal = moveRefusal({
    outcome: conversation?.outcome ?? null,
    source: source ? await inSight(trx, viewer, source) : null,
    target:
      action.ticketId === null
        ? 'new'
        : target
          ? { ...(await inSight(trx, viewer, target)), isSameCustomers: await isSameCustomers(trx, call, source, target) }
          : null,
  });
  if (refusal !== null || !conversation || !source) return refused(refusal ?? 'no_conversation');
  const move: Move = { context, action, conversation, talk: talkOf(conversation), source };
  const leaving = await leavingOf(move);
  if (target) await chooseCustomerOf(context, call, target);
  const destination = target ?? (await makeTicket(move));
  await carryOver(move, destination, target ? 'link' : 'create');
  if (target) await settleTarget(move, target);
  await changeTicket(trx, source, { status: leaving }, byRule(context, RULE, conversation.id));
  // S13: recordings that are there already count in the ticket they now stand in.
  await joinRecordings(trx, conversation.id);
  for (const id of [source.id, destination.id]) await settleHandset(move, id);
  return done(destination.id);
}

interface Move {
  readonly context: DecisionContext;
  readonly action: ActionMessage;
  readonly conversation: ConversationRow;
  readonly talk: MovedTalk;
  readonly source: TicketRow;
}

const talkOf = ({ outcome, answered_at }: ConversationRow): MovedTalk => movedTalk({ outcome, isAnswered: answered_at !== null });

const byMover = ({ context, action, conversation }: Move) =>
  byAgent(context, action.agentId, action.inboxId, conversation.id, RULE);

/** Two moves the other way round meet no deadlock: the lower id is locked first. */
async function lockBoth(
  trx: Transaction,
  sourceId: string | null,
  targetId: string | null,
): Promise<[TicketRow | undefined, TicketRow | undefined]> {
  const locked = new Map<string, TicketRow | undefined>();
  const ids = [sourceId, targetId].filter((id) => id !== null).sort((a, b) => Number(a) - Number(b));
  for (const id of ids) locked.set(id, await lockTicket(trx, id));
  return [locked.get(sourceId ?? ''), locked.get(targetId ?? '')];
}

async function viewerOf(trx: Transaction, agentId: string): Promise<Viewer> {
  const row = (await trx('agents').where({ id: agentId }).first('role', 'access')) as Pick<Viewer, 'role' | 'access'>;
  return { agentId, ...row };
}

async function inSight(trx: Transaction, viewer: Viewer, ticket: TicketRow): Promise<TicketInSight> {
  const erased: unknown =
    ticket.customer_id && (await trx('customers').where({ id: ticket.customer_id }).whereNotNull('erased_at').first('id'));
  return { id: ticket.id, isVisible: maySee(viewer, ticket.assignee_id), isErased: Boolean(erased) };
}

/** The person the ticket says it is, who may have been corrected there since, or the one who called. */
const isSameCustomers = async (trx: Transaction, call: CallRow, source: TicketRow | undefined, target: TicketRow) =>
  (source?.customer_id != null && source.customer_id === target.customer_id) || isCallers(trx, call, target);

async function leavingOf({ context: { trx }, source, conversation }: Move): Promise<TicketStatus> {
  const others = (await trx('conversations')
    .where({ ticket_id: source.id })
    .whereNot({ id: conversation.id })
    .select('answered_at', 'ended_at', 'ended_seen_at')) as {
    answered_at: Date | null;
    ended_at: Date | null;
    ended_seen_at: Date | null;
  }[];
  const written: unknown = await trx('messages')
    .where({ ticket_id: source.id })
    .whereNot({ type: 'system' })
    .whereNull('conversation_id')
    .first('id');
  const otherTalks = others
    .filter(({ answered_at }) => answered_at !== null)
    .map(({ ended_at, ended_seen_at }) => ({ endedAt: (ended_at && (ended_seen_at ?? ended_at).getTime()) ?? null }));
  return sourceAfterMove(
    {
      status: source.status,
      isChosen: source.status_rule === 'hand',
      isTouched: source.touched_at !== null,
      steps: await stepsOf(trx, source.id),
      hasOtherContent: others.length > 0 || written !== undefined,
      otherTalks,
    },
    conversation.id,
  ).status;
}

async function stepsOf(trx: Transaction, ticketId: string): Promise<StatusStep[]> {
  const rows = (await trx('ticket_events')
    .where({ ticket_id: ticketId })
    .where(
      (query) =>
        void query
          .where({ type: 'created' })
          .orWhere((changes) => void changes.whereIn('type', ['status', 'closed', 'reopened']).whereNotNull('from_value')),
    )
    .orderBy('id')
    .select('from_value', 'to_value', 'conversation_id', 'at')) as {
    from_value: TicketStatus | null;
    to_value: TicketStatus;
    conversation_id: string | null;
    at: Date;
  }[];
  return rows.map((row) => ({
    from: row.from_value,
    to: row.to_value,
    conversationId: row.conversation_id,
    at: row.at.getTime(),
  }));
}

async function makeTicket({ context, action, conversation, talk, source }: Move): Promise<TicketRow> {
  const call = await customerForTicket(context);
  const phone = conversation.phone ?? call.phone;
  const row = (await context.trx('actions').where({ agent_id: action.agentId, action_id: action.actionId }).first('body')) as
    { body: { subject?: string } } | undefined;
  const { status, rule } = newTicketOfMove(talk);
  return createTicket(
    context.trx,
    {
      subject: subjectOr(row?.body.subject ?? '', standardSubject(conversation.direction, phone && formatPhone(phone))),
      status,
      channel: 'call',
      kind: conversation.direction,
      phone,
      customerId: source.customer_id ?? call.customer_id,
      assigneeId: conversation.agent_id,
      automatic: false,
    },
    byAgent(context, action.agentId, action.inboxId, conversation.id, rule),
  );
}

/** The conversation and its message change places; both tickets say who did it and where it came from or went. */
async function carryOver(move: Move, to: TicketRow, madeBy: 'link' | 'create'): Promise<void> {
  const { conversation, source, context } = move;
  const { trx } = context;
  await trx('conversations').where({ id: conversation.id }).update({ ticket_id: to.id, made_by: madeBy });
  await trx('messages').where({ conversation_id: conversation.id }).update({ ticket_id: to.id });
  await tell(move, source, 'unlinked', 'call_moved_to', to);
  await tell(move, to, 'linked', 'call_moved_from', source);
}

async function tell(
  move: Move,
  ticket: TicketRow,
  type: 'linked' | 'unlinked',
  code: 'call_moved_to' | 'call_moved_from',
  other: TicketRow,
): Promise<void> {
  const { trx } = move.context;
  const cause = byMover(move);
  const params = { ticketId: other.id, number: other.number };
  const entry = await addMessage(trx, ticket, { type: 'system', author: cause.actor, code, params }, cause);
  const values = type === 'linked' ? { fromValue: other.id } : { toValue: other.id };
  await appendTicketEvent(trx, ticket, type, cause, { ...values, messageId: entry.id, isWork: true });
}

async function settleTarget(move: Move, target: TicketRow): Promise<void> {
  const { conversation, talk, context } = move;
  const running: unknown = await context
    .trx('conversations')
    .where({ ticket_id: target.id, outcome: 'in_progress' })
    .whereNot({ id: conversation.id })
    .whereNotNull('answered_at')
    .first('id');
  const { kind } = target;
  const after = targetAfterMove(talk, { kind, direction: conversation.direction, hasRunningTalk: running !== undefined });
  const assignee = target.assignee_id === null && conversation.agent_id ? { assigneeId: conversation.agent_id } : {};
  const assigned = await changeTicket(context.trx, target, assignee, byMover(move));
  if (after.status)
    await changeTicket(context.trx, assigned, { status: after.status }, byRule(context, after.rule, conversation.id));
}

async function settleHandset({ context, conversation }: Move, ticketId: string): Promise<void> {
  const { trx } = context;
  const ticket = await lockTicket(trx, ticketId);
  if (ticket?.kind !== 'missed') return;
  const { rows } = await trx.raw<{ rows: unknown[] }>(
    `select from messages m join ticket_events e on e.conversation_id = m.conversation_id and e.type = 'recording'
     where m.ticket_id = ? and e.data ->> 'talk' = 'true' limit 1`,
    [ticketId],
  );
  const handset = handsetAfterMove(ticket.kind, ticket.handset, rows.length > 0);
  if (handset) await changeTicket(trx, ticket, { handset }, byRule(context, 'S13', conversation.id));
}
