import { agentsRung, type CallView, type Talk } from './call.ts';
import type { CallFacts, LegFact, SummaryFact } from './facts.ts';
import { descends, type Leg } from './legs.ts';
import type { Instant, Party } from './messages.ts';

/** The leg that stands for what the summary alone tells. */
export const INFERRED_LEG = 'from-summary';

/** What lost events should have told of an employee: that they were rung, and perhaps that they talked. */
interface Unheard {
  readonly employee: Party;
  readonly startedAt: Instant;
  readonly talkedAt: Instant | null;
  /** The leg that the unheard one continues. */
  readonly takenFrom: string | null;
}

/** Since when an answer can be the customer's: a callback's employee answers first, and the summary may mean that. */
function customerReachableSince(view: CallView): Instant | null {
  const firstLegs = view.legs.filter((leg) => view.callback?.firstLegIds.includes(leg.legId));
  const pickedUp = firstLegs.flatMap((leg) => leg.connections.map((connection) => connection.startedAt));
  if (pickedUp.length > 0) return Math.min(...pickedUp);
  return firstLegs.length > 0 ? Math.min(...firstLegs.map((leg) => leg.endedAt ?? leg.startedAt)) : null;
}

/** Nobody was heard talking to the customer, yet the summary knows since when somebody did. */
function unheardTalkAt(summary: SummaryFact, view: CallView): Instant | null {
  if (summary.talkedAt === null || view.talks.length > 0) return null;
  const since = customerReachableSince(view);
  return since === null || summary.talkedAt > since ? summary.talkedAt : null;
}

/** The last talk was handed on to whom the summary names as the one who answered, and of that talk nothing was heard. */
function handedOnUnheard(summary: SummaryFact, view: CallView): Unheard | null {
  const last = view.talks.at(-1);
  const { to } = summary;
  if (view.direction !== 'incoming' || summary.talkedAt === null || !last || to.kind !== 'agent') return null;
  if (view.talks.some((talk) => talk.talker.kind === 'agent' && talk.talker.agentId === to.agentId)) return null;
  const next = legAfter(view, last, to.agentId);
  if (!next || last.endedAt === null) return null;
  return { employee: to, startedAt: next.startedAt, talkedAt: Math.max(last.endedAt, next.startedAt), takenFrom: last.legId };
}

function legAfter(view: CallView, talk: Talk, agentId: string): Leg | undefined {
  const byId = new Map(view.legs.map((leg) => [leg.legId, leg]));
  return view.legs.find((leg) => leg.to.kind === 'agent' && leg.to.agentId === agentId && descends(leg, talk.legId, byId));
}

/** Who answered an incoming call, if the summary leaves it open: whoever was the only one rung. */
function answererOf(summary: SummaryFact, view: CallView): Party {
  if (summary.to.kind !== 'machine') return summary.to;
  const [only, ...others] = agentsRung(view);
  return only !== undefined && others.length === 0 ? { kind: 'agent', agentId: only } : { kind: 'unmapped' };
}

function unheardOf({ summary }: CallFacts, view: CallView): Unheard | null {
  if (!summary?.direction || summary.direction === 'internal' || view.direction === 'internal') return null;
  const handedOn = handedOnUnheard(summary, view);
  if (handedOn) return handedOn;
  const talkedAt = unheardTalkAt(summary, view);
  const dialler: Party = view.dialler === null ? summary.from : { kind: 'agent', agentId: view.dialler };
  const called = talkedAt === null ? summary.to : answererOf(summary, view);
  const employee = view.direction === 'outgoing' ? dialler : called;
  const nobodyHeard = employee.kind === 'agent' && view.legs.every((leg) => leg.location !== 'person');
  if (talkedAt === null && !nobodyHeard) return null;
  return { employee, startedAt: summary.startedAt, talkedAt, takenFrom: view.callback?.firstLegIds[0] ?? null };
}

/** Does the summary tell of somebody of whom too little was heard? Then events may still be under way. */
export const isUnheardOf = (facts: CallFacts, view: CallView): boolean => unheardOf(facts, view) !== null;

/**
 * Fills in from the summary what lost events should have told: somebody talked, yet no leg says so; or a call of which no leg
 * was heard. Used only when all waiting is over (spec, "Ends that do not come").
 */
export function withInferredLegs(facts: CallFacts, view: CallView): CallFacts {
  const unheard = unheardOf(facts, view);
  if (!unheard || !facts.summary) return facts;
  return { ...facts, legs: { ...facts.legs, [INFERRED_LEG]: inferredLeg(unheard, facts.summary, view) } };
}

function inferredLeg(unheard: Unheard, summary: SummaryFact, view: CallView): Readonly<Record<number, LegFact>> {
  const { employee, takenFrom, startedAt, talkedAt } = unheard;
  const outside: Party = { kind: 'outside', number: view.customer ?? null };
  const [from, to] = view.direction === 'outgoing' ? [employee, outside] : [outside, employee];
  const ours = view.callback?.ours ?? null;
  const fact = (seq: number, state: LegFact['state'], at: Instant): LegFact => ({
    seq,
    state,
    location: 'person',
    from,
    to,
    takenFrom,
    transfer: null,
    command: ours ? { commandId: ours.commandId, ours } : null,
    at,
    reason: summary.reason,
    reconciled: true,
    seenAt: summary.seenAt,
  });
  const talk = talkedAt === null ? [] : [fact(2, 'connected', talkedAt)];
  const events = [fact(1, 'appeared', startedAt), ...talk, fact(3, 'disconnected', summary.endedAt)];
  return Object.fromEntries(events.map((event) => [event.seq, event]));
}
