import { onScopeDispose, type Ref } from 'vue';
import { client } from '../client.ts';
import { on, onResume } from '../live/stream.ts';
import { useLoad } from './useLoad.ts';
import { useThrottled } from './useThrottled.ts';

export interface MissedQuery {
  readonly assigneeId?: string | undefined;
  readonly page: number;
  readonly pageSize: number;
}

/** A page of the worklist, which follows every missed call, attempt and change of hands by anyone. */
export function useMissedList(query: Readonly<Ref<MissedQuery>>) {
  const list = useLoad((signal) => client.missed.list(query.value, signal), query);
  const refresh = useThrottled(() => void list.reload(), 1000);
  const stops = [on('ticket.changed', refresh), on('customer.changed', refresh), onResume(refresh)];
  onScopeDispose(() => stops.forEach((stop) => stop()));
  return list;
}
