import { entryOf, type CallFacts, type LegFact } from './facts.ts';
import type { CommandRef, Instant, LegMessage, Party } from './messages.ts';

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
  readonly endSeenAt: Instant | null;
  /** On hold at some time, and when the leg ended: then a consultation was under way. */
  readonly wasHeld: boolean;
  readonly heldAtEnd: boolean;
  /** False while it goes on, and where it was closed with the call or by the timer. */
  readonly endHeard: boolean;
  readonly answeredElsewhere: boolean;
  readonly expired: boolean;
}

export const isEmployee = (party: Party): boolean =>
  party.kind === 'agent' || party.kind === 'ignored' || party.kind === 'unmapped';

export const samePerson = (a: Party, b: Party): boolean => {
  if (a.kind !== b.kind) return false;
  if (a.kind === 'agent' && b.kind === 'agent') return a.agentId === b.agentId;
  if (a.kind === 'outside' && b.kind === 'outside') return a.number === b.number || a.number === null || b.number === null;
  return true;
};

/** What was once known of this side of the leg is not forgotten when a later event leaves it out. */
function remembering(before: Party, now: Party): Party {
  if (before.kind === 'outside' && now.kind === 'outside' && now.number === null) return before;
  const wasKnown = before.kind === 'agent' || before.kind === 'ignored';
  return wasKnown && now.kind === 'unmapped' ? before : now;
}

interface LegDraft {
  state: Leg['state'];
  from: Party;
  to: Party;
  rangFrom: Party[];
  connections: Connection[];
  endedAt: Instant | null;
  endSeenAt: Instant | null;
  heldAtEnd: boolean;
}

function endConnection(draft: LegDraft, endedAt: Instant, endSeenAt: Instant): void {
  const last = draft.connections.at(-1);
  if (last && last.endedAt === null) draft.connections[draft.connections.length - 1] = { ...last, endedAt, endSeenAt };
}

/** Does the running connection join the leg's present parties? */
function isJoined(draft: LegDraft): boolean {
  const last = draft.connections.at(-1);
  return last !== undefined && last.endedAt === null && samePerson(last.from, draft.from) && samePerson(last.to, draft.to);
}

function connect(draft: LegDraft, fact: LegFact): void {
  if (isJoined(draft)) return;
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

function end(draft: LegDraft, at: Instant, seenAt: Instant): void {
  endConnection(draft, at, seenAt);
  draft.heldAtEnd = draft.state === 'held';
  draft.state = 'over';
  draft.endedAt = at;
  draft.endSeenAt = seenAt;
}

/** A leg's end names its parties as well: had it passed to somebody outside without a word, it tells so now. */
function passOnSilently(draft: LegDraft, fact: LegFact): void {
  const { from } = fact;
  if (from.kind !== 'outside' || from.number === null || !isEmployee(draft.from)) return;
  draft.from = from;
  if (draft.state === 'ringing') draft.rangFrom.push(from);
  else connect(draft, fact);
}

/** One event after another, by seq: Disconnected is final, whatever bears a higher number (mango-api §2.3). */
function step(draft: LegDraft, fact: LegFact): void {
  if (draft.state === 'over') return;
  if (fact.state === 'disconnected') {
    passOnSilently(draft, fact);
    end(draft, fact.at, fact.seenAt);
    return;
  }
  draft.from = remembering(draft.from, fact.from);
  draft.to = remembering(draft.to, fact.to);
  if (fact.state === 'appeared') {
    // A second one names another caller (mango-api §3.6); those who talk already do not ring again.
    if (isJoined(draft)) return;
    endConnection(draft, fact.at, fact.seenAt);
    draft.state = 'ringing';
    draft.rangFrom.push(draft.from);
  } else {
    // A hold whose Connected was lost still says that they were connected.
    connect(draft, fact);
    draft.state = fact.state;
  }
}

const unique = (values: readonly (string | null)[]): string[] => [...new Set(values.filter((value) => value !== null))];

/** How a leg without an end of its own is closed: with the call, or by the timer. */
function closingOf(legId: string, last: LegFact, { summary, expired }: CallFacts): { at: Instant; seenAt: Instant } | null {
  if (summary) return { at: Math.max(summary.endedAt, last.at), seenAt: summary.seenAt };
  const expiredAt = entryOf(expired, legId);
  return expiredAt === undefined ? null : { at: last.at, seenAt: expiredAt };
}

export function legOf(legId: string, bySeq: Readonly<Record<number, LegFact>>, facts: CallFacts): Leg {
  const ordered = Object.values(bySeq).sort((a, b) => a.seq - b.seq);
  const [first] = ordered as [LegFact, ...LegFact[]];
  const { from, to } = first;
  const draft: LegDraft = {
    state: 'ringing',
    from,
    to,
    // Of a leg whose end alone was heard it is known that it rang.
    rangFrom: first.state === 'disconnected' ? [from] : [],
    connections: [],
    endedAt: null,
    endSeenAt: null,
    heldAtEnd: false,
  };
  for (const fact of ordered) step(draft, fact);
  const endHeard = draft.state === 'over';
  const closing = endHeard ? null : closingOf(legId, ordered.at(-1) ?? first, facts);
  if (closing) end(draft, closing.at, closing.seenAt);
  const ours = ordered.map((fact) => fact.command).find((command) => command?.ours);
  return {
    ...draft,
    legId,
    wasHeld: ordered.some((fact) => fact.state === 'held'),
    endHeard,
    answeredElsewhere: ordered.some((fact) => fact.answeredElsewhere === true),
    location: first.location,
    takenFrom: unique(ordered.map((fact) => fact.takenFrom)),
    transfers: unique(ordered.map((fact) => fact.transfer)),
    // A command to transfer is first named on a hold (mango-api §3.7); the leg had been there before.
    begunBy: first.state === 'held' ? null : first.command,
    ours: ours?.ours ? { ...ours.ours, commandId: ours.commandId } : null,
    startedAt: first.at,
    startSeenAt: first.seenAt,
    expired: closing !== null && facts.summary === null,
  };
}

/** Does `next` show that somebody on `leg` consulted a colleague or handed the other party on? */
function showsTalkOn(leg: Leg, next: Leg): boolean {
  if (!next.takenFrom.includes(leg.legId)) return false;
  if (next.transfers.some((kind) => kind !== 'return_blind')) return true;
  const callers = [...next.rangFrom, ...next.connections.map((connection) => connection.from)];
  return callers.some((party) => isEmployee(party) && (samePerson(party, leg.to) || samePerson(party, leg.from)));
}

/** A leg that others continue by a transfer was connected, even if its own events of that were lost. */
function withImpliedTalk(leg: Leg, legs: readonly Leg[]): Leg {
  const isSilent = leg.location === 'person' && leg.connections.length === 0;
  if (!isSilent || !legs.some((next) => showsTalkOn(leg, next))) return leg;
  const { from, to, startedAt, startSeenAt, endedAt, endSeenAt } = leg;
  const connection = { from, to, startedAt, startSeenAt, endedAt, endSeenAt, reconciled: false };
  return { ...leg, state: leg.state === 'ringing' ? 'connected' : leg.state, connections: [connection] };
}

/** All legs, in an order that does not depend on that of arrival. */
export function legsOf(facts: CallFacts): Leg[] {
  const legs = Object.entries(facts.legs)
    .map(([legId, bySeq]) => legOf(legId, bySeq, facts))
    .sort((a, b) => a.startedAt - b.startedAt || (a.legId < b.legId ? -1 : 1));
  return legs.map((leg) => withImpliedTalk(leg, legs));
}

/** How many legs stand before this one in its chain of `taken_from_call_id`. */
export function depthOf(leg: Leg, legs: ReadonlyMap<string, Leg>, seen: ReadonlySet<string> = new Set()): number {
  const parents = leg.takenFrom.filter((id) => id !== leg.legId && !seen.has(id));
  const below = new Set([...seen, leg.legId]);
  return parents.reduce((depth, id) => {
    const parent = legs.get(id);
    return Math.max(depth, 1 + (parent ? depthOf(parent, legs, below) : 0));
  }, 0);
}

/** Is `leg` the continuation, over any number of steps, of `of`? */
export function descends(leg: Leg, of: string, legs: ReadonlyMap<string, Leg>, seen: ReadonlySet<string> = new Set()): boolean {
  return leg.takenFrom.some((id) => {
    if (id === of) return true;
    const parent = legs.get(id);
    return parent !== undefined && !seen.has(id) && descends(parent, of, legs, new Set([...seen, id]));
  });
}
