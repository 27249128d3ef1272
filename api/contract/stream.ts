import { z } from 'zod';
import { liveCall } from './calls.ts';
import { serialId, uuid } from './common.ts';

const outcome = z.object({
  actionId: z.string(),
  code: z.string().nullable().optional(),
  ticketId: serialId.nullable().optional(),
});

/** What `GET /api/events` sends: the name after `event:`, the JSON after `data:`. */
export const streamEvents = {
  'call.ringing': liveCall,
  'call.dialling': liveCall,
  'call.answered': liveCall,
  /** The customer, the ticket or the draft of a live call became another. */
  'call.updated': liveCall,
  /** The card leaves the screen. */
  'call.ended': liveCall,
  /** `code` is a word; `pbxCode` the PBX's own number for it. */
  'callback.failed': z.object({
    commandId: z.string(),
    code: z.string(),
    pbxCode: z.number().int().optional(),
    callId: uuid.optional(),
  }),
  'ticket.changed': z.object({ ticketId: serialId }),
  'customer.changed': z.object({ customerId: uuid }),
  /** Somebody came, left or is called otherwise; a customer's field was added, changed or removed. */
  'agents.changed': z.object({}),
  'fields.changed': z.object({}),
  'recording.ready': z.object({ ticketId: serialId, recordingId: uuid }),
  'action.done': outcome,
  'action.refused': outcome.extend({ code: z.string() }),
  /** For admins: the event inspector has something new. */
  'inbox.changed': z.object({}),
  /** Signed out or deactivated; the stream closes after it. */
  'session.ended': z.object({}),
  /** First of all: whose stream it is. A browser's session may have become another agent's while it was away. */
  'stream.open': z.object({ agentId: uuid }),
  /** Every fifteen seconds: who hears nothing for much longer has lost the connection, whatever the browser thinks. */
  'stream.beat': z.object({}),
  /** More happened than can be told one by one: read everything again. */
  'stream.reset': z.object({}),
} as const;

export type StreamEventName = keyof typeof streamEvents;
export type StreamEventData<N extends StreamEventName> = z.infer<(typeof streamEvents)[N]>;
export type StreamEvent = { [N in StreamEventName]: { readonly type: N; readonly data: StreamEventData<N> } }[StreamEventName];
