import { onScopeDispose, type Ref } from 'vue';
import { client } from '../client.ts';
import { on, onResume } from '../live/stream.ts';
import { useLoad } from './useLoad.ts';
import { useThrottled } from './useThrottled.ts';

export interface CustomerQuery {
  readonly q?: string;
  readonly page?: number;
  readonly pageSize: number;
}

/** A page of customers that follows every change made by anyone. */
export function useCustomerList(query: Readonly<Ref<CustomerQuery>>) {
  const list = useLoad((signal) => client.customers.list(query.value, signal), query);
  const refresh = useThrottled(() => void list.reload(), 1000);
  const stops = [on('customer.changed', refresh), onResume(refresh)];
  onScopeDispose(() => stops.forEach((stop) => stop()));
  return list;
}
