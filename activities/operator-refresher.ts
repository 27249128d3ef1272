import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../db/log.ts';
import { accountsWithStaleOperators } from '../db/operators.ts';
import type { Db } from '../db/pool.ts';
import { refreshOperators } from './telephony/operators.ts';
import { wordOf, type TelephonyPort } from './telephony/port.ts';

const EVERY_MS = 5 * 60_000;
const FIRST_AFTER_MS = 60_000;

export interface OperatorRefreshDeps {
  readonly db: Db;
  readonly log: Logger;
  readonly telephony: { forIntegration(integrationId: string): TelephonyPort };
}

/**
 * Reads the operators of every account anew that has changed by the look of it: its calls name an extension that we do not know, or
 * the list is old. Returns how many were read.
 */
export async function refreshStaleOperators({ db, log, telephony }: OperatorRefreshDeps): Promise<number> {
  let read = 0;
  for (const integrationId of await accountsWithStaleOperators(db)) {
    const answer = await refreshOperators(db, telephony.forIntegration(integrationId), integrationId);
    if (answer.outcome === 'accepted') read += 1;
    else log.warn({ integrationId, code: wordOf(answer) }, 'Operators could not be read from the PBX');
  }
  return read;
}

/** Follows changes in the PBX without anybody pressing a button. Several workers do no harm: whoever comes second finds nothing stale. */
export function startOperatorRefresher(deps: OperatorRefreshDeps): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const pause = (ms: number): Promise<void> => delay(ms, undefined, { signal: stopping.signal }).catch(() => undefined);
  const run = async (): Promise<void> => {
    await pause(FIRST_AFTER_MS);
    while (!stopping.signal.aborted) {
      await refreshStaleOperators(deps).catch((error: unknown) => {
        deps.log.warn({ err: error }, 'Operators could not be refreshed; trying again later');
      });
      await pause(EVERY_MS);
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
