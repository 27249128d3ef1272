import { client, Problem } from '../client.ts';
import type { LiveCall, Ticket } from '../contract.ts';
import { callOf } from './calls.ts';

const TRIES = 20;
const EVERY_MS = 750;
const RECENT = 5;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A ticket that is not this agent's to read is not the one. */
function unlessRefused(error: unknown): null {
  if (error instanceof Problem && !error.isPassing) return null;
  throw error;
}

async function search(call: LiveCall, conversationId: string): Promise<Ticket | null> {
  const ifWritten = async (ticketId: string): Promise<Ticket | null> => {
    const ticket = await client.tickets.read(ticketId).catch(unlessRefused);
    return ticket?.messages.some((message) => message.conversation?.id === conversationId) ? ticket : null;
  };
  const told = callOf(call.callId)?.ticketId;
  const known = told ? await ifWritten(told) : null;
  if (known) return known;
  const whose = call.customer ? { customerId: call.customer.id } : { assigneeId: 'me' };
  const { items } = await client.tickets.list({ ...whose, channel: 'call', sort: '-updatedAt', pageSize: RECENT });
  for (const item of items) {
    const ticket = await ifWritten(item.id);
    if (ticket) return ticket;
  }
  return null;
}

/** The ticket that a conversation which is over has got. The service makes it within seconds of the end. */
export async function ticketOfEnded(call: LiveCall, conversationId: string, given: () => boolean): Promise<Ticket | null> {
  let turns = 0;
  while (turns < TRIES && !given()) {
    const found = await search(call, conversationId).catch(() => undefined);
    if (found) return found;
    // Where the network is away nobody has looked.
    if (found === null) turns += 1;
    await pause(EVERY_MS);
  }
  return null;
}
