import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Ticket, TicketListItem } from '../../api/contract/tickets.ts';
import { as, fieldsOf, startTestApi, type Caller, type TestApi } from '../support/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

interface Page {
  readonly items: TicketListItem[];
  readonly total: number;
}
const create = async (values: object = {}, by: Caller = api.anna): Promise<Ticket> => {
  const answer = await by.post('/api/tickets', { subject: 'Вопрос', channel: 'email', ...values });
  expect([answer.status, answer.body]).toEqual([201, expect.anything()]);
  return as<Ticket>(answer);
};
const list = async (query: string, by: Caller = api.anna): Promise<Page> => {
  const answer = await by.get(`/api/tickets?${query}`);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return as<Page>(answer);
};
const subjects = (page: Page): string[] => page.items.map(({ subject }) => subject);
const word = (): string => `слово${randomUUID().slice(0, 8)}`;

describe('The list', () => {
  it('pages through everything once, with the exact total', async () => {
    const mark = word();
    for (let index = 0; index < 7; index += 1) await create({ subject: `${mark} ${index}` });
    const pages = await Promise.all([1, 2, 3, 4].map((page) => list(`q=${mark}&pageSize=3&page=${page}&sort=number`)));
    expect(pages.map(({ total }) => total)).toEqual([7, 7, 7, 7]);
    expect(pages.flatMap(subjects)).toEqual(Array.from({ length: 7 }, (_, index) => `${mark} ${index}`));
  });

  it.each([
    ['updatedAt', ['в', 'а', 'б']],
    ['-updatedAt', ['б', 'а', 'в']],
    ['createdAt', ['в', 'а', 'б']],
    ['-number', ['б', 'а', 'в']],
    ['subject', ['а', 'б', 'в']],
    ['-subject', ['в', 'б', 'а']],
    // In the order of work.
    ['status', ['в', 'а', 'б']],
    ['customer', ['а', 'в', 'б']],
    ['-customer', ['в', 'а', 'б']],
    ['-assignee', ['в', 'б', 'а']],
    ['-lastMissedAt', ['а', 'б', 'в']],
  ])('sorts by %s, what has no value last', async (sort, expected) => {
    const mark = word();
    const customer = async (fullName: string) => as<{ id: string }>(await api.anna.post('/api/customers', { fullName })).id;
    await create({ subject: `в${mark}`, status: 'open', customerId: await customer('Юрий'), assigneeId: api.boris.id });
    const missed = await create({
      subject: `а${mark}`,
      status: 'pending',
      customerId: await customer('Алла'),
      channel: 'call',
      kind: 'missed',
    });
    await create({ subject: `б${mark}`, status: 'closed', assigneeId: api.anna.id });
    await api.db('tickets').where({ id: missed.id }).update({ last_missed_at: new Date(), missed_count: 3 });
    const found = subjects(await list(`q=${mark}&sort=${sort}`)).map((subject) => subject.charAt(0));
    // Where two have no value, the later one first.
    expect(found).toEqual(sort === '-lastMissedAt' ? ['а', 'б', 'в'] : expected);
  });

  it.each(['customer', '-customer', 'assignee', '-assignee'])(
    'by %s pages through everything once by name, those without one last, whatever the page',
    async (sort) => {
      const person = sort.replace('-', '') as 'customer' | 'assignee';
      const customers = [];
      for (const fullName of ['Борис', 'анна', 'Вера', 'Анна'])
        customers.push(as<{ id: string }>(await api.anna.post('/api/customers', { fullName })).id);
      const mark = word();
      for (let index = 0; index < 11; index += 1) {
        await create({
          subject: `${mark} ${index}`,
          channel: 'social',
          customerId: index % 5 === 4 ? null : customers[index % 5],
          assigneeId: [api.boris.id, api.anna.id, null][index % 3],
        });
      }
      const { items, total } = await list(`channel=social&sort=${sort}&pageSize=200`);
      for (const pageSize of [1, 2, 3, 4, 7]) {
        const pages = Array.from({ length: Math.ceil(total / pageSize) }, (_, index) => index + 1);
        const shown = [];
        for (const page of pages)
          shown.push(...(await list(`channel=social&sort=${sort}&pageSize=${pageSize}&page=${page}`)).items);
        expect(shown.map(({ id }) => id)).toEqual(items.map(({ id }) => id));
      }
      const names = items.map((item) => item[person]?.fullName.toLowerCase() ?? null);
      const named = names.filter((name) => name !== null);
      expect(names.slice(named.length).every((name) => name === null)).toBe(true);
      const sorted = [...named].sort((a, b) => a.localeCompare(b, 'ru'));
      expect(named).toEqual(sort.startsWith('-') ? sorted.reverse() : sorted);
    },
  );

  it('filters by status, channel, kind, customer and assignee, one or several', async () => {
    const mark = word();
    const { id: customerId } = as<{ id: string }>(await api.anna.post('/api/customers', { fullName: 'Клиент' }));
    await create({ subject: `1${mark}`, customerId, assigneeId: api.anna.id });
    await create({ subject: `2${mark}`, channel: 'call', kind: 'missed', status: 'pending' });
    await create({ subject: `3${mark}`, channel: 'call', kind: 'incoming', status: 'closed', assigneeId: api.boris.id });
    const found = async (query: string) =>
      subjects(await list(`q=${mark}&${/sort/.test(query) ? '' : 'sort=number&'}${query}`))
        .map((subject) => subject.charAt(0))
        .join('');
    expect(await found('status=open')).toBe('1');
    expect(await found('status=open,pending')).toBe('12');
    expect(await found('channel=call')).toBe('23');
    expect(await found('kind=missed')).toBe('2');
    expect(await found('kind=missed&status=open,pending&sort=-lastMissedAt')).toBe('2');
    expect(await found(`customerId=${customerId}`)).toBe('1');
    expect(await found(`assigneeId=${api.boris.id}`)).toBe('3');
    expect(await found('assigneeId=none')).toBe('2');
    expect(await found('assigneeId=me')).toBe('1');
    expect(await found(`channel=call&assigneeId=me`)).toBe('');
  });

  it('counts the missed calls that a ticket gathers', async () => {
    const made = await create({ channel: 'call', kind: 'missed' });
    const lastMissedAt = '2026-03-04T05:06:07.000Z';
    await api.db('tickets').where({ id: made.id }).update({ missed_count: 4, last_missed_at: lastMissedAt });
    expect((await list(`q=${made.number}`)).items[0]).toMatchObject({ missedCount: 4, lastMissedAt });
  });

  it.each([
    ['8 912 777', true],
    ['+7 912', true],
    ['912-777-00', true],
    ['77700', true],
    ['8(912)7770011', true],
    ['8(911)7770011', false],
    ['+79127770011', true],
    ['+79137770011', false],
    ['9127770011', true],
    ['91277700', true],
    ['91377700', false],
    ['+7 999', false],
    ['27', true],
    ['11', true],
    ['2', true],
    ['+27', false],
  ])('finds a number by any part of its digits, however typed: %s', async (typed, isFound) => {
    const made = await create({ channel: 'call', kind: 'incoming', phone: '+79127770011' });
    const { items } = await list(`q=${encodeURIComponent(typed)}&pageSize=200`);
    expect(items.some(({ id }) => id === made.id)).toBe(isFound);
  });

  it('finds by subject, customer and number of the ticket', async () => {
    const mark = word();
    const { id: customerId } = as<{ id: string }>(await api.anna.post('/api/customers', { fullName: `Иван ${mark}` }));
    const made = await create({ subject: `Возврат ТОВАРА ${mark}x`, customerId });
    for (const q of [`товара ${mark}X`, `ИВАН ${mark}`, `#${made.number}`, String(made.number)]) {
      expect(
        (await list(`q=${encodeURIComponent(q)}`)).items.map(({ id }) => id),
        q,
      ).toContain(made.id);
    }
  });

  it.each(['я', 'юю', 'Щ'])('finds what is as short as %s at the beginning of a word', async (short) => {
    const mark = word();
    const made = await create({ subject: `${mark} ${short}блоко` });
    await create({ subject: `${mark} на${short}` });
    const { items } = await list(`q=${encodeURIComponent(short)}&pageSize=200`);
    expect(items.map(({ id }) => id)).toContain(made.id);
    expect(subjects({ items, total: 0 })).not.toContain(`${mark} на${short}`);
  });

  it('counts the finds of a search up to ten thousand, and says if there are more', async () => {
    const mark = word();
    const row = (index: number) => ({ subject: `${mark} ${index}`, status: 'open', channel: 'email' });
    await api.db.batchInsert(
      'tickets',
      Array.from({ length: 10_001 }, (_, index) => row(index)),
      2500,
    );
    const page = await list(`q=${mark}&sort=-number&pageSize=2&page=4999`);
    expect(page).toMatchObject({ total: 10_000, more: true });
    expect(page.items).toHaveLength(2);
    await api.db('tickets').where('subject', `${mark} 0`).delete();
    expect(await list(`q=${mark}`)).toEqual({ total: 10_000, items: expect.anything() as unknown });
    expect(subjects(await list(`channel=email&q=${mark}&sort=number&pageSize=1&page=9999`))).toEqual([`${mark} 9999`]);
    await api.db('tickets').whereLike('subject', `${mark}%`).delete();
  });

  it.each(['%', '_', '\\', "'", '"', '%%%%', "' or 1=1 --", '{{7*7}}'])('takes %s in a search as itself', async (sign) => {
    const mark = word();
    const made = await create({ subject: `${mark}${sign}конец` });
    await create({ subject: `${mark}xконец` });
    expect((await list(`q=${encodeURIComponent(`${mark}${sign}к`)}`)).items.map(({ id }) => id)).toEqual([made.id]);
  });

  it.each([
    ['sort=id', ['sort']],
    ['sort=id;select pg_sleep(5)', ['sort']],
    ['status=foo', ['status[0]']],
    ['status=', ['status[0]']],
    ['page=0', ['page']],
    ['page=1.5', ['page']],
    ['pageSize=1000000000', ['pageSize']],
    ['pageSize=-1', ['pageSize']],
    ['customerId=1', ['customerId']],
    ['assigneeId=you', ['assigneeId']],
    [`q=${'%25'.repeat(3000)}`, ['q']],
    ['q=a%00b', ['q']],
    ['unknown=1', ['unknown']],
    ['q=a&q=b', ['q']],
  ])('refuses %.60s by name', async (query, fields) => {
    const startedAt = Date.now();
    const answer = await api.anna.get(`/api/tickets?${query}`);
    expect([answer.status, fieldsOf(answer)]).toEqual([400, fields]);
    expect(Date.now() - startedAt).toBeLessThan(2000);
  });

  it('answers a page beyond the end with nothing', async () => {
    expect((await list('page=1000000&pageSize=200')).items).toEqual([]);
  });
});

describe('The second half of the list', () => {
  it.each(['updatedAt', '-number', '-subject', 'customer', '-customer', 'lastMissedAt', '-lastMissedAt'])(
    'by %s is what the whole list says',
    async (sort) => {
      const whole: string[] = [];
      const { total } = await list(`sort=${sort}&pageSize=1`);
      for (let page = 1; whole.length < total; page += 1) {
        const { items } = await list(`sort=${sort}&pageSize=200&page=${page}`);
        whole.push(...items.map(({ id }) => id));
      }
      expect(new Set(whole).size).toBe(total);
      for (const page of [2, 4, 6, 7]) {
        const pageSize = Math.ceil(total / 7);
        const { items } = await list(`sort=${sort}&pageSize=${pageSize}&page=${page}`);
        expect(items.map(({ id }) => id)).toEqual(whole.slice((page - 1) * pageSize, page * pageSize));
      }
    },
  );
});
