import fc from 'fast-check';
import type { CallMessage } from '../../domain/messages.ts';
import type { CallOutcome } from './call-driver.ts';
import { agent, FOREIGN, IGNORED, MACHINE, OURS, outside, T0, UNMAPPED } from './leg-events.ts';
import type { Expected, Move, Opening, Person, RingBack, Round, Story } from './story.ts';

const operator = fc.constantFrom<Person>('anna', 'boris', 'vera', 'anna', 'boris', 'ignored', 'unmapped');
const target = fc.constantFrom<Person>('anna', 'boris', 'vera', 'anna', 'boris', 'ignored', 'unmapped', 'friend');
const ringBack = fc.constantFrom<RingBack>('none', 'answered', 'unanswered');
const place = fc.option(fc.nat(3), { freq: 2 });

const round: fc.Arbitrary<Round> = fc.record({
  members: fc.array(fc.record({ who: operator, devices: fc.constantFrom<1 | 2>(1, 1, 1, 2) }), { minLength: 1, maxLength: 3 }),
  answeredBy: place,
});

const opening: fc.Arbitrary<Opening> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('incoming' as const),
      menu: fc.boolean(),
      queue: fc.boolean(),
      rounds: fc.array(round, { minLength: 0, maxLength: 2 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('softphone' as const), by: operator, answered: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('callback' as const),
      ours: fc.boolean(),
      pickedUp: fc.boolean(),
      answered: fc.constantFrom(true, true, false, null),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'internal' } as const) },
);

const move: fc.Arbitrary<Move> = fc.oneof(
  fc.constant({ kind: 'hold' } as const),
  fc.record({
    kind: fc.constant('consult' as const),
    target,
    answered: fc.boolean(),
    then: fc.constantFrom('back' as const, 'complete' as const, 'complete' as const, 'customer leaves' as const),
  }),
  fc.record({ kind: fc.constant('release' as const), target, answered: fc.boolean(), back: ringBack, named: fc.boolean() }),
  fc.record({
    kind: fc.constant('blind' as const),
    targets: fc.uniqueArray(target, { minLength: 1, maxLength: 2 }),
    queue: fc.boolean(),
    answeredBy: place,
    back: ringBack,
  }),
);

export const stories: fc.Arbitrary<Story> = fc.record({
  fields: fc.constantFrom('v1', 'v2'),
  hidden: fc.nat(9).map((n) => n === 0),
  command: fc.boolean(),
  recorded: fc.boolean(),
  opening,
  moves: fc.array(move, { maxLength: 4 }),
  pauses: fc.array(fc.integer({ min: 2, max: 40 }), { minLength: 1, maxLength: 6 }),
});

// Deliveries at random ---------------------------------------------------------------------------------------------------

/** A source of chance within one property, so that a failure shrinks and repeats. */
export class Chance {
  constructor(private readonly numbers: Iterator<number>) {}

  /** 0 … below - 1. */
  below(limit: number): number {
    return Number(this.numbers.next().value) % limit;
  }

  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }
}

export const chance: fc.Arbitrary<Chance> = fc.infiniteStream(fc.nat(999_999)).map((stream) => new Chance(stream));

/** Any order, some told twice or thrice. */
export function shuffledAndRepeated(messages: readonly CallMessage[], by: Chance): CallMessage[] {
  const copies = messages.flatMap((message) =>
    by.oneIn(10) ? [message, message, message] : by.oneIn(5) ? [message, message] : [message],
  );
  return copies
    .map((message) => ({ message, place: by.below(1_000_000) }))
    .sort((a, b) => a.place - b.place)
    .map(({ message }) => message);
}

/** Each as it happens, but up to `ms` late, and some twice. */
export function delayed(messages: readonly CallMessage[], by: Chance, ms: number): CallMessage[] {
  return messages
    .flatMap((message) => (by.oneIn(8) ? [message, message] : [message]))
    .map((message) => ({ ...message, receivedAt: message.receivedAt + by.below(ms) }))
    .sort((a, b) => a.receivedAt - b.receivedAt)
    .map((message, index) => ({ ...message, inboxId: index + 1 }));
}

/** Two agents' actions strewn in anywhere. */
export function withActions(messages: readonly CallMessage[], by: Chance): CallMessage[] {
  return messages.flatMap((message, index): CallMessage[] => {
    if (!by.oneIn(4)) return [message];
    const action =
      (['create_ticket', 'link_ticket', 'move_call', 'save_draft', 'identify_customer'] as const)[by.below(5)] ?? 'save_draft';
    const agentId = by.oneIn(2) ? 'anna' : 'boris';
    const { inboxId, receivedAt } = message;
    const ids = {
      actionId: `a${index}`,
      conversationId: `call.${1 + by.below(2)}`,
      ticketId: null,
      customerId: null,
      recordingId: null,
    };
    return [message, { type: 'action', inboxId, receivedAt, agentId, action, hasText: by.oneIn(2), ...ids }];
  });
}

// What an outcome comes to -----------------------------------------------------------------------------------------------

export interface Compared {
  /** Where ends or answers were lost, their seconds are lost as well. */
  readonly seconds?: boolean;
  readonly recordings?: boolean;
}

/** An outcome, or an expectation, with what matters of it in one form. */
export function essence(outcome: CallOutcome | Expected, { seconds = true, recordings = true }: Compared = {}) {
  const attempts = outcome.conversations.filter((conversation) => conversation.outcome === 'unanswered');
  return {
    direction: outcome.direction,
    talks: outcome.conversations
      .filter((conversation) => conversation.outcome !== 'unanswered')
      .map((conversation) => ({
        agentId: conversation.agentId,
        outcome: conversation.outcome,
        handedOver: 'handedOver' in conversation ? conversation.handedOver : conversation.handedOverTo.length > 0,
        ...(seconds ? { talkSeconds: conversation.talkSeconds } : {}),
        ...(recordings ? { recordings: conversation.recordings } : {}),
      })),
    attemptsBy: 'attemptsBy' in outcome ? outcome.attemptsBy : attempts.map((attempt) => attempt.agentId),
    missedBy: outcome.missedBy,
    notPickedUp: outcome.notPickedUp,
  };
}

// Nonsense ---------------------------------------------------------------------------------------------------------------

const party = fc.constantFrom(agent('anna'), agent('boris'), outside(1), outside(2), outside(null), IGNORED, UNMAPPED, MACHINE);
const legId = fc.constantFrom('A', 'B', 'C', 'D', '1', '__proto__', 'constructor');
const at = fc.nat(200).map((seconds) => T0 + seconds * 1000);
const envelope = { inboxId: fc.constant(0), receivedAt: fc.constant(0) };

const legMessage = fc.record({
  ...envelope,
  type: fc.constant('leg' as const),
  legId,
  seq: fc.integer({ min: 1, max: 5 }),
  state: fc.constantFrom('appeared' as const, 'connected' as const, 'held' as const, 'disconnected' as const),
  location: fc.constantFrom('person' as const, 'person' as const, 'person' as const, 'menu' as const, 'queue' as const),
  from: party,
  to: party,
  takenFrom: fc.option(legId, { freq: 2 }),
  transfer: fc.constantFrom(null, null, 'consultative' as const, 'blind' as const, 'return_blind' as const),
  command: fc.constantFrom(null, null, null, OURS, FOREIGN),
  at,
  reason: fc.constant(null),
  reconciled: fc.boolean(),
});
const summaryMessage = fc.record({
  ...envelope,
  type: fc.constant('summary' as const),
  direction: fc.constantFrom('internal' as const, 'incoming' as const, 'outgoing' as const, null),
  from: party,
  to: party,
  startedAt: at,
  talkedAt: fc.option(at),
  endedAt: at,
  reason: fc.constant(null),
});
const recordingMessage = fc.record({
  ...envelope,
  type: fc.constant('recording' as const),
  recordingId: fc.constantFrom('R1', 'R2', '__proto__'),
  seq: fc.nat(3),
  state: fc.constantFrom('started' as const, 'continued' as const, 'completed' as const, 'stored' as const),
  legId: fc.option(legId),
  party: fc.option(party),
  completionCode: fc.constantFrom(null, 1000, 4002, 2200, 9),
  recipient: fc.constantFrom(null, 'cloud' as const, 'mail' as const),
});
const actionMessage = fc.record({
  ...envelope,
  type: fc.constant('action' as const),
  actionId: fc.constantFrom('a', 'b', 'c', 'd'),
  agentId: fc.constantFrom('anna', 'boris'),
  action: fc.constantFrom(
    'create_ticket' as const,
    'move_call' as const,
    'save_draft' as const,
    'hang_up' as const,
    'fetch_recording_again' as const,
  ),
  conversationId: fc.constant('call.1'),
  ticketId: fc.constant(null),
  customerId: fc.constant(null),
  recordingId: fc.constantFrom(null, 'row-R1'),
  hasText: fc.boolean(),
});
const anyMessage: fc.Arbitrary<CallMessage> = fc.oneof(
  { weight: 8, arbitrary: legMessage },
  { weight: 1, arbitrary: summaryMessage },
  { weight: 2, arbitrary: recordingMessage },
  { weight: 1, arbitrary: actionMessage },
);

/** Messages that no PBX would send, in any order, milliseconds or a minute apart. */
export const nonsense: fc.Arbitrary<CallMessage[]> = fc
  .array(fc.tuple(anyMessage, fc.oneof(fc.nat(50), fc.nat(5_000), fc.nat(60_000))), { minLength: 1, maxLength: 20 })
  .map((list) => {
    let now = T0;
    return list.map(([message, gap], index) => {
      now += gap;
      return { ...message, inboxId: index + 1, receivedAt: now };
    });
  });
