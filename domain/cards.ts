import type { CallView } from './call.ts';
import { DIALLING_KEY, isDialling, type Conversation } from './conversations.ts';
import type { Instant } from './messages.ts';

export interface Card {
  readonly agentId: string;
  readonly state: 'ringing' | 'dialling' | 'talking';
  readonly direction: 'incoming' | 'outgoing';
  readonly conversationKeys: readonly string[] | null;
  readonly startedAt: Instant;
  readonly answeredAt: Instant | null;
}

/** Legs that ring at a mapped agent (S1), a consultation's as well: the agent sees who may be handed over (S5). */
function ringingCards(view: CallView): Card[] {
  return view.legs.flatMap((leg): Card[] => {
    const { to, startedAt } = leg;
    const rings = leg.state === 'ringing' && leg.location === 'person' && to.kind === 'agent';
    if (!rings || view.callback?.firstLegIds.includes(leg.legId)) return [];
    return [
      { agentId: to.agentId, state: 'ringing', direction: 'incoming', conversationKeys: null, startedAt, answeredAt: null },
    ];
  });
}

/** S7: whoever dials, from the first ring at their own softphone on. */
function diallingCard(view: CallView, conversations: readonly Conversation[]): Card[] {
  if (!isDialling(view) || view.dialler === null) return [];
  const own = conversations.find((conversation) => conversation.keys.includes(DIALLING_KEY));
  const startedAt = Math.min(...view.legs.map((leg) => leg.startedAt));
  const conversationKeys = own?.keys ?? null;
  return [{ agentId: view.dialler, state: 'dialling', direction: 'outgoing', conversationKeys, startedAt, answeredAt: null }];
}

function talkingCards(direction: Card['direction'], conversations: readonly Conversation[]): Card[] {
  return conversations
    .filter((conversation) => conversation.answeredAt !== null && conversation.endedAt === null)
    .map(({ agentId, keys, startedAt, answeredAt }) => {
      return { agentId, state: 'talking', direction, conversationKeys: keys, startedAt, answeredAt };
    });
}

/** Who sees a card now, and which: one per agent, a talk before a call being dialled before a leg that rings. */
export function cardsOf(view: CallView, conversations: readonly Conversation[]): Card[] {
  const { direction } = view;
  if (direction === 'internal' || direction === null) return [];
  const cards = [...ringingCards(view), ...diallingCard(view, conversations), ...talkingCards(direction, conversations)];
  return [...new Map(cards.map((card) => [card.agentId, card])).values()];
}
