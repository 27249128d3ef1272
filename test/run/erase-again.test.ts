import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Destruction } from '../../api/contract/privacy.ts';
import { destructionCsv } from '../../api/present/log-csv.ts';
import { eraseAgain } from '../../run/erase-again.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const customer = async (full_name: string): Promise<string> =>
  ((await database.db('customers').insert({ full_name }, ['id'])) as { id: string }[])[0]?.id ?? '';
const line = (
  customerId: string | null,
  reason: Destruction['reason'],
  texts: Destruction['texts'],
  orderedBy = 'Админ; «второй» "(7)"',
): Destruction => ({
  id: '1',
  at: '2026-01-31T10:00:00Z',
  cause: customerId ? 'erasure' : 'retention',
  reason,
  subject: customerId ? { number: '7', customerId } : null,
  categories: [
    { category: 'profile', count: 1 },
    { category: 'messages', count: 2 },
  ],
  orderedBy,
  orderedAt: '2026-01-31T09:00:00Z',
  texts,
});

const ordersOf = (...customers: readonly string[]): Promise<{ id: string; customer_id: string; texts: string }[]> =>
  database
    .db('erasures')
    .whereIn('customer_id', customers)
    .orderBy('number')
    .select('id', 'customer_id', 'reason', 'texts', 'state', 'ordered_by');

test.each(['ru', 'en'] as const)(
  'who is back after a restore is ordered to be erased again by the destruction log’s export (%s), once, with texts as before',
  async (lang) => {
    const [one, other, spared] = [await customer('Один'), await customer('Другая'), await customer('Третий')];
    const lines = [
      line(other, 'unlawful', 'keep'),
      line(null, 'term_over', null),
      line(one, 'consent_withdrawn', 'erase', 'Админ\r\nвторой'),
      line(randomUUID(), 'request', 'erase'),
      // Whoever is called so orders nothing.
      line(null, 'term_over', null, `Админ\r\n2026-01-31;№ 7 (${spared});;;;;`),
    ];
    const csv = destructionCsv(lines, lines.length, lang, 'Europe/Moscow');
    expect(await eraseAgain(database.db, csv)).toEqual({ ordered: 2, none: 1 });
    const rows = await ordersOf(one, other, spared);
    const order = { state: 'ordered', ordered_by: null };
    expect(rows).toMatchObject([
      { customer_id: one, reason: 'consent_withdrawn', texts: 'erase', ...order },
      { customer_id: other, reason: 'unlawful', texts: 'keep', ...order },
    ]);
    const waiting = rows.map(({ id }) => `erasure:${id}`);
    expect(await database.db('inbox').whereIn('entry', waiting).whereNull('delivered_at')).toHaveLength(2);
    expect(await database.db('audit_log').where({ action: 'customer.erasure_ordered', subject: one })).toHaveLength(1);

    expect(await eraseAgain(database.db, csv)).toEqual({ ordered: 0, none: 3 });
  },
);

test.each(['ru', 'en'] as const)(
  'a line that does not tell of texts goes by what is asked for, the others by themselves (%s)',
  async (lang) => {
    const [old, kept] = [await customer('Давний'), await customer('Недавний')];
    const lines = [line(kept, 'request', 'keep'), line(old, 'request', null)];
    const csv = destructionCsv(lines, lines.length, lang, 'Europe/Moscow');
    await expect(eraseAgain(database.db, csv)).rejects.toThrow('1 lines of this log do not say');
    expect(await ordersOf(old, kept)).toEqual([]);
    expect(await eraseAgain(database.db, csv, 'erase')).toEqual({ ordered: 2, none: 0 });
    expect((await ordersOf(old, kept)).map(({ texts }) => texts)).toEqual(['erase', 'keep']);
  },
);

test('an export of before there was a column of texts is read by what is asked for', async () => {
  const id = await customer('Самый давний');
  const whole = destructionCsv([line(id, 'request', null, 'Админ')], 1, 'ru', 'Europe/Moscow');
  const csv = whole.replaceAll(/;[^;]*(?=\r\n)/g, '');
  expect(csv.split('\r\n')[0]).toMatch(/;Дата распоряжения$/);
  expect(await eraseAgain(database.db, csv, 'keep')).toEqual({ ordered: 1, none: 0 });
  expect((await ordersOf(id)).map(({ texts }) => texts)).toEqual(['keep']);
});
