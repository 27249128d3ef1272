import { z } from 'zod';
import { ACTION_NAMES } from './actions.ts';

/** What the control interface understands. */

const plan = z.enum(['stored', 'none', 'too_short', 'no_quota', 'mail', 'unannounced', 'never_arrives', 'never_completed']);
const name = z.string().min(1).max(128);
const seconds = z.number().min(0).max(86_400);

export const StartCall = z.strictObject({
  scenario: name,
  options: z
    .strictObject({
      from: name.optional(),
      to: z.array(name).max(50).optional(),
      then: name.optional(),
      winner: name.optional(),
      line: name.optional(),
      answerAfter: seconds.optional(),
      talk: seconds.optional(),
      commandId: name.optional(),
      record: plan.optional(),
      fields: z.enum(['v1', 'v2']).optional(),
    })
    .default({}),
});

/** A call played by hand: it rings (or stands in the menu), and the rest is done by actions. */
export const StartByHand = z.strictObject({
  direction: z.enum(['incoming', 'outgoing', 'internal']),
  /** The caller: a number (null: hidden), or an extension. */
  from: name.nullish(),
  to: z.array(name).max(50).optional(),
  line: name.optional(),
  menu: z.boolean().default(false),
  queue: name.optional(),
  record: plan.optional(),
});

export const ActOnCall = z.strictObject({
  action: z.enum(ACTION_NAMES),
  who: name.optional(),
  target: name.optional(),
  reason: z.number().int().optional(),
});

const rule = { path: name.optional(), times: z.number().int().min(0).optional(), chance: z.number().min(0).max(1).optional() };
const delayMs = z.number().int().min(0).max(600_000).optional();

export const SetFaults = z.strictObject({
  deliveries: z
    .array(
      z.strictObject({
        ...rule,
        state: z.enum(['Appeared', 'Connected', 'OnHold', 'Disconnected']).optional(),
        seq: z.number().int().optional(),
        duplicate: z.number().int().min(0).max(20).optional(),
        lose: z.boolean().optional(),
        delayMs,
        withhold: z.boolean().optional(),
        quoteNumbers: z.boolean().optional(),
        omitOptional: z.boolean().optional(),
        omit: z.array(name).optional(),
        badSignature: z.boolean().optional(),
        wrongKey: z.boolean().optional(),
        clockSeconds: z.number().int().min(-86_400).max(86_400).optional(),
      }),
    )
    .default([]),
  reorder: z.number().int().min(2).max(1000).optional(),
  reorderWithinMs: z.number().int().min(0).max(60_000).optional(),
  commands: z
    .array(
      z.strictObject({
        ...rule,
        code: z.number().int().optional(),
        httpStatus: z.number().int().min(100).max(599).optional(),
        rateLimited: z.boolean().optional(),
        lockedOut: z.boolean().optional(),
        delayMs,
        loseAnswer: z.boolean().optional(),
      }),
    )
    .default([]),
  recordings: z
    .strictObject({
      none: z.boolean().optional(),
      notReadyTimes: z.number().int().min(0).optional(),
      cutTimes: z.number().int().min(0).optional(),
    })
    .default({}),
});

export const SetCallbacks = z
  .strictObject({
    mode: z.enum(['auto', 'manual']),
    operatorAfter: seconds,
    operatorAnswers: z.boolean(),
    customerAfter: seconds,
    customerAnswers: z.union([z.literal(true), z.number().int()]),
    talk: seconds.nullable(),
    resultComes: z.enum(['first', 'after', 'never']),
    result: z.number().int(),
  })
  .partial();
