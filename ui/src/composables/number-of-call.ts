import type { Conversation, Ticket } from '../contract.ts';
import { formatPhone } from '../format.ts';

/** The number of one call in a ticket, where its calls have more than the one that stands in the ticket's head. */
export function numberOfCall({ phone }: Conversation, ticket: Pick<Ticket, 'phone' | 'messages'>): string | null {
  const isPlain = ticket.messages.every(({ conversation }) => !conversation?.phone || conversation.phone === ticket.phone);
  return phone && !isPlain ? formatPhone(phone) : null;
}
