import type { Executor } from './pool.ts';
import { containing, likeAny, phonePatterns } from './search.ts';
import type { Condition } from './visibility.ts';

const MAX_CUSTOMERS = 5000;
const TICKET_NUMBER = /^#?(\d{1,15})$/;

function namedLike(patterns: readonly string[]): Condition {
  const [search, name] = [likeAny('c.search', patterns), likeAny('lower(c.full_name)', patterns)];
  return { sql: `${search.sql} and ${name.sql}`, bindings: [...search.bindings, ...name.bindings] };
}

/** Tickets of customers of this name: by the customers' ids while they are few; row by row where so many fit that any row may. */
async function ofCustomers(db: Executor, patterns: readonly string[]): Promise<Condition> {
  const { sql, bindings } = namedLike(patterns);
  const { rows } = await db.raw<{ rows: { id: string }[] }>(
    `select c.id from customers c where ${sql} and c.erased_at is null limit ${MAX_CUSTOMERS + 1}`,
    [...bindings],
  );
  if (rows.length <= MAX_CUSTOMERS) {
    return { sql: "t.customer_id = any(string_to_array(?, ',')::uuid[])", bindings: [rows.map(({ id }) => id).join(',')] };
  }
  // With an offset each row asks for its own customer, which few rows do; the names of all are not gathered first.
  return { sql: `exists (select from customers c where c.id = t.customer_id and ${sql} offset 0)`, bindings };
}

/**
 * That a ticket (`t`) has `q` in its subject, its customer's name or its phone number, or is the number of a ticket. Alternatives
 * of one `or`, each with its own index: Postgres joins them where few rows fit, and reads in the list's order where many do.
 */
export async function ticketMatches(db: Executor, q: string, country: string): Promise<Condition> {
  const patterns = containing(q);
  const phones = phonePatterns(q, country);
  const number = TICKET_NUMBER.exec(q)?.[1];
  const any: Condition[] = [
    likeAny('lower(t.subject)', patterns),
    ...(phones.length > 0 ? [likeAny('t.phone', phones)] : []),
    ...(number ? [{ sql: 't.number = ?::bigint', bindings: [number] }] : []),
    // Last, for it costs most where it is asked of each row.
    await ofCustomers(db, patterns),
  ];
  return { sql: `(${any.map(({ sql }) => sql).join(' or ')})`, bindings: any.flatMap(({ bindings }) => bindings) };
}
