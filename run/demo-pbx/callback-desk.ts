import { CallOver, StepImpossible } from './call.ts';
import type { CallbackCall } from './callback.ts';

/** What becomes of a callback once it is ordered. Seconds on the PBX's clock. */
export interface CallbackBehaviour {
  /** `manual`: the operator's phone rings, and the rest is done by hand. */
  readonly mode: 'auto' | 'manual';
  readonly operatorAfter: number;
  /** False: the operator never picks up. */
  readonly operatorAnswers: boolean;
  readonly customerAfter: number;
  /** True, or the code with which the customer does not answer. */
  readonly customerAnswers: true | number;
  /** How long they talk; null: until somebody hangs up. */
  readonly talk: number | null;
  /** When `/result/callback` comes, seen from the first ringing. */
  readonly resultComes: 'first' | 'after' | 'never';
  /** Any other than 1000: the command is accepted, refused later with this code, and nobody is rung. */
  readonly result: number;
}

export const PEOPLE_PICK_UP: CallbackBehaviour = {
  mode: 'auto',
  operatorAfter: 2,
  operatorAnswers: true,
  customerAfter: 4,
  customerAnswers: true,
  talk: null,
  resultComes: 'after',
  result: 1000,
};

/** As many callbacks wait for somebody to ask for them. */
const MAX_ARRIVED = 100;

/** Sees to the callbacks that the product orders. */
export interface CallbackDesk {
  set(behaviour: Partial<CallbackBehaviour>): void;
  readonly behaviour: CallbackBehaviour;
  /** Rings the operator and, unless it is done by hand, plays the rest. */
  take(call: CallbackCall): Promise<void>;
  /** The next callback that is ordered (or was, and nobody asked for it yet), with the operator's phone already ringing. */
  next(): Promise<CallbackCall>;
}

export function createCallbackDesk(initial: Partial<CallbackBehaviour> = {}): CallbackDesk {
  let behaviour: CallbackBehaviour = { ...PEOPLE_PICK_UP, ...initial };
  const arrived: CallbackCall[] = [];
  const waiting: ((call: CallbackCall) => void)[] = [];

  return {
    set(change) {
      behaviour = { ...behaviour, ...change };
    },
    get behaviour() {
      return behaviour;
    },
    async take(call) {
      await call.start();
      const waiter = waiting.shift();
      if (waiter) waiter(call);
      else arrived.push(call);
      if (arrived.length > MAX_ARRIVED) arrived.shift();
      if (behaviour.mode === 'auto') await untilInterrupted(() => play(call, behaviour));
    },
    next() {
      const call = arrived.shift();
      return call ? Promise.resolve(call) : new Promise((resolve) => waiting.push(resolve));
    },
  };
}

async function play(call: CallbackCall, behaviour: CallbackBehaviour): Promise<void> {
  await call.pass(behaviour.operatorAfter);
  if (!behaviour.operatorAnswers) {
    await call.operatorDoesNotAnswer();
    return call.finish();
  }
  await call.operatorAnswers();
  await call.pass(behaviour.customerAfter);
  if (behaviour.customerAnswers !== true) {
    await call.customerDoesNotAnswer(behaviour.customerAnswers);
    return call.finish();
  }
  await call.customerAnswers();
  if (behaviour.talk === null) return;
  await call.pass(behaviour.talk);
  await call.finish();
}

/** Somebody hung up, or did by hand what the script was about to do: then the script is over. */
export async function untilInterrupted(script: () => Promise<void>): Promise<void> {
  try {
    await script();
  } catch (error) {
    if (!(error instanceof CallOver) && !(error instanceof StepImpossible)) throw error;
  }
}
