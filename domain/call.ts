import type { CallFacts } from './facts.ts';
import { depthOf, descends, isEmployee, legsOf, type Leg } from './legs.ts';
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

/** A call that a command began: its first legs ring the employee, and are neither incoming nor missed (mango-api §3.8). */
export interface Callback {
  /** One, or several where several devices or employees are rung. */
  readonly firstLegIds: readonly string[];
  readonly ours: Leg['ours'];
  readonly agentPickedUp: boolean;
  /** The employee is on the line, and the customer's leg is yet to come. */
  readonly awaitsCustomer: boolean;
}

export interface CallView {
  readonly direction: 'incoming' | 'outgoing' | 'internal' | null;
  readonly callback: Callback | null;
  readonly customer: NumberRef | undefined;
  /** The agent who dials in an outgoing call. */
  readonly dialler: string | null;
  readonly legs: readonly Leg[];
  /** Everyone's talks with the customer, in the order in which they took place. */
  readonly talks: readonly Talk[];
  readonly allLegsOver: boolean;
}

/** The legs as the rules look at them, by id. */
type LegMap = ReadonlyMap<string, Leg>;

const continuesAnother = (leg: Leg): boolean => leg.takenFrom.length > 0;

function rootOf(legs: readonly Leg[], byId: LegMap): Leg | undefined {
  const rank = (leg: Leg): number => (!continuesAnother(leg) ? 0 : leg.takenFrom.some((id) => byId.has(id)) ? 2 : 1);
  return [...legs].sort((a, b) => rank(a) - rank(b) || a.startedAt - b.startedAt)[0];
}

/** Rings an employee on behalf of a command; at most a queue or a menu, begun by it as well, stands before. */
function isFirstLeg(leg: Leg, byId: LegMap): boolean {
  if (leg.location !== 'person' || leg.begunBy === null || leg.to.kind === 'outside') return false;
  const parents = leg.takenFrom.map((id) => byId.get(id));
  return parents.every((parent) => parent !== undefined && parent.location !== 'person' && parent.begunBy !== null);
}

function callbackOf(facts: CallFacts, legs: readonly Leg[], root: Leg | undefined, byId: LegMap): Callback | null {
  const ours = legs.map((leg) => leg.ours).find((found) => found !== null) ?? null;
  const begun = root !== undefined && !continuesAnother(root) && root.begunBy !== null;
  if (!ours && !begun) return null;
  const firstLegs = legs.filter((leg) => isFirstLeg(leg, byId));
  const others = legs.filter((leg) => leg.location === 'person' && !firstLegs.includes(leg));
  const agentPickedUp = others.length > 0 || firstLegs.some((leg) => leg.connections.length > 0);
  return {
    firstLegIds: firstLegs.map((leg) => leg.legId),
    ours,
    agentPickedUp,
    awaitsCustomer: agentPickedUp && others.length === 0 && !facts.summary && !facts.complete,
  };
}

const isFirst = (view: Pick<CallView, 'callback'>, leg: Leg): boolean => view.callback?.firstLegIds.includes(leg.legId) ?? false;

function structuralDirection(root: Leg): CallView['direction'] {
  if (root.from.kind === 'outside') return 'incoming';
  if (!isEmployee(root.from)) return null;
  return root.to.kind === 'outside' ? 'outgoing' : 'internal';
}

function directionOf(
  facts: CallFacts,
  legs: readonly Leg[],
  root: Leg | undefined,
  callback: Callback | null,
): CallView['direction'] {
  const isOutside = (party: Party): boolean => party.kind === 'outside';
  // A colleague called by another system's command is a colleague still.
  if (callback) return callback.ours || legs.some((leg) => isOutside(leg.from) || isOutside(leg.to)) ? 'outgoing' : 'internal';
  const told = facts.summary?.direction ?? null;
  if (!root) return told;
  const structure = structuralDirection(root);
  if (!continuesAnother(root)) return structure === 'internal' && told === 'incoming' ? told : (structure ?? told);
  // A leg that takes over from one we never heard of says little about the whole: a consultation looks like a call of its own.
  if (told !== null) return told;
  return isOutside(root.from) || facts.complete ? structure : null;
}

const numberOf = (party: Party | undefined): NumberRef | undefined => (party?.kind === 'outside' ? party.number : undefined);

function customerOf(
  facts: CallFacts,
  legs: readonly Leg[],
  root: Leg | undefined,
  view: Pick<CallView, 'direction' | 'callback'>,
): NumberRef | undefined {
  const side = (leg: Leg): NumberRef | undefined => {
    if (view.direction !== 'outgoing' || isFirst(view, leg)) return numberOf(leg.from);
    return isEmployee(leg.from) ? numberOf(leg.to) : numberOf(leg.from);
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

/** By the PBX's clock, which is not made for it (mango-api §2.1): what continues a leg never comes before what took place there. */
function inOrder(talks: readonly Talk[], byId: LegMap): Talk[] {
  const placed = talks.map((talk) => {
    const leg = byId.get(talk.legId) as Leg;
    const before = talks.filter((other) => descends(leg, other.legId, byId));
    return { talk, notBefore: Math.max(talk.startedAt, ...before.map((other) => other.startedAt)), depth: depthOf(leg, byId) };
  });
  return placed.sort((a, b) => a.notBefore - b.notBefore || a.depth - b.depth).map(({ talk }) => talk);
}

function talksOf(view: Pick<CallView, 'direction' | 'callback' | 'customer' | 'legs'>, byId: LegMap): Talk[] {
  if (view.direction === 'internal') return [];
  const isCustomer = isCustomerOf(view.customer);
  const legs = view.legs.filter((leg) => leg.location === 'person' && !isFirst(view, leg));
  const talks = legs.flatMap((leg) => talksOn(leg, isCustomer));
  return inOrder(talks, byId).map((talk, index, all) => endedByNext(talk, all[index + 1], byId));
}

/** Of a talk whose end nobody heard it is known that it was over when somebody else had got the customer from it. */
function endedByNext(talk: Talk, next: Talk | undefined, byId: LegMap): Talk {
  const successor = next && byId.get(next.legId);
  if (!successor || byId.get(talk.legId)?.endHeard || !descends(successor, talk.legId, byId)) return talk;
  return { ...talk, endedAt: next.startedAt, endSeenAt: next.startSeenAt };
}

/** All that follows from the facts so far. Pure: the same facts give the same view in whatever order they came. */
export function viewOf(facts: CallFacts): CallView {
  const legs = legsOf(facts);
  const byId = new Map(legs.map((leg) => [leg.legId, leg]));
  const root = rootOf(legs, byId);
  const callback = callbackOf(facts, legs, root, byId);
  const direction = directionOf(facts, legs, root, callback);
  const customer = customerOf(facts, legs, root, { direction, callback });
  return {
    direction,
    callback,
    customer,
    dialler: direction === 'outgoing' ? diallerOf(facts, legs, root, callback) : null,
    legs,
    talks: talksOf({ direction, callback, customer, legs }, byId),
    allLegsOver: legs.every((leg) => leg.state === 'over'),
  };
}

const agentIn = (party: Party | undefined): string | null => (party?.kind === 'agent' ? party.agentId : null);

function diallerOf(facts: CallFacts, legs: readonly Leg[], root: Leg | undefined, callback: Callback | null): string | null {
  if (!callback) return agentIn(root?.from ?? facts.summary?.from);
  if (callback.ours) return callback.ours.agentId;
  const firstLegs = legs.filter((leg) => callback.firstLegIds.includes(leg.legId));
  const pickedUp = firstLegs.find((leg) => leg.connections.length > 0);
  if (pickedUp) return agentIn(pickedUp.to);
  const [only, ...others] = [...new Set(firstLegs.map((leg) => agentIn(leg.to)))];
  if (only !== undefined && others.length === 0) return only;
  const second = legs.find((leg) => leg.location === 'person' && !firstLegs.includes(leg) && isEmployee(leg.from));
  return agentIn(second?.from ?? facts.summary?.from);
}

/** Did the customer (not a colleague consulting) make this leg ring? */
export function rangForCustomer(leg: Leg, view: CallView): boolean {
  if (leg.location !== 'person' || isFirst(view, leg)) return false;
  const isCustomer = isCustomerOf(view.customer);
  if (leg.rangFrom.some(isCustomer) || leg.connections.some((connection) => isCustomer(connection.from))) return true;
  if (leg.transfers.includes('blind')) return true;
  // A colleague is consulted while the customer holds, whatever the clocks of the events say; a customer handed over is named above.
  if (leg.transfers.includes('consultative')) return false;
  // A blind transfer may name the operator as calling party of the new leg (mango-api §3.7).
  const parents = view.legs.filter((other) => leg.takenFrom.includes(other.legId));
  return isEmployee(leg.from) && parents.some((parent) => wasLeftBefore(parent, leg));
}

/** By so much the clock of a single event may be off (mango-api §2.1 promises nothing about it). */
const CLOCK_MS = 5_000;

/** The others of a group are told a moment later that one has answered, and clocks tell whole seconds. */
const STOPS_RINGING_MS = 2_000;

/** Did the operator leave `parent` before `leg` began, and not put it on hold, as for a consultation? */
function wasLeftBefore(parent: Leg, leg: Leg): boolean {
  if (parent.endedAt === null || parent.heldAtEnd) return false;
  if (!parent.endHeard) return !parent.wasHeld;
  if (parent.endedAt <= leg.startedAt) return true;
  // One put on hold before may have ended soon after a consultation that led to nothing: that one did not outlast it.
  const outlasted = leg.endedAt === null || leg.endedAt > parent.endedAt;
  return parent.endedAt <= leg.startedAt + CLOCK_MS && (!parent.wasHeld || outlasted);
}

/** Well before the talk was over: then the customer did not ring there. */
const endedWithin = (talk: Talk, at: Instant): boolean => talk.endedAt !== null && at + CLOCK_MS < talk.endedAt;

/**
 * Does this leg come after that talk? By the chain of legs, or by time where the leg before it is not known: both its ends must say so, as
 * the clock of a single event may be off, and whoever was rung together with the one who answered stopped ringing then. A ring of which the PBX
 * says that another one answered was before that answer.
 */
function comesAfter(leg: Leg, talk: Talk, byId: LegMap): boolean {
  if (leg.answeredElsewhere) return false;
  if (descends(leg, talk.legId, byId)) return true;
  if (leg.takenFrom.some((id) => byId.has(id)) || leg.legId === talk.legId) return false;
  // Nobody answers before it rings, whatever the clock of the answer says.
  const answeredAt = Math.max(talk.startedAt, talk.ringingSince);
  if (leg.startedAt <= answeredAt) return false;
  return leg.endedAt === null || (leg.endedAt > answeredAt + STOPS_RINGING_MS && !endedWithin(talk, leg.endedAt));
}

/** Agents whom the customer rang after `talk` (in the whole call if absent), in order. */
export function agentsRung(view: CallView, talk?: Talk): string[] {
  const byId = new Map(view.legs.map((leg) => [leg.legId, leg]));
  const rung = view.legs
    .filter((leg) => leg.to.kind === 'agent' && rangForCustomer(leg, view))
    .filter((leg) => talk === undefined || comesAfter(leg, talk, byId));
  return [...new Set(rung.map((leg) => agentIn(leg.to) ?? ''))];
}
