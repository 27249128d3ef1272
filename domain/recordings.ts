import type { CallLimits } from './call.ts';
import type { Decision, Errand } from './decisions.ts';
import { earliest } from './earliest.ts';
import type { RecordingFact } from './facts.ts';
import type { Instant } from './messages.ts';
import { FETCH_ATTEMPTS, type CallState, type Registered, type RegisteredRecording } from './state.ts';

/** What the PBX's events say of one recording so far. */
export interface RecordingVerdict {
  /** The recorded agent; null if not a mapped one. */
  readonly agentId: string | null;
  readonly legIds: readonly string[];
  /** Whether any event said who was recorded. */
  readonly partyHeard: boolean;
  readonly completed: boolean;
  /** It is in the PBX's cloud storage: the moment to fetch it (mango-api §2.6). */
  readonly stored: boolean;
  /** Why there will be nothing to fetch, as a code the interface puts into words. */
  readonly failure: 'too_short' | 'refused' | 'mail_only' | 'not_kept' | null;
}

const DONE = new Set([1000, 1001]);
const TOO_SHORT = 4002;

function failureOf(completed: RecordingFact | undefined): RecordingVerdict['failure'] {
  if (!completed) return null;
  const code = completed.completionCode;
  if (code === TOO_SHORT) return 'too_short';
  if (code !== null && !DONE.has(code)) return code >= 2000 && code < 3000 ? 'refused' : 'not_kept';
  return completed.recipient === 'mail' ? 'mail_only' : null;
}

/** Order plays no part: a recording is completed or stored as soon as any event says so. */
export function recordingVerdict(facts: Readonly<Record<string, RecordingFact>>): RecordingVerdict {
  const events = Object.values(facts);
  const completed = events.find((event) => event.state === 'completed');
  const stored = events.some((event) => event.state === 'stored');
  const agent = events.map((event) => event.party).find((party) => party?.kind === 'agent');
  return {
    agentId: agent?.kind === 'agent' ? agent.agentId : null,
    legIds: [...new Set(events.map((event) => event.legId).filter((legId) => legId !== null))],
    partyHeard: events.some((event) => event.party !== null || event.legId !== null),
    completed: completed !== undefined,
    stored,
    failure: stored ? null : failureOf(completed),
  };
}

/** How long after `Completed` an announcement of storage is waited for before the file is asked for anyway. */
const STORED_PATIENCE_MS = 60_000;

/** The conversation a recording belongs to: that of the recorded employee, on one of the legs it ran over. */
function conversationOfRecording(state: CallState, verdict: RecordingVerdict): Registered | undefined {
  const talked = state.conversations.filter((known) => known.talked);
  const own = verdict.agentId === null ? talked : talked.filter((known) => known.agentId === verdict.agentId);
  const byLeg = own.find((known) => known.keys.some((key) => verdict.legIds.includes(key)));
  if (byLeg || verdict.agentId !== null) return byLeg ?? own.at(-1);
  // Of a recording that only its storage was heard of, nothing is known but that somebody was recorded.
  return verdict.partyHeard || state.overAt === null || talked.length !== 1 ? undefined : talked[0];
}

export function settleRecordings(
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
