import { agentsRung, type CallView, type Talk } from './call.ts';
import { samePerson, type Leg } from './legs.ts';
import type { Instant, Party } from './messages.ts';

/** What one agent has with one customer inside a PBX call (spec, Words), as far as it is known now. */
export interface Conversation {
  /** Names by which it is recognised as events go on arriving: the legs it took place on. */
  readonly keys: readonly string[];
  readonly agentId: string;
  readonly startedAt: Instant;
  /** Null while an outgoing call is being dialled, or if nobody answered. */
  readonly answeredAt: Instant | null;
  readonly answeredSeenAt: Instant | null;
  /** Null while it goes on. */
  readonly endedAt: Instant | null;
  readonly endSeenAt: Instant | null;
  readonly talkSeconds: number;
  /** S5: the mapped agent to whom the customer was handed over, whether or not that one answered. */
  readonly handedOverTo: string | null;
  readonly reconciled: boolean;
}

/** The key that an outgoing call's first conversation has from the moment of dialling. */
export const DIALLING_KEY = 'dialling';

/** Talks of one person with nobody else's between them are one conversation (Fine points, Conversations). */
function grouped(talks: readonly Talk[]): Talk[][] {
  const groups: Talk[][] = [];
  for (const talk of talks) {
    const last = groups.at(-1);
    if (last?.[0] && samePerson(last[0].talker, talk.talker)) last.push(talk);
    else groups.push([talk]);
  }
  return groups;
}

function talkSeconds(talks: readonly Talk[]): number {
  const total = talks.reduce((sum, talk) => sum + (talk.endedAt === null ? 0 : Math.max(0, talk.endedAt - talk.startedAt)), 0);
  return Math.round(total / 1000);
}

function handedOverTo(group: readonly Talk[], next: readonly Talk[] | undefined, agentId: string, view: CallView): string | null {
  const nextTalker = next?.[0]?.talker;
  if (nextTalker) return nextTalker.kind === 'agent' ? nextTalker.agentId : null;
  const last = group.at(-1);
  if (!last) return null;
  return agentsRung(view, last).find((other) => other !== agentId) ?? null;
}

function fromTalks(group: readonly Talk[], next: readonly Talk[] | undefined, agentId: string, view: CallView): Conversation {
  const first = group[0] as Talk;
  const open = group.some((talk) => talk.endedAt === null);
  const last = group.reduce((latest, talk) => ((talk.endedAt ?? 0) >= (latest.endedAt ?? 0) ? talk : latest), first);
  return {
    keys: [...new Set(group.map((talk) => talk.legId))],
    agentId,
    startedAt: first.ringingSince,
    answeredAt: first.startedAt,
    answeredSeenAt: Math.min(...group.map((talk) => talk.startSeenAt)),
    endedAt: open ? null : last.endedAt,
    endSeenAt: open ? null : Math.max(...group.map((talk) => talk.endSeenAt ?? 0)),
    talkSeconds: talkSeconds(group),
    handedOverTo: open ? null : handedOverTo(group, next, agentId, view),
    reconciled: group.some((talk) => talk.reconciled),
  };
}

/** Is an outgoing call on its way to the customer, or, a callback, to the agent first? */
export function isDialling(view: CallView): boolean {
  if (view.direction !== 'outgoing' || view.dialler === null || view.talks.length > 0) return false;
  return !view.allLegsOver || (view.callback?.awaitsCustomer ?? false);
}

/** The conversation an outgoing call has while it is dialled: for a callback, from the moment the agent picked up (S9). */
function whileDialling(view: CallView): Conversation | null {
  if (view.dialler === null || (view.callback && !view.callback.agentPickedUp)) return null;
  const legs = view.legs.filter((leg) => leg.location === 'person');
  const [first] = legs;
  if (!first) return null;
  return {
    keys: [DIALLING_KEY],
    agentId: view.dialler,
    startedAt: first.startedAt,
    answeredAt: null,
    answeredSeenAt: null,
    endedAt: isDialling(view) ? null : Math.max(...legs.map((leg) => leg.endedAt ?? first.startedAt)),
    endSeenAt: null,
    talkSeconds: 0,
    handedOverTo: null,
    reconciled: false,
  };
}

/** Every conversation of the call with a mapped agent, in order; the unanswered one of an outgoing call has no answer. */
export function conversationsOf(view: CallView): Conversation[] {
  if (view.direction === 'internal' || view.direction === null) return [];
  const groups = grouped(view.talks);
  const talked = groups.flatMap((group, index) => {
    const talker = group[0]?.talker;
    return talker?.kind === 'agent' ? [fromTalks(group, groups[index + 1], talker.agentId, view)] : [];
  });
  if (view.direction !== 'outgoing' || view.dialler === null) return talked;
  const [first, ...others] = talked;
  const firstTalker = groups[0]?.[0]?.talker;
  const dialled = first && firstTalker?.kind === 'agent' && first.agentId === view.dialler;
  if (dialled) return [{ ...first, keys: [DIALLING_KEY, ...(view.callback?.firstLegIds ?? []), ...first.keys] }, ...others];
  // Nobody answered yet; or, of the dialler's own talk before another's, nothing was heard.
  return [whileDialling(view), ...talked].filter((conversation) => conversation !== null);
}

/**
 * Agents who missed the call: it rang at them, nobody answered, or they were handed a customer whom nobody then took (S5, S11).
 * Empty if the call was not missed. Means something only once the call is over.
 */
export function missedBy(view: CallView): string[] {
  if (view.direction === 'internal' || view.direction === null) return [];
  const last = view.talks.at(-1);
  if (!last) return view.direction === 'incoming' ? agentsRung(view) : [];
  if (last.talker.kind !== 'agent') return [];
  const { agentId } = last.talker;
  return agentsRung(view, last).filter((other) => other !== agentId);
}

/** The open leg by which an agent takes part now: the one a hang-up is for. */
export function openLegOf(view: CallView, agentId: string): Leg | undefined {
  const concerns = (party: Party): boolean => party.kind === 'agent' && party.agentId === agentId;
  const open = view.legs.filter(
    (leg) => leg.state !== 'over' && leg.location === 'person' && (concerns(leg.from) || concerns(leg.to)),
  );
  return (
    open.find((leg) => leg.state !== 'ringing') ?? open.find((leg) => !view.callback?.firstLegIds.includes(leg.legId)) ?? open[0]
  );
}
