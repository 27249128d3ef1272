import { z } from 'zod';
import { instant, json, line, paging, person, phoneInput, phoneNumber, serialId, someOf, text, uuid } from './common.ts';
import { figureFilter } from './figures.ts';

export const STATUSES = ['open', 'pending', 'closed'] as const;
export const CHANNELS = ['call', 'email', 'chat', 'web', 'messenger', 'social'] as const;
export const KINDS = ['incoming', 'outgoing', 'missed'] as const;
export const status = z.enum(STATUSES);
export const channel = z.enum(CHANNELS);
export const kind = z.enum(KINDS);
export const handset = z.enum(['red', 'green']);
export type TicketStatus = z.infer<typeof status>;
export type Channel = z.infer<typeof channel>;
export type TicketKind = z.infer<typeof kind>;
export type Handset = z.infer<typeof handset>;

export const recording = z
  .strictObject({
    id: uuid,
    state: z.enum(['pending', 'ready', 'unavailable']),
    /** Why it is unavailable, as a code. */
    reason: z.string().nullable(),
    url: z.string().nullable(),
    durationSeconds: z.number().int().nullable(),
  })
  .meta({ id: 'Recording' });
export type Recording = z.infer<typeof recording>;

export const conversation = z
  .strictObject({
    id: z.string(),
    callId: uuid,
    agent: person.nullable(),
    direction: z.enum(['incoming', 'outgoing']),
    outcome: z.enum(['in_progress', 'talked', 'missed', 'unanswered']),
    /** The customer's number in this call, which need not be the ticket's; null if hidden or erased. */
    phone: phoneNumber.nullable(),
    startedAt: instant,
    answeredAt: instant.nullable(),
    endedAt: instant.nullable(),
    talkSeconds: z.number().int().nullable(),
    /** The first of `recordings`. */
    recording: recording.nullable(),
    recordings: z.array(recording),
  })
  .meta({ id: 'Conversation' });
export type Conversation = z.infer<typeof conversation>;

export const message = z
  .strictObject({
    id: serialId,
    type: z.enum(['reply', 'note', 'system']),
    author: z.strictObject({
      type: z.enum(['agent', 'customer', 'system']),
      id: z.string().nullable(),
      fullName: z.string().nullable(),
    }),
    body: z.string(),
    /** A system entry is a code with parameters; the interface puts it into words. */
    code: z.string().nullable(),
    params: z.record(z.string(), json),
    createdAt: instant,
    conversation: conversation.nullable(),
  })
  .meta({ id: 'Message' });
export type Message = z.infer<typeof message>;

export const ticketListItem = z
  .strictObject({
    id: serialId,
    number: z.number().int(),
    subject: z.string(),
    status,
    channel,
    kind: kind.nullable(),
    handset: handset.nullable(),
    phone: phoneNumber.nullable(),
    customer: person.nullable(),
    assignee: person.nullable(),
    /** How many missed calls it gathers (S12), and the last one's time. */
    missedCount: z.number().int(),
    lastMissedAt: instant.nullable(),
    createdAt: instant,
    updatedAt: instant,
    closedAt: instant.nullable(),
  })
  .meta({ id: 'TicketListItem' });
export type TicketListItem = z.infer<typeof ticketListItem>;

export const ticket = ticketListItem.extend({ messages: z.array(message) }).meta({ id: 'Ticket' });
export type Ticket = z.infer<typeof ticket>;

export const TICKET_SORTS = [
  'updatedAt',
  '-updatedAt',
  'createdAt',
  '-createdAt',
  'number',
  '-number',
  'subject',
  '-subject',
  'status',
  '-status',
  'customer',
  '-customer',
  'assignee',
  '-assignee',
  'lastMissedAt',
  '-lastMissedAt',
] as const;
export type TicketSort = (typeof TICKET_SORTS)[number];

/** `status`, `channel` and `kind` take several values, separated by commas; `-` before a sort means descending. `figure` and what
 * goes with it picks the tickets a figure of the statistics counts. */
export const ticketQuery = z.strictObject({
  status: someOf(STATUSES).optional(),
  channel: someOf(CHANNELS).optional(),
  kind: someOf(KINDS).optional(),
  customerId: uuid.optional(),
  assigneeId: z.union([uuid, z.enum(['none', 'me'])]).optional(),
  q: text(200).optional(),
  ...figureFilter,
  sort: z.enum(TICKET_SORTS).default('-updatedAt'),
  ...paging,
});
export type TicketQuery = Partial<z.output<typeof ticketQuery>>;

export const MAX_SUBJECT = 300;
export const MAX_GIST = 20_000;
export const MAX_BODY = 50_000;

/** `author: customer` notes down what came in by a channel that has no automatic intake here. */
const messageProperties = {
  type: z.enum(['reply', 'note']).default('reply'),
  body: text(MAX_BODY, 1),
  author: z.enum(['agent', 'customer']).default('agent'),
  /** Seconds the reply editor was open. */
  writingSeconds: z.number().int().min(0).max(86_400).optional(),
};

/** A repeat under the same id, sent because the answer was lost, makes nothing new and gets what the first one made. */
const requestId = uuid.optional();

export const newMessage = z
  .strictObject({
    ...messageProperties,
    requestId,
    /** Changed together with the message, in one step. */
    status: status.optional(),
  })
  .meta({ id: 'NewMessage' });
export type NewMessage = z.input<typeof newMessage>;

/** Channel `call` needs a `kind`; the others have none. */
export const newTicket = z
  .strictObject({
    subject: line(MAX_SUBJECT),
    channel,
    kind: kind.optional(),
    status: status.default('open'),
    customerId: uuid.nullable().optional(),
    assigneeId: uuid.nullable().optional(),
    /** As typed; stored as E.164. */
    phone: phoneInput.nullable().optional(),
    message: z.strictObject(messageProperties).optional(),
    requestId,
  })
  .meta({ id: 'NewTicket' });
export type NewTicket = z.input<typeof newTicket>;

export const ticketChange = z
  .strictObject({
    subject: line(MAX_SUBJECT).optional(),
    status: status.optional(),
    assigneeId: uuid.nullable().optional(),
    customerId: uuid.nullable().optional(),
  })
  .meta({ id: 'TicketChange' });
export type TicketChange = z.infer<typeof ticketChange>;
