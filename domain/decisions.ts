import { NO_FACTS, viewOf, withMessage, type CallFacts, type CallLimits, type CallView } from './call.ts';
import {
  cardsOf,
  conversationsOf,
  DIALLING_KEY,
  missedBy,
  openLegOf,
  withInferredLegs,
  type Conversation,
} from './conversations.ts';
import type { ActionMessage, CallMessage, Instant, NumberRef } from './messages.ts';
import { recordingVerdict, type RecordingVerdict } from './recordings.ts';

/** A conversation as the workflow has registered it: its lasting id, and what has been done about it. */
export interface Registered {
  readonly id: string;
  readonly ordinal: number;
  readonly keys: readonly string[];
  readonly agentId: string;
  /** The last end for which the ticket was settled: `<times ended>:<handed over>`; null while it has none. */
  readonly settled: string | null;
  /** When the workflow first saw it ended: the draft's grace runs from here. Null while it goes on. */
  readonly endNotedAt: Instant | null;
  readonly talked: boolean;
}

export interface RegisteredRecording {
  readonly recordingId: string;
  readonly conversationId: string;
  /** `recordings.id`, once announced. */
  readonly rowId: string | null;
  readonly state: 'announced' | 'fetching' | 'settled';
  readonly attempts: number;
  readonly nextAttemptAt: Instant | null;
  /** Why the last attempt failed. */
  readonly reason: string | null;
}

/** Everything a call's workflow carries; JSON, so that it survives continue-as-new and waits in Postgres after the end. */
export interface CallState {
  readonly callId: string;
  readonly facts: CallFacts;
  readonly conversations: readonly Registered[];
  readonly recordings: readonly RegisteredRecording[];
  readonly actionsSeen: readonly string[];
  /** Tickets this call has touched, by which it can be found. */
  readonly tickets: readonly string[];
  /** Actions not yet carried out. */
  readonly waiting: readonly ActionMessage[];
  /** What `project` last wrote, to write again only what differs. */
  readonly projected: string | null;
  /** When the call was decided to be over; legs and summary that come later change nothing. */
  readonly overAt: Instant | null;
  readonly placeholdersGivenUp: readonly string[];
  /** A callback that was called off before its first leg: every leg of it is hung up once. */
  readonly cancelled: boolean;
  readonly hungUp: readonly string[];
}

export const newCallState = (callId: string): CallState => ({
  callId,
  facts: NO_FACTS,
  conversations: [],
  recordings: [],
  actionsSeen: [],
  tickets: [],
  waiting: [],
  projected: null,
  overAt: null,
  placeholdersGivenUp: [],
  cancelled: false,
  hungUp: [],
});

/** Takes in one message. Repeats and whatever comes after the end leave the state as it is. */
export function withCallMessage(state: CallState, message: CallMessage, now: Instant): CallState {
  if (message.type === 'action') {
    const key = `${message.agentId}:${message.actionId}`;
    if (state.actionsSeen.includes(key)) return state;
    return { ...state, actionsSeen: [...state.actionsSeen, key], waiting: [...state.waiting, message] };
  }
  if (state.overAt !== null && message.type !== 'recording') return state;
  return { ...state, facts: withMessage(state.facts, message, now) };
}

// Decisions --------------------------------------------------------------------------------------------------------------

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

/** How long after `Completed` an announcement of storage is waited for before the file is asked for anyway. */
const STORED_PATIENCE_MS = 60_000;
/** Pauses between attempts to fetch a recording; the last one repeats (hours in all). */
export const FETCH_PAUSES_MS = [60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000] as const;
export const FETCH_ATTEMPTS = 24;

function register(state: CallState, found: readonly Conversation[]): readonly Registered[] {
  const list = [...state.conversations];
  for (const conversation of found) {
    const index = list.findIndex(
      (known) => known.agentId === conversation.agentId && known.keys.some((key) => conversation.keys.includes(key)),
    );
    const known = list[index];
    const talked = conversation.answeredAt !== null;
    if (known)
      list[index] = { ...known, keys: [...new Set([...known.keys, ...conversation.keys])], talked: known.talked || talked };
    else {
      const ordinal = list.length + 1;
      const id = `${state.callId}.${ordinal}`;
      list.push({ id, ordinal, keys: conversation.keys, agentId: conversation.agentId, settled: null, endNotedAt: null, talked });
    }
  }
  return list;
}

const registeredFor = (list: readonly Registered[], conversation: Conversation): Registered | undefined =>
  list.find((known) => known.agentId === conversation.agentId && known.keys.some((key) => conversation.keys.includes(key)));

function outcomeOf(conversation: Conversation): ProjectedConversation['outcome'] {
  if (conversation.endedAt === null) return 'in_progress';
  return conversation.answeredAt === null ? 'unanswered' : 'talked';
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

const earliest = (...instants: readonly (Instant | null)[]): Instant | null => {
  const known = instants.filter((instant) => instant !== null);
  return known.length > 0 ? Math.min(...known) : null;
};

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

function project(state: CallState, view: CallView, found: readonly Conversation[]): Extract<Decision, { type: 'project' }> {
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

/** The conversation a recording belongs to: that of the recorded employee, on one of the legs it ran over. */
function conversationOfRecording(state: CallState, verdict: RecordingVerdict): Registered | undefined {
  const talked = state.conversations.filter((known) => known.talked);
  const own = verdict.agentId === null ? talked : talked.filter((known) => known.agentId === verdict.agentId);
  const byLeg = own.find((known) => known.keys.some((key) => verdict.legIds.includes(key)));
  if (byLeg || verdict.agentId !== null) return byLeg ?? own.at(-1);
  // Of a recording that only its storage was heard of, nothing is known but that somebody was recorded.
  return verdict.partyHeard || state.overAt === null || talked.length !== 1 ? undefined : talked[0];
}

function settleRecordings(
  before: CallState,
  limits: CallLimits,
  now: Instant,
): { state: CallState; decisions: Decision[]; errands: Errand[]; wakeAt: Instant | null; fetching: boolean } {
  const decisions: Decision[] = [];
  const errands: Errand[] = [];
  let wakeAt: Instant | null = null;
  let recordings = [...before.recordings];
  for (const [recordingId, facts] of Object.entries(before.facts.recordings)) {
    const verdict = recordingVerdict(facts);
    const known = recordings.find((recording) => recording.recordingId === recordingId);
    if (!known) {
      const conversation = conversationOfRecording(before, verdict);
      if (!conversation) continue;
      decisions.push({ type: 'announce_recording', recordingId, conversationId: conversation.id });
      recordings.push({
        recordingId,
        conversationId: conversation.id,
        rowId: null,
        state: 'announced',
        attempts: 0,
        nextAttemptAt: null,
        reason: null,
      });
      continue;
    }
    if (known.state !== 'announced' || known.rowId === null) continue;
    const replace = (next: RegisteredRecording): void =>
      void (recordings = recordings.map((other) => (other === known ? next : other)));
    const failure = verdict.failure ?? (known.attempts >= FETCH_ATTEMPTS ? (known.reason ?? 'not_found') : null);
    if (failure) {
      decisions.push({ type: 'settle_recording', rowId: known.rowId, reason: failure });
      replace({ ...known, state: 'settled' });
      continue;
    }
    const patience = Math.min(STORED_PATIENCE_MS, limits.recordingWaitMs);
    const firstDueAt = verdict.stored ? now : verdict.completed ? (known.nextAttemptAt ?? now + patience) : null;
    const dueAt = known.attempts > 0 ? known.nextAttemptAt : firstDueAt;
    if (dueAt === null) {
      // Announced but never completed: as patient as with one that was never announced.
      if (before.overAt === null) continue;
      const until = before.overAt + limits.recordingWaitMs;
      if (until > now) wakeAt = earliest(wakeAt, until);
      else {
        decisions.push({ type: 'settle_recording', rowId: known.rowId, reason: 'never_arrived' });
        replace({ ...known, state: 'settled' });
      }
    } else if (dueAt <= now) {
      errands.push({ type: 'fetch_recording', recordingId, rowId: known.rowId });
      replace({ ...known, state: 'fetching', attempts: known.attempts + 1, nextAttemptAt: null });
    } else {
      wakeAt = earliest(wakeAt, dueAt);
      if (known.nextAttemptAt === null) replace({ ...known, nextAttemptAt: dueAt });
    }
  }
  const givenUp = [...before.placeholdersGivenUp];
  for (const known of before.conversations) {
    if (!known.talked || known.endNotedAt === null || known.settled === null || givenUp.includes(known.id)) continue;
    if (recordings.some((recording) => recording.conversationId === known.id)) continue;
    const until = known.endNotedAt + limits.recordingWaitMs;
    if (until > now) wakeAt = earliest(wakeAt, until);
    else {
      decisions.push({ type: 'give_up_recording', conversationId: known.id, reason: 'not_recorded' });
      givenUp.push(known.id);
    }
  }
  const fetching = recordings.some((recording) => recording.state === 'fetching');
  return { state: { ...before, recordings, placeholdersGivenUp: givenUp }, decisions, errands, wakeAt, fetching };
}

// What came of it --------------------------------------------------------------------------------------------------------

/** The row that an announcement got in Postgres. */
export function withAnnounced(state: CallState, recordingId: string, rowId: string): CallState {
  return {
    ...state,
    recordings: state.recordings.map((known) => (known.recordingId === recordingId ? { ...known, rowId } : known)),
  };
}

/** A decision touched this ticket. */
export function withTicket(state: CallState, ticketId: string): CallState {
  return state.tickets.includes(ticketId) ? state : { ...state, tickets: [...state.tickets, ticketId] };
}

/** A fetch came back: settled, or to be tried again after a pause. */
export function withFetched(
  state: CallState,
  recordingId: string,
  outcome: { readonly state: 'settled' } | { readonly state: 'retry'; readonly reason: string },
  now: Instant,
): CallState {
  return {
    ...state,
    recordings: state.recordings.map((known) => {
      if (known.recordingId !== recordingId) return known;
      if (outcome.state === 'settled') return { ...known, state: 'settled', nextAttemptAt: null };
      const pause = FETCH_PAUSES_MS[Math.min(known.attempts, FETCH_PAUSES_MS.length) - 1] ?? FETCH_PAUSES_MS[0];
      return { ...known, state: 'announced', nextAttemptAt: now + pause, reason: outcome.reason };
    }),
  };
}

/** An admin asks again for a recording that was given up. */
export function askedAgain(state: CallState, rowId: string, now: Instant): CallState {
  return {
    ...state,
    recordings: state.recordings.map((known) =>
      known.rowId === rowId && known.state === 'settled'
        ? { ...known, state: 'announced', attempts: 1, nextAttemptAt: now }
        : known,
    ),
  };
}
