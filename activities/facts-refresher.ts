import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../db/log.ts';
import type { Db } from '../db/pool.ts';
import { refreshFacts } from '../db/statistics/facts.ts';
import { addUpTicketCounts } from '../db/ticket-counts.ts';

const EVERY_MS = 5_000;
const PATIENCE_MS = 1_000;

async function refresh(db: Db): Promise<number> {
  await addUpTicketCounts(db);
  return refreshFacts(db, PATIENCE_MS);
}

export interface FactsRefresher {
  stop(): Promise<void>;
}

/**
 * Works what happened to tickets into the statistics' facts soon afterwards, and adds up the lists' totals. Whoever asks for
 * statistics does the first themselves, so this only keeps it short for them.
 */
export function startFactsRefresher({ db, log }: { readonly db: Db; readonly log: Logger }): FactsRefresher {
  const stopping = new AbortController();
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const behind = await refresh(db).catch((error: unknown) => {
        log.warn({ err: error }, 'The facts of the statistics could not be brought up to date; trying again');
        return 0;
      });
      if (behind === 0) await delay(EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };
  const running = run();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
