import { createHash, randomBytes } from 'node:crypto';
import { MAX_AUDIO_SECONDS, soundOf } from './audio.ts';
import type { RecordingFacts } from './facts.ts';
import type { FaultBox } from './faults.ts';

/** What asking for a recording brings: a one-time ticket to its file, or a result code. */
export type ShelfAnswer = { readonly token: string } | { readonly code: 3320 };

export interface Handout {
  readonly audio: Buffer;
  /** Break the download off half-way. */
  readonly cut: boolean;
  /** The second half waits for it. */
  readonly halfWay: () => Promise<void>;
}

/** The PBX's cloud storage. Files are made anew from their facts when asked for, so nothing large is kept. */
export interface RecordingShelf {
  /** Fills in the file's facts; called when a recording is complete. */
  store(facts: RecordingFacts, talkSeconds: number): void;
  /** Gives a link that dies with its first use (mango-api §4.6). */
  ask(recordingId: string): ShelfAnswer;
  /** Null for a link that is unknown or was used before. */
  handOut(token: string): Handout | null;
  /** Puts back what an earlier process recorded. */
  restore(facts: RecordingFacts): void;
}

const DOWNLOADABLE: ReadonlySet<string> = new Set(['stored', 'unannounced']);

export function createRecordingShelf(faults: FaultBox): RecordingShelf {
  const recordings = new Map<string, RecordingFacts>();
  const tokens = new Map<string, string>();

  return {
    store(facts, talkSeconds) {
      facts.audioSeconds = Math.min(Math.max(talkSeconds, faults.current.recordings?.leastSeconds ?? 1), MAX_AUDIO_SECONDS);
      const audio = fileOf(facts);
      facts.bytes = audio.length;
      facts.sha256 = createHash('sha256').update(audio).digest('hex');
      recordings.set(facts.recordingId, facts);
    },
    ask(recordingId) {
      const facts = recordings.get(recordingId);
      if (!facts || !DOWNLOADABLE.has(facts.plan) || faults.recordingNotReady(recordingId)) return { code: 3320 };
      const token = randomBytes(16).toString('hex');
      tokens.set(token, recordingId);
      forgetOldest(tokens);
      return { token };
    },
    handOut(token) {
      const facts = recordings.get(tokens.get(token) ?? '');
      tokens.delete(token);
      if (!facts) return null;
      const { recordingId } = facts;
      const halfWay = async (): Promise<void> => faults.current.recordings?.halfWay?.(recordingId);
      return { audio: fileOf(facts), cut: faults.recordingCut(recordingId), halfWay };
    },
    restore(facts) {
      recordings.set(facts.recordingId, facts);
    },
  };
}

/** Links that nobody used. */
function forgetOldest(tokens: Map<string, string>): void {
  const [oldest] = tokens.keys();
  if (tokens.size > 10_000 && oldest !== undefined) tokens.delete(oldest);
}

function fileOf(facts: RecordingFacts): Buffer {
  return soundOf(facts.extension, facts.audioSeconds ?? 1, `${facts.extension} ${facts.recordingId}`);
}
