import { inject, nextTick, onScopeDispose, provide, type InjectionKey } from 'vue';
import { client } from '../client.ts';
import type { Ticket } from '../contract.ts';
import { on, onResume } from '../live/stream.ts';
import { useLoad } from './useLoad.ts';
import { useThrottled } from './useThrottled.ts';

const RELOAD: InjectionKey<() => Promise<void>> = Symbol('reload the ticket');

let ahead: Ticket | null = null;
/** A ticket that was read before its page is opened: it stands there whole from the first moment. */
export async function showAhead(ticket: Ticket, goThere: () => Promise<unknown>): Promise<void> {
  ahead = ticket;
  try {
    await goThere();
    await nextTick();
  } finally {
    ahead = null;
  }
}

/** One ticket, kept as it is by whoever changes it. */
export function useTicket(ticketId: string) {
  const known = ahead?.id === ticketId ? ahead : null;
  ahead = null;
  const ticket = useLoad((signal) => client.tickets.read(ticketId, signal), [], known);
  const refresh = useThrottled(() => void ticket.reload(), 300);
  const ifMine = (event: { ticketId: string }): void => void (event.ticketId === ticketId && refresh());
  const ifOfMine = (event: { customerId: string }): void =>
    void (event.customerId === ticket.data.value?.customer?.id && refresh());
  const stops = [
    on('customer.changed', ifOfMine),
    on('ticket.changed', ifMine),
    on('recording.ready', ifMine),
    onResume(refresh),
  ];
  onScopeDispose(() => stops.forEach((stop) => stop()));
  provide(RELOAD, ticket.reload);
  return ticket;
}

/** For whoever changes the ticket somewhere inside its page: one's own change shows at once, not when the stream tells of it. */
export const useTicketReload = (): (() => Promise<void>) => inject(RELOAD, () => Promise.resolve());
