import { proxyActivities } from '@temporalio/workflow';
import type { UpkeepSteps } from './steps.ts';

const { reconcileCalls, sweepRecordings, cutStreamEvents } = proxyActivities<UpkeepSteps>({
  startToCloseTimeout: '15m',
  heartbeatTimeout: '20s',
  retry: { initialInterval: '5s', maximumInterval: '1m', maximumAttempts: 5 },
});

/** Steps of one run; what is left comes with the next one. */
const MOST_STEPS = 50;

/**
 * Completes from the PBX's statistics what its events failed to tell (no redelivery is promised, mango-api §2.1).
 * Started by a schedule every ten minutes; ends when every account has caught up.
 */
export async function reconcile(): Promise<{ readonly eventsAdded: number }> {
  let eventsAdded = 0;
  for (let step = 0; step < MOST_STEPS; step++) {
    const result = await reconcileCalls();
    eventsAdded += result.eventsAdded;
    if (result.caughtUp) break;
  }
  return { eventsAdded };
}

/** Clears away what died half-way and what nobody reads any more. Started by a schedule every hour. */
export async function upkeep(): Promise<{ readonly recordings: number; readonly streamEvents: number }> {
  const { removed } = await sweepRecordings();
  const streamEvents = await cutStreamEvents();
  return { recordings: removed, streamEvents };
}
