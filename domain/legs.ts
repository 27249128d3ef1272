import type { CallFacts, LegFact } from './facts.ts';
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

export function legOf(legId: string, bySeq: Readonly<Record<number, LegFact>>, facts: CallFacts): Leg {
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
