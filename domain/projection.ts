import type { CallView } from './call.ts';
import { cardsOf } from './cards.ts';
import { DIALLING_KEY, type Conversation } from './conversations.ts';
import type { ProjectedCard, ProjectedConversation, Projection } from './decisions.ts';
import { INFERRED_LEG } from './inference.ts';
import type { CallState, Current } from './state.ts';

function outcomeOf(conversation: Conversation): ProjectedConversation['outcome'] {
  if (conversation.endedAt === null) return 'in_progress';
  return conversation.answeredAt === null ? 'unanswered' : 'talked';
}

function projectConversation(id: string, ordinal: number, conversation: Conversation, view: CallView): ProjectedConversation {
  const outcome = outcomeOf(conversation);
  const isDialled = conversation.keys.includes(DIALLING_KEY);
  return {
    id,
    ordinal,
    agentId: conversation.agentId,
    direction: view.direction === 'outgoing' ? 'outgoing' : 'incoming',
    outcome,
    startedAt: conversation.startedAt,
    answeredAt: conversation.answeredAt,
    answeredSeenAt: conversation.answeredSeenAt,
    endedAt: conversation.endedAt,
    endedSeenAt: conversation.endSeenAt,
    talkSeconds: outcome === 'talked' ? conversation.talkSeconds : null,
    handedOverTo: conversation.handedOverTo,
    ticketId: isDialled ? (view.callback?.ours?.ticketId ?? null) : null,
    reconciled: conversation.reconciled,
  };
}

function projectCards(view: CallView, current: Current): ProjectedCard[] {
  const idOf = (agentId: string, keys: readonly string[] | null): string | null =>
    [...current].find(([, conversation]) => conversation.agentId === agentId && conversation.keys === keys)?.[0] ?? null;
  return cardsOf(view, [...current.values()])
    .map(({ agentId, state, direction, conversationKeys, startedAt, answeredAt }) => {
      return { agentId, state, direction, conversationId: idOf(agentId, conversationKeys), startedAt, answeredAt };
    })
    .sort((a, b) => (a.agentId < b.agentId ? -1 : 1));
}

function flagsOf(state: CallState, view: CallView): Record<string, true> {
  return {
    ...(view.legs.some((leg) => leg.expired) ? { closedByTimer: true as const } : {}),
    ...(state.overAt !== null && !state.facts.summary ? { noSummary: true as const } : {}),
  };
}

/** Short for what a projection shows: two that show the same have the same, and no two others are likely to (53 bits). */
export function printOf(projection: Projection): string {
  const { rank: _, ...shown } = projection;
  let [high, low] = [0xdeadbeef, 0x41c6ce57];
  const text = JSON.stringify(shown);
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    high = Math.imul(high ^ code, 0x9e3779b1);
    low = Math.imul(low ^ code, 0x5f356495);
  }
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35);
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35);
  return (0x100000000 * (0x1fffff & low) + (high >>> 0)).toString(36);
}

/** The whole of what is known of the call now, as its rows and cards show it. */
export function project(state: CallState, view: CallView, current: Current): Projection {
  const { summary } = state.facts;
  const over = state.overAt !== null;
  const starts = view.legs.map((leg) => leg.startedAt);
  const ends = view.legs.map((leg) => leg.endedAt).filter((at) => at !== null);
  const ordinals = new Map(state.conversations.map((known) => [known.id, known.ordinal]));
  return {
    type: 'project',
    direction: view.direction,
    customer: view.customer ?? null,
    conversations: [...current].map(([id, conversation]) => projectConversation(id, ordinals.get(id) ?? 0, conversation, view)),
    withdrawn: state.conversations.map((known) => known.id).filter((id) => !current.has(id)),
    cards: over ? [] : projectCards(view, current),
    over,
    startedAt: starts.length > 0 ? Math.min(...starts) : (summary?.startedAt ?? null),
    endedAt: !over ? null : ends.length > 0 ? Math.max(...ends) : (summary?.endedAt ?? null),
    flags: flagsOf(state, view),
  };
}

/**
 * Facts only ever grow in number; that the call is over outweighs, among the same facts, that it is not yet. What was filled in from the
 * summary is no fact: the event that it stands for may have come since.
 */
export function rankOf({ facts, actionsSeen, overAt }: CallState): number {
  const legs = Object.entries(facts.legs).flatMap(([legId, events]) => (legId === INFERRED_LEG ? [] : [events]));
  const counted = [...legs, ...Object.values(facts.recordings)].map((events) => Object.keys(events).length);
  const heard = counted.reduce((sum, count) => sum + count, 0) + actionsSeen.length + (facts.summary ? 1 : 0);
  return 2 * heard + (overAt === null ? 0 : 1);
}
