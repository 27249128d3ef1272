import type { PastCall } from './past-calls.ts';
import { toldEvents, type ToldEvent, type ToldLegEvent } from './told-events.ts';

/** What the PBX's events have said of one entry. */
export interface KnownEntry {
  /** Over, or told to be: whatever is added about its legs changes nothing any more. */
  readonly closed: boolean;
  readonly legs: readonly KnownLeg[];
  /** Recordings of which completion or storage was heard. */
  readonly recordingIds: readonly string[];
}

export interface KnownLeg {
  readonly legId: string;
  /** Whoever stood at either end. */
  readonly extensions: readonly string[];
  readonly startedAt: Date;
  /** Whether any of its events named the leg it continues. */
  readonly continues: boolean;
  /** In the order of `seq`; a hold counts as connected. */
  readonly events: readonly { readonly seq: number; readonly state: ToldLegEvent['state']; readonly at: Date }[];
}

export type MissingEvent = Exclude<ToldEvent, ToldLegEvent> | (ToldLegEvent & { readonly seq: number });

/** Higher than the PBX ever counts: what is added at the end of a leg stands behind whatever still comes late. */
const BEHIND_ALL = 1_000_000;
const SAME_START_MS = 5_000;

/**
 * What the statistics tell of a call and no event has said. Of an entry that is over only recordings can still join. Nothing that is
 * known is repeated, and what was repeated all the same is one and the same leg to the rules.
 */
export function missingEvents(call: PastCall, known: KnownEntry | null): readonly MissingEvent[] {
  const told = toldEvents(call);
  const legIds = matchLegs(told, known?.legs ?? []);
  const missing = told.flatMap((event): MissingEvent[] => {
    switch (event.type) {
      case 'leg':
        return [];
      case 'recording':
        return known?.recordingIds.includes(event.recordingId)
          ? []
          : [{ ...event, legId: legIds.get(event.legId) ?? event.legId }];
      case 'summary':
        return known?.closed ? [] : [event];
    }
  });
  return known?.closed ? missing : [...missingLegEvents(told, legIds, known?.legs ?? []), ...missing];
}

/** Told legs by the id under which the events know them: named alike, or the same operator rung at the same moment. */
function matchLegs(told: readonly ToldEvent[], known: readonly KnownLeg[]): ReadonlyMap<string, string> {
  const matches = new Map<string, string>();
  const free = new Map(known.map((leg) => [leg.legId, leg]));
  const appeared = told.filter((event): event is ToldLegEvent => event.type === 'leg' && event.state === 'appeared');
  for (const { legId } of appeared) {
    if (free.delete(legId)) matches.set(legId, legId);
  }
  for (const event of appeared) {
    if (matches.has(event.legId)) continue;
    const found = [...free.values()].find((leg) => isSameLeg(event, leg));
    if (!found) continue;
    free.delete(found.legId);
    matches.set(event.legId, found.legId);
  }
  return matches;
}

function isSameLeg(event: ToldLegEvent, leg: KnownLeg): boolean {
  const extensions = [event.from.extension, event.to.extension].filter((extension) => extension !== undefined);
  const near = Math.abs(event.at.getTime() - leg.startedAt.getTime()) <= SAME_START_MS;
  return near && extensions.some((extension) => leg.extensions.includes(extension));
}

function missingLegEvents(
  told: readonly ToldEvent[],
  legIds: ReadonlyMap<string, string>,
  known: readonly KnownLeg[],
): (ToldLegEvent & { seq: number })[] {
  const events = told.filter((event) => event.type === 'leg');
  const ids = [...new Set(events.map((event) => event.legId))];
  const renamed = (legId: string): string => legIds.get(legId) ?? legId;
  return ids
    .flatMap((legId) => {
      const ofLeg = events.filter((event) => event.legId === legId);
      const leg = known.find((other) => other.legId === legIds.get(legId));
      return placed(ofLeg, leg?.events ?? []).map((event) => ({
        ...event,
        legId: renamed(legId),
        ...linked(event, leg, renamed),
      }));
    })
    .toSorted((a, b) => a.at.getTime() - b.at.getTime());
}

/** Of a leg that was heard of, the events know better than the statistics how it came about. */
function linked(
  event: ToldLegEvent,
  leg: KnownLeg | undefined,
  renamed: (legId: string) => string,
): Pick<ToldLegEvent, 'from' | 'transfer'> {
  const { takenFrom, ...from } = event.from;
  if (takenFrom === undefined || leg?.continues) return { from, transfer: leg ? null : event.transfer };
  return { from: { ...from, takenFrom: renamed(takenFrom) }, transfer: leg ? null : event.transfer };
}

/**
 * Gives each event that was not heard its place among those that were: a gap in the count is where one was lost. One for which there
 * is no gap is left out, as the PBX cannot have sent it.
 */
function placed(told: readonly ToldLegEvent[], heard: KnownLeg['events']): (ToldLegEvent & { seq: number })[] {
  const rest = [...heard];
  const found: (ToldLegEvent & { seq: number })[] = [];
  let last = 0;
  for (const event of told) {
    const index = rest.findIndex((other) => other.state === event.state);
    if (index !== -1) {
      last = rest[index]?.seq ?? last;
      rest.splice(0, index + 1);
      continue;
    }
    // Nothing follows an end, so a lost one stands behind all that was heard; another behind what happened before it.
    const before = rest.filter((other) => event.state === 'disconnected' || other.at <= event.at);
    last = Math.max(last, ...before.map((other) => other.seq));
    const next = rest.find((other) => other.seq > last)?.seq;
    const seq = next === undefined ? Math.max(last, BEHIND_ALL) + 1 : last + 1;
    if (next !== undefined && seq >= next) continue;
    found.push({ ...event, seq });
    last = seq;
  }
  return found;
}
