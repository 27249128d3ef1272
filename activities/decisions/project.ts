import type { Decision, ProjectedCard, ProjectedConversation } from '../../domain/decisions.ts';
import { liveCallOf, publishCall, type LiveCall } from '../../db/calls.ts';
import { publishTicketChanged } from '../../db/stream.ts';
import { changeTicket, lockTicket } from '../../db/tickets.ts';
import { byRule, callOf, toDate, type CallRow, type ConversationRow, type DecisionContext } from './context.ts';
import { closeMissedTickets } from './missed.ts';
import { noteDecision, ruleOfCard } from './noted.ts';

type Projection = Extract<Decision, { type: 'project' }>;

/**
 * Writes what is known of the call now: its row, its conversations, and who has a card; and tells the agents' tabs what
 * differs. Full state each time, so a repeat writes the same.
 */
export async function project(context: DecisionContext, decision: Projection): Promise<{ cancelled: boolean }> {
  const call = await projectCall(context, decision);
  // Whoever knew more has written already: this comes from a worker that was held up, or that does a lost task again.
  if (!call) return { cancelled: (await callOf(context)).command_state === 'cancelled' };
  for (const conversation of decision.conversations) await projectConversation(context, call, conversation);
  if (decision.withdrawn.length > 0) await withdrawConversations(context, decision.withdrawn);
  await projectCards(context, decision.cards, call.command_id !== null);
  return { cancelled: call.command_state === 'cancelled' };
}

/**
 * The call's row, or null if one who knew more has written it. S1: the caller is recognised if the number belongs to exactly one
 * customer, several are left to the agent's choice.
 */
async function projectCall({ trx, callId, known }: DecisionContext, decision: Projection): Promise<CallRow | null> {
  const { rows } = await trx.raw<{ rows: (CallRow & { recognised: boolean })[] }>(
    `with told as (
       select coalesce((select number from call_numbers where call_id = :callId::uuid and ref = :ref::int), c.phone) as phone, c.customer_id
       from calls c where c.id = :callId::uuid),
     owner as (
       select case when count(*) = 1 then min(p.customer_id::text)::uuid end as id
       from told join customer_phones p on p.phone = told.phone where told.customer_id is null)
     update calls set direction = :direction, state = :state, phone = told.phone, ended_at = :endedAt::timestamptz,
       started_at = coalesce(:startedAt::timestamptz, started_at), flags = :flags::jsonb,
       customer_id = coalesce(calls.customer_id, owner.id), projection_rank = coalesce(:rank::bigint, projection_rank)
     from told, owner where calls.id = :callId::uuid and (:rank::bigint is null or projection_rank <= :rank::bigint)
     returning calls.*, (told.customer_id is null and owner.id is not null) as recognised`,
    {
      callId,
      rank: (decision.rank ?? null) as number,
      ref: decision.customer as number,
      direction: decision.direction as string,
      state: decision.over ? 'over' : 'active',
      startedAt: toDate(decision.startedAt) as Date,
      endedAt: toDate(decision.endedAt) as Date,
      flags: JSON.stringify(decision.flags),
    },
  );
  const [row] = rows;
  if (!row) return null;
  const { recognised, ...call } = row;
  if (recognised) await trx('conversations').where({ call_id: callId }).update({ customer_id: call.customer_id });
  known.call = call;
  return call;
}

type Before = Pick<ConversationRow, 'outcome' | 'answered_at' | 'handed_over_to'>;

async function projectConversation(context: DecisionContext, call: CallRow, now: ProjectedConversation): Promise<void> {
  const { trx } = context;
  const facts = {
    direction: now.direction,
    outcome: now.outcome,
    started_at: toDate(now.startedAt),
    answered_at: toDate(now.answeredAt),
    ended_at: toDate(now.endedAt),
    answered_seen_at: toDate(now.answeredSeenAt),
    ended_seen_at: toDate(now.endedSeenAt),
    talk_seconds: now.talkSeconds,
    handed_over_to: now.handedOverTo,
    reconciled: now.reconciled,
  };
  const fresh = {
    ...facts,
    id: now.id,
    call_id: call.id,
    ordinal: now.ordinal,
    agent_id: now.agentId,
    customer_id: call.customer_id,
    phone: call.phone,
    ...(now.ticketId ? { ticket_id: now.ticketId, made_by: 'callback' } : {}),
  };
  const [row] = (await trx('conversations')
    .insert(fresh)
    .onConflict('id')
    .merge([...(Object.keys(facts) as (keyof typeof facts)[]), 'customer_id', 'phone'])
    .returning([
      'conversations.*',
      // What a statement reads is what was there before it.
      trx.raw(
        '(select to_jsonb(was) from (select outcome, answered_at, handed_over_to from conversations was where was.id = conversations.id) was) as before',
      ),
    ])) as (ConversationRow & { before: Before | null })[];
  if (!row) throw new Error(`Conversation ${now.id} got no row`);
  const { before, ...after } = row;
  if (now.handedOverTo !== null && before?.handed_over_to !== now.handedOverTo)
    await noteDecision(context, 'handed_over', { rule: 'S5', agentId: now.handedOverTo });
  if (!after.ticket_id) return;
  const begins =
    now.outcome === 'in_progress' &&
    now.answeredAt !== null &&
    !(before?.outcome === 'in_progress' && before.answered_at !== null);
  if (begins) await talkBegins(context, after);
  if (before && (before.outcome !== after.outcome || begins)) await publishTicketChanged(trx, after.ticket_id);
}

/** What looked like a conversation was none: it leaves nothing, unless an agent has made a ticket of it meanwhile. */
async function withdrawConversations({ trx, callId }: DecisionContext, ids: readonly string[]): Promise<void> {
  const those = trx('conversations')
    .where({ call_id: callId })
    .whereIn('id', [...ids]);
  await those.clone().whereNull('ticket_id').delete();
  await those.clone().where({ outcome: 'in_progress' }).update({ outcome: 'unanswered', ended_at: trx.fn.now() });
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

interface CardRow {
  readonly agent_id: string;
  readonly state: ProjectedCard['state'];
  readonly conversation_id: string | null;
}

async function projectCards(context: DecisionContext, cards: readonly ProjectedCard[], isCallback: boolean): Promise<void> {
  const { trx, callId } = context;
  const before = (await trx('call_cards').where({ call_id: callId }).select('agent_id', 'state', 'conversation_id')) as CardRow[];
  for (const gone of before.filter((row) => !cards.some((card) => card.agentId === row.agent_id))) {
    const last = await liveCallOf(trx, callId, gone.agent_id);
    await trx('call_cards').where({ call_id: callId, agent_id: gone.agent_id }).delete();
    if (last) await publishCall(trx, 'call.ended', gone.agent_id, { ...last, state: 'ended' });
    await noteDecision(context, 'card_gone', {
      rule: last ? ruleOfCard(shownAs(last), isCallback) : null,
      agentId: gone.agent_id,
    });
  }
  for (const card of cards) {
    const known = before.find((row) => row.agent_id === card.agentId);
    if (known?.state === card.state && known.conversation_id === card.conversationId) continue;
    if (known?.state !== card.state)
      await noteDecision(context, `card_${card.state}`, { rule: ruleOfCard(card, isCallback), agentId: card.agentId });
    await trx('call_cards')
      .insert({
        call_id: callId,
        agent_id: card.agentId,
        state: card.state,
        conversation_id: card.conversationId,
        direction: card.direction,
        started_at: toDate(card.startedAt),
        answered_at: toDate(card.answeredAt),
      })
      .onConflict(['call_id', 'agent_id'])
      .merge();
    const live = await liveCallOf(trx, callId, card.agentId);
    if (live) await publishCall(trx, EVENT_OF[card.state], card.agentId, live);
  }
}

const shownAs = ({ direction }: LiveCall) => ({ state: 'ringing' as const, direction });

const EVENT_OF = { ringing: 'call.ringing', dialling: 'call.dialling', talking: 'call.answered' } as const;

/** Tells everyone who has a card of this call that its customer, ticket or draft differs now. */
export async function publishCardsUpdated(context: DecisionContext): Promise<void> {
  const rows = (await context.trx('call_cards').where({ call_id: context.callId }).select('agent_id')) as { agent_id: string }[];
  for (const { agent_id } of rows) {
    const live: LiveCall | undefined = await liveCallOf(context.trx, context.callId, agent_id);
    if (live) await publishCall(context.trx, 'call.updated', agent_id, live);
  }
}
