import type { CallMessage, Instant, LegMessage, RecordingMessage, SummaryMessage } from './messages.ts';

/** A leg event as remembered: what the rules need of it, and when it came. */
export type LegFact = Omit<LegMessage, 'type' | 'inboxId' | 'legId' | 'receivedAt'> & { readonly seenAt: Instant };

export type SummaryFact = Omit<SummaryMessage, 'type' | 'inboxId' | 'receivedAt'> & { readonly seenAt: Instant };

export type RecordingFact = Omit<RecordingMessage, 'type' | 'inboxId' | 'recordingId' | 'receivedAt'>;

/**
 * Everything the PBX has said about one entry. A set: built in any order and with any repetition it is the same
 * (spec, "What never happens" 3), because each fact has its own place and of two rivals the same one stays.
 */
export interface CallFacts {
  readonly legs: Readonly<Record<string, Readonly<Record<number, LegFact>>>>;
  readonly summary: SummaryFact | null;
  readonly recordings: Readonly<Record<string, Readonly<Record<string, RecordingFact>>>>;
  /** When something new was last heard of legs or summary: the clock of every quiet period. Until then: when anything was heard. */
  readonly heardAt: Instant;
  /** When each leg was first heard of, for the limit on legs without an end. */
  readonly legHeardAt: Readonly<Record<string, Instant>>;
  /** Legs closed because their end never came. */
  readonly expired: Readonly<Record<string, Instant>>;
  /** The call is over: what has not been heard by now is judged as it stands. */
  readonly complete: boolean;
}

export const NO_FACTS: CallFacts = {
  legs: {},
  summary: null,
  recordings: {},
  heardAt: 0,
  legHeardAt: {},
  expired: {},
  complete: false,
};

/** Ids are the PBX's own text, which may well be the name of something every object inherits. */
export const entryOf = <T>(record: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined;

interface Rival {
  readonly reconciled?: boolean;
  readonly seenAt?: Instant;
}

/** An event outweighs what the statistics tell later; otherwise the order of the alphabet is as good as any. */
function outweighs<T extends Rival>(a: T, b: T): boolean {
  const [first, second] = [a.reconciled === true, b.reconciled === true];
  if (first !== second) return second;
  const weigh = ({ seenAt: _, ...rest }: T): string => JSON.stringify(rest);
  return weigh(a) <= weigh(b);
}

/** Of two rivals for one place the same one wins whichever came first. */
function steady<T extends Rival>(known: T | undefined, fresh: T): T {
  if (!known) return fresh;
  const winner = outweighs(known, fresh) ? known : fresh;
  if (known.seenAt === undefined || fresh.seenAt === undefined) return winner;
  return { ...winner, seenAt: Math.min(known.seenAt, fresh.seenAt) };
}

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** What is repeated is no news, and prolongs no quiet period. */
function withLeg(facts: CallFacts, message: LegMessage, now: Instant): CallFacts {
  const { type: _type, inboxId: _inboxId, legId, receivedAt, ...rest } = message;
  const leg = entryOf(facts.legs, legId) ?? {};
  const known = leg[message.seq];
  const fact = steady(known, { ...rest, seenAt: receivedAt });
  if (isSame(known, fact)) return facts;
  return {
    ...facts,
    heardAt: now,
    legs: { ...facts.legs, [legId]: { ...leg, [message.seq]: fact } },
    legHeardAt: { ...facts.legHeardAt, [legId]: entryOf(facts.legHeardAt, legId) ?? now },
  };
}

function withSummary(facts: CallFacts, message: SummaryMessage, now: Instant): CallFacts {
  const { type: _type, inboxId: _inboxId, receivedAt, ...rest } = message;
  const summary = steady(facts.summary ?? undefined, { ...rest, seenAt: receivedAt });
  return isSame(facts.summary, summary) ? facts : { ...facts, heardAt: now, summary };
}

function withRecording(facts: CallFacts, message: RecordingMessage, now: Instant): CallFacts {
  const { type: _type, inboxId: _inboxId, recordingId, receivedAt: _receivedAt, ...rest } = message;
  const known = entryOf(facts.recordings, recordingId) ?? {};
  const place = `${message.state}:${message.seq}`;
  const recordings = { ...facts.recordings, [recordingId]: { ...known, [place]: steady<RecordingFact>(known[place], rest) } };
  return { ...heard(facts, now), recordings };
}

/** Starts the clock if nothing had started it: a call of which only this is ever heard ends some time, too. */
const heard = (facts: CallFacts, now: Instant): CallFacts => (facts.heardAt === 0 ? { ...facts, heardAt: now } : facts);

/** Takes in one message of the PBX; actions are not facts, they only show that the call exists. */
export function withMessage(facts: CallFacts, message: CallMessage, now: Instant): CallFacts {
  switch (message.type) {
    case 'leg':
      return withLeg(facts, message, now);
    case 'summary':
      return withSummary(facts, message, now);
    case 'recording':
      return withRecording(facts, message, now);
    case 'action':
      return heard(facts, now);
  }
}
