import type { Channel, Handset, TicketKind, TicketStatus } from '../domain/tickets.ts';
import type { Executor } from './pool.ts';
import { MAX_FOUND } from './search.ts';
import { pageByAssignee, pageByCustomer, type Slice } from './ticket-pages.ts';
import { ticketMatches } from './ticket-search.ts';
import { ticketVisible, type Condition, type Viewer } from './visibility.ts';

export interface TicketFilter {
  readonly status?: readonly TicketStatus[] | undefined;
  readonly channel?: readonly Channel[] | undefined;
  readonly kind?: readonly TicketKind[] | undefined;
  readonly customerId?: string | undefined;
  /** Null: nobody's. */
  readonly assigneeId?: string | null | undefined;
  /** Part of a subject, a customer's name or a number's digits; or the ticket's number. */
  readonly q?: string | undefined;
  /** That a ticket (`t`) is one of those a figure of the statistics counts. */
  readonly counted?: Condition | undefined;
  /** How numbers without a country code are meant in `q`. */
  readonly country: string;
}

export type TicketOrder =
  'updatedAt' | 'createdAt' | 'number' | 'subject' | 'status' | 'customer' | 'assignee' | 'lastMissedAt' | 'waitingSince';

export interface TicketListRow {
  readonly id: string;
  readonly number: string;
  readonly subject: string;
  readonly status: TicketStatus;
  readonly channel: Channel;
  readonly kind: TicketKind | null;
  readonly handset: Handset | null;
  readonly phone: string | null;
  readonly customer_id: string | null;
  readonly customer_name: string | null;
  readonly assignee_id: string | null;
  readonly assignee_name: string | null;
  readonly missed_count: number;
  readonly last_missed_at: Date | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly closed_at: Date | null;
}

const searched = ({ q }: TicketFilter): string => q?.trim() ?? '';

function oneOf(column: string, values: readonly string[] | undefined): Condition[] {
  if (!values) return [];
  return [{ sql: `${column} in (${values.map(() => '?').join(', ')})`, bindings: values }];
}

async function conditions(db: Executor, viewer: Viewer, filter: TicketFilter): Promise<Condition[]> {
  const q = searched(filter);
  const open = filter.status && !filter.status.includes('closed');
  return [
    ticketVisible(viewer),
    ...oneOf('t.status', filter.status),
    // Implied by the line above, and said again for the partial index of the worklist of missed calls.
    ...(open ? [{ sql: `t.status <> 'closed'`, bindings: [] }] : []),
    ...oneOf('t.channel', filter.channel),
    ...oneOf('t.kind', filter.kind),
    ...oneOf('t.customer_id', filter.customerId === undefined ? undefined : [filter.customerId]),
    ...oneOf('t.assignee_id', filter.assigneeId ? [filter.assigneeId] : undefined),
    ...(filter.assigneeId === null ? [{ sql: 't.assignee_id is null', bindings: [] }] : []),
    ...(filter.counted ? [filter.counted] : []),
    ...(q ? [await ticketMatches(db, q, filter.country)] : []),
  ];
}

/** What a list may be sorted by: the column, and the join that brings it. */
interface Order {
  readonly column: string;
  readonly join?: string;
  readonly nullable?: boolean;
  /** How a page of it is found without sorting all tickets, where no index of theirs has the order. */
  readonly pageOf?: typeof pageByCustomer;
}
const ORDERS: Readonly<Record<TicketOrder, Order>> = {
  updatedAt: { column: 't.updated_at' },
  createdAt: { column: 't.created_at' },
  number: { column: 't.number' },
  subject: { column: 'lower(t.subject)' },
  // In the order of work, under which `tickets_by_progress` keeps them.
  status: { column: `(case t.status when 'open' then 0 when 'pending' then 1 else 2 end)` },
  customer: {
    column: 'lower(c.full_name)',
    join: 'left join customers c on c.id = t.customer_id',
    nullable: true,
    pageOf: pageByCustomer,
  },
  assignee: {
    column: 'lower(a.full_name)',
    join: 'left join agents a on a.id = t.assignee_id',
    nullable: true,
    pageOf: pageByAssignee,
  },
  lastMissedAt: { column: 't.last_missed_at', nullable: true },
  waitingSince: { column: 't.waiting_since', nullable: true },
};

export interface ListedTickets {
  readonly rows: TicketListRow[];
  readonly total: number;
  /** A search found more than `total`, which is as far as they are counted. */
  readonly more: boolean;
}

const ROWS_SQL = `select t.id, t.number, t.subject, t.status, t.channel, t.kind, t.handset, t.phone, t.customer_id,
    c.full_name as customer_name, t.assignee_id, a.full_name as assignee_name, t.missed_count, t.last_missed_at,
    t.created_at, t.updated_at, t.closed_at
  from tickets t left join customers c on c.id = t.customer_id left join agents a on a.id = t.assignee_id`;

/** Whether all that is asked for stands in `ticket_counts` too, under the same names. */
const isCounted = (filter: TicketFilter): boolean =>
  filter.customerId === undefined && filter.counted === undefined && searched(filter) === '';

interface Found {
  readonly total: number;
  /** Of a search that found few: that a ticket is one of them, so that nothing is searched for twice. */
  readonly among?: Condition;
}

const FEW = 1_000;

async function findTickets(db: Executor, where: Condition): Promise<Found> {
  const { rows } = await db.raw<{ rows: { total: string; ids: string | null }[] }>(
    `select count(*) as total, case when count(*) <= ${FEW} then array_agg(id)::text end as ids
     from (select t.id from tickets t where ${where.sql} limit ${MAX_FOUND + 1}) found`,
    [...where.bindings],
  );
  const { total = 0, ids } = rows[0] ?? {};
  return { total: Number(total), ...(ids ? { among: { sql: 't.id = any(?::bigint[])', bindings: [ids] } } : {}) };
}

async function countTickets(db: Executor, filter: TicketFilter, where: Condition): Promise<Found> {
  if (searched(filter)) return findTickets(db, where);
  const { rows } = await db.raw<{ rows: { total: string | null }[] }>(
    isCounted(filter)
      ? `select sum(t.n) as total from ticket_counts t where ${where.sql}`
      : `select count(*) as total from tickets t where ${where.sql}`,
    [...where.bindings],
  );
  return { total: Number(rows[0]?.total ?? 0) };
}

interface Page extends Slice {
  readonly order: TicketOrder;
}

/** The page's ids, which an index alone can give. What lies in the second half of a list is counted off from its end. */
async function pageOfIds(db: Executor, filter: TicketFilter, where: Condition, page: Page, total: number): Promise<string[]> {
  const { column, join = '', nullable, pageOf } = ORDERS[page.order];
  // What a search or a figure has found is few enough to be sorted.
  if (pageOf && isCounted(filter)) return pageOf(db, where, page, total);
  const limit = Math.min(page.limit, total - page.offset);
  const fromEnd = page.offset > total / 2;
  const offset = fromEnd ? total - page.offset - limit : page.offset;
  const direction = page.descending !== fromEnd ? 'desc' : 'asc';
  // Missed-call tickets all have the time; without a word about nulls their index serves.
  const hasNulls = nullable && !(page.order === 'lastMissedAt' && filter.kind?.join() === 'missed');
  const nulls = hasNulls ? ` nulls ${fromEnd ? 'first' : 'last'}` : '';
  const { rows } = await db.raw<{ rows: { id: string }[] }>(
    `select t.id from tickets t ${join} where ${where.sql} order by ${column} ${direction}${nulls}, t.id ${direction} limit ? offset ?`,
    [...where.bindings, limit, offset],
  );
  const ids = rows.map(({ id }) => id);
  return fromEnd ? ids.reverse() : ids;
}

export async function listTickets(db: Executor, viewer: Viewer, filter: TicketFilter, page: Page): Promise<ListedTickets> {
  const all = await conditions(db, viewer, filter);
  const where = { sql: all.map(({ sql }) => sql).join(' and '), bindings: all.flatMap(({ bindings }) => bindings) };
  const { total: found, among } = await countTickets(db, filter, where);
  const more = searched(filter) !== '' && found > MAX_FOUND;
  const total = more ? MAX_FOUND : found;
  if (page.offset >= total) return { rows: [], total, more };
  // Counted off from the end, a list that was cut would begin somewhere else.
  const ids = await pageOfIds(db, filter, among ?? where, page, more ? Infinity : total);
  return { rows: await ticketRows(db, ids), total, more };
}

/** These tickets, in this order. */
async function ticketRows(db: Executor, ids: readonly string[]): Promise<TicketListRow[]> {
  if (ids.length === 0) return [];
  const { rows } = await db.raw<{ rows: TicketListRow[] }>(`${ROWS_SQL} where t.id = any(?::bigint[])`, [[...ids]]);
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.flatMap((id) => byId.get(id) ?? []);
}

/** One ticket, if the viewer may see it. */
export async function findTicketRow(db: Executor, viewer: Viewer, ticketId: string): Promise<TicketListRow | undefined> {
  const visible = ticketVisible(viewer);
  const { rows } = await db.raw<{ rows: TicketListRow[] }>(`${ROWS_SQL} where t.id = ? and ${visible.sql}`, [
    ticketId,
    ...visible.bindings,
  ]);
  return rows[0];
}
