import { computed } from 'vue';
import { useTicketList } from './useTicketList.ts';

const QUERY = computed(() => ({ kind: 'missed', status: 'open', pageSize: 1 }) as const);

/** How many missed-call tickets wait for somebody. */
export function useMissedCount() {
  const { data } = useTicketList(QUERY);
  return computed(() => data.value?.total ?? 0);
}
