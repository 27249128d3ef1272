import type { PastCall, PastLeg } from './past-calls.ts';

export interface ToldSide {
  readonly extension?: string;
  readonly number?: string;
  /** The leg on which this party was before. */
  readonly takenFrom?: string;
}

export interface ToldLegEvent {
  readonly type: 'leg';
  readonly legId: string;
  readonly state: 'appeared' | 'connected' | 'disconnected';
  readonly at: Date;
  readonly from: ToldSide;
  readonly to: ToldSide;
  readonly transfer: 'blind' | 'consultative' | null;
  readonly reason: number | null;
  /** An external system ordered the call. */
  readonly isCallback: boolean;
}

export interface ToldRecording {
  readonly type: 'recording';
  readonly recordingId: string;
  readonly legId: string;
  readonly extension: string | null;
  readonly at: Date;
}

export interface ToldSummary {
  readonly type: 'summary';
  readonly direction: PastCall['direction'];
  readonly from: ToldSide;
  readonly to: ToldSide;
  readonly startedAt: Date;
  readonly talkedAt: Date | null;
  readonly endedAt: Date;
  readonly reason: number | null;
}

export type ToldEvent = ToldLegEvent | ToldRecording | ToldSummary;

/** A leg of which both ends and the id are settled. */
type Told = PastLeg & { readonly legId: string; readonly endedAt: Date };

interface Scene {
  readonly call: PastCall;
  readonly customer: ToldSide;
  readonly isCallback: boolean;
}

/**
 * The events that the PBX would have sent about a call, as far as its statistics tell: they name who was reached when, and not who
 * stood at the other end, so transfers are read from how the talks lie in time (mango-api §3.5–3.8). Empty for calls among colleagues,
 * which concern no customer, and for calls that are not over.
 */
export function toldEvents(call: PastCall): readonly ToldEvent[] {
  if (call.direction === 'internal' || call.endedAt === null) return [];
  const endedAt = call.endedAt;
  const legs = settledLegs(call, endedAt);
  const customer: ToldSide = call.outsideNumber === null ? {} : { number: call.outsideNumber };
  const scene: Scene = { call, customer, isCallback: call.isCallback || beginsWithCallback(call, legs) };
  const events = legs.flatMap((leg, index) => legEvents(scene, leg, legs.slice(0, index)));
  const recordings = legs.flatMap((leg) => leg.recordingIds.map((recordingId) => recordingOf(leg, recordingId)));
  const inOrder = events.toSorted((a, b) => a.at.getTime() - b.at.getTime());
  return [...inOrder, ...recordings, summaryOf(scene, legs, endedAt)];
}

/** People only, in the order in which they were rung. Some rows of a report have no end (mango-api §4.8): theirs is the call's. */
function settledLegs(call: PastCall, callEndedAt: Date): Told[] {
  return call.legs
    .filter((leg) => leg.kind === 'operator' || (leg.kind === 'outside' && call.direction === 'incoming'))
    .map((leg) => ({ ...leg, legId: leg.legId ?? standInId(leg), endedAt: leg.endedAt ?? callEndedAt }))
    .toSorted((a, b) => a.startedAt.getTime() - b.startedAt.getTime() || (a.legId < b.legId ? -1 : 1));
}

/** The same each time the report is read. */
const standInId = (leg: PastLeg): string => `told:${leg.extension ?? leg.number ?? ''}:${leg.startedAt.getTime() / 1000}`;

/** A callback's first leg is the operator's, and the second one begins when that is over (mango-api §3.8). */
function beginsWithCallback({ direction }: PastCall, [first, second]: readonly Told[]): boolean {
  return direction === 'outgoing' && first !== undefined && second !== undefined && continuesCallback(first, second);
}

const continuesCallback = (first: Told, second: Told): boolean =>
  first.answeredAt !== null &&
  first.extension !== null &&
  first.extension === second.extension &&
  second.startedAt.getTime() >= first.endedAt.getTime() - TOLERANCE_MS;

/** Times are whole seconds. */
const TOLERANCE_MS = 1_000;

function legEvents(scene: Scene, leg: Told, earlier: readonly Told[]): ToldLegEvent[] {
  const { call, customer, isCallback } = scene;
  const person: ToldSide =
    leg.extension === null ? (leg.number === null ? {} : { number: leg.number }) : { extension: leg.extension };
  const between = (from: ToldSide, to: ToldSide, transfer: ToldLegEvent['transfer'] = null): Ends => ({ from, to, transfer });
  const parent = earlier.findLast((other) => other.answeredAt !== null && other.answeredAt <= leg.startedAt);
  const isFirst = earlier.length === 0;
  if (call.direction === 'outgoing' && isCallback && isFirst && !leavesOnlyOneTalk(scene, leg)) {
    return simple(scene, leg, between(customer, person));
  }
  if (call.direction === 'outgoing' && isCallback && parent && earlier.length === 1 && continuesCallback(parent, leg)) {
    return simple(scene, leg, between({ ...person, takenFrom: parent.legId }, customer));
  }
  if (!parent) return simple(scene, leg, call.direction === 'outgoing' ? between(person, customer) : between(customer, person));
  const passedOn = between({ ...customer, takenFrom: parent.legId }, person, 'blind');
  if (leg.startedAt.getTime() >= parent.endedAt.getTime() - TOLERANCE_MS) return simple(scene, leg, passedOn);
  const asked = between({ ...colleague(parent), takenFrom: parent.legId }, person, 'consultative');
  return leg.endedAt <= parent.endedAt ? simple(scene, leg, asked) : handedOver(scene, leg, parent.endedAt, asked, passedOn);
}

/** Where the report tells one leg of a callback, that was answered, it is the talk: nobody can say when the operator picked up. */
const leavesOnlyOneTalk = ({ call }: Scene, leg: Told): boolean =>
  leg.answeredAt !== null && call.legs.filter((other) => other.kind === 'operator').length === 1;

const colleague = (leg: Told): ToldSide => (leg.extension === null ? {} : { extension: leg.extension });

interface Ends {
  readonly from: ToldSide;
  readonly to: ToldSide;
  readonly transfer: ToldLegEvent['transfer'];
}

function event(scene: Scene, leg: Told, state: ToldLegEvent['state'], at: Date, ends: Ends): ToldLegEvent {
  const reason = state === 'disconnected' ? leg.reason : null;
  return { type: 'leg', legId: leg.legId, state, at, ...ends, reason, isCallback: scene.isCallback };
}

function simple(scene: Scene, leg: Told, ends: Ends): ToldLegEvent[] {
  return [
    event(scene, leg, 'appeared', leg.startedAt, ends),
    ...(leg.answeredAt === null ? [] : [event(scene, leg, 'connected', leg.answeredAt, ends)]),
    event(scene, leg, 'disconnected', leg.endedAt, ends),
  ];
}

/** A colleague was asked and took the customer over when the asking operator left, before or after picking up (mango-api §3.5, §3.6). */
function handedOver(scene: Scene, leg: Told, leftAt: Date, asked: Ends, passedOn: Ends): ToldLegEvent[] {
  const pickedUpBefore = leg.answeredAt !== null && leg.answeredAt <= leftAt;
  return [
    event(scene, leg, 'appeared', leg.startedAt, asked),
    ...(pickedUpBefore
      ? [event(scene, leg, 'connected', leg.answeredAt ?? leftAt, asked), event(scene, leg, 'connected', leftAt, passedOn)]
      : [event(scene, leg, 'appeared', leftAt, passedOn)]),
    ...(!pickedUpBefore && leg.answeredAt !== null ? [event(scene, leg, 'connected', leg.answeredAt, passedOn)] : []),
    event(scene, leg, 'disconnected', leg.endedAt, passedOn),
  ];
}

function recordingOf(leg: Told, recordingId: string): ToldRecording {
  return { type: 'recording', recordingId, legId: leg.legId, extension: leg.extension, at: leg.endedAt };
}

function summaryOf({ call, customer, isCallback }: Scene, legs: readonly Told[], endedAt: Date): ToldSummary {
  // The first leg of a callback is answered by the operator, and not by whom the call is for.
  const toCustomer = isCallback && legs.length > 1 ? legs.slice(1) : legs;
  const answered = toCustomer.find((leg) => leg.answeredAt !== null);
  const told = answered ?? legs[0];
  const person: ToldSide =
    told?.extension != null ? { extension: told.extension } : told?.number != null ? { number: told.number } : {};
  const isOutgoing = call.direction === 'outgoing';
  return {
    type: 'summary',
    direction: call.direction,
    from: isOutgoing ? person : customer,
    to: isOutgoing ? customer : person,
    startedAt: call.startedAt,
    talkedAt: answered?.answeredAt ?? null,
    endedAt,
    reason: legs.at(-1)?.reason ?? null,
  };
}
