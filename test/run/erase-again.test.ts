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
const line = (customerId: string | null, reason: Destruction['reason']): Destruction => ({
  id: '1',
  at: '2026-01-31T10:00:00Z',
  cause: customerId ? 'erasure' : 'retention',
  reason,
  subject: customerId ? { number: '7', customerId } : null,
  categories: [
    { category: 'profile', count: 1 },
    { category: 'messages', count: 2 },
  ],
  orderedBy: 'Админ; «второй» (7)',
  orderedAt: '2026-01-31T09:00:00Z',
});

test.each(['ru', 'en'] as const)(
  'who is back after a restore is ordered to be erased again by the destruction log’s export (%s), once',
  async (lang) => {
    const [one, other, spared] = [await customer('Один'), await customer('Другая'), await customer('Третий')];
    const lines = [
      line(other, 'unlawful'),
      line(null, 'term_over'),
      line(one, 'consent_withdrawn'),
      line(randomUUID(), 'request'),
    ];
    const csv = destructionCsv(lines, lines.length, lang, 'Europe/Moscow');
    expect(await eraseAgain(database.db, csv, 'keep')).toEqual({ ordered: 2, none: 1 });
    const rows = await database
      .db('erasures')
      .whereIn('customer_id', [one, other, spared])
      .orderBy('number')
      .select('id', 'customer_id', 'reason', 'texts', 'state', 'ordered_by');
    const order = { texts: 'keep', state: 'ordered', ordered_by: null };
    expect(rows).toMatchObject([
      { customer_id: one, reason: 'consent_withdrawn', ...order },
      { customer_id: other, reason: 'unlawful', ...order },
    ]);
    const waiting = rows.map(({ id }: { id: string }) => `erasure:${id}`);
    expect(await database.db('inbox').whereIn('entry', waiting).whereNull('delivered_at')).toHaveLength(2);
    expect(await database.db('audit_log').where({ action: 'customer.erasure_ordered', subject: one })).toHaveLength(1);

    expect(await eraseAgain(database.db, csv, 'keep')).toEqual({ ordered: 0, none: 3 });
  },
);
