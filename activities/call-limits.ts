import type { Config } from '../db/config.ts';
import type { CallLimits } from '../domain/call.ts';
import type { ErasureInput } from '../workflows/messages.ts';

/** The configured waits, in milliseconds. */
export const limitsOf = (
  config: Pick<Config, 'callSettleSeconds' | 'legMaxSeconds' | 'draftGraceSeconds' | 'recordingWaitSeconds'>,
): CallLimits => ({
  draftGraceMs: config.draftGraceSeconds * 1000,
  settleMs: config.callSettleSeconds * 1000,
  legMaxMs: config.legMaxSeconds * 1000,
  recordingWaitMs: config.recordingWaitSeconds * 1000,
});

/** An erasure looks again as often as a call may be settled, and waits for calls and what comes late of them as long as these do. */
export const erasureInputOf = (limits: CallLimits, erasureId: string): ErasureInput => ({
  erasureId,
  pauseMs: limits.settleMs,
  longestCallMs: limits.legMaxMs,
  settleMs: limits.recordingWaitMs,
});
