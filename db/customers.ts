import { CUSTOMER_VIEW_SQL, type CustomerView } from './calls.ts';
import type { Executor, Transaction } from './pool.ts';
import { containing, datePatterns, likeAny, MAX_FOUND, phonePatterns } from './search.ts';
import { publish } from './stream.ts';
import type { Condition } from './visibility.ts';

const FOUND_SQL = `select ${CUSTOMER_VIEW_SQL} as customer from customers c`;

/** Each word must stand in some field; a whole number, however it is split by spaces, counts as one word. */
function matching(q: string, country: string): Condition[] {
  const words = phonePatterns(q, country).length > 0 ? [q] : q.split(/\s+/).filter(Boolean);
  return words.map((word) => {
    const patterns = [...containing(word), ...phonePatterns(word, country), ...datePatterns(word)];
    return likeAny('c.search', patterns);
  });
}

export interface ListedCustomers {
  readonly customers: CustomerView[];
  readonly total: number;
  /** A search found more than `total`, which is as far as they are counted. */
  readonly more: boolean;
}

export async function listCustomers(
  db: Executor,
  filter: { readonly q: string | undefined; readonly country: string },
  page: { readonly offset: number; readonly limit: number },
): Promise<ListedCustomers> {
  const q = filter.q?.trim();
  const all: Condition[] = [{ sql: 'c.erased_at is null', bindings: [] }, ...(q ? matching(q, filter.country) : [])];
  const where = all.map(({ sql }) => sql).join(' and ');
  const bindings = all.flatMap((condition) => condition.bindings);
  const count = await db.raw<{ rows: { total: string }[] }>(
    `select count(*) as total from (select from customers c where ${where} ${q ? `limit ${MAX_FOUND + 1}` : ''}) found`,
    bindings,
  );
  const found = Number(count.rows[0]?.total ?? 0);
  const more = Boolean(q) && found > MAX_FOUND;
  const total = more ? MAX_FOUND : found;
  if (page.offset >= total) return { customers: [], total, more };
  // What was searched for stands by name; all of them, newest first.
  const order = q ? 'lower(c.full_name), c.id' : 'c.created_at desc, c.id';
  const { rows } = await db.raw<{ rows: { customer: CustomerView }[] }>(
    `select ${CUSTOMER_VIEW_SQL} as customer from (
       select c.* from customers c where ${where} order by ${order} limit ? offset ?
     ) c order by ${order}`,
    [...bindings, page.limit, page.offset],
  );
  return { customers: rows.map(({ customer }) => customer), total, more };
}

export async function findCustomer(db: Executor, id: string): Promise<CustomerView | undefined> {
  const { rows } = await db.raw<{ rows: { customer: CustomerView }[] }>(`${FOUND_SQL} where c.id = ? and c.erased_at is null`, [
    id,
  ]);
  return rows[0]?.customer;
}

/** False if there is no such customer (any more). Locked to the end of the transaction otherwise. */
export async function lockCustomer(trx: Transaction, id: string): Promise<boolean> {
  const row: unknown = await trx('customers').where({ id }).whereNull('erased_at').forUpdate().first('id');
  return row !== undefined;
}

export interface CustomerValues {
  readonly fullName?: string | undefined;
  readonly company?: string | undefined;
  readonly note?: string | undefined;
  /** E.164, without repetition; the whole list. */
  readonly phones?: readonly string[] | undefined;
  readonly emails?: readonly string[] | undefined;
  /** Merged key by key; null removes a value. */
  readonly customFields?: Readonly<Record<string, unknown>> | undefined;
}

export async function insertCustomer(trx: Transaction, values: CustomerValues & { readonly fullName: string }): Promise<string> {
  const [row] = (await trx('customers')
    .insert({ full_name: values.fullName, company: values.company ?? '', note: values.note ?? '' })
    .returning(['id'])) as { id: string }[];
  if (!row) throw new Error('Postgres returned no row for a new customer');
  await writeCustomer(trx, row.id, { ...values, fullName: undefined, company: undefined, note: undefined });
  return row.id;
}

/** Changes what is given and nothing else: numbers that stay are not written again. */
export async function writeCustomer(trx: Transaction, id: string, values: CustomerValues): Promise<void> {
  const { fullName, company, note, phones, emails, customFields } = values;
  const removed = Object.keys(customFields ?? {}).filter((key) => customFields?.[key] === null);
  await trx('customers')
    .where({ id })
    .update({
      updated_at: trx.raw('clock_timestamp()'),
      ...(fullName === undefined ? {} : { full_name: fullName }),
      ...(company === undefined ? {} : { company }),
      ...(note === undefined ? {} : { note }),
      ...(customFields === undefined
        ? {}
        : { custom_fields: trx.raw('(custom_fields || ?::jsonb) - ?::text[]', [JSON.stringify(customFields), removed]) }),
    });
  if (phones) await replaceList(trx, 'customer_phones', 'phone', id, phones);
  if (emails) await replaceList(trx, 'customer_emails', 'email', id, emails);
  await publish(trx, { type: 'customer.changed', agentId: null, payload: { customerId: id } });
}

async function replaceList(
  trx: Transaction,
  table: 'customer_phones' | 'customer_emails',
  column: 'phone' | 'email',
  customerId: string,
  values: readonly string[],
): Promise<void> {
  await trx(table)
    .where({ customer_id: customerId })
    .whereNotIn(column, [...values])
    .delete();
  if (values.length === 0) return;
  await trx.raw(
    `insert into ${table} (customer_id, ${column}, position)
     select ?, value, place - 1 from unnest(?::text[]) with ordinality as given (value, place)
     on conflict (customer_id, ${column}) do update set position = excluded.position where ${table}.position <> excluded.position`,
    [customerId, [...values]],
  );
}
