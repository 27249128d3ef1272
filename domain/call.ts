import type { CallFacts } from './facts.ts';
import { depthOf, descends, legOf, type Leg } from './legs.ts';
import type { Instant, NumberRef, Party } from './messages.ts';

export interface CallLimits {
  /** `DRAFT_GRACE_SECONDS`: pause after a talk's end for the last draft and for a transfer's next leg. */
  readonly draftGraceMs: number;
  /** `CALL_SETTLE_SECONDS`: without a summary a call is over when all legs are and nothing came for so long. */
  readonly settleMs: number;
  /** `LEG_MAX_SECONDS`: a leg without an end is closed after this. */
  readonly legMaxMs: number;
  /** `RECORDING_WAIT_SECONDS`: how long after the end a recording may fail to be announced. */
  readonly recordingWaitMs: number;
}

/** One stretch of somebody talking to the customer. */
export interface Talk {
  readonly legId: string;
  readonly talker: Party;
  readonly ringingSince: Instant;
  readonly startedAt: Instant;
  readonly startSeenAt: Instant;
  readonly endedAt: Instant | null;
  readonly endSeenAt: Instant | null;
  readonly reconciled: boolean;
}

export interface CallView {
  readonly direction: 'incoming' | 'outgoing' | 'internal' | null;
  /** A call that a command began: its first leg rings the employee and is neither incoming nor missed. */
  readonly callback: { readonly rootLegId: string; readonly ours: Leg['ours']; readonly agentPickedUp: boolean } | null;
  readonly customer: NumberRef | undefined;
  /** The agent who dials in an outgoing call. */
  readonly dialler: string | null;
  readonly legs: readonly Leg[];
  /** Everyone's talks with the customer, in the order in which they took place. */
  readonly talks: readonly Talk[];
  readonly allLegsOver: boolean;
}

const isEmployee = (party: Party): boolean => party.kind === 'agent' || party.kind === 'ignored' || party.kind === 'unmapped';

function rootOf(legs: readonly Leg[]): Leg | undefined {
  const known = new Set(legs.map((leg) => leg.legId));
  const rank = (leg: Leg): number => (leg.takenFrom.length === 0 ? 0 : leg.takenFrom.some((id) => known.has(id)) ? 2 : 1);
  return [...legs].sort((a, b) => rank(a) - rank(b) || a.startedAt - b.startedAt || (a.legId < b.legId ? -1 : 1))[0];
}

function callbackOf(legs: readonly Leg[], root: Leg | undefined): CallView['callback'] {
  const ours = legs.map((leg) => leg.ours).find((found) => found !== null) ?? null;
  const begun = root !== undefined && root.takenFrom.length === 0 && root.begunBy !== null && root.location === 'person';
  if (!root || !(ours || begun)) return null;
  const rootIsFirstLeg = root.takenFrom.length === 0 && !isEmployee(root.from);
  return {
    rootLegId: rootIsFirstLeg ? root.legId : '',
    ours,
    agentPickedUp: legs.some((leg) =>
      rootIsFirstLeg && leg === root ? leg.connections.length > 0 : leg !== root || !rootIsFirstLeg,
    ),
  };
}

function structuralDirection(root: Leg): CallView['direction'] {
  if (root.from.kind === 'outside') return 'incoming';
  if (!isEmployee(root.from)) return null;
  return root.to.kind === 'outside' ? 'outgoing' : 'internal';
}

function directionOf(facts: CallFacts, root: Leg | undefined, callback: CallView['callback']): CallView['direction'] {
  if (callback) return 'outgoing';
  const structure = root && structuralDirection(root);
  // A leg that takes over from one we never heard of says little about the whole: there the summary knows better.
  const rootKnown = root !== undefined && root.takenFrom.length === 0;
  return (rootKnown ? (structure ?? facts.summary?.direction) : (facts.summary?.direction ?? structure)) ?? null;
}

const numberOf = (party: Party | undefined): NumberRef | undefined => (party?.kind === 'outside' ? party.number : undefined);

function customerOf(
  facts: CallFacts,
  legs: readonly Leg[],
  root: Leg | undefined,
  view: Pick<CallView, 'direction' | 'callback'>,
): NumberRef | undefined {
  const side = (leg: Leg): NumberRef | undefined => {
    if (view.callback && leg.legId === view.callback.rootLegId) return numberOf(leg.from);
    if (view.callback || view.direction === 'outgoing') return isEmployee(leg.from) ? numberOf(leg.to) : numberOf(leg.from);
    return numberOf(leg.from);
  };
  const candidates = [...(root ? [root] : []), ...legs].map(side).filter((number) => number !== undefined);
  const fromSummary = numberOf(view.direction === 'outgoing' ? facts.summary?.to : facts.summary?.from);
  return candidates.find((number) => number !== null) ?? fromSummary ?? candidates[0];
}

function talksOn(leg: Leg, isCustomer: (party: Party) => boolean): Talk[] {
  return leg.connections.flatMap((connection) => {
    const talker = isCustomer(connection.from) ? connection.to : isCustomer(connection.to) ? connection.from : null;
    if (!talker || talker.kind === 'machine' || isCustomer(talker)) return [];
    const { startedAt, startSeenAt, endedAt, endSeenAt, reconciled } = connection;
    return [{ legId: leg.legId, talker, ringingSince: leg.startedAt, startedAt, startSeenAt, endedAt, endSeenAt, reconciled }];
  });
}

function isCustomerOf(customer: NumberRef | undefined): (party: Party) => boolean {
  return (party) => party.kind === 'outside' && customer !== undefined && (party.number === customer || party.number === null);
}

/** All that follows from the facts so far. Pure: the same facts give the same view in whatever order they came. */
export function viewOf(facts: CallFacts): CallView {
  const legs = Object.entries(facts.legs).map(([legId, bySeq]) => legOf(legId, bySeq, facts));
  const byId = new Map(legs.map((leg) => [leg.legId, leg]));
  const root = rootOf(legs);
  const callback = callbackOf(legs, root);
  const direction = directionOf(facts, root, callback);
  const customer = customerOf(facts, legs, root, { direction, callback });
  const isCustomer = isCustomerOf(customer);
  const order = new Map(legs.map((leg) => [leg.legId, depthOf(leg, byId)]));
  const talks = legs
    .filter((leg) => leg.location === 'person' && leg.legId !== callback?.rootLegId && direction !== 'internal')
    .flatMap((leg) => talksOn(leg, isCustomer))
    .sort(
      (a, b) =>
        (order.get(a.legId) ?? 0) - (order.get(b.legId) ?? 0) ||
        a.startedAt - b.startedAt ||
        (a.legId < b.legId ? -1 : a.legId > b.legId ? 1 : 0),
    );
  return {
    direction,
    callback,
    customer,
    dialler: diallerOf(direction, callback, root, facts),
    legs,
    talks,
    allLegsOver: legs.every((leg) => leg.state === 'over'),
  };
}

function diallerOf(
  direction: CallView['direction'],
  callback: CallView['callback'],
  root: Leg | undefined,
  facts: CallFacts,
): string | null {
  if (direction !== 'outgoing') return null;
  if (callback?.ours) return callback.ours.agentId;
  const side = callback && root?.legId === callback.rootLegId ? root.to : (root?.from ?? facts.summary?.from);
  return side?.kind === 'agent' ? side.agentId : null;
}

/** Did the customer (not a colleague consulting) make this leg ring? */
export function rangForCustomer(leg: Leg, view: CallView): boolean {
  if (leg.location !== 'person' || leg.legId === view.callback?.rootLegId) return false;
  const isCustomer = isCustomerOf(view.customer);
  if (leg.rangFrom.some(isCustomer) || leg.connections.some((connection) => isCustomer(connection.from))) return true;
  if (leg.transfers.includes('blind') || leg.transfers.includes('return_blind')) return true;
  // A blind transfer may name the operator as calling party of the new leg (mango-api §3.7): the old leg then ended without a hold.
  const parents = view.legs.filter((other) => leg.takenFrom.includes(other.legId));
  return parents.some(
    (parent) =>
      parent.state === 'over' &&
      !parent.heldAtEnd &&
      parent.endedAt !== null &&
      parent.endedAt <= leg.startedAt &&
      isEmployee(leg.from),
  );
}

/** Agents whom the customer rang on legs that continue `after` (all legs if absent). */
export function agentsRung(view: CallView, after?: string): string[] {
  const byId = new Map(view.legs.map((leg) => [leg.legId, leg]));
  const rung = view.legs
    .filter((leg) => leg.to.kind === 'agent' && rangForCustomer(leg, view))
    .filter(
      (leg) =>
        after === undefined ||
        descends(leg, after, byId) ||
        (leg.takenFrom.length === 0 && leg.transfers.some((kind) => kind !== 'consultative')),
    )
    .sort((a, b) => a.startedAt - b.startedAt || (a.legId < b.legId ? -1 : 1));
  return [...new Set(rung.map((leg) => (leg.to.kind === 'agent' ? leg.to.agentId : '')))];
}
