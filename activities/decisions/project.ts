import type { ProjectedCard, ProjectedConversation, Projection } from '../../domain/decisions.ts';
import { liveCallOf, publishCall, type LiveCall } from '../../db/calls.ts';
import type { Db, Executor } from '../../db/pool.ts';
import { publishTicketChanged } from '../../db/stream.ts';
import { changeTicket, lockTicket } from '../../db/tickets.ts';
import { about, byRule, type CallRow, type Causes, type ConversationRow, type DecisionContext } from './context.ts';
import { closeMissedTickets } from './missed.ts';
import { ruleOfCard } from './noted.ts';

type Answered = Pick<ConversationRow, 'outcome'> & { readonly answered_at: string | null };

/** What `call_project` answers. */
interface Written {
  readonly call: CallRow;
  /** Whoever knew more had written already. */
  readonly overtaken?: boolean;
  /** Conversations with a ticket, as they were and as they are. None if overtaken. */
  readonly ticketed?: readonly { readonly before: Answered | null; readonly after: ConversationRow & Answered }[];
}

/**
 * Writes what is known of the call now: its row, its conversations, and who has a card; and tells the agents' tabs what
 * differs. Full state each time, so a repeat writes the same.
 */
export async function project(context: DecisionContext, decision: Projection): Promise<{ cancelled: boolean }> {
  const written = await write(callProject(context.trx, context, decision, false));
  if (!written) throw new Error(`Call ${context.callId} has no row: it was dispatched without one`);
  context.known.call = written.call;
  for (const { before, after } of written.ticketed ?? []) await follow(context, before, after);
  return { cancelled: written.call.command_state === 'cancelled' };
}

/**
 * The same in one journey to Postgres, for the most usual of all: a call of which nobody has made a ticket. Null where more than that
 * has to be done, and nothing was.
 */
export async function projectAlone(db: Executor, of: Causes, decision: Projection): Promise<{ cancelled: boolean } | null> {
  const written = await write(callProject(db, of, decision, true));
  return written && { cancelled: written.call.command_state === 'cancelled' };
}

/**
 * The same for a call that rings, before its workflow has heard of it: only while so many rows of the inbox, and no more, have been
 * delivered of it. False where it is the workflow's to say, and nothing was done.
 */
export async function showRinging(
  { db, connection }: { readonly db: Db; readonly connection: unknown },
  of: Causes & { readonly toldBy: number },
  decision: Projection,
): Promise<boolean> {
  const bindings = [of.callId, knownOf(of, decision), of.toldBy];
  const statement = db.raw('select call_show_ringing(?::uuid, ?::jsonb, ?) as written', bindings);
  const written = await write(statement.connection(connection));
  return written !== null && written.overtaken !== true;
}

const callProject = (db: Executor, of: Causes, decision: Projection, alone: boolean) =>
  db.raw('select call_project(?::uuid, ?::jsonb, ?::boolean) as written', [of.callId, knownOf(of, decision), alone]);

function knownOf({ inboxId, heardOf }: Causes, decision: Projection): string {
  const { type: _, conversations, cards, startedAt, endedAt, ...rest } = decision;
  return JSON.stringify({
    ...rest,
    inboxId: inboxId ?? null,
    heardOf: heardOf ?? {},
    startedAt: time(startedAt),
    endedAt: time(endedAt),
    conversations: conversations.map(writtenConversation),
    cards: cards.map(writtenCard),
    goneBy: GONE_BY,
  });
}

async function write(statement: PromiseLike<unknown>): Promise<Written | null> {
  const { rows } = (await statement) as {
    readonly rows: readonly { readonly written: Written | { readonly more: true } | null }[];
  };
  const written = rows[0]?.written ?? null;
  if (!written || 'more' in written) return null;
  return { ...written, call: { ...written.call, ticket_id: asId(written.call.ticket_id) } };
}

/** In JSON they are numbers. */
const asId = (id: string | number | null): string | null => (id === null ? null : String(id));

const time = (instant: number | null): string | null => (instant === null ? null : new Date(instant).toISOString());

const writtenConversation = (now: ProjectedConversation) => ({
  ...now,
  startedAt: time(now.startedAt),
  answeredAt: time(now.answeredAt),
  endedAt: time(now.endedAt),
  answeredSeenAt: time(now.answeredSeenAt),
  endedSeenAt: time(now.endedSeenAt),
});

/** With the item of the specification by which there is a card: of a call of the PBX's own making, and of one that we ordered. */
const writtenCard = (card: ProjectedCard) => ({
  ...card,
  startedAt: time(card.startedAt),
  answeredAt: time(card.answeredAt),
  rule: ruleOfCard(card, false),
  ruleOfCallback: ruleOfCard(card, true),
});

/** By which item somebody had the card that goes. */
const GONE_BY = {
  incoming: ruleOfCard({ state: 'ringing', direction: 'incoming' }, false),
  outgoing: ruleOfCard({ state: 'ringing', direction: 'outgoing' }, false),
  callback: ruleOfCard({ state: 'ringing', direction: 'outgoing' }, true),
};

const talks = (conversation: Answered | null): boolean =>
  conversation?.outcome === 'in_progress' && conversation.answered_at !== null;

/** What a change of a conversation means for its ticket. */
async function follow(context: DecisionContext, before: Answered | null, after: ConversationRow & Answered): Promise<void> {
  const ticketId = asId(after.ticket_id);
  if (ticketId === null) return;
  const begins = talks(after) && !talks(before);
  if (begins) await talkBegins(about(context, after.agent_id), { ...after, ticket_id: ticketId });
  if (before && (before.outcome !== after.outcome || begins)) await publishTicketChanged(context.trx, ticketId);
}

/** While a linked talk goes on, its ticket is open; and an agent's new ticket closes the missed-call ticket once there is an answer. */
async function talkBegins(context: DecisionContext, conversation: ConversationRow): Promise<void> {
  const ticket = conversation.ticket_id ? await lockTicket(context.trx, conversation.ticket_id) : undefined;
  if (!ticket) return;
  const correctable = conversation.made_by !== 'auto' || ticket.touched_at === null;
  if (correctable) await changeTicket(context.trx, ticket, { status: 'open' }, byRule(context, 'talk_running', conversation.id));
  if (conversation.made_by === 'create') {
    await closeMissedTickets(context, conversation.direction === 'incoming' ? 'S18а' : 'S18г', ticket.id, conversation.id);
  }
}

/** Tells everyone who has a card of this call that its customer, ticket or draft differs now. */
export async function publishCardsUpdated(context: DecisionContext): Promise<void> {
  const rows = (await context.trx('call_cards').where({ call_id: context.callId }).select('agent_id')) as { agent_id: string }[];
  for (const { agent_id } of rows) {
    const live: LiveCall | undefined = await liveCallOf(context.trx, context.callId, agent_id);
    if (live) await publishCall(context.trx, 'call.updated', agent_id, live);
  }
}
