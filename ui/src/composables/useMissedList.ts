import type { Ref } from 'vue';
import { client } from '../client.ts';
import { useLiveList } from './useLiveList.ts';

export interface MissedQuery {
  readonly assigneeId?: string | undefined;
  readonly page: number;
  readonly pageSize: number;
}

/** A page of the worklist, which follows every missed call, attempt and change of hands by anyone. */
export const useMissedList = (query: Readonly<Ref<MissedQuery>>) =>
  useLiveList(client.missed.list, query, ['ticket.changed', 'customer.changed']);
