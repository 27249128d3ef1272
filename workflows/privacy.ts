import { proxyActivities, sleep } from '@temporalio/workflow';
import type { ErasureInput } from './messages.ts';
import { CUT_KINDS, type PrivacySteps } from './steps.ts';

/** Tried for as long as it takes: what was ordered to go must go. */
const steps = proxyActivities<PrivacySteps>({
  startToCloseTimeout: '10m',
  heartbeatTimeout: '20s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
});

/** Batches of one run; what is left comes with the next one. */
const MOST_BATCHES = 500;

async function untilDone(step: () => Promise<{ readonly count: number; readonly more: boolean }>): Promise<number> {
  let total = 0;
  for (let batch = 0; batch < MOST_BATCHES; batch++) {
    const { count, more } = await step();
    total += count;
    if (!more) break;
  }
  return total;
}

/**
 * Removes what has been kept for longer than the settings say, and notes in the destruction log what went.
 * Started by a schedule every six hours, or by an admin; ends when nothing is left that is too old.
 */
export async function retention(): Promise<Readonly<Record<string, number>>> {
  const removed: Record<string, number> = {
    recordings: await untilDone(() => steps.removeOldRecordings()),
    raw_events: await untilDone(() => steps.redactOldEvents()),
  };
  for (const kind of CUT_KINDS) removed[kind] = await steps.cutOldRows({ kind });
  return removed;
}

/**
 * Erases one customer's personal data: nothing new becomes theirs first; calls that go on are let finish; then everything goes, and
 * once more after what was under way has arrived. Started by the dispatcher; ends with the line in the destruction log.
 */
export async function erasure(input: ErasureInput): Promise<void> {
  const { erasureId } = input;
  await steps.blockCustomer({ erasureId });
  const deadline = Date.now() + input.longestCallMs;
  let calls = await steps.callsUnderWay({ erasureId });
  while (calls.open > 0 && Date.now() < deadline) {
    await sleep(input.pauseMs);
    calls = { ...(await steps.callsUnderWay({ erasureId })), recent: true };
  }
  await steps.eraseEverything({ erasureId, state: 'erasing' });
  if (calls.recent) await sleep(input.settleMs);
  await steps.eraseEverything({ erasureId, state: 'checking' });
  await steps.finishErasure({ erasureId });
}
