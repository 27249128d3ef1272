import type { Config } from '../db/config.ts';
import type { CallLimits } from '../domain/call.ts';

/** The configured waits, in milliseconds. */
export const limitsOf = (
  config: Pick<Config, 'callSettleSeconds' | 'legMaxSeconds' | 'draftGraceSeconds' | 'recordingWaitSeconds'>,
): CallLimits => ({
  draftGraceMs: config.draftGraceSeconds * 1000,
  settleMs: config.callSettleSeconds * 1000,
  legMaxMs: config.legMaxSeconds * 1000,
  recordingWaitMs: config.recordingWaitSeconds * 1000,
});
