import { z } from 'zod';
import { instant, person, serialId, uuid } from './common.ts';
import { inspectedEvent } from './inspector.ts';

/** What the call's workflow decided beside tickets: who has a card, to whom it was handed over, how it ended. */
export const CALL_DECISIONS = [
  'card_ringing',
  'card_dialling',
  'card_talking',
  'card_gone',
  'handed_over',
  'not_picked_up',
  'nothing_made',
  'restarted',
  'stopped',
] as const;
export type CallDecision = (typeof CALL_DECISIONS)[number];

const common = {
  at: instant,
  /** Since the entry before; null for the first. */
  sinceMs: z.number().int().nullable(),
};
const decided = {
  ...common,
  /** The rule's number in the specification: `S12`. Null where a person decided. */
  rule: z.string().nullable(),
  /** The event that led to it, as the inspector names it. */
  causedBy: z.string().nullable(),
};
const ticketRef = z.strictObject({ id: serialId, number: z.string() });

export const timelineEntry = z
  .discriminatedUnion('type', [
    /** What came, from the PBX or from an agent. `outcome` is what came of an agent's action, or what the PBX says of a command. */
    z.strictObject({
      ...common,
      type: z.literal('event'),
      event: inspectedEvent,
      outcome: z.strictObject({ code: z.string().nullable(), ticket: ticketRef.nullable() }).nullable(),
    }),
    z.strictObject({ ...decided, type: z.literal('decision'), what: z.enum(CALL_DECISIONS), agent: person.nullable() }),
    /** A line of a ticket's record. */
    z.strictObject({
      ...decided,
      type: z.literal('ticket'),
      what: z.string(),
      ticket: ticketRef,
      fromStatus: z.string().nullable(),
      toStatus: z.string().nullable(),
      /** Whom it was assigned to. */
      assignee: person.nullable(),
      /** Who did it; null: the service. */
      agent: person.nullable(),
    }),
    z.strictObject({
      ...common,
      type: z.literal('command'),
      /** `no_call`: an order to dial that no call came of. */
      what: z.enum(['callback', 'hang_up', 'test_call', 'no_call']),
      commandId: z.string(),
      answeredAt: instant.nullable(),
      /** `not_sent`: the PBX never looked at it; `unknown`: its answer was lost; null: it has not answered yet. */
      state: z.enum(['accepted', 'refused', 'unknown', 'not_sent']).nullable(),
      /** Why, as a word. */
      word: z.string().nullable(),
      /** The PBX's own. */
      code: z.number().int().nullable(),
      /** Who asked for it; null: the service. */
      agent: person.nullable(),
    }),
    z.strictObject({
      ...common,
      type: z.literal('recording'),
      what: z.enum(['announced', 'asked_again', 'ready', 'unavailable', 'removed']),
      recordingId: uuid,
      reason: z.string().nullable(),
      attempts: z.number().int(),
      durationSeconds: z.number().int().nullable(),
    }),
  ])
  .meta({ id: 'TimelineEntry' });
export type TimelineEntry = z.infer<typeof timelineEntry>;

export const callTimeline = z
  .strictObject({
    callId: uuid,
    entryId: z.string().nullable(),
    account: z.strictObject({ id: uuid, name: z.string() }),
    direction: z.enum(['incoming', 'outgoing', 'internal']).nullable(),
    state: z.enum(['dialling', 'active', 'over']),
    /** By its last four digits. */
    phone: z.string().nullable(),
    line: z.string().nullable(),
    startedAt: instant,
    endedAt: instant.nullable(),
    /** What the call ended by otherwise than usual. */
    flags: z.array(z.string()),
    tickets: z.array(ticketRef),
    workflows: z.array(
      z.strictObject({
        workflowId: z.string(),
        type: z.enum(['call', 'callback']),
        /** On the board. */
        boardUrl: z.string(),
        /** In Temporal's Web UI; null where there is none. */
        temporalUrl: z.string().nullable(),
      }),
    ),
    entries: z.array(timelineEntry),
    /** Events before the first five hundred are left out. */
    isCut: z.boolean(),
  })
  .meta({ id: 'CallTimeline' });
export type CallTimeline = z.infer<typeof callTimeline>;
