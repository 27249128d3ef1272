import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Customer } from '../../api/contract/customers.ts';
import type { Field } from '../../api/contract/settings.ts';
import { as, codeOf, fieldsOf, startTestApi, type TestApi } from '../support/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

const create = async (values: object): Promise<Customer> => {
  const answer = await api.anna.post('/api/customers', { fullName: 'Иван Петров', ...values });
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return as<Customer>(answer);
};
const search = async (q: string): Promise<string[]> => {
  const answer = await api.anna.get(`/api/customers?pageSize=200&q=${encodeURIComponent(q)}`);
  expect(answer.status).toBe(200);
  return as<{ items: Customer[] }>(answer).items.map(({ id }) => id);
};
const addField = async (values: object): Promise<Field> => as<Field>(await api.admin.post('/api/fields', values));

describe('A customer', () => {
  it('is stored with numbers as typed in E.164 and everything else as given', async () => {
    const made = await create({
      phones: ['8 912 345-67-89', '+1 (212) 555-01-00', '+79123456789'],
      emails: ['Ivan@Example.com', 'ivan@example.com'],
      company: 'ООО «Ромашка»',
      note: 'звонить\nпосле обеда',
    });
    expect(made).toEqual({
      id: made.id,
      fullName: 'Иван Петров',
      phones: ['+79123456789', '+12125550100'],
      emails: ['ivan@example.com'],
      company: 'ООО «Ромашка»',
      note: 'звонить\nпосле обеда',
      customFields: {},
    });
    expect((await api.boris.get(`/api/customers/${made.id}`)).body).toEqual(made);
  });

  it('may share a number with another one', async () => {
    const [one, two] = [await create({ phones: ['+79030000001'] }), await create({ phones: ['+79030000001'] })];
    expect((await search('+79030000001')).sort()).toEqual([one.id, two.id].sort());
  });

  it.each([
    [{ fullName: '' }, ['fullName']],
    [{ fullName: '\u2060' }, ['fullName']],
    [{ fullName: 'x'.repeat(201) }, ['fullName']],
    [{ fullName: 7 }, ['fullName']],
    [{ phones: ['+79123456789', 'звонить Ивану'] }, ['phones[1]']],
    [{ phones: ['12', '', '+7'] }, ['phones[1]']],
    [{ phones: ['12', '99'] }, ['phones[0]', 'phones[1]']],
    [{ phones: '+79123456789' }, ['phones']],
    [{ emails: ['a@b.ru', 'нет'] }, ['emails[1]']],
    [{ emails: [`${'a'.repeat(64)}@b.ru`, `${'a'.repeat(65)}@b.ru`] }, ['emails[1]']],
    [
      { emails: [`a@${'b'.repeat(63)}.ru`, `a@${'b'.repeat(64)}.ru`, 'a@b-.ru', 'a..b@b.ru'] },
      ['emails[1]', 'emails[2]', 'emails[3]'],
    ],
    [{ note: 'a\u0000' }, ['note']],
    [{ id: randomUUID(), erasedAt: null }, ['id', 'erasedAt']],
    [{ customFields: { nothing: 'x' } }, ['customFields.nothing']],
    [{ customFields: { fullName: 'x' } }, ['customFields.fullName']],
    [{ customFields: { deep: { a: 1 } } }, ['customFields.deep']],
  ])('is refused by name: %j', async (values, fields) => {
    const answer = await api.anna.post('/api/customers', { fullName: 'Иван', ...values });
    expect([answer.status, fieldsOf(answer)]).toEqual([400, fields]);
  });

  it('keeps what is not named when it changes, and only adds and removes what differs', async () => {
    const made = await create({ phones: ['+79161110001', '+79161110002'], company: 'А', note: 'б' });
    const changed = as<Customer>(await api.anna.patch(`/api/customers/${made.id}`, { phones: ['89161110003', '+79161110001'] }));
    expect(changed).toEqual({ ...made, phones: ['+79161110003', '+79161110001'] });
    expect(as<Customer>(await api.anna.patch(`/api/customers/${made.id}`, { fullName: 'Пётр' }))).toEqual({
      ...changed,
      fullName: 'Пётр',
    });
    expect(as<Customer>(await api.anna.patch(`/api/customers/${made.id}`, { phones: [] })).phones).toEqual([]);
  });

  it('that gets a number leaves calls and tickets as they were', async () => {
    const made = await create({});
    const ticket = as<{ id: string }>(
      await api.anna.post('/api/tickets', { subject: 'x', channel: 'call', kind: 'incoming', phone: '+79165550000' }),
    );
    const before = await api.db('tickets').where({ id: ticket.id }).first();
    await api.anna.patch(`/api/customers/${made.id}`, { phones: ['+79165550000'] });
    expect(await api.db('tickets').where({ id: ticket.id }).first()).toEqual(before);
  });

  it('is told about on the stream', async () => {
    const made = await create({});
    const rows = (await api.db('stream_events').where({ type: 'customer.changed' })) as { payload: { customerId: string } }[];
    expect(rows.map(({ payload }) => payload.customerId)).toContain(made.id);
  });

  it('that is not there, or was erased, is 404', async () => {
    const made = await create({});
    await api.db('customers').where({ id: made.id }).update({ erased_at: new Date() });
    for (const id of [made.id, randomUUID(), 'abc', '%00', '..%2f']) {
      expect((await api.anna.get(`/api/customers/${id}`)).status).toBe(404);
    }
    expect(codeOf(await api.anna.patch(`/api/customers/${made.id}`, { fullName: 'x' }))).toBe('customer_not_found');
    expect(await search(made.id)).toEqual([]);
  });
});

describe('Custom fields of a customer', () => {
  it('take values of their type and no others', async () => {
    await addField({ key: 'contract', label: 'Договор', type: 'text' });
    await addField({ key: 'since', label: 'С', type: 'date' });
    await addField({ key: 'vip', label: 'VIP', type: 'checkbox' });
    await addField({ key: 'plan', label: 'Тариф', type: 'select', options: ['Базовый', 'Полный'] });
    await addField({ key: 'site', label: 'Сайт', type: 'link' });
    await addField({ key: 'seats', label: 'Места', type: 'number' });
    const good = { contract: '№ 118', since: '2026-02-28', vip: true, plan: 'Полный', site: 'https://example.com/a', seats: 2.5 };
    const made = await create({ customFields: good });
    expect(made.customFields).toEqual(good);
    const bad = { contract: 'a\nb', since: '2026-02-31', vip: 'yes', plan: 'Другой', site: 'javascript:alert(1)', seats: '2' };
    const answer = await api.anna.patch(`/api/customers/${made.id}`, { customFields: bad });
    expect([answer.status, fieldsOf(answer)]).toEqual([400, Object.keys(bad).map((key) => `customFields.${key}`)]);
    const merged = as<Customer>(await api.anna.patch(`/api/customers/${made.id}`, { customFields: { vip: null, seats: 3 } }));
    expect(merged.customFields).toEqual({
      contract: '№ 118',
      since: '2026-02-28',
      plan: 'Полный',
      site: 'https://example.com/a',
      seats: 3,
    });
    for (const q of ['№ 118', '28.02.2026', '2026-02-28']) expect(await search(q), q).toContain(made.id);
  });
});

describe('The search for customers', () => {
  it('looks into every field', async () => {
    await addField({ key: 'passport', label: 'Паспорт', type: 'text' });
    const made = await create({
      fullName: 'Аграфена Щукина',
      phones: ['+79267778899'],
      emails: ['agra@shuka.example'],
      company: 'Рыбхоз',
      note: 'любит карпов',
      customFields: { passport: '4509 112233' },
    });
    const everywhere = [
      'щукина',
      'АГРАФЕНА',
      'agra@shuka',
      'рыбхоз',
      'карпов',
      '112233',
      '7778899',
      'Щукина Рыбхоз',
      'карпов 926777',
    ];
    for (const q of everywhere) expect(await search(q), q).toContain(made.id);
    expect(await search('Щукина Сельпо')).not.toContain(made.id);
  });

  it.each(['8 926 111', '8926111', '+7 926 111', '926-111-22', '(926) 1112233', '8 (926) 111-22-33', '11122'])(
    'finds a number by any part of its digits: %s',
    async (typed) => {
      const made = await create({ phones: ['+79261112233'] });
      expect(await search(typed)).toContain(made.id);
    },
  );

  it.each(['%', '_', '\\', "' or '1'='1"])('takes %s as itself', async (sign) => {
    const mark = randomUUID();
    const made = await create({ fullName: `${mark}${sign}x` });
    await create({ fullName: `${mark}-x` });
    expect(await search(`${mark}${sign}x`)).toEqual([made.id]);
  });

  it('pages, by name where something is searched for', async () => {
    const mark = randomUUID().slice(0, 8);
    for (const name of ['в', 'а', 'г', 'б']) await create({ fullName: `${name} ${mark}` });
    const pages = await Promise.all([1, 2, 3].map((page) => api.anna.get(`/api/customers?q=${mark}&pageSize=2&page=${page}`)));
    const read = pages.map((page) => as<{ items: Customer[]; total: number }>(page));
    expect(read.map(({ total }) => total)).toEqual([4, 4, 4]);
    expect(read.flatMap(({ items }) => items.map(({ fullName }) => fullName.charAt(0)))).toEqual(['а', 'б', 'в', 'г']);
  });

  it('shows the newest first where nothing is searched for', async () => {
    const made = await create({});
    expect(as<{ items: Customer[] }>(await api.anna.get('/api/customers')).items[0]?.id).toBe(made.id);
  });
});
