import { viewOf, type CallLimits, type CallView } from './call.ts';
import { conversationsOf, missedBy, openLegOf, type Conversation } from './conversations.ts';
import { earliest } from './earliest.ts';
import type { CallFacts } from './facts.ts';
import { withInferredLegs } from './inference.ts';
import type { ActionMessage, Instant, NumberRef } from './messages.ts';
import { project } from './projection.ts';
import { settleRecordings } from './recordings.ts';
import { register, registeredFor, type CallState } from './state.ts';

export {
  askedAgain,
  FETCH_ATTEMPTS,
  FETCH_PAUSES_MS,
  newCallState,
  withAnnounced,
  withCallMessage,
  withFetched,
  withTicket,
  type CallState,
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
      readonly cards: readonly ProjectedCard[];
      readonly over: boolean;
      readonly startedAt: Instant | null;
      readonly endedAt: Instant | null;
      readonly flags: Readonly<Record<string, true>>;
    }
  /** An agent's action; `hang_up` and `fetch_recording_again` are answered elsewhere. */
  | { readonly type: 'act'; readonly action: ActionMessage }
  /** S2a, S5, S10, S15, S18: a talk has ended; make or settle its ticket. */
  | { readonly type: 'settle_talk'; readonly key: string; readonly conversationId: string; readonly handedOver: boolean }
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
}

/** Is the call over? With a summary soon after the last event, without one after `settleMs` (spec, "Ends that do not come"). */
function overDeadline(facts: CallFacts, view: CallView, limits: CallLimits): Instant | null {
  if (!view.allLegsOver || (view.legs.length === 0 && !facts.summary)) return null;
  const { summary } = facts;
  if (!summary) return facts.heardAt + limits.settleMs;
  const talkUnheard = summary.talkedAt !== null && view.talks.length === 0;
  const nobodyHeard =
    view.legs.every((leg) => leg.location !== 'person') && (summary.to.kind === 'agent' || summary.from.kind === 'agent');
  const answererUnheard = summary.to.kind === 'agent' && summary.talkedAt !== null && missedBy(view).includes(summary.to.agentId);
  return facts.heardAt + (talkUnheard || nobodyHeard || answererUnheard ? limits.settleMs : limits.draftGraceMs);
}

function expire(state: CallState, limits: CallLimits, now: Instant): { state: CallState; wakeAt: Instant | null } {
  const view = viewOf(state.facts);
  const open = view.legs.filter((leg) => leg.state !== 'over');
  const deadlineOf = (legId: string): Instant => (state.facts.legHeardAt[legId] ?? now) + limits.legMaxMs;
  const due = open.filter((leg) => deadlineOf(leg.legId) <= now);
  const rest = open.filter((leg) => deadlineOf(leg.legId) > now).map((leg) => deadlineOf(leg.legId));
  const expired = { ...state.facts.expired, ...Object.fromEntries(due.map((leg) => [leg.legId, now])) };
  return {
    state: due.length > 0 ? { ...state, facts: { ...state.facts, expired, heardAt: now } } : state,
    wakeAt: rest.length > 0 ? Math.min(...rest) : null,
  };
}

/**
 * What follows from all that is known, at `now`. Pure and total: called again with nothing new it asks for nothing new.
 * The caller carries out `decisions` in one transaction, starts the `errands`, and goes on with `state`.
 */
export function decide(before: CallState, limits: CallLimits, now: Instant): Plan {
  const aged = before.overAt === null ? expire(before, limits, now) : { state: before, wakeAt: null };
  let state = aged.state;
  const decisions: Decision[] = [];
  const errands: Errand[] = [];

  let view = viewOf(state.facts);
  const overAt = state.overAt === null ? overDeadline(state.facts, view, limits) : null;
  const ends = overAt !== null && overAt <= now;
  if (ends) {
    state = { ...state, overAt: now, facts: withInferredLegs(state.facts, view) };
    view = viewOf(state.facts);
  }

  const found = conversationsOf(view);
  state = { ...state, conversations: register(state, found) };

  const projection = project(state, view, found);
  const projected = JSON.stringify(projection);
  if (projected !== state.projected) {
    decisions.push(projection);
    state = { ...state, projected };
  }

  const acted = act(state, view);
  decisions.push(...acted.decisions);
  errands.push(...acted.errands);
  state = { ...state, waiting: acted.waiting };

  if (state.cancelled) {
    const open = view.legs.filter(
      (leg) => leg.state !== 'over' && leg.location === 'person' && !state.hungUp.includes(leg.legId),
    );
    errands.push(...open.map((leg) => ({ type: 'hang_up' as const, action: null, legId: leg.legId })));
    state = { ...state, hungUp: [...state.hungUp, ...open.map((leg) => leg.legId)] };
  }

  const settled = settleTalks(state, view, found, limits, now);
  decisions.push(...settled.decisions);
  state = settled.state;
  if (ends) decisions.push(...endOfCall(state, view, found));

  const recordings = settleRecordings(state, limits, now);
  decisions.push(...recordings.decisions);
  errands.push(...recordings.errands);
  state = recordings.state;

  const over = state.overAt !== null;
  const wakeAt = earliest(aged.wakeAt, over ? null : overAt, settled.wakeAt, recordings.wakeAt);
  const busy =
    recordings.fetching ||
    state.waiting.length > 0 ||
    state.conversations.some((known) => known.settled === null && known.talked);
  return { state, decisions, errands, wakeAt, finished: over && !busy && wakeAt === null };
}

function act(state: CallState, view: CallView): { decisions: Decision[]; errands: Errand[]; waiting: readonly ActionMessage[] } {
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
  return { decisions, errands, waiting: [] };
}

/** Talks that have ended, each after the draft's grace; again if one went on after all, or turns out to have been handed over. */
function settleTalks(
  before: CallState,
  view: CallView,
  found: readonly Conversation[],
  limits: CallLimits,
  now: Instant,
): { state: CallState; decisions: Decision[]; wakeAt: Instant | null } {
  const decisions: Decision[] = [];
  let wakeAt: Instant | null = null;
  const conversations = before.conversations.map((known) => {
    const conversation = found.find((candidate) => registeredFor([known], candidate));
    if (!conversation || conversation.answeredAt === null) return known;
    if (conversation.endedAt === null) {
      return known.endNotedAt === null && known.settled === null ? known : { ...known, endNotedAt: null, settled: null };
    }
    const endNotedAt = known.endNotedAt ?? now;
    // A call is over no sooner than the grace after its last event, so nothing more need be waited for then.
    const due = before.overAt !== null ? now : endNotedAt + limits.draftGraceMs;
    const mark = `${conversation.endedAt}:${conversation.handedOverTo ?? ''}`;
    if (known.settled === mark) return { ...known, endNotedAt };
    if (now < due) {
      wakeAt = earliest(wakeAt, due);
      return { ...known, endNotedAt };
    }
    const handedOver = conversation.handedOverTo !== null;
    decisions.push({ type: 'settle_talk', key: `talk:${known.id}:${mark}`, conversationId: known.id, handedOver });
    return { ...known, endNotedAt, settled: mark };
  });
  return { state: { ...before, conversations }, decisions, wakeAt };
}

/** Once, when the call is over: the missed call, the attempt, the callback that nobody picked up. */
function endOfCall(state: CallState, view: CallView, found: readonly Conversation[]): Decision[] {
  const decisions: Decision[] = [];
  const unanswered = found.find((conversation) => conversation.answeredAt === null);
  const known = unanswered && registeredFor(state.conversations, unanswered);
  if (known) decisions.push({ type: 'record_attempt', key: `attempt:${known.id}`, conversationId: known.id });
  else if (view.callback?.ours && view.talks.length === 0) decisions.push({ type: 'report_not_picked_up', key: 'not-picked-up' });
  const agentIds = missedBy(view);
  if (agentIds.length === 0) return decisions;
  const rung = view.legs.filter((leg) => leg.to.kind === 'agent' && agentIds.includes(leg.to.agentId));
  const ends = rung.map((leg) => leg.endedAt ?? leg.startedAt);
  decisions.push({
    type: 'record_missed',
    key: 'missed',
    agentIds,
    startedAt: Math.min(...rung.map((leg) => leg.startedAt)),
    endedAt: Math.max(...ends),
    seenAt: Math.max(...rung.map((leg) => leg.startSeenAt)),
    reconciled: Object.values(state.facts.legs).some((leg) => Object.values(leg).some((fact) => fact.reconciled === true)),
  });
  return decisions;
}
