import type { RecordingFact } from './call.ts';

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
