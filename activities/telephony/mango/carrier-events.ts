import type { Instant, LegState, TransferKind } from '../../../domain/messages.ts';

/** One end of a leg or entry as Mango names it: all text, nothing looked up. Absent and empty are both null. */
export interface CarrierSide {
  readonly extension: string | null;
  readonly number: string | null;
  readonly line: string | null;
  readonly takenFrom: string | null;
}

export interface CarrierLeg {
  readonly type: 'leg';
  readonly entryId: string;
  readonly legId: string;
  readonly seq: number;
  readonly at: Instant | null;
  /** Null where Mango sent a state that its documents do not name. */
  readonly state: LegState | null;
  readonly location: 'person' | 'menu' | 'queue';
  readonly from: CarrierSide;
  readonly to: CarrierSide;
  readonly transfer: TransferKind | null;
  readonly commandId: string | null;
  /** Who ordered a callback, with Latin letters only; null on every other call. */
  readonly initiator: string | null;
  readonly taskId: string | null;
  readonly reason: number | null;
}

export interface CarrierSummary {
  readonly type: 'summary';
  readonly entryId: string;
  readonly direction: 'internal' | 'incoming' | 'outgoing' | null;
  readonly from: CarrierSide;
  readonly to: CarrierSide;
  readonly line: string | null;
  readonly startedAt: Instant | null;
  readonly talkedAt: Instant | null;
  readonly endedAt: Instant | null;
  readonly reason: number | null;
}

export interface CarrierRecording {
  readonly type: 'recording';
  readonly entryId: string;
  readonly recordingId: string;
  readonly seq: number;
  /** Null where Mango sent a state that its documents do not name. */
  readonly state: 'started' | 'continued' | 'completed' | 'stored' | null;
  readonly legId: string | null;
  /** The recorded employee; empty: one without extension; null: none. */
  readonly extension: string | null;
  readonly completionCode: number | null;
  readonly recipient: 'cloud' | 'mail' | 'cloud_and_mail' | null;
}

/** What became of a command of ours. */
export interface CarrierResult {
  readonly type: 'result';
  /** The part of the path behind `/result/`: `callback`, `call/hangup`, … */
  readonly kind: string;
  readonly commandId: string;
  readonly code: number;
}

export type CarrierEvent = CarrierLeg | CarrierSummary | CarrierRecording | CarrierResult;
