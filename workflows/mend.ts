import { proxyActivities } from '@temporalio/workflow';
import type { MendResult, MendSteps } from './steps.ts';

const { mendCalls } = proxyActivities<MendSteps>({
  startToCloseTimeout: '5m',
  heartbeatTimeout: '20s',
  retry: { initialInterval: '2s', maximumInterval: '30s', maximumAttempts: 5 },
});

/**
 * Finds calls that Postgres holds for unfinished and that no workflow is finishing, and mends them. Started by a schedule every two
 * minutes, and for one call when an admin stops its workflow; ends when all of them have been looked at.
 */
export async function mend(input: { readonly callId?: string } = {}): Promise<MendResult> {
  return mendCalls(input);
}
