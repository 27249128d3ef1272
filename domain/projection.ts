import type { CallView } from './call.ts';
import { cardsOf } from './cards.ts';
import { DIALLING_KEY, type Conversation } from './conversations.ts';
import type { Decision, ProjectedConversation } from './decisions.ts';
import { registeredFor, type CallState, type Registered } from './state.ts';

function outcomeOf(conversation: Conversation): ProjectedConversation['outcome'] {
  if (conversation.endedAt === null) return 'in_progress';
  return conversation.answeredAt === null ? 'unanswered' : 'talked';
}

export function project(
  state: CallState,
  view: CallView,
  found: readonly Conversation[],
): Extract<Decision, { type: 'project' }> {
  const idOf = (conversation: Conversation): Registered => registeredFor(state.conversations, conversation) as Registered;
  const ours = view.callback?.ours ?? null;
  const dialled = found[0]?.keys.includes(DIALLING_KEY) ? found[0] : null;
  const flags: Record<string, true> = {};
  if (view.legs.some((leg) => leg.expired)) flags['closedByTimer'] = true;
  if (state.overAt !== null && !state.facts.summary) flags['noSummary'] = true;
  const over = state.overAt !== null;
  const ends = view.legs.map((leg) => leg.endedAt).filter((at) => at !== null);
  return {
    type: 'project',
    direction: view.direction,
    customer: view.customer ?? null,
    conversations: found.map((conversation) => {
      const { id, ordinal } = idOf(conversation);
      return {
        id,
        ordinal,
        agentId: conversation.agentId,
        direction: view.direction === 'outgoing' ? 'outgoing' : 'incoming',
        outcome: outcomeOf(conversation),
        startedAt: conversation.startedAt,
        answeredAt: conversation.answeredAt,
        answeredSeenAt: conversation.answeredSeenAt,
        endedAt: conversation.endedAt,
        endedSeenAt: conversation.endSeenAt,
        talkSeconds: conversation.endedAt === null || conversation.answeredAt === null ? null : conversation.talkSeconds,
        handedOverTo: conversation.handedOverTo,
        ticketId: conversation === dialled ? (ours?.ticketId ?? null) : null,
        reconciled: conversation.reconciled,
      };
    }),
    cards: cardsOf(view, found)
      .map((card) => {
        const own =
          card.conversationKeys &&
          found.find((conversation) => conversation.agentId === card.agentId && conversation.keys === card.conversationKeys);
        const { agentId, state: cardState, direction, startedAt, answeredAt } = card;
        return { agentId, state: cardState, direction, conversationId: own ? idOf(own).id : null, startedAt, answeredAt };
      })
      .sort((a, b) => (a.agentId < b.agentId ? -1 : 1)),
    over,
    startedAt:
      view.legs.length > 0 ? Math.min(...view.legs.map((leg) => leg.startedAt)) : (state.facts.summary?.startedAt ?? null),
    endedAt: over ? (ends.length > 0 ? Math.max(...ends) : (state.facts.summary?.endedAt ?? null)) : null,
    flags,
  };
}
