import { computed, onScopeDispose, ref } from 'vue';
import { useRoute, useRouter } from 'vue-router';
import { client } from '../client.ts';
import { on, onResume } from '../live/stream.ts';
import { useLoad } from './useLoad.ts';
import { useThrottled } from './useThrottled.ts';

const FILTERS = ['verdict', 'kind', 'accountId', 'extension', 'call', 'digits', 'from', 'to', 'before'] as const;
export type InspectorFilterName = (typeof FILTERS)[number];
type Filter = Partial<Record<InspectorFilterName, string>>;

const textIn = (raw: unknown): string | undefined => (typeof raw === 'string' && raw ? raw : undefined);
/** The address holds the viewer's own time, as the browser's field writes it. */
function instantOf(local: string | undefined): string | undefined {
  const at = local === undefined ? Number.NaN : new Date(local).getTime();
  return Number.isNaN(at) ? undefined : new Date(at).toISOString();
}

/** The event inspector's list: its filters live in the address bar, its newest page follows the stream. */
export function useInspector() {
  const route = useRoute();
  const router = useRouter();
  const filter = computed<Filter>(() => {
    const known = FILTERS.map((name) => [name, textIn(route.query[name])] as const);
    return Object.fromEntries(known.filter(([, value]) => value !== undefined)) as Filter;
  });
  const isNarrowed = computed(() => Object.keys(filter.value).some((name) => name !== 'before'));
  const query = computed(() => ({ ...filter.value, from: instantOf(filter.value.from), to: instantOf(filter.value.to) }));
  const list = useLoad((signal) => client.inspector.list(query.value, signal), query);

  const paused = ref(false);
  const isLive = computed(() => !paused.value && filter.value.before === undefined);
  const refresh = useThrottled(() => void (isLive.value && list.reload()), 400);
  const stops = [on('inbox.changed', refresh), onResume(refresh)];
  onScopeDispose(() => stops.forEach((stop) => stop()));
  function togglePause(): void {
    paused.value = !paused.value;
    if (!paused.value) void list.reload();
  }

  /** The address with some filters changed; a change begins again with the newest. */
  function addressOf(change: Filter | Record<string, undefined>) {
    const next = Object.entries({ ...filter.value, before: undefined, ...change });
    return { query: Object.fromEntries(next.filter((pair): pair is [string, string] => Boolean(pair[1]))) };
  }
  const change = (to: Filter | Record<string, undefined>): void => void router.replace(addressOf(to));
  const clear = (): void => void router.replace({ query: {} });
  return { ...list, filter, isNarrowed, paused, isLive, togglePause, addressOf, change, clear };
}
