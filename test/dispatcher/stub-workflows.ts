import { condition, defineQuery, defineSignal, setHandler } from '@temporalio/workflow';
import type { CallMessage } from '../../domain/messages.ts';
import {
  CALL_SIGNAL_NAMES,
  callbackSignal,
  callSignals,
  type CallbackInput,
  type CallbackMessage,
  type CallInput,
} from '../../workflows/messages.ts';

export interface HeardByCall {
  readonly input: CallInput;
  readonly messages: readonly CallMessage[];
  readonly signals: readonly string[];
  /** What each signal said is shown already. */
  readonly shown: readonly (string | null)[];
}
export interface HeardByCallback {
  readonly input: CallbackInput;
  readonly messages: readonly CallbackMessage[];
}

export const heardByCall = defineQuery<HeardByCall>('heard');
export const heardByCallback = defineQuery<HeardByCallback>('heard');
export const closeSignal = defineSignal('close');

/** Remembers what it is told, and ends when it is told to. */
export async function call(input: CallInput): Promise<void> {
  const messages: CallMessage[] = [];
  const signals: string[] = [];
  const shown: (string | null)[] = [];
  let closed = false;
  for (const name of CALL_SIGNAL_NAMES) {
    setHandler(callSignals[name], (batch, print) => {
      signals.push(name);
      shown.push(print ?? null);
      messages.push(...batch);
    });
  }
  setHandler(heardByCall, () => ({ input, messages, signals, shown }));
  setHandler(closeSignal, () => {
    closed = true;
  });
  await condition(() => closed);
}

export async function callback(input: CallbackInput): Promise<void> {
  const messages: CallbackMessage[] = [];
  let closed = false;
  setHandler(callbackSignal, (message) => {
    messages.push(message);
  });
  setHandler(heardByCallback, () => ({ input, messages }));
  setHandler(closeSignal, () => {
    closed = true;
  });
  await condition(() => closed);
}
