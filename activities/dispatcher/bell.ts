/** Wakes whoever waits for something to do. */
export interface Bell {
  /** How often it has rung. */
  readonly rung: number;
  ring(this: void): void;
  /** Until it rings, has rung since `heard`, or the time is over. */
  wait(heard: number, ms: number): Promise<void>;
  /** A wait that only `stop` cuts short. */
  pause(ms: number): Promise<void>;
  stop(): void;
}

export function createBell(): Bell {
  let rung = 0;
  let stopped = false;
  let wake = (): void => undefined;
  let end = (): void => undefined;
  const sleep = (ms: number, arm: (resolve: () => void) => void): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(finish, ms);
      function finish(): void {
        clearTimeout(timer);
        resolve();
      }
      arm(finish);
    });
  return {
    get rung() {
      return rung;
    },
    ring() {
      rung += 1;
      wake();
    },
    async wait(heard, ms) {
      if (stopped || rung !== heard) return;
      await sleep(ms, (finish) => (wake = end = finish));
    },
    async pause(ms) {
      if (stopped) return;
      await sleep(ms, (finish) => (end = finish));
    },
    stop() {
      stopped = true;
      end();
    },
  };
}
