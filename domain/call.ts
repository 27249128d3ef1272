import type {
  CallMessage,
  CommandRef,
  Instant,
  LegMessage,
  NumberRef,
  Party,
  RecordingMessage,
  SummaryMessage,
} from './messages.ts';

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

/** A leg event as remembered: what the rules need of it, and when it came. */
export type LegFact = Omit<LegMessage, 'type' | 'inboxId' | 'legId' | 'receivedAt'> & { readonly seenAt: Instant };

export type RecordingFact = Omit<RecordingMessage, 'type' | 'inboxId' | 'recordingId' | 'receivedAt'>;

/**
 * Everything the PBX has said about one entry. A set: built in any order and with any repetition it is the same
 * (spec, "What never happens" 3), because each fact has its own place and the smaller of two rivals stays.
 */
export interface CallFacts {
  readonly legs: Readonly<Record<string, Readonly<Record<number, LegFact>>>>;
  readonly summary: (Omit<SummaryMessage, 'type' | 'inboxId' | 'receivedAt'> & { readonly seenAt: Instant }) | null;
  readonly recordings: Readonly<Record<string, Readonly<Record<string, RecordingFact>>>>;
  /** When the last event of legs or summary was taken in: the clock of every quiet period. */
  readonly heardAt: Instant;
  /** When each leg was first heard of, for the limit on legs without an end. */
  readonly legHeardAt: Readonly<Record<string, Instant>>;
  /** Legs closed because their end never came. */
  readonly expired: Readonly<Record<string, Instant>>;
}

export const NO_FACTS: CallFacts = { legs: {}, summary: null, recordings: {}, heardAt: 0, legHeardAt: {}, expired: {} };

/** Of two rivals for one place the same one wins whichever came first. */
function steady<T extends { readonly seenAt?: Instant }>(known: T | undefined, fresh: T): T {
  if (!known) return fresh;
  const weigh = ({ seenAt: _, ...rest }: T): string => JSON.stringify(rest);
  const winner = weigh(known) <= weigh(fresh) ? known : fresh;
  if (known.seenAt === undefined || fresh.seenAt === undefined) return winner;
  return { ...winner, seenAt: Math.min(known.seenAt, fresh.seenAt) };
}

function withLeg(facts: CallFacts, message: LegMessage, now: Instant): CallFacts {
  const { type: _type, inboxId: _inboxId, legId, receivedAt, ...rest } = message;
  const leg = facts.legs[legId] ?? {};
  return {
    ...facts,
    heardAt: now,
    legs: { ...facts.legs, [legId]: { ...leg, [message.seq]: steady(leg[message.seq], { ...rest, seenAt: receivedAt }) } },
    legHeardAt: { ...facts.legHeardAt, [legId]: facts.legHeardAt[legId] ?? now },
  };
}

function withSummary(facts: CallFacts, message: SummaryMessage, now: Instant): CallFacts {
  const { type: _type, inboxId: _inboxId, receivedAt, ...rest } = message;
  return { ...facts, heardAt: now, summary: steady(facts.summary ?? undefined, { ...rest, seenAt: receivedAt }) };
}

function withRecording(facts: CallFacts, message: RecordingMessage): CallFacts {
  const { type: _type, inboxId: _inboxId, recordingId, receivedAt: _receivedAt, ...rest } = message;
  const known = facts.recordings[recordingId] ?? {};
  const place = `${message.state}:${message.seq}`;
  return { ...facts, recordings: { ...facts.recordings, [recordingId]: { ...known, [place]: known[place] ?? rest } } };
}

/** Takes in one message of the PBX; actions are not facts and leave the facts as they are. */
export function withMessage(facts: CallFacts, message: CallMessage, now: Instant): CallFacts {
  switch (message.type) {
    case 'leg':
      return withLeg(facts, message, now);
    case 'summary':
      return withSummary(facts, message, now);
    case 'recording':
      return withRecording(facts, message);
    case 'action':
      return facts;
  }
}

// What follows from the facts --------------------------------------------------------------------------------------------

/** Two parties connected on a leg, from one Connected to the next with other parties or to the leg's end. */
export interface Connection {
  readonly from: Party;
  readonly to: Party;
  readonly startedAt: Instant;
  readonly startSeenAt: Instant;
  readonly endedAt: Instant | null;
  readonly endSeenAt: Instant | null;
  readonly reconciled: boolean;
}

export interface Leg {
  readonly legId: string;
  readonly location: LegMessage['location'];
  readonly state: 'ringing' | 'connected' | 'held' | 'over';
  /** The latest parties heard of. */
  readonly from: Party;
  readonly to: Party;
  /** Everyone who was the calling party while the leg rang. */
  readonly rangFrom: readonly Party[];
  readonly connections: readonly Connection[];
  readonly takenFrom: readonly string[];
  readonly transfers: readonly string[];
  /** The command on the leg's first event: a leg that a command *began*, not one it acted upon. */
  readonly begunBy: CommandRef | null;
  readonly ours: (NonNullable<CommandRef['ours']> & { readonly commandId: string }) | null;
  readonly startedAt: Instant;
  readonly startSeenAt: Instant;
  readonly endedAt: Instant | null;
  /** The party left on hold or talking when the leg ended: false after a hold means a consultation was under way. */
  readonly heldAtEnd: boolean;
  readonly expired: boolean;
}

const samePerson = (a: Party, b: Party): boolean => {
  if (a.kind !== b.kind) return false;
  if (a.kind === 'agent' && b.kind === 'agent') return a.agentId === b.agentId;
  if (a.kind === 'outside' && b.kind === 'outside') return a.number === b.number || a.number === null || b.number === null;
  return true;
};

/** A number once known on this side of the leg is not forgotten when a later event leaves it out. */
const remembering = (before: Party | undefined, now: Party): Party =>
  before?.kind === 'outside' && now.kind === 'outside' && now.number === null ? before : now;

interface LegDraft {
  state: Leg['state'];
  from: Party;
  to: Party;
  rangFrom: Party[];
  connections: Connection[];
  endedAt: Instant | null;
  heldAtEnd: boolean;
}

function endConnection(draft: LegDraft, endedAt: Instant, endSeenAt: Instant): void {
  const last = draft.connections.at(-1);
  if (last && last.endedAt === null) draft.connections[draft.connections.length - 1] = { ...last, endedAt, endSeenAt };
}

function connect(draft: LegDraft, fact: LegFact): void {
  const last = draft.connections.at(-1);
  const goesOn = last && last.endedAt === null && samePerson(last.from, draft.from) && samePerson(last.to, draft.to);
  if (goesOn) return;
  endConnection(draft, fact.at, fact.seenAt);
  draft.connections.push({
    from: draft.from,
    to: draft.to,
    startedAt: fact.at,
    startSeenAt: fact.seenAt,
    endedAt: null,
    endSeenAt: null,
    reconciled: fact.reconciled ?? false,
  });
}

/** One event after another, by seq: Disconnected is final, whatever bears a higher number (mango-api §2.3). */
function step(draft: LegDraft, fact: LegFact): void {
  if (draft.state === 'over') return;
  if (fact.state === 'disconnected') {
    draft.heldAtEnd = draft.state === 'held';
    draft.state = 'over';
    draft.endedAt = fact.at;
    endConnection(draft, fact.at, fact.seenAt);
    return;
  }
  draft.from = remembering(draft.from, fact.from);
  draft.to = remembering(draft.to, fact.to);
  if (fact.state === 'appeared') {
    draft.state = 'ringing';
    draft.rangFrom.push(draft.from);
  } else {
    // A hold whose Connected was lost still says that they were connected.
    connect(draft, fact);
    draft.state = fact.state;
  }
}

const unique = (values: readonly (string | null)[]): string[] => [...new Set(values.filter((value) => value !== null))];

function legOf(legId: string, bySeq: Readonly<Record<number, LegFact>>, facts: CallFacts): Leg {
  const ordered = Object.values(bySeq).sort((a, b) => a.seq - b.seq);
  const [first] = ordered as [LegFact, ...LegFact[]];
  const draft: LegDraft = {
    state: 'ringing',
    from: first.from,
    to: first.to,
    rangFrom: [],
    connections: [],
    endedAt: null,
    heldAtEnd: false,
  };
  for (const fact of ordered) step(draft, fact);
  const last = ordered.at(-1) ?? first;
  const closing = facts.summary
    ? { at: Math.max(facts.summary.endedAt, last.at), seenAt: facts.summary.seenAt }
    : facts.expired[legId] !== undefined
      ? { at: last.at, seenAt: facts.expired[legId] }
      : null;
  const closedOtherwise = draft.state !== 'over' && closing !== null;
  if (closedOtherwise) {
    endConnection(draft, closing.at, closing.seenAt);
    draft.state = 'over';
    draft.endedAt = closing.at;
  }
  const ours = ordered.map((fact) => fact.command).find((command) => command?.ours);
  return {
    ...draft,
    legId,
    location: first.location,
    takenFrom: unique(ordered.map((fact) => fact.takenFrom)),
    transfers: unique(ordered.map((fact) => fact.transfer)),
    begunBy: first.command,
    ours: ours?.ours ? { ...ours.ours, commandId: ours.commandId } : null,
    startedAt: first.at,
    startSeenAt: first.seenAt,
    expired: closedOtherwise && facts.summary === null,
  };
}

/** How many legs stand before this one in its chain of `taken_from_call_id`. */
function depthOf(leg: Leg, legs: ReadonlyMap<string, Leg>, seen: ReadonlySet<string> = new Set()): number {
  const parents = leg.takenFrom.filter((id) => id !== leg.legId && !seen.has(id));
  const below = new Set([...seen, leg.legId]);
  return parents.reduce((depth, id) => {
    const parent = legs.get(id);
    return Math.max(depth, 1 + (parent ? depthOf(parent, legs, below) : 0));
  }, 0);
}

/** Is `leg` the continuation, over any number of steps, of `of`? */
function descends(leg: Leg, of: string, legs: ReadonlyMap<string, Leg>, seen: ReadonlySet<string> = new Set()): boolean {
  return leg.takenFrom.some((id) => {
    if (id === of) return true;
    const parent = legs.get(id);
    return parent !== undefined && !seen.has(id) && descends(parent, of, legs, new Set([...seen, id]));
  });
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
