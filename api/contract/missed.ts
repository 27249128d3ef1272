import { z } from 'zod';
import { instant, paging, person, phoneNumber, uuid } from './common.ts';
import { ticketListItem } from './tickets.ts';

/** What was tried to reach a customer who waits: an attempt nobody answered, or a talk (by either side's call). */
export const attempt = z
  .strictObject({
    agent: person.nullable(),
    outcome: z.enum(['unanswered', 'talked', 'in_progress']),
    direction: z.enum(['incoming', 'outgoing']),
    at: instant,
  })
  .meta({ id: 'Attempt' });
export type Attempt = z.infer<typeof attempt>;

export const missedCall = ticketListItem
  .extend({
    /** The number that called last; null if hidden. */
    phone: phoneNumber.nullable(),
    /** The first missed call since the last talk; null if there has been a talk since every one of them. */
    waitingSince: instant.nullable(),
    /** Attempts since then that nobody answered. */
    tries: z.number().int(),
    /** The last few attempts and talks since then, the latest first. */
    attempts: z.array(attempt),
    /** Who is calling the customer back right now. */
    calling: person.nullable(),
  })
  .meta({ id: 'MissedCall' });
export type MissedCall = z.infer<typeof missedCall>;

export const missedQuery = z.strictObject({
  assigneeId: z.union([uuid, z.enum(['none', 'me'])]).optional(),
  ...paging,
});
