import type { Ref } from 'vue';
import { client, type TicketFilter } from '../client.ts';
import { useLiveList } from './useLiveList.ts';

/** A page of tickets that follows the address and every change made by anyone. */
export const useTicketList = (query: Readonly<Ref<TicketFilter>>) =>
  useLiveList(client.tickets.list, query, ['ticket.changed', 'customer.changed']);
