import { viewOf, type CallLimits, type CallView } from './call.ts';
import { conversationsOf, missedBy, openLegOf } from './conversations.ts';
import { earliest } from './earliest.ts';
import { entryOf, type CallFacts } from './facts.ts';
import { isUnheardOf, withInferredLegs } from './inference.ts';
import type { ActionMessage, Instant, NumberRef } from './messages.ts';
import { printOf, project, rankOf } from './projection.ts';
import { settleRecordings } from './recordings.ts';
import { register, type CallState, type Current, type Registered } from './state.ts';

export {
  askedAgain,
  FETCH_ATTEMPTS,
  FETCH_PAUSES_MS,
  fetchPausesMs,
  FORMER_FETCH_PAUSES_MS,
  newCallState,
  withAnnounced,
  withCallMessage,
  withFetched,
  withTicket,
  type CallState,
  type FetchOutcome,
  type Registered,
  type RegisteredRecording,
} from './state.ts';

export interface ProjectedConversation {
  readonly id: string;
  readonly ordinal: number;
  readonly agentId: string;
  readonly direction: 'incoming' | 'outgoing';
  readonly outcome: 'in_progress' | 'talked' | 'unanswered';
  readonly startedAt: Instant;
  readonly answeredAt: Instant | null;
  readonly answeredSeenAt: Instant | null;
  readonly endedAt: Instant | null;
  readonly endedSeenAt: Instant | null;
  readonly talkSeconds: number | null;
  readonly handedOverTo: string | null;
  /** A callback's conversation belongs to the ticket it was ordered from (S6–S9). */
  readonly ticketId: string | null;
  readonly reconciled: boolean;
}

export interface ProjectedCard {
  readonly agentId: string;
  readonly state: 'ringing' | 'dialling' | 'talking';
  readonly direction: 'incoming' | 'outgoing';
  readonly conversationId: string | null;
  readonly startedAt: Instant;
  readonly answeredAt: Instant | null;
}

/** What is to be done. All decisions of one drain are carried out in one transaction, in this order. */
export type Decision =
  | {
      readonly type: 'project';
      readonly direction: CallView['direction'];
      readonly customer: NumberRef;
      readonly conversations: readonly ProjectedConversation[];
      /** Ids of conversations projected before that later events showed to be none. */
      readonly withdrawn: readonly string[];
      readonly cards: readonly ProjectedCard[];
      readonly over: boolean;
      readonly startedAt: Instant | null;
      readonly endedAt: Instant | null;
      readonly flags: Readonly<Record<string, true>>;
      /** Grows with what is known of the call: of two that meet in the database the lower one is old. */
      readonly rank?: number;
    }
  /** An agent's action; `hang_up` and `fetch_recording_again` are answered elsewhere. */
  | { readonly type: 'act'; readonly action: ActionMessage }
  /** S2a, S5, S10, S15, S18: a talk has ended; make or settle its ticket. */
  | {
      readonly type: 'settle_talk';
      readonly key: string;
      readonly conversationId: string;
      readonly handedOver: boolean;
      /** The same end was settled before, and the call has been handed over or come back since. */
      readonly again: boolean;
    }
  /** S9, S10: the customer did not answer an outgoing call. */
  | { readonly type: 'record_attempt'; readonly key: string; readonly conversationId: string }
  /** S9: the agent never picked up the softphone: told, nothing recorded. */
  | { readonly type: 'report_not_picked_up'; readonly key: string }
  /** S11, S12: nobody answered. */
  | {
      readonly type: 'record_missed';
      readonly key: string;
      readonly agentIds: readonly string[];
      readonly startedAt: Instant;
      readonly endedAt: Instant;
      readonly seenAt: Instant;
      readonly reconciled: boolean;
    }
  | { readonly type: 'announce_recording'; readonly recordingId: string; readonly conversationId: string }
  | { readonly type: 'settle_recording'; readonly rowId: string; readonly reason: string }
  /** No recording was announced in time. */
  | { readonly type: 'give_up_recording'; readonly conversationId: string; readonly reason: string }
  | { readonly type: 'answer_action'; readonly action: ActionMessage; readonly code: string | null };

export type Projection = Extract<Decision, { type: 'project' }>;

/** Asks that leave the service: carried out by ordinary activities while the call goes on. */
export type Errand =
  | { readonly type: 'hang_up'; readonly action: ActionMessage | null; readonly legId: string }
  | { readonly type: 'fetch_recording'; readonly recordingId: string; readonly rowId: string };

export interface Plan {
  readonly state: CallState;
  readonly decisions: readonly Decision[];
  readonly errands: readonly Errand[];
  /** When to look again if nothing comes; null if there is nothing to wait for. */
  readonly wakeAt: Instant | null;
  readonly finished: boolean;
  /** Nobody rings or talks any more, by all that is known. */
  readonly quiet: boolean;
}

/** Is the call over? With a summary soon after the last event, without one after `settleMs` (spec, "Ends that do not come"). */
function overDeadline(facts: CallFacts, view: CallView, limits: CallLimits): Instant | null {
  if (facts.heardAt === 0 || !view.allLegsOver) return null;
  if (facts.summary) return facts.heardAt + (isUnheardOf(facts, view) ? limits.settleMs : limits.draftGraceMs);
  // Something but no leg was heard of: all the others are late, or lost.
  return facts.heardAt + (view.legs.length === 0 ? limits.legMaxMs : limits.settleMs);
}

/** Closes the legs whose end has been waited for long enough. */
function expire(state: CallState, view: CallView, limits: CallLimits, now: Instant): Step {
  const { facts } = state;
  const open = view.legs.filter((leg) => leg.state !== 'over');
  const deadlineOf = (legId: string): Instant => (entryOf(facts.legHeardAt, legId) ?? now) + limits.legMaxMs;
  const due = open.filter((leg) => deadlineOf(leg.legId) <= now);
  const rest = open.filter((leg) => !due.includes(leg)).map((leg) => deadlineOf(leg.legId));
  const expired = { ...facts.expired, ...Object.fromEntries(due.map((leg) => [leg.legId, now])) };
  return {
    state: due.length > 0 ? { ...state, facts: { ...facts, expired, heardAt: now } } : state,
    wakeAt: rest.length > 0 ? Math.min(...rest) : null,
  };
}

/** The call ends: from now on what is not known stays unknown, but for what the summary alone tells. */
function complete(state: CallState, view: CallView, now: Instant): CallState {
  return { ...state, overAt: now, facts: { ...withInferredLegs(state.facts, view), complete: true } };
}

/** Decisions and errands, gathered while the state moves on. */
class Gathering {
  readonly decisions: Decision[] = [];
  readonly errands: Errand[] = [];
  readonly deadlines: (Instant | null)[] = [];

  constructor(public state: CallState) {}

  take({ state, decisions = [], errands = [], wakeAt = null }: Step): void {
    this.state = state;
    this.decisions.push(...decisions);
    this.errands.push(...errands);
    this.deadlines.push(wakeAt);
  }
}

/** What one part of the rules has to say. */
export interface Step {
  readonly state: CallState;
  readonly decisions?: readonly Decision[];
  readonly errands?: readonly Errand[];
  readonly wakeAt?: Instant | null;
}

/**
 * What follows from all that is known, at `now`. Pure and total: called again with nothing new it asks for nothing new.
 * The caller carries out `decisions` in one transaction, starts the `errands`, and goes on with `state`.
 */
export function decide(before: CallState, limits: CallLimits, now: Instant): Plan {
  const all = new Gathering(before);
  let view = viewOf(before.facts);
  if (before.overAt === null) all.take(expire(before, view, limits, now));
  if (all.state !== before) view = viewOf(all.state.facts);
  const overAt = before.overAt === null ? overDeadline(all.state.facts, view, limits) : null;
  const ends = overAt !== null && overAt <= now;
  if (ends) {
    all.state = complete(all.state, view, now);
    view = viewOf(all.state.facts);
  }
  const registered = register(all.state, conversationsOf(view));
  const { current } = registered;
  all.take(registered);
  all.take(showProjection(all.state, view, current));
  all.take(act(all.state, view));
  all.take(hangUpCancelled(all.state, view));
  all.take(settleTalks(all.state, current, limits, { now, overAt }));
  if (ends) all.take({ state: all.state, decisions: endOfCall(all.state, view, current) });
  all.take(settleRecordings(all.state, limits, now));
  const { state, decisions, errands } = all;
  const wakeAt = earliest(...all.deadlines, ends ? null : overAt);
  const rests = decisions.length === 0 && errands.length === 0 && wakeAt === null;
  const quiet = state.overAt !== null || (overAt !== null && view.legs.length > 0);
  return { state, decisions, errands, wakeAt, finished: rests && state.overAt !== null && !isOwed(state), quiet };
}

/** Something is under way whose end will bring the workflow back. */
function isOwed({ conversations, recordings }: CallState): boolean {
  const isUnsettled = conversations.some((known) => known.talked && known.settled === null);
  return isUnsettled || recordings.some((recording) => recording.state === 'fetching' || recording.rowId === null);
}

function showProjection(state: CallState, view: CallView, current: Current): Step {
  const projection = project(state, view, current);
  const projected = printOf(projection);
  // Runs that began before there were prints carry the whole of it.
  if (state.projected === projected || state.projected === JSON.stringify(projection)) return { state };
  return { state: { ...state, projected }, decisions: [{ ...projection, rank: rankOf(state) }] };
}

function act(state: CallState, view: CallView): Step {
  const decisions: Decision[] = [];
  const errands: Errand[] = [];
  for (const action of state.waiting) {
    if (action.action === 'hang_up') {
      const leg = openLegOf(view, action.agentId);
      if (leg) errands.push({ type: 'hang_up', action, legId: leg.legId });
      else decisions.push({ type: 'answer_action', action, code: 'call_over' });
    } else if (action.action === 'fetch_recording_again') {
      const known = state.recordings.find((recording) => recording.rowId === action.recordingId);
      decisions.push({ type: 'answer_action', action, code: known ? null : 'nothing_to_fetch' });
    } else {
      decisions.push({ type: 'act', action });
    }
  }
  return { state: state.waiting.length > 0 ? { ...state, waiting: [] } : state, decisions, errands };
}

/** A callback that was called off before the PBX rang anybody: whatever of it rings or talks is hung up, each leg once. */
function hangUpCancelled(state: CallState, view: CallView): Step {
  if (!state.cancelled) return { state };
  const open = view.legs
    .filter((leg) => leg.state !== 'over' && leg.location === 'person')
    .map((leg) => leg.legId)
    .filter((legId) => !state.hungUp.includes(legId));
  if (open.length === 0) return { state };
  const errands = open.map((legId) => ({ type: 'hang_up' as const, action: null, legId }));
  return { state: { ...state, hungUp: [...state.hungUp, ...open] }, errands };
}

/** Talks that have ended, each after the draft's grace; again if one went on after all, or turns out to have been handed over. */
function settleTalks(
  before: CallState,
  current: Current,
  limits: CallLimits,
  { now, overAt }: { readonly now: Instant; readonly overAt: Instant | null },
): Step {
  const decisions: Decision[] = [];
  let wakeAt: Instant | null = null;
  const conversations = before.conversations.map((known): Registered => {
    const conversation = current.get(known.id);
    if (!conversation || conversation.answeredAt === null) return known;
    if (conversation.endedAt === null) return { ...known, endNotedAt: null, settled: null };
    const noted = { ...known, endNotedAt: known.endNotedAt ?? now };
    const handedOver = conversation.handedOverTo !== null;
    const settled = handedOver ? 'handed_over' : 'ended';
    if (known.settled === settled) return noted;
    // A call is over no sooner than the grace after its last event, so nothing more need be waited for then.
    const graceOver = noted.endNotedAt + limits.draftGraceMs;
    // An end of the call that is near is waited for: both are told at once.
    const near = overAt !== null && overAt - graceOver <= limits.draftGraceMs ? overAt : graceOver;
    const due = before.overAt !== null ? now : Math.max(near, graceOver);
    if (now < due) {
      wakeAt = earliest(wakeAt, due);
      return noted;
    }
    const settlements = known.settlements + 1;
    // What was decided is part of the key: an attempt that was lost with its worker, but not its writing, may have known less.
    const key = `talk:${known.id}:${settlements}:${settled}`;
    decisions.push({ type: 'settle_talk', key, conversationId: known.id, handedOver, again: known.settled !== null });
    return { ...noted, settled, settlements };
  });
  return { state: { ...before, conversations }, decisions, wakeAt };
}

/** Once, when the call is over: the missed call, the attempt, the callback that nobody picked up. */
function endOfCall(state: CallState, view: CallView, current: Current): Decision[] {
  const attempts = [...current].filter(([, conversation]) => conversation.answeredAt === null);
  const decisions: Decision[] = attempts.map(([id]) => ({ type: 'record_attempt', key: `attempt:${id}`, conversationId: id }));
  const isNotPickedUp = view.callback?.ours && view.talks.length === 0 && attempts.length === 0;
  if (isNotPickedUp) decisions.push({ type: 'report_not_picked_up', key: 'not-picked-up' });
  const missed = missedCall(state, view);
  return missed ? [...decisions, missed] : decisions;
}

function missedCall({ facts }: CallState, view: CallView): Decision | null {
  const agentIds = missedBy(view);
  if (agentIds.length === 0) return null;
  const rung = view.legs.filter((leg) => leg.to.kind === 'agent' && agentIds.includes(leg.to.agentId));
  const ends = rung.map((leg) => ({ at: leg.endedAt ?? leg.startedAt, seenAt: leg.endSeenAt ?? leg.startSeenAt }));
  return {
    type: 'record_missed',
    key: 'missed',
    agentIds,
    startedAt: Math.min(...rung.map((leg) => leg.startedAt)),
    endedAt: Math.max(...ends.map((end) => end.at)),
    seenAt: Math.max(...ends.map((end) => end.seenAt)),
    reconciled: Object.values(facts.legs).some((leg) => Object.values(leg).some((fact) => fact.reconciled === true)),
  };
}
