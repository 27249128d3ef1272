import { answerAction } from '../decisions/actions.ts';
import { contextOf } from '../decisions/context.ts';
import type { Transaction } from '../../db/pool.ts';

/** Tells an agent that no workflow is there to do what they asked. */
export async function refuseAction(
  trx: Transaction,
  callId: string,
  action: { readonly actionId: string; readonly agentId: string },
  code: string,
): Promise<void> {
  await answerAction(contextOf(trx, callId), action, { code });
}
