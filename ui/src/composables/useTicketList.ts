import { onScopeDispose, type Ref } from 'vue';
import { client, type TicketFilter } from '../client.ts';
import { on, onResume } from '../live/stream.ts';
import { useLoad } from './useLoad.ts';
import { useThrottled } from './useThrottled.ts';

/** A page of tickets that follows the address and every change made by anyone. */
export function useTicketList(query: Readonly<Ref<TicketFilter>>) {
  const list = useLoad((signal) => client.tickets.list(query.value, signal), query);
  const refresh = useThrottled(() => void list.reload(), 1000);
  const stops = [on('ticket.changed', refresh), on('customer.changed', refresh), onResume(refresh)];
  onScopeDispose(() => stops.forEach((stop) => stop()));
  return list;
}
