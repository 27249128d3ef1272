import { ActivityFailure, condition, patched, setHandler } from '@temporalio/workflow';
import { callbackSignal, type CallbackInput, type CallbackMessage } from './messages.ts';
import { database, pbx, type CommandOutcome } from './steps.ts';

const ACCEPTED = new Set([1000, 1001]);

/** 1002 … 1099, should they ever come, are read as their class: done. `patched` goes once no callback of before is running. */
const resultOf = (code: number): number => (code > 1001 && code < 1100 && patched('done-is-a-class') ? 1000 : code);

/**
 * A callback ordered from a ticket (S6): sends the PBX its command and stays until the call itself begins.
 *
 * Started by the dispatcher once the intent is stored. Ends when the PBX's first leg with our command has been bound to
 * the call (from then on the call's own workflow tells the story), or with word to the agent of why there is no call.
 */
export async function callback(input: CallbackInput): Promise<string> {
  const results: number[] = [];
  let bound = false;
  let cancel: Extract<CallbackMessage, { type: 'cancel' }> | null = null;
  setHandler(callbackSignal, (message) => {
    if (message.type === 'result') results.push(resultOf(message.code));
    else if (message.type === 'bound') bound = true;
    else cancel ??= message;
  });
  const cancelled = (): typeof cancel => cancel;
  const refusal = (): number | undefined => results.find((code) => !ACCEPTED.has(code));

  if (cancelled()) return settle('cancelled');
  const outcome = await placed();
  if (outcome.state === 'refused' && !bound) return settle(outcome.code, outcome.pbxCode);
  await database.noteCallback({ callId: input.callId, state: outcome.state === 'accepted' ? 'accepted' : 'unknown' });

  let told = false;
  const deadline = Date.now() + input.firstRingMs;
  for (;;) {
    const pause = Math.max(1, deadline - Date.now());
    const happened = await condition(() => bound || refusal() !== undefined || (cancelled() !== null && !told), pause);
    const request = cancelled();
    if (request && !told) {
      told = true;
      // The PBX has the command already: the call is called off when it appears.
      await database.noteCallback({
        callId: input.callId,
        state: 'cancelled',
        actionId: request.actionId,
        agentId: request.agentId,
      });
    }
    if (bound) return 'bound';
    const code = refusal();
    if (code !== undefined) return settle(`pbx_${code}`);
    if (!happened) return settle(told ? 'cancelled' : 'no_answer_from_pbx');
  }

  /** A worker that died with the command under way leaves it in doubt: the PBX may have it, so it is waited for like any other. */
  async function placed(): Promise<CommandOutcome> {
    try {
      return await pbx.placeCallback({ callId: input.callId, commandId: input.commandId });
    } catch (error) {
      if (error instanceof ActivityFailure) return { state: 'unknown' };
      throw error;
    }
  }

  async function settle(code: string, pbxCode?: number): Promise<string> {
    const request = cancelled();
    await database.settleCallback({
      callId: input.callId,
      commandId: input.commandId,
      code,
      ...(pbxCode === undefined ? {} : { pbxCode }),
      ...(request ? { actionId: request.actionId, agentId: request.agentId } : {}),
    });
    return code;
  }
}
