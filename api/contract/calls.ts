import { z } from 'zod';
import { instant, phoneInput, phoneNumber, serialId, text, uuid } from './common.ts';
import { customer } from './customers.ts';
import { MAX_GIST, MAX_SUBJECT } from './tickets.ts';

export const liveCall = z
  .strictObject({
    callId: uuid,
    conversationId: z.string().nullable(),
    direction: z.enum(['incoming', 'outgoing']),
    state: z.enum(['ringing', 'dialling', 'talking', 'ended']),
    phone: phoneNumber.nullable(),
    line: z.string().nullable(),
    customer: customer.nullable(),
    /** Where one number has several customers: whom the agent may choose. */
    candidates: z.array(customer),
    ticketId: serialId.nullable(),
    commandId: z.string().nullable(),
    draft: z.strictObject({ subject: z.string(), gist: z.string() }).nullable(),
    startedAt: instant,
    answeredAt: instant.nullable(),
  })
  .meta({ id: 'LiveCall' });
export type LiveCall = z.infer<typeof liveCall>;

export const callQuery = z.strictObject({ state: z.enum(['active']).default('active') });

/** The caller's own id of a step: the same id again is the same step, not another one. */
export const stepId = z.string().regex(/^[A-Za-z0-9._:-]{1,128}$/, { error: 'invalid_id' });
const conversationId = text(200, 1);
const subject = text(MAX_SUBJECT).default('');
const gist = text(MAX_GIST).default('');

export const callAction = z
  .discriminatedUnion('type', [
    z.strictObject({ actionId: stepId, type: z.literal('create_ticket'), conversationId, subject, gist }),
    z.strictObject({ actionId: stepId, type: z.literal('link_ticket'), conversationId, ticketId: serialId, gist }),
    /** To another ticket of the same customer, or, with `ticketId` null, out into a new one. */
    z.strictObject({ actionId: stepId, type: z.literal('move_call'), conversationId, ticketId: serialId.nullable(), subject }),
    z.strictObject({ actionId: stepId, type: z.literal('save_draft'), conversationId, subject, gist }),
    z.strictObject({ actionId: stepId, type: z.literal('identify_customer'), customerId: uuid }),
    z.strictObject({ actionId: stepId, type: z.literal('create_customer'), fullName: text(200).optional() }),
    z.strictObject({ actionId: stepId, type: z.literal('hang_up'), conversationId: conversationId.nullable().optional() }),
    z.strictObject({ actionId: stepId, type: z.literal('fetch_recording_again'), recordingId: uuid }),
  ])
  .meta({ id: 'CallAction' });
export type CallAction = z.infer<typeof callAction>;
export type CallActionInput = z.input<typeof callAction>;

/** What came of an action. `code` says why it was refused; `ticketId` is the ticket made, or the one in the way. */
export const actionState = z
  .strictObject({
    actionId: z.string(),
    type: z.string(),
    state: z.enum(['accepted', 'done', 'refused']),
    code: z.string().nullable(),
    ticketId: serialId.nullable(),
  })
  .meta({ id: 'ActionState' });
export type ActionState = z.infer<typeof actionState>;

/** Without `phone`: the ticket's number, else the customer's first. A repeated `commandId` is the same call. */
export const callbackOrder = z
  .strictObject({
    phone: phoneInput.optional(),
    commandId: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/, { error: 'invalid_id' })
      .optional(),
  })
  .meta({ id: 'CallbackOrder' });
export type CallbackOrder = z.infer<typeof callbackOrder>;

export const callbackOrdered = z.strictObject({ commandId: z.string(), callId: uuid }).meta({ id: 'CallbackOrdered' });
export type CallbackOrdered = z.infer<typeof callbackOrdered>;
