import { viewOf } from './call.ts';
import { conversationsOf } from './conversations.ts';
import type { ProjectedCard, Projection } from './decisions.ts';
import { project, rankOf } from './projection.ts';
import { register, type CallState } from './state.ts';

/** What can be said of an incoming call from its messages alone: somebody is rung, nobody is (yet, or any more), or somebody has talked. */
export interface Ringing {
  readonly phase: 'ringing' | 'quiet' | 'talked';
  readonly projection: Projection;
}

/**
 * S1: for whoever hears of a call before its workflow does. What rings is the whole of what the workflow would show. Null of a call that
 * is over, of our own callbacks, and of all that does not come in: there only the workflow knows.
 */
export function ringingOf(state: CallState): Ringing | null {
  if (state.overAt !== null) return null;
  const view = viewOf(state.facts);
  if (view.callback || view.direction === 'outgoing' || view.direction === 'internal') return null;
  const { state: registered, current } = register(state, conversationsOf(view));
  const projection = { ...project(registered, view, current), rank: rankOf(registered) };
  if (view.talks.length > 0 || projection.conversations.length > 0) return { phase: 'talked', projection };
  return { phase: projection.cards.length > 0 ? 'ringing' : 'quiet', projection };
}

/**
 * Takes away the cards, of those shown, whose agents are rung no longer; the talk itself is the workflow's to show. Of no rank then: this is
 * less than what is known, and whoever has heard a little less and writes the talk is not overtaken by it.
 */
export function withoutEnded({ phase, projection }: Ringing, shown: readonly ProjectedCard[]): Projection {
  const cards = shown.filter(({ agentId }) => projection.cards.some((card) => card.agentId === agentId));
  const { rank, ...known } = projection;
  return { ...known, ...(phase !== 'talked' && rank !== undefined ? { rank } : {}), conversations: [], withdrawn: [], cards };
}
