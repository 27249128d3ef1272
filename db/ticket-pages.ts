import type { Executor } from './pool.ts';
import type { Condition } from './visibility.ts';

/** Pages of the ticket list in the order of people's names: those with a name first, then the others, whatever the direction. */

export interface Slice {
  readonly offset: number;
  readonly limit: number;
  readonly descending: boolean;
}

const direction = ({ descending }: Pick<Slice, 'descending'>): 'asc' | 'desc' => (descending ? 'desc' : 'asc');

const idsOf = async (db: Executor, sql: string, bindings: readonly unknown[]): Promise<string[]> =>
  (await db.raw<{ rows: { id: string }[] }>(sql, bindings as never)).rows.map(({ id }) => id);

/** Those of one assignee or of nobody's, by id. */
const idsWhere = (db: Executor, { sql, bindings }: Condition, slice: Slice): Promise<string[]> =>
  idsOf(db, `select t.id from tickets t where ${sql} order by t.id ${direction(slice)} limit ? offset ?`, [
    ...bindings,
    slice.limit,
    slice.offset,
  ]);

/** All tickets there are: of these, each customer's number is kept. */
const isAll = ({ sql }: Condition): boolean => sql === 'true';

/** Each customer's number of tickets in the order of names: as it is kept, or, of some of the tickets, counted one by one. */
const inOrderOfNames = (where: Condition, slice: Slice): string =>
  isAll(where)
    ? `select t.name, t.customer_id as id, sum(t.n)::int as n from customer_ticket_counts t where t.customer_id is not null
       group by t.name, t.customer_id order by t.name ${direction(slice)}, t.customer_id ${direction(slice)}`
    : `select lower(p.full_name) as name, p.id, theirs.n
       from customers p cross join lateral (select count(*)::int as n from tickets t where t.customer_id = p.id and ${where.sql}) theirs`;

/** Walks along the names until the page is reached, and reads the tickets of those on the page alone. */
async function idsByName(db: Executor, where: Condition, slice: Slice): Promise<string[]> {
  const { sql, bindings } = where;
  const { rows } = await db.raw<{ rows: { id: string; before: string }[] }>(
    `select id, before from (
       select id, n, sum(n) over (order by name ${direction(slice)}, id ${direction(slice)} rows unbounded preceding) - n as before
       from (${inOrderOfNames(where, slice)}) people) walk
     where n > 0 and before + n > ? limit ?`,
    [...bindings, slice.offset, slice.limit],
  );
  const first = rows[0];
  if (!first) return [];
  return idsOf(
    db,
    `select t.id from unnest(?::uuid[]) with ordinality person(id, place) join tickets t on t.customer_id = person.id where ${sql}
     order by person.place, t.id ${direction(slice)} limit ? offset ?`,
    [rows.map(({ id }) => id), ...bindings, slice.limit, slice.offset - Number(first.before)],
  );
}

/** The second half is walked from its end. */
async function namedPage(db: Executor, where: Condition, named: number, slice: Slice): Promise<string[]> {
  const { offset, limit, descending } = slice;
  if (offset <= named / 2) return idsByName(db, where, slice);
  const ids = await idsByName(db, where, { offset: named - offset - limit, limit, descending: !descending });
  return ids.reverse();
}

export async function pageByCustomer(db: Executor, where: Condition, slice: Slice, total: number): Promise<string[]> {
  const { offset } = slice;
  const limit = Math.min(slice.limit, total - offset);
  const nobodys = { sql: `${where.sql} and t.customer_id is null`, bindings: where.bindings };
  const counted = isAll(where) ? 'sum(t.n) as n from customer_ticket_counts t' : 'count(*) as n from tickets t';
  const { rows } = await db.raw<{ rows: { n: string | null }[] }>(`select ${counted} where ${nobodys.sql}`, [...where.bindings]);
  const named = total - Number(rows[0]?.n ?? 0);
  const ofNamed = Math.max(0, Math.min(limit, named - offset));
  const ids = ofNamed > 0 ? await namedPage(db, where, named, { ...slice, limit: ofNamed }) : [];
  if (ofNamed === limit) return ids;
  const rest = { ...slice, offset: Math.max(0, offset - named), limit: limit - ofNamed };
  return [...ids, ...(await idsWhere(db, nobodys, rest))];
}

/** How many tickets each assignee has, from what is kept about it, in the order of names. */
async function assignees(db: Executor, where: Condition, slice: Slice): Promise<{ id: string; n: number }[]> {
  const { rows } = await db.raw<{ rows: { id: string; n: string }[] }>(
    `select a.id, sum(t.n) as n from ticket_counts t join agents a on a.id = t.assignee_id where ${where.sql}
     group by a.id having sum(t.n) > 0 order by lower(a.full_name) ${direction(slice)}, a.id ${direction(slice)}`,
    [...where.bindings],
  );
  return rows.map(({ id, n }) => ({ id, n: Number(n) }));
}

/** Knows from the counts whose tickets lie on the page, and reads only those. */
export async function pageByAssignee(db: Executor, where: Condition, slice: Slice, total: number): Promise<string[]> {
  const people = await assignees(db, where, slice);
  const nobodys = total - people.reduce((sum, { n }) => sum + n, 0);
  const ids: string[] = [];
  let before = 0;
  for (const { id, n } of [...people, { id: null, n: nobodys }]) {
    const [first, last] = [Math.max(0, slice.offset - before), Math.min(n, slice.offset + slice.limit - before)];
    before += n;
    if (first >= last) continue;
    const theirs = id === null ? 't.assignee_id is null' : 't.assignee_id = ?';
    const wanted = { sql: `${where.sql} and ${theirs}`, bindings: id === null ? where.bindings : [...where.bindings, id] };
    ids.push(...(await idsWhere(db, wanted, { ...slice, offset: first, limit: last - first })));
  }
  return ids;
}
