const FAILURES_UNTIL_AWAY = 3;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5_000;

/** Whether Temporal is there, judged by what became of the last requests to it. */
export interface TemporalHealth {
  readonly away: boolean;
  /** How long to wait before the next attempt while it is away. */
  readonly pauseMs: number;
  failed(): void;
  /** True if it was away until now. */
  succeeded(): boolean;
}

/**
 * One entry's trouble is that entry's own; several in a row without a success between them mean that Temporal is away. Then entries are
 * tried one at a time, so that the rest of the inbox neither burns attempts nor waits long once Temporal is back.
 */
export function createTemporalHealth(): TemporalHealth {
  let failures = 0;
  return {
    get away() {
      return failures >= FAILURES_UNTIL_AWAY;
    },
    get pauseMs() {
      return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.max(0, failures - FAILURES_UNTIL_AWAY));
    },
    failed() {
      failures += 1;
    },
    succeeded() {
      const wasAway = failures >= FAILURES_UNTIL_AWAY;
      failures = 0;
      return wasAway;
    },
  };
}
