import { z } from 'zod';
import { instant, instantInput, json, listOf, person, uuid } from './common.ts';

/** Requests that changed nothing; nothing of them is kept but why. */
export const REFUSALS = ['bad_signature', 'missing_signature', 'unknown_key', 'malformed', 'too_large', 'not_a_form'] as const;
export const EVENT_VERDICTS = [
  /** Stored, on its way. */
  'accepted',
  /** Stored; Temporal refused it, or nobody has brought it there for seconds. */
  'waiting',
  'delivered',
  'ignored',
  'unknown_operator',
  /** The call was over already. */
  'late',
  /** Of no use to us, or contradicts the first of its name. */
  'kept',
  'failed',
  ...REFUSALS,
] as const;
export const eventVerdict = z.enum(EVENT_VERDICTS);
export type EventVerdict = z.infer<typeof eventVerdict>;

/** What the inspector may be narrowed to: a verdict, or several at once. */
export const VERDICT_FILTERS = [...EVENT_VERDICTS, 'repeated', 'refused'] as const;
export type VerdictFilter = (typeof VERDICT_FILTERS)[number];

const inspectedId = z.string().regex(/^[ir][1-9][0-9]{0,17}$/, { error: 'invalid_id' });
export const inspectorParams = z.strictObject({ id: inspectedId });

/** One end of a leg, its number by the last four digits. */
const end = z.strictObject({ extension: z.string().nullable(), number: z.string().nullable() }).nullable();

const properties = {
  /** `i…` from the inbox, `r…` refused. */
  id: inspectedId,
  receivedAt: instant,
  account: z.strictObject({ id: uuid, name: z.string() }).nullable(),
  source: z.enum(['pbx', 'agent', 'system', 'reconcile']),
  /** Where the PBX sent it; of others null. */
  path: z.string().nullable(),
  verdict: eventVerdict,
  /** More of why, as a code. */
  why: z.string().nullable(),
  /** How often the same was sent again. */
  repeats: z.number().int().min(0),
  repeatedAt: instant.nullable(),
  deliveredAt: instant.nullable(),
  /** From receipt to delivery. */
  lagMs: z.number().int().nullable(),
  attempts: z.number().int().min(0),
  /** Of the last attempt; never holds a number. */
  error: z.string().nullable(),
  callId: uuid.nullable(),
  /** What it says, in the sender's own word: `Connected`, `Completed`, `create_ticket`. */
  state: z.string().nullable(),
  sequence: z.number().int().nullable(),
  from: end,
  to: end,
  line: z.string().nullable(),
  /** Whose action it is. */
  agent: person.nullable(),
};

export const inspectedEvent = z.strictObject(properties).meta({ id: 'InspectedEvent' });
export type InspectedEvent = z.infer<typeof inspectedEvent>;

export const inspectedEvents = z
  .strictObject({
    ...listOf(inspectedEvent).shape,
    /** The cursor of the next, older page; null at the end. */
    before: z.string().nullable(),
  })
  .meta({ id: 'InspectedEvents' });
export type InspectedEvents = z.infer<typeof inspectedEvents>;

/** One event with all that is kept of it. */
export const inspectedEventDetail = z
  .strictObject({
    ...properties,
    key: z.string().nullable(),
    entry: z.string().nullable(),
    workflowId: z.string().nullable(),
    /** Of a refused request: where it came from and what was found. */
    address: z.string().nullable(),
    detail: json,
    /** What was sent, numbers and secrets masked; null where nothing is kept. */
    body: json,
    numbersShown: z.boolean(),
  })
  .meta({ id: 'InspectedEventDetail' });
export type InspectedEventDetail = z.infer<typeof inspectedEventDetail>;

export const inspectorQuery = z.strictObject({
  verdict: z.enum(VERDICT_FILTERS).optional(),
  /** A webhook's path (`/events/call`), or where the event came from if not from the PBX. */
  kind: z
    .string()
    .regex(/^(?:\/[\w/.-]{1,100}|agent|system|reconcile)$/, { error: 'unknown_kind' })
    .optional(),
  accountId: uuid.optional(),
  extension: z
    .string()
    .regex(/^[\w*#]{1,20}$/, { error: 'invalid_extension' })
    .optional(),
  /** A call's id here, or the PBX's entry_id. */
  call: z
    .string()
    .regex(/^[\w+/=:.-]{1,160}$/, { error: 'invalid_id' })
    .optional(),
  from: instantInput.optional(),
  to: instantInput.optional(),
  /** Any part of a number. */
  digits: z
    .string()
    .regex(/^[0-9]{3,15}$/, { error: 'invalid_digits' })
    .optional(),
  before: z
    .string()
    .regex(/^[0-9]{1,17}\.[ir][0-9]{1,18}$/, { error: 'invalid_cursor' })
    .optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
export type InspectorQuery = Partial<z.output<typeof inspectorQuery>>;

export const inspectorChoices = z
  .strictObject({
    accounts: z.array(z.strictObject({ id: uuid, name: z.string(), removed: z.boolean() })),
    /** Paths that anything ever came under. */
    kinds: z.array(z.string()),
  })
  .meta({ id: 'InspectorChoices' });
export type InspectorChoices = z.infer<typeof inspectorChoices>;
