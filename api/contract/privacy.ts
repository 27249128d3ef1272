import { z } from 'zod';
import { instant, instantInput, paging, uuid } from './common.ts';

const days = z.coerce.number().int().min(1).max(36_500);
/** Terms to try; those in force where not given. `0` stands for «for ever». */
const term = z.union([z.literal('0'), days]).optional();
export const retentionQuery = z.strictObject({ recordingRetentionDays: term, rawEventRetentionDays: term });
export type RetentionQuery = z.output<typeof retentionQuery>;

/** What would go now under these terms. */
export const retentionPreview = z
  .strictObject({
    recordingRetentionDays: z.number().int().nullable(),
    rawEventRetentionDays: z.number().int().nullable(),
    recordings: z.number().int(),
    recordingBytes: z.number().int(),
    rawEvents: z.number().int(),
    /** Kept for as long as they are of use, whatever the settings say. */
    fixed: z.strictObject({
      streamHours: z.number().int(),
      signInAttemptDays: z.number().int(),
      refusedEventDays: z.number().int(),
      sessionDays: z.number().int(),
    }),
  })
  .meta({ id: 'RetentionPreview' });
export type RetentionPreview = z.infer<typeof retentionPreview>;

export const ERASURE_REASONS = ['request', 'consent_withdrawn', 'purpose_reached', 'unlawful'] as const;
const erasureReason = z.enum(ERASURE_REASONS);
export type ErasureReason = z.infer<typeof erasureReason>;
const erasureTexts = z.enum(['erase', 'keep']);

export const erasureState = z.enum(['ordered', 'blocked', 'erasing', 'checking', 'done']);
export type ErasureState = z.infer<typeof erasureState>;

const count = z.number().int();
/** How much of each kind an erasure would reach. */
export const erasurePreview = z
  .strictObject({
    phones: count,
    sharedPhones: count,
    emails: count,
    tickets: count,
    messages: count,
    calls: count,
    recordings: count,
    drafts: count,
    openCalls: count,
  })
  .meta({ id: 'ErasurePreview' });
export type ErasurePreview = z.infer<typeof erasurePreview>;

export const newErasure = z
  .strictObject({
    reason: erasureReason,
    /** Subjects and messages: gone, or kept without the person's name, numbers and addresses. */
    texts: erasureTexts,
  })
  .meta({ id: 'NewErasure' });
export type NewErasure = z.infer<typeof newErasure>;

export const erasure = z
  .strictObject({
    id: uuid,
    number: z.string(),
    customerId: uuid,
    reason: erasureReason,
    texts: erasureTexts,
    state: erasureState,
    orderedAt: instant,
    finishedAt: instant.nullable(),
    counts: z.record(z.string(), count),
  })
  .meta({ id: 'Erasure' });
export type Erasure = z.infer<typeof erasure>;

/** Without a customer: those that are under way. */
export const erasureQuery = z.strictObject({ customerId: uuid.optional() });
export const erasureList = z.strictObject({ items: z.array(erasure) }).meta({ id: 'ErasureList' });

const cause = z.enum(['retention', 'erasure']);
/** A line of the destruction log: the fields that Роскомнадзор's order № 179 wants of an extract from a system's log. */
export const destruction = z
  .strictObject({
    id: z.string(),
    /** When it was destroyed. */
    at: instant,
    cause,
    /** Why. */
    reason: z.string(),
    /** Whose data: a pseudonym by which the order can be found; null where a term ended for many. */
    subject: z.strictObject({ number: z.string(), customerId: uuid }).nullable(),
    /** What. */
    categories: z.array(z.strictObject({ category: z.string(), count })),
    /** Who ordered it; null: the service by its settings. */
    orderedBy: z.string().nullable(),
    orderedAt: instant.nullable(),
    /** What became of subjects and messages in an erasure; null: the line is of before this was noted, or a term ended. */
    texts: erasureTexts.nullable(),
  })
  .meta({ id: 'Destruction' });
export type Destruction = z.infer<typeof destruction>;
export const destructionQuery = z.strictObject({
  from: instantInput.optional(),
  to: instantInput.optional(),
  cause: cause.optional(),
  format: z.enum(['json', 'csv']).optional(),
  lang: z.enum(['ru', 'en']).default('ru'),
  ...paging,
});
export type DestructionQuery = Partial<z.output<typeof destructionQuery>>;
