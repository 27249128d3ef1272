/** A call as the PBX's statistics tell it afterwards. Numbers are as the PBX writes them. */
export interface PastCall {
  readonly entryId: string;
  readonly direction: 'incoming' | 'outgoing' | 'internal';
  /** The person outside; null when hidden. */
  readonly outsideNumber: string | null;
  /** Our line, where known. */
  readonly line: string | null;
  /** An external system ordered it: the operator was rung first. */
  readonly isCallback: boolean;
  readonly startedAt: Date;
  /** Null while it goes on, or if it is not told. */
  readonly endedAt: Date | null;
  readonly legs: readonly PastLeg[];
}

/** One attempt to reach somebody, with the talk that came of it. */
export interface PastLeg {
  /** The leg's id in the PBX's events, where the statistics name it. */
  readonly legId: string | null;
  readonly kind: 'operator' | 'outside' | 'machine';
  /** The operator rung or, on an outgoing leg, calling. */
  readonly extension: string | null;
  readonly number: string | null;
  readonly startedAt: Date;
  readonly answeredAt: Date | null;
  readonly endedAt: Date | null;
  readonly reason: number | null;
  readonly recordingIds: readonly string[];
}
