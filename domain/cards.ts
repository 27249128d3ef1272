import type { CallView } from './call.ts';
import { DIALLING_KEY, type Conversation } from './conversations.ts';
import type { Instant } from './messages.ts';

export interface Card {
  readonly agentId: string;
  readonly state: 'ringing' | 'dialling' | 'talking';
  readonly direction: 'incoming' | 'outgoing';
  readonly conversationKeys: readonly string[] | null;
  readonly startedAt: Instant;
  readonly answeredAt: Instant | null;
}

/** Who sees a card now, and which (S1, S5, S7): ringing legs, the dialling agent, running conversations; one per agent. */
export function cardsOf(view: CallView, conversations: readonly Conversation[]): Card[] {
  const { direction } = view;
  if (direction === 'internal' || direction === null) return [];
  const cards = new Map<string, Card>();
  const put = (card: Card): void => void cards.set(card.agentId, card);
  for (const leg of view.legs) {
    if (leg.state !== 'ringing' || leg.location !== 'person' || leg.to.kind !== 'agent' || leg.legId === view.callback?.rootLegId)
      continue;
    put({
      agentId: leg.to.agentId,
      state: 'ringing',
      direction: 'incoming',
      conversationKeys: null,
      startedAt: leg.startedAt,
      answeredAt: null,
    });
  }
  const [root] = view.legs.filter((leg) => leg.state !== 'over');
  if (direction === 'outgoing' && view.dialler !== null && view.talks.length === 0 && root) {
    const own = conversations.find((conversation) => conversation.keys.includes(DIALLING_KEY));
    const startedAt = Math.min(...view.legs.map((leg) => leg.startedAt));
    put({
      agentId: view.dialler,
      state: 'dialling',
      direction,
      conversationKeys: own?.keys ?? null,
      startedAt,
      answeredAt: null,
    });
  }
  for (const conversation of conversations) {
    if (conversation.answeredAt === null || conversation.endedAt !== null) continue;
    const { agentId, keys, startedAt, answeredAt } = conversation;
    put({ agentId, state: 'talking', direction, conversationKeys: keys, startedAt, answeredAt });
  }
  return [...cards.values()];
}
