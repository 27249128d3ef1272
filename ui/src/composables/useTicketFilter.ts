import { computed } from 'vue';
import { useRoute, useRouter } from 'vue-router';
import { CHANNELS, KINDS, STATUSES } from '../contract.ts';

export const PAGE_SIZE = 50;
/** What a figure of the statistics adds, when it leads here (S20–S25). */
const FIGURE_PARAMETERS = [
  'figure',
  'from',
  'to',
  'tz',
  'agentId',
  'team',
  'direction',
  'withinFrom',
  'withinTo',
  'weekday',
  'hour',
] as const;
const oneOf = <T extends string>(values: readonly T[], raw: unknown): T | undefined => values.find((value) => value === raw);
const textIn = (raw: unknown): string | undefined => (typeof raw === 'string' && raw ? raw : undefined);

/** The ticket list's filters live in the address bar, so that a link shows the same list. */
export function useTicketFilter() {
  const route = useRoute();
  const router = useRouter();

  const filter = computed(() => ({
    status: oneOf(STATUSES, route.query['status']),
    channel: oneOf(CHANNELS, route.query['channel']),
    kind: oneOf(KINDS, route.query['kind']),
    assigneeId: textIn(route.query['assigneeId']),
    customerId: textIn(route.query['customerId']),
    q: textIn(route.query['q']),
    sort: textIn(route.query['sort']) ?? '-updatedAt',
    page: Math.max(1, Number(route.query['page']) || 1),
  }));
  const figure = computed(() => textIn(route.query['figure']));
  const ofFigure = computed(() =>
    figure.value ? Object.fromEntries(FIGURE_PARAMETERS.map((name) => [name, textIn(route.query[name])])) : {},
  );
  const query = computed(() => ({ ...filter.value, ...ofFigure.value, pageSize: PAGE_SIZE }));
  const isNarrowed = computed(() => {
    const { sort: _sort, page: _page, ...narrowing } = filter.value;
    return figure.value !== undefined || Object.values(narrowing).some(Boolean);
  });

  /** The address with some filters changed; a change begins again at the first page. */
  function addressOf(change: Readonly<Record<string, string | number | undefined>>) {
    const next = { ...route.query, page: undefined, ...change };
    const kept = Object.entries(next).filter(([, value]) => value !== undefined && value !== '');
    return { query: Object.fromEntries(kept.map(([name, value]) => [name, String(value)])) };
  }
  const change = (to: Readonly<Record<string, string | number | undefined>>): void => void router.replace(addressOf(to));
  const clear = (): void => void router.replace({ query: {} });

  return { filter, figure, query, isNarrowed, addressOf, change, clear };
}
