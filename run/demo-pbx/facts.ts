import type { Sent } from './delivery.ts';
import type { CallState, Location, TransferKind } from './wire.ts';

/** What truly happened, whatever became of the deliveries: the ground truth that checkers compare with. Times in Unix seconds. */

export type Direction = 'incoming' | 'outgoing' | 'internal';

export interface LegFacts {
  readonly callId: string;
  readonly location: Location;
  /** Extension or number; null for a hidden one. The caller of the leg as it last was. */
  from: string | null;
  readonly to: string | null;
  readonly takenFrom: string | null;
  readonly transfer: TransferKind | null;
  state: CallState;
  readonly appearedAt: number;
  answeredAt: number | null;
  endedAt: number | null;
  reason: number | null;
}

/** An operator spoke with the customer, a colleague, or somebody else outside. */
export interface TalkFacts {
  readonly callId: string;
  readonly extension: string;
  readonly with: 'customer' | 'operator' | 'outside';
  readonly startedAt: number;
  endedAt: number | null;
}

/** How a recording ends. */
export type RecordingPlan =
  | 'stored'
  /** No recording at all, and no event about one. */
  | 'none'
  /** Completed with 4002. */
  | 'too_short'
  /** Completed with 2253: no storage left. */
  | 'no_quota'
  /** Sent by e-mail only: nothing to download. */
  | 'mail'
  /** Stored, but record/added never comes. */
  | 'unannounced'
  /** Completed and announced, but the PBX never hands it out (3320). */
  | 'never_arrives'
  /** Started, and then nothing more. */
  | 'never_completed';

export interface RecordingFacts {
  readonly recordingId: string;
  readonly entryId: string;
  /** The leg in which it began. */
  readonly callId: string;
  readonly extension: string;
  readonly plan: RecordingPlan;
  readonly startedAt: number;
  endedAt: number | null;
  /** Seconds of sound in the file; at most 20. */
  audioSeconds: number | null;
  sha256: string | null;
  bytes: number | null;
}

export interface CallFacts {
  readonly entryId: string;
  readonly direction: Direction;
  readonly customer: string | null;
  readonly line: string | null;
  readonly commandId: string | null;
  readonly startedAt: number;
  endedAt: number | null;
  reason: number | null;
  readonly legs: LegFacts[];
  readonly talks: TalkFacts[];
  readonly recordings: RecordingFacts[];
}

/** A command or query from the product, as it came and as it was answered. */
export interface ReceivedCommand {
  readonly path: string;
  readonly json: string;
  readonly status: number;
  readonly result: number | null;
}

export interface PbxLog {
  readonly calls: CallFacts[];
  readonly sent: Sent[];
  readonly received: ReceivedCommand[];
}

/** Whether an operator spoke with the customer at any time. */
export function wasAnswered(call: CallFacts): boolean {
  return call.talks.some((talk) => talk.with === 'customer');
}
