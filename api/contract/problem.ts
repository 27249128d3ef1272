import { z } from 'zod';

/** RFC 9457. `code` is for programs (the interface puts it into words), `errors` names the offending fields. */
export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    code: z.string(),
    detail: z.string().optional(),
    /** Under this id the log knows more. */
    requestId: z.string().optional(),
    errors: z.array(z.strictObject({ field: z.string(), code: z.string(), message: z.string() })).optional(),
    /** Seconds, where waiting helps; the same as the header Retry-After. */
    retryAfterSeconds: z.number().int().optional(),
    /** The ticket that is meant, where one stands in the way. */
    ticketId: z.string().optional(),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof problem>;
export type FieldError = NonNullable<Problem['errors']>[number];
