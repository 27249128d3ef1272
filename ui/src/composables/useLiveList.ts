import { onScopeDispose, type Ref } from 'vue';
import type { StreamEventName } from '../contract.ts';
import { on, onResume } from '../live/stream.ts';
import { useLoad } from './useLoad.ts';
import { useThrottled } from './useThrottled.ts';
import { useWhenSeen } from './useWhenSeen.ts';

const AT_MOST_EVERY_MS = 1000;

/**
 * A page of a list that follows its query, and what is told of by these events, whoever did it. While nobody sees the tab it waits: of a centre's
 * browsers most stand behind something else, and all of them are told of everything.
 */
export function useLiveList<Query, List>(
  load: (query: Query, signal: AbortSignal) => Promise<List>,
  query: Readonly<Ref<Query>>,
  changes: readonly StreamEventName[],
) {
  const list = useLoad((signal) => load(query.value, signal), query);
  const refresh = useThrottled(() => void list.reload(), AT_MOST_EVERY_MS);
  const whenSeen = useWhenSeen(refresh);
  const stops = [...changes.map((change) => on(change, whenSeen)), onResume(whenSeen)];
  onScopeDispose(() => stops.forEach((stop) => stop()));
  return list;
}
