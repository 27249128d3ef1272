import type { Conversation } from './conversations.ts';
import { NO_FACTS, withMessage, type CallFacts } from './facts.ts';
import type { ActionMessage, CallMessage, Instant } from './messages.ts';

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

export function register(state: CallState, found: readonly Conversation[]): readonly Registered[] {
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

export const registeredFor = (list: readonly Registered[], conversation: Conversation): Registered | undefined =>
  list.find((known) => known.agentId === conversation.agentId && known.keys.some((key) => conversation.keys.includes(key)));

/** Pauses between attempts to fetch a recording; the last one repeats (hours in all). */
export const FETCH_PAUSES_MS = [60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000] as const;
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
