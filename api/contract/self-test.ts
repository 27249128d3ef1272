import { z } from 'zod';
import { instant, text, uuid } from './common.ts';

const eventTime = instant.nullable();

/** One verdict of the self-test. The interface has a sentence and a mend for each `code`. */
export const selfTestCheck = z
  .strictObject({
    check: z.enum([
      'credentials',
      'lockout',
      'quota',
      'address',
      'events',
      'signature',
      'clock',
      'operators',
      'mapping',
      'recording',
      'temporal',
      'worker',
      'disk',
    ]),
    /** `unknown`: nothing can be said yet, which is no fault. */
    verdict: z.enum(['failed', 'warning', 'unknown', 'ok']),
    code: z.string(),
    /** What the sentence names. */
    params: z.record(z.string(), z.union([z.string(), z.number()])),
    /** Extensions or kinds of events that it is about. */
    items: z.array(z.string()),
    at: instant.nullable(),
  })
  .meta({ id: 'SelfTestCheck' });
export type SelfTestCheck = z.infer<typeof selfTestCheck>;

export const selfTest = z
  .strictObject({
    at: instant,
    /** The worst of all checks. */
    verdict: z.enum(['failed', 'warning', 'unknown', 'ok']),
    checks: z.array(selfTestCheck),
    /** When each kind of event came last; null for one that never did. */
    events: z.strictObject({
      call: eventTime,
      summary: eventTime,
      recording: eventTime,
      record_added: eventTime,
      callback_result: eventTime,
    }),
  })
  .meta({ id: 'SelfTest' });
export type SelfTest = z.infer<typeof selfTest>;

export const testCallOrder = z.strictObject({ extension: text(16, 1), phone: text(40, 1) }).meta({ id: 'TestCallOrder' });
export type TestCallOrder = z.infer<typeof testCallOrder>;

export const testCallOrdered = z.strictObject({ testCallId: uuid }).meta({ id: 'TestCallOrdered' });
export type TestCallOrdered = z.infer<typeof testCallOrdered>;

/** A test call, step by step, as far as it got. */
export const testCall = z
  .strictObject({
    id: uuid,
    extension: z.string(),
    orderedAt: instant,
    /** Nothing more is going to happen. */
    over: z.boolean(),
    ticket: z.strictObject({ id: z.string(), number: z.number().int() }).nullable(),
    steps: z.array(
      z.strictObject({
        step: z.enum([
          'sent',
          'accepted',
          'agent_rings',
          'agent_answers',
          'customer_rings',
          'customer_answers',
          'ended',
          'ticket',
          'recording',
        ]),
        state: z.enum(['done', 'waiting', 'failed', 'later']),
        at: instant.nullable(),
        /** Why it failed. */
        code: z.string().nullable(),
        /** What the PBX said, as one of its words. */
        reason: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'TestCall' });
export type TestCall = z.infer<typeof testCall>;
