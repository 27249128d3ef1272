import { asyncLocalStorage } from '@temporalio/activity';

type Step = (...args: never[]) => Promise<unknown>;

const HEARTBEAT_MS = 5_000;

/** The same steps, of which Temporal hears while they run: those of a worker that died are another one's within seconds. */
export function beating<S extends object>(steps: S): S {
  const heard = Object.entries(steps as Record<string, Step>).map(([name, run]) => [
    name,
    async (...args: never[]) => {
      const attempt = asyncLocalStorage.getStore();
      const beat = setInterval(() => attempt?.heartbeat(), HEARTBEAT_MS);
      try {
        return await run(...args);
      } finally {
        clearInterval(beat);
      }
    },
  ]);
  return Object.fromEntries(heard) as S;
}
