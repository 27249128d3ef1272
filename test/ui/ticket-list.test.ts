import { screen, within } from '@testing-library/vue';
import { beforeEach, describe, expect, test } from 'vitest';
import { nextTick, reactive } from 'vue';
import ListPager from '../../ui/src/components/parts/ListPager.vue';
import FoundCustomers from '../../ui/src/components/search/FoundCustomers.vue';
import FoundTickets from '../../ui/src/components/search/FoundTickets.vue';
import TicketTable from '../../ui/src/components/tickets/TicketTable.vue';
import { preferences } from '../../ui/src/preferences.ts';
import { answerWith, customer, page, show, ticket } from './stage.ts';

const table = (tickets = [ticket], sort = '-updatedAt') =>
  show(TicketTable, { tickets, sort, sortAddress: (next: string) => ({ path: '/tickets', query: { sort: next } }) });

beforeEach(() => (preferences.columns = ['number']));

describe('the list of tickets', () => {
  test('a missed call is told by a word beside the handset, and its group by count and time', () => {
    table();
    const row = screen.getAllByRole('row')[1]!;
    within(row).getByText('Пропущенный');
    within(row).getByText(/^3 звонка, последний /);
    within(row).getByText('Не назначен');
  });

  test.each([
    [{ kind: 'missed', handset: 'green' }, 'Связались'],
    [{ kind: 'incoming', handset: 'green' }, 'Входящий'],
    [{ kind: 'outgoing', handset: 'green' }, 'Исходящий'],
    [{ kind: null, handset: null, channel: 'email' }, 'Почта'],
  ] as const)('%o is called «%s»', (parts, word) => {
    table([{ ...ticket, ...parts }]);
    screen.getByText(word);
  });

  test('one link a row, with the subject as its name', () => {
    table();
    const links = within(screen.getAllByRole('row')[1]!).getAllByRole('link');
    expect(links.map((link) => [link.textContent?.trim(), link.getAttribute('href')])).toEqual([[ticket.subject, '/tickets/7']]);
  });

  test('the column «Телефон» stands only where it is switched on', () => {
    const { unmount } = table();
    expect(screen.queryByRole('columnheader', { name: 'Телефон' })).toBeNull();
    unmount();
    preferences.columns = ['phone'];
    table();
    screen.getByRole('columnheader', { name: 'Телефон' });
    screen.getByText('+7 912 345-67-89');
  });

  test('headings say how the list is sorted and lead to the other order', () => {
    table();
    const updated = screen.getByRole('columnheader', { name: 'Обновлено' });
    expect(updated.getAttribute('aria-sort')).toBe('descending');
    expect(within(updated).getByRole('link').getAttribute('href')).toBe('/tickets?sort=updatedAt');
    const subject = screen.getByRole('columnheader', { name: 'Тема' });
    expect(subject.getAttribute('aria-sort')).toBe('none');
    expect(within(subject).getByRole('link').getAttribute('href')).toBe('/tickets?sort=subject');
  });
});

describe('the pager', () => {
  test('tells of the rows that are there, also while another page is under way', async () => {
    const props = reactive({ page: 1, pageSize: 2, total: 5, rows: ['a', 'b'], address: () => ({ path: '/tickets' }) });
    show(ListPager, props);
    screen.getByText('1–2 из 5');
    props.page = 3;
    await nextTick();
    screen.getByText('1–2 из 5');
    props.rows = ['e'];
    await nextTick();
    screen.getByText('5–5 из 5');
  });
});

describe('what a search finds', () => {
  test('tickets say whose they are; more than stand there lead to the list of all', async () => {
    answerWith(() => ({ body: { items: [ticket], total: 51 } }));
    show(FoundTickets, { q: 'Белова' });
    const found = within(await screen.findByRole('list', { name: 'Обращения' }));
    found.getByText('Анна Белова');
    screen.getByText('Показаны первые 1. Уточните запрос.');
    expect(decodeURI(screen.getByRole('link', { name: 'Показать всё найденное' }).getAttribute('href')!)).toBe(
      '/tickets?q=Белова',
    );
  });

  test('all that was found needs no word', async () => {
    answerWith(() => page([customer]));
    show(FoundCustomers, { q: 'Белова', call: undefined });
    await screen.findByRole('link', { name: 'Анна Белова' });
    expect(screen.queryByText(/Показаны первые/)).toBeNull();
  });
});
