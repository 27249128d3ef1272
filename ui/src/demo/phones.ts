import type { DemoAction, DemoCall, DemoLeg } from '../contract.ts';

/** How a phone stands in one call. */
export type LineState =
  | 'ringing'
  | 'dialling'
  | 'talking'
  | 'held'
  | 'holding'
  | 'consultingRinging'
  | 'consulting'
  | 'consulted'
  | 'inMenu'
  | 'inQueue';

export type ButtonName =
  'answer' | 'decline' | 'sendBack' | 'hold' | 'unhold' | 'complete' | 'comeBack' | 'leave' | 'hangUp' | 'toGroup';

export interface Button {
  readonly name: ButtonName;
  readonly action: DemoAction;
}

/** One call as one phone sees it. */
export interface Line {
  readonly callId: string;
  readonly state: LineState;
  /** Extensions or numbers of those at the other end; null for a hidden number. */
  readonly others: readonly (string | null)[];
  readonly since: string;
  readonly buttons: readonly Button[];
  /** The call can be handed over from here. */
  readonly canTransfer: boolean;
}

const isOpen = (leg: DemoLeg): boolean => leg.state !== 'ended';
const offers = (call: DemoCall, action: string, who?: string): boolean =>
  call.actions.some((one) => one.action === action && (who === undefined || one.who === who));
const button = (name: ButtonName, action: DemoAction['action'], who?: string): Button => ({
  name,
  action: { action, ...(who === undefined ? {} : { who }) },
});
const otherEnd = (leg: DemoLeg, extension: string): string | null => (leg.to === extension ? leg.from : leg.to);

/** What a softphone shows: one line per call it takes part in. */
export function linesOf(calls: readonly DemoCall[], extension: string): Line[] {
  return calls.flatMap((call) => {
    const mine = call.legs.filter((leg) => isOpen(leg) && leg.place === 'phone' && [leg.from, leg.to].includes(extension));
    const line = lineOf(call, mine, extension);
    return line ? [line] : [];
  });
}

function lineOf(call: DemoCall, mine: readonly DemoLeg[], me: string): Line | undefined {
  const held = mine.find((leg) => leg.state === 'held');
  const talking = mine.find((leg) => leg.state === 'talking');
  const ringing = mine.find((leg) => leg.state === 'ringing' && leg.to === me);
  const dialling = mine.find((leg) => leg.state === 'ringing' && leg.from === me);
  if (held && offers(call, 'completeTransfer', me)) return consulting(call, held, talking ?? dialling, me);
  if (held) return holding(call, held, me);
  if (ringing) return ringingLine(call, ringing, me);
  if (talking) return talkingLine(call, talking, me);
  if (!dialling) return undefined;
  return line(call, dialling, 'dialling', me, [button('hangUp', 'hangUp', me)]);
}

const line = (
  call: DemoCall,
  leg: DemoLeg,
  state: LineState,
  me: string,
  buttons: readonly Button[],
  canTransfer = false,
): Line => ({
  callId: call.id,
  state,
  others: [otherEnd(leg, me)],
  since: state === 'talking' ? (leg.answeredAt ?? leg.startedAt) : leg.startedAt,
  buttons,
  canTransfer,
});

function consulting(call: DemoCall, held: DemoLeg, asking: DemoLeg | undefined, me: string): Line {
  const back = button('comeBack', 'abandonConsultation', me);
  if (!asking) return line(call, held, 'holding', me, [back]);
  const state = asking.state === 'talking' ? 'consulting' : 'consultingRinging';
  const buttons = [button('complete', 'completeTransfer', me), back];
  return { ...line(call, asking, state, me, buttons), others: [otherEnd(asking, me), otherEnd(held, me)] };
}

const holding = (call: DemoCall, leg: DemoLeg, me: string): Line =>
  line(call, leg, 'holding', me, [button('unhold', 'unhold', me), button('hangUp', 'hangUp', me)]);

function ringingLine(call: DemoCall, leg: DemoLeg, me: string): Line {
  if (offers(call, 'operatorAnswers'))
    return line(call, leg, 'ringing', me, [button('answer', 'operatorAnswers'), button('decline', 'operatorDoesNotAnswer')]);
  const back = offers(call, 'returnBlind', me) ? [button('sendBack', 'returnBlind', me)] : [];
  return line(call, leg, 'ringing', me, [button('answer', 'answer', me), ...back, button('decline', 'noAnswer', me)]);
}

function talkingLine(call: DemoCall, leg: DemoLeg, me: string): Line {
  const asker = otherEnd(leg, me);
  if (asker !== null && offers(call, 'completeTransfer', asker))
    return line(call, leg, 'consulted', me, [button('leave', 'abandonConsultation', asker)]);
  return line(call, leg, 'talking', me, [button('hold', 'hold', me), button('hangUp', 'hangUp', me)], true);
}

/** What the customer's phone shows: every call with somebody outside. */
export function customerLines(calls: readonly DemoCall[]): Line[] {
  return calls.flatMap((call) => (call.direction === 'internal' ? [] : [customerLine(call)]));
}

function customerLine(call: DemoCall): Line {
  const customer = call.customer;
  const legs = call.legs.filter((leg) => isOpen(leg) && [leg.from, leg.to].includes(customer));
  const on = (state: DemoLeg['state']) => legs.filter((leg) => leg.place === 'phone' && leg.state === state);
  const others = (some: readonly DemoLeg[]) => some.map((leg) => (leg.to === customer ? leg.from : leg.to));
  const base = { callId: call.id, since: call.startedAt, canTransfer: false };
  const hangUp = [button('hangUp', 'hangUp', undefined)];
  const talking = on('talking');
  const answered = talking[0]?.answeredAt;
  if (talking.length)
    return { ...base, state: 'talking', others: others(talking), since: answered ?? base.since, buttons: hangUp };
  const held = on('held');
  if (held.length) return { ...base, state: 'held', others: others(held), buttons: hangUp };
  const ringing = on('ringing');
  if (customer !== null && ringing.some((leg) => leg.to === customer))
    return {
      ...{ ...base, state: 'ringing', others: others(ringing) },
      buttons: [button('answer', 'answer', customer), button('decline', 'noAnswer', customer)],
    };
  if (ringing.length) return { ...base, state: 'dialling', others: others(ringing), buttons: [button('hangUp', 'giveUp')] };
  const place = legs.find((leg) => leg.place !== 'phone')?.place;
  if (place === 'menu')
    return { ...base, state: 'inMenu', others: [], buttons: [button('toGroup', 'ring'), button('hangUp', 'giveUp')] };
  if (place === 'queue') return { ...base, state: 'inQueue', others: [], buttons: [button('hangUp', 'giveUp')] };
  return { ...base, state: 'dialling', others: [], buttons: [button('hangUp', 'giveUp')] };
}
