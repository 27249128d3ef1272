import type { CallMessage, Instant, LegMessage, RecordingMessage, SummaryMessage } from './messages.ts';

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
