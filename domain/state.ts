import type { Conversation } from './conversations.ts';
import { NO_FACTS, withMessage, type CallFacts } from './facts.ts';
import type { ActionMessage, CallMessage, Instant } from './messages.ts';

/** A conversation as the workflow has registered it: its lasting id, and what has been done about it. */
export interface Registered {
  readonly id: string;
  readonly ordinal: number;
  readonly keys: readonly string[];
  readonly agentId: string;
  /** As what the ticket was settled last; null until then, and again while the talk goes on after all. */
  readonly settled: 'ended' | 'handed_over' | null;
  /** How often it was settled: what makes each settlement a decision of its own. */
  readonly settlements: number;
  /** When the workflow first saw it ended: the draft's grace runs from here. Null while it goes on. */
  readonly endNotedAt: Instant | null;
  /** False while nobody has answered, and of one that later events showed to be none. */
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
  /** The print of what was last written of the call, to write again only what differs. */
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
    const facts = withMessage(state.facts, message, now);
    return { ...state, facts, actionsSeen: [...state.actionsSeen, key], waiting: [...state.waiting, message] };
  }
  if (state.overAt !== null && message.type !== 'recording') return state;
  return { ...state, facts: withMessage(state.facts, message, now) };
}

/** The conversations as they are known now, each under its lasting id. */
export type Current = ReadonlyMap<string, Conversation>;

/**
 * Finds each conversation's lasting id: by a leg that it shares with what is registered, or else the agent's registration that
 * nothing else claims (it was known by legs that turned out to be something else). Each id stands for one conversation.
 */
export function register(state: CallState, found: readonly Conversation[]): { state: CallState; current: Current } {
  const claims = new Map<Conversation, string>();
  const claim = (conversation: Conversation, isIt: (known: Registered) => boolean): void => {
    const free = state.conversations.filter((known) => ![...claims.values()].includes(known.id));
    const known = free.find((candidate) => candidate.agentId === conversation.agentId && isIt(candidate));
    if (known) claims.set(conversation, known.id);
  };
  for (const conversation of found) claim(conversation, (known) => known.keys.some((key) => conversation.keys.includes(key)));
  for (const conversation of found) if (!claims.has(conversation)) claim(conversation, () => true);
  const fresh = found.filter((conversation) => !claims.has(conversation));
  const added = fresh.map((conversation, index) => newlyRegistered(state, conversation, index));
  fresh.forEach((conversation, index) => claims.set(conversation, added[index]?.id ?? ''));
  const current: Current = new Map(found.map((conversation) => [claims.get(conversation) ?? '', conversation]));
  const conversations = [...state.conversations, ...added].map((known): Registered => {
    const conversation = current.get(known.id);
    if (!conversation) return { ...known, talked: false };
    return { ...known, keys: conversation.keys, talked: conversation.answeredAt !== null };
  });
  return { state: { ...state, conversations }, current };
}

function newlyRegistered(state: CallState, { agentId, keys }: Conversation, index: number): Registered {
  const ordinal = state.conversations.length + index + 1;
  const id = `${state.callId}.${ordinal}`;
  return { id, ordinal, keys, agentId, settled: null, settlements: 0, endNotedAt: null, talked: false };
}

const MINUTE_MS = 60_000;
/** Pauses between attempts to fetch a recording: each minute at first, as the PBX advises (mango-api §4.6); the last one repeats (a day in all). */
export const FETCH_PAUSES_MS: readonly number[] = [...Array<number>(10).fill(1), 10, 30, 60, 120].map(
  (minutes) => minutes * MINUTE_MS,
);
/** Where the PBX could not be reached: it may be there again in a moment, and somebody is looking at the ticket. As long in all. */
export const UNREACHABLE_PAUSES_MS: readonly number[] = [5_000, 20_000, ...FETCH_PAUSES_MS.slice(0, -1), 150 * MINUTE_MS];
/** Those of calls that began to wait by them. */
export const FORMER_FETCH_PAUSES_MS: readonly number[] = [1, 2, 5, 10, 30, 60].map((minutes) => minutes * MINUTE_MS);
export const FETCH_ATTEMPTS = 24;

// What came of it ----------------------------------------------------------------------------------------------------------

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

/** Of one attempt; `reason` is a code that the interface puts into words. */
export type FetchOutcome = { readonly state: 'settled' } | { readonly state: 'retry'; readonly reason: string };

/** Between an attempt that came out so and the next. */
export const fetchPausesMs = (outcome: FetchOutcome): readonly number[] =>
  outcome.state === 'retry' && outcome.reason === 'pbx_unreachable' ? UNREACHABLE_PAUSES_MS : FETCH_PAUSES_MS;

/** A fetch came back: settled, or to be tried again after a pause. */
export function withFetched(
  state: CallState,
  recordingId: string,
  outcome: FetchOutcome,
  now: Instant,
  pausesMs = fetchPausesMs(outcome),
): CallState {
  return {
    ...state,
    recordings: state.recordings.map((known) => {
      if (known.recordingId !== recordingId) return known;
      if (outcome.state === 'settled') return { ...known, state: 'settled', nextAttemptAt: null };
      const pause = pausesMs[Math.min(known.attempts, pausesMs.length) - 1] ?? MINUTE_MS;
      return { ...known, state: 'announced', nextAttemptAt: now + pause, reason: outcome.reason };
    }),
  };
}

/** An admin asks again for a recording that was given up, or does not want to wait for the next attempt. */
export function askedAgain(state: CallState, rowId: string, now: Instant): CallState {
  return {
    ...state,
    recordings: state.recordings.map((known) => {
      if (known.rowId !== rowId || known.state === 'fetching') return known;
      const attempts = known.state === 'settled' ? 1 : Math.max(1, known.attempts);
      return { ...known, state: 'announced', attempts, nextAttemptAt: now };
    }),
  };
}
