import { onScopeDispose } from 'vue';
import { client } from '../client.ts';
import { on, onResume } from '../live/stream.ts';
import { useLoad } from './useLoad.ts';
import { useThrottled } from './useThrottled.ts';

/** One ticket, kept as it is by whoever changes it. */
export function useTicket(ticketId: string) {
  const ticket = useLoad((signal) => client.tickets.read(ticketId, signal));
  const refresh = useThrottled(() => void ticket.reload(), 300);
  const ifMine = (event: { ticketId: string }): void => void (event.ticketId === ticketId && refresh());
  const stops = [on('ticket.changed', ifMine), on('recording.ready', ifMine), onResume(refresh)];
  onScopeDispose(() => stops.forEach((stop) => stop()));
  return ticket;
}
