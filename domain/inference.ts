import type { CallView } from './call.ts';
import { missedBy } from './conversations.ts';
import type { CallFacts, LegFact } from './facts.ts';
import type { Party } from './messages.ts';

/**
 * Fills in from the summary what lost events should have told: somebody talked, yet no leg says so; or a missed call of
 * which no leg was heard. Used only when all waiting is over (spec, "Ends that do not come").
 */
export function withInferredLegs(facts: CallFacts, view: CallView): CallFacts {
  const { summary } = facts;
  if (!summary || view.direction === 'internal' || summary.direction === 'internal' || summary.direction === null) return facts;
  const incoming = summary.direction === 'incoming' && !view.callback;
  const employee = incoming ? summary.to : view.dialler ? ({ kind: 'agent', agentId: view.dialler } as const) : summary.from;
  const lastTalker = view.talks.at(-1)?.talker;
  const answererMissing =
    incoming && employee.kind === 'agent' && missedBy(view).includes(employee.agentId) && lastTalker !== undefined;
  const talkMissing = summary.talkedAt !== null && (view.talks.length === 0 || answererMissing);
  const legMissing = view.legs.every((leg) => leg.location !== 'person') && employee.kind === 'agent';
  if (!talkMissing && !legMissing) return facts;
  const outside: Party = { kind: 'outside', number: view.customer ?? null };
  const common = {
    location: 'person' as const,
    from: incoming ? outside : employee,
    to: incoming ? employee : outside,
    takenFrom: answererMissing ? (view.talks.at(-1)?.legId ?? null) : null,
    transfer: null,
    command: view.callback?.ours ? { commandId: view.callback.ours.commandId, ours: view.callback.ours } : null,
    reason: summary.reason,
    seenAt: summary.seenAt,
    reconciled: true,
  };
  const startedAt = answererMissing ? (view.talks.at(-1)?.endedAt ?? summary.startedAt) : (summary.talkedAt ?? summary.startedAt);
  const leg: Record<number, LegFact> = {
    1: { ...common, seq: 1, state: 'appeared', at: answererMissing ? startedAt : summary.startedAt },
    3: { ...common, seq: 3, state: 'disconnected', at: summary.endedAt },
  };
  if (talkMissing) leg[2] = { ...common, seq: 2, state: 'connected', at: startedAt };
  return { ...facts, legs: { ...facts.legs, [INFERRED_LEG]: leg } };
}

/** The leg that stands for what the summary alone tells. */
export const INFERRED_LEG = 'from-summary';
