import { setTimeout as sleep } from 'node:timers/promises';

/** The PBX's clock. People get real pacing; tests get a clock that jumps as far as the script says, without waiting. */
export interface Clock {
  /** Unix seconds, whole: the resolution of the PBX's timestamps. */
  now(): number;
  /** Lets so many seconds go by. Ends early, without an error, when the signal fires. */
  pass(seconds: number, signal?: AbortSignal): Promise<void>;
  /** The small step between two scripted events. */
  tick(): void;
}

export function realClock(): Clock {
  return {
    now: () => Math.floor(Date.now() / 1000),
    async pass(seconds, signal) {
      if (signal?.aborted) return;
      await sleep(seconds * 1000, undefined, signal ? { signal } : {}).catch((error: unknown) => {
        if (!signal?.aborted) throw error;
      });
    },
    tick: () => undefined,
  };
}

/** Never runs behind the wall clock, and runs ahead of it by what scripts let pass; `startAt` (Unix seconds) fixes it instead. */
export function instantClock(startAt?: number): Clock {
  let ahead = startAt ?? 0;
  const wall = (): number => (startAt === undefined ? Math.floor(Date.now() / 1000) : 0);
  const now = (): number => (ahead = Math.max(ahead, wall()));
  const advance = (seconds: number): void => {
    ahead = now() + Math.round(seconds);
  };
  return {
    now,
    pass: async (seconds) => advance(seconds),
    tick: () => advance(1),
  };
}
