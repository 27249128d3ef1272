import type { CallLimits } from './call.ts';
import type { Errand, Decision, Step } from './decisions.ts';
import { earliest } from './earliest.ts';
import { entryOf, type RecordingFact } from './facts.ts';
import { INFERRED_LEG } from './inference.ts';
import type { Instant, Party } from './messages.ts';
import { FETCH_ATTEMPTS, type CallState, type Registered, type RegisteredRecording } from './state.ts';

/** What the PBX's events say of one recording so far. */
export interface RecordingVerdict {
  /** Who was recorded, as far as any event said so. */
  readonly party: Party | null;
  /** The legs it ran over, in order. */
  readonly legIds: readonly string[];
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
  const events = Object.entries(facts)
    .sort(([one, a], [other, b]) => a.seq - b.seq || (one < other ? -1 : 1))
    .map(([, event]) => event);
  const completed = events.find((event) => event.state === 'completed');
  const stored = events.some((event) => event.state === 'stored');
  const parties = events.map((event) => event.party).filter((party) => party !== null);
  return {
    party: parties.find((party) => party.kind === 'agent') ?? parties[0] ?? null,
    legIds: [...new Set(events.map((event) => event.legId).filter((legId) => legId !== null))],
    completed: completed !== undefined,
    stored,
    failure: stored ? null : failureOf(completed),
  };
}

/** How long after `Completed` an announcement of storage is waited for before the file is asked for anyway. */
const STORED_PATIENCE_MS = 60_000;

/**
 * The conversation a recording belongs to: that of the recorded employee, on one of the legs it ran over. A colleague's who
 * was only consulted, and that of an operator whom the rules do not know, belong to nobody.
 */
function conversationOfRecording(state: CallState, verdict: RecordingVerdict, others: readonly string[]): Registered | undefined {
  const talked = state.conversations.filter((known) => known.talked);
  const { party, legIds } = verdict;
  const isOn = (legs: readonly string[]) => (known: Registered) => known.keys.some((key) => legs.includes(key));
  if (party === null && legIds.length > 0) return talked.find(isOn(legIds.slice(0, 1)));
  if (party === null) {
    // Only its storage was heard of: it can be but that of the one talk of which no other recording is known.
    const [only, ...more] = talked.filter((known) => !others.includes(known.id));
    return state.overAt !== null && more.length === 0 ? only : undefined;
  }
  if (party.kind !== 'agent') return undefined;
  const own = talked.filter((known) => known.agentId === party.agentId);
  return (
    own.find(isOn(legIds)) ?? (state.overAt === null ? undefined : own.findLast((known) => isOfUnheardLeg(state, known, legIds)))
  );
}

/** When all is told: was the talk, or the leg that was recorded, one of which no event came? */
function isOfUnheardLeg(state: CallState, known: Registered, legIds: readonly string[]): boolean {
  return known.keys.includes(INFERRED_LEG) || legIds.every((legId) => entryOf(state.facts.legs, legId) === undefined);
}

/** A talk's recordings are announced when its ticket is settled: until then the message says that the talk is in progress. */
function announce(before: CallState, verdicts: ReadonlyMap<string, RecordingVerdict>): Step {
  const recordings = [...before.recordings];
  const decisions: Decision[] = [];
  const unknown = [...verdicts].filter(([id]) => !recordings.some((recording) => recording.recordingId === id));
  // Those of which something is known come first: what is left over is for the others. Of these no arrival decides.
  const inOrder = unknown.sort(([one, a], [other, b]) => b.legIds.length - a.legIds.length || (one < other ? -1 : 1));
  for (const [recordingId, verdict] of inOrder) {
    const others = recordings.map((recording) => recording.conversationId);
    const conversation = conversationOfRecording(before, verdict, others);
    if (!conversation || conversation.settled === null) continue;
    const conversationId = conversation.id;
    decisions.push({ type: 'announce_recording', recordingId, conversationId });
    const fresh = { state: 'announced', rowId: null, attempts: 0, nextAttemptAt: null, reason: null } as const;
    recordings.push({ recordingId, conversationId, ...fresh });
  }
  return decisions.length > 0 ? { state: { ...before, recordings }, decisions } : { state: before };
}

interface Moved {
  readonly recording: RegisteredRecording;
  readonly decision?: Decision;
  readonly errand?: Errand;
  readonly wakeAt?: Instant;
}

/** When its file is to be asked for; null while the PBX has not said that it is complete. */
function fetchDueAt(known: RegisteredRecording, verdict: RecordingVerdict, limits: CallLimits, now: Instant): Instant | null {
  if (known.attempts > 0) return known.nextAttemptAt;
  if (verdict.stored) return now;
  const patience = Math.min(STORED_PATIENCE_MS, limits.recordingWaitMs);
  return verdict.completed ? (known.nextAttemptAt ?? now + patience) : null;
}

/** Given up before it was ever asked for, and now the PBX says it is there after all. */
const comesAfterAll = (known: RegisteredRecording, verdict: RecordingVerdict): boolean =>
  known.state === 'settled' && known.attempts === 0 && verdict.stored;

/** What is next for one announced recording. */
function move(state: CallState, given: RegisteredRecording, verdict: RecordingVerdict, limits: CallLimits, now: Instant): Moved {
  const known = comesAfterAll(given, verdict) ? { ...given, state: 'announced' as const, reason: null } : given;
  const { recordingId, rowId } = known;
  if (known.state !== 'announced' || rowId === null) return { recording: known };
  const giveUp = (reason: string): Moved => ({
    recording: { ...known, state: 'settled', reason },
    decision: { type: 'settle_recording', rowId, reason },
  });
  const failure = verdict.failure ?? (known.attempts >= FETCH_ATTEMPTS ? (known.reason ?? 'not_found') : null);
  if (failure) return giveUp(failure);
  const dueAt = fetchDueAt(known, verdict, limits, now);
  if (dueAt === null) {
    // Announced but never completed: as patient as with one that was never announced.
    if (state.overAt === null) return { recording: known };
    const until = state.overAt + limits.recordingWaitMs;
    return until > now ? { recording: known, wakeAt: until } : giveUp('never_arrived');
  }
  if (dueAt > now) return { recording: { ...known, nextAttemptAt: dueAt }, wakeAt: dueAt };
  return {
    recording: { ...known, state: 'fetching', attempts: known.attempts + 1, nextAttemptAt: null },
    errand: { type: 'fetch_recording', recordingId, rowId },
  };
}

function moveAll(before: CallState, verdicts: ReadonlyMap<string, RecordingVerdict>, limits: CallLimits, now: Instant): Step {
  const moves = before.recordings.map((known) => {
    const verdict = verdicts.get(known.recordingId);
    return verdict ? move(before, known, verdict, limits, now) : { recording: known };
  });
  return {
    state: { ...before, recordings: moves.map(({ recording }) => recording) },
    decisions: moves.flatMap(({ decision }: Moved) => decision ?? []),
    errands: moves.flatMap(({ errand }: Moved) => errand ?? []),
    wakeAt: earliest(...moves.map(({ wakeAt }: Moved) => wakeAt ?? null)),
  };
}

/** Talks of which no recording was announced in time. */
function giveUpUnannounced(before: CallState, limits: CallLimits, now: Instant): Step {
  const decisions: Decision[] = [];
  let wakeAt: Instant | null = null;
  for (const { id, talked, settled, endNotedAt } of before.conversations) {
    if (!talked || settled === null || endNotedAt === null || before.placeholdersGivenUp.includes(id)) continue;
    if (before.recordings.some((recording) => recording.conversationId === id)) continue;
    const until = endNotedAt + limits.recordingWaitMs;
    if (until > now) wakeAt = earliest(wakeAt, until);
    else decisions.push({ type: 'give_up_recording', conversationId: id, reason: 'not_recorded' });
  }
  const givenUp = decisions.flatMap((decision) => (decision.type === 'give_up_recording' ? [decision.conversationId] : []));
  const placeholdersGivenUp = [...before.placeholdersGivenUp, ...givenUp];
  return { state: givenUp.length > 0 ? { ...before, placeholdersGivenUp } : before, decisions, wakeAt };
}

/** Each recording goes to its conversation, is fetched when it is there, and given up when it will not come. */
export function settleRecordings(before: CallState, limits: CallLimits, now: Instant): Step {
  const verdicts = new Map(Object.entries(before.facts.recordings).map(([id, facts]) => [id, recordingVerdict(facts)]));
  const moved = moveAll(before, verdicts, limits, now);
  const announced = announce(moved.state, verdicts);
  const givenUp = giveUpUnannounced(announced.state, limits, now);
  return {
    state: givenUp.state,
    decisions: [...(announced.decisions ?? []), ...(moved.decisions ?? []), ...(givenUp.decisions ?? [])],
    errands: moved.errands ?? [],
    wakeAt: earliest(moved.wakeAt ?? null, givenUp.wakeAt ?? null),
  };
}
