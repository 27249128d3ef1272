import type { Ref } from 'vue';
import { client } from '../client.ts';
import { useLiveList } from './useLiveList.ts';

export interface CustomerQuery {
  readonly q?: string;
  readonly page?: number;
  readonly pageSize: number;
}

/** A page of customers that follows every change made by anyone. */
export const useCustomerList = (query: Readonly<Ref<CustomerQuery>>) =>
  useLiveList(client.customers.list, query, ['customer.changed']);
