export interface CallLimits {
  /** `DRAFT_GRACE_SECONDS`: pause after a talk's end for the last draft and for a transfer's next leg. */
  readonly draftGraceMs: number;
  /** `CALL_SETTLE_SECONDS`: without a summary a call is over when all legs are and nothing came for so long. */
  readonly settleMs: number;
  /** `LEG_MAX_SECONDS`: a leg without an end is closed after this. */
  readonly legMaxMs: number;
  /** `RECORDING_WAIT_SECONDS`: how long after the end a recording may fail to be announced. */
  readonly recordingWaitMs: number;
}
