import type { Call } from '../call.ts';
import { StepImpossible } from '../call.ts';
import { CallbackCall } from '../callback.ts';
import type { Leg } from '../entry.ts';
import { nameOf } from '../entry.ts';
import { IncomingCall } from '../incoming.ts';
import { OutgoingCall } from '../outgoing.ts';
import { TransferableCall } from '../transfers.ts';

/** What a hand does to a live call. `who` is an extension or number, `target` where it is to go. */
export interface Act {
  readonly action: ActionName;
  readonly who?: string;
  readonly target?: string;
  readonly reason?: number;
}

export const ACTION_NAMES = [
  'answer',
  'noAnswer',
  'busy',
  'reject',
  'hold',
  'unhold',
  'consult',
  'completeTransfer',
  'abandonConsultation',
  'release',
  'blindTransfer',
  'returnBlind',
  'hangUp',
  'giveUp',
  'ring',
  'pressKeys',
  'startRecording',
  'operatorAnswers',
  'operatorDoesNotAnswer',
  'customerAnswers',
  'customerDoesNotAnswer',
  'finish',
] as const;
export type ActionName = (typeof ACTION_NAMES)[number];

/** Does it. True if nobody is left on the call, which is to be finished then. */
export async function act(call: Call, { action, who, target, reason }: Act): Promise<boolean> {
  const on = (): string => need(who, action, 'who');
  const to = (): string => need(target, action, 'target');
  const steps: Readonly<Record<ActionName, () => Promise<unknown>>> = {
    answer: () => call.answer(on()),
    noAnswer: () => call.noAnswer(on(), reason),
    busy: () => call.busy(on()),
    reject: () => call.reject(on()),
    hold: () => call.hold(on()),
    unhold: () => call.unhold(on()),
    consult: () => transferable(call).consult(on(), to()),
    completeTransfer: () => transferable(call).completeTransfer(on()),
    abandonConsultation: () => transferable(call).abandonConsultation(on()),
    release: () => transferable(call).release(on(), to()),
    blindTransfer: () => transferable(call).blindTransfer(on(), to()),
    returnBlind: () => transferable(call).returnBlind(on()),
    hangUp: () => call.hangUp(who ?? 'customer', reason),
    giveUp: () => call.giveUp(),
    ring: () => incoming(call).ring(on()),
    pressKeys: () => call.pressKeys(to()),
    startRecording: () => call.startRecording(on()),
    operatorAnswers: () => callback(call).operatorAnswers(),
    operatorDoesNotAnswer: () => callback(call).operatorDoesNotAnswer(reason),
    customerAnswers: () => calling(call).customerAnswers(),
    customerDoesNotAnswer: () => calling(call).customerDoesNotAnswer(reason),
    finish: () => call.finish(),
  };
  const doing = steps[action]();
  const nobodyLeft = call.openLegs.length === 0;
  await doing;
  return nobodyLeft || call.isOver;
}

export interface PossibleAct {
  readonly action: ActionName;
  readonly who?: string;
  /** The action needs a `target`. */
  readonly needsTarget?: true;
}

/** What can be done with a live call at this moment. */
export function possibleActs(call: Call): PossibleAct[] {
  const acts = call.openLegs.flatMap((leg) => actsOn(call, leg));
  return call.isOver ? [] : [...acts, { action: 'hangUp', who: 'customer' }];
}

function actsOn(call: Call, leg: Leg): PossibleAct[] {
  if (leg.location !== 'abonent')
    return leg.location === 'ivr' ? [{ action: 'ring' }, { action: 'pressKeys', needsTarget: true }] : [{ action: 'ring' }];
  if (leg.state === 'Appeared') return actsOnRinging(call, leg);
  const who = operatorOn(leg);
  if (who === undefined) return [];
  if (leg.state === 'OnHold') return actsOnHeld(call, who);
  const handOver: readonly ActionName[] = ['consult', 'release', 'blindTransfer'];
  return [
    { action: 'hold', who },
    ...handOver.map((action): PossibleAct => ({ action, who, needsTarget: true })),
    { action: 'hangUp', who },
  ];
}

function actsOnRinging(call: Call, leg: Leg): PossibleAct[] {
  if (leg.talkless) return [{ action: 'operatorAnswers' }, { action: 'operatorDoesNotAnswer' }];
  const who = nameOf(leg.to) ?? '';
  const returning: PossibleAct[] = leg.transfer === 'blind' ? [{ action: 'returnBlind', who }] : [];
  const answers: readonly ActionName[] = ['answer', 'noAnswer', 'busy', 'reject'];
  return [...answers.map((action): PossibleAct => ({ action, who })), ...returning];
}

function actsOnHeld(call: Call, who: string): PossibleAct[] {
  const consults = call instanceof TransferableCall && call.consulting.includes(who);
  return consults
    ? [
        { action: 'completeTransfer', who },
        { action: 'abandonConsultation', who },
      ]
    : [{ action: 'unhold', who }];
}

function operatorOn(leg: Leg): string | undefined {
  const found = [leg.to, leg.from].find((party) => party.kind === 'operator');
  return found ? (nameOf(found) ?? undefined) : undefined;
}

function need(value: string | undefined, action: string, name: string): string {
  if (value === undefined) throw new StepImpossible(`${action} needs ${name}`);
  return value;
}

function transferable(call: Call): TransferableCall {
  if (call instanceof TransferableCall) return call;
  throw new StepImpossible(`Call ${call.id} cannot be handed over`);
}

function incoming(call: Call): IncomingCall {
  if (call instanceof IncomingCall) return call;
  throw new StepImpossible(`Call ${call.id} does not come from outside`);
}

function callback(call: Call): CallbackCall {
  if (call instanceof CallbackCall) return call;
  throw new StepImpossible(`Call ${call.id} is no callback`);
}

function calling(call: Call): CallbackCall | OutgoingCall {
  if (call instanceof CallbackCall || call instanceof OutgoingCall) return call;
  throw new StepImpossible(`Call ${call.id} does not go to a customer`);
}
