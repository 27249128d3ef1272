import { computed } from 'vue';
import { useRoute, useRouter } from 'vue-router';
import { pageIn, personIn } from '../address-values.ts';
import { SORTABLE } from '../components/tickets/ticket-columns.ts';
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
const SORTS = Object.values(SORTABLE).flatMap((field) => [field, `-${field}`]);
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
    assigneeId: personIn(route.query['assigneeId']),
    customerId: personIn(route.query['customerId']),
    q: textIn(route.query['q']),
    sort: oneOf(SORTS, route.query['sort']) ?? '-updatedAt',
    page: pageIn(route.query['page']),
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
  /** The browser's way back undoes it. */
  const change = (to: Readonly<Record<string, string | number | undefined>>): void => void router.push(addressOf(to));
  const clear = (): void => void router.push({ query: {} });
  /** What is looked for is one step back, however it was typed. */
  function search(q: string): void {
    const go = filter.value.q && q ? router.replace : router.push;
    void go(addressOf({ q }));
  }

  return { filter, figure, query, isNarrowed, addressOf, change, search, clear };
}
