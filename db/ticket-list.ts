import type { Channel, Handset, TicketKind, TicketStatus } from '../domain/tickets.ts';
import type { Executor } from './pool.ts';
import { containing, phonePatterns } from './search.ts';
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

export type TicketOrder = 'updatedAt' | 'createdAt' | 'number' | 'subject' | 'status' | 'customer' | 'assignee' | 'lastMissedAt';

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

const MAX_NUMBER = 999_999_999_999_999n;

/** Each part has its own index; joined by `or` they would have none. */
function matching(q: string, country: string): Condition {
  const found = [
    { sql: 'select id from tickets where lower(subject) like ?', bindings: [containing(q)] },
    {
      sql: 'select t2.id from tickets t2 join customers c2 on c2.id = t2.customer_id where c2.search like ? and lower(c2.full_name) like ?',
      bindings: [containing(q), containing(q)],
    },
    ...phonePatterns(q, country).map((pattern) => ({ sql: 'select id from tickets where phone like ?', bindings: [pattern] })),
  ];
  const number = /^#?(\d{1,15})$/.exec(q)?.[1];
  if (number && BigInt(number) <= MAX_NUMBER) found.push({ sql: 'select id from tickets where number = ?', bindings: [number] });
  return { sql: `t.id in (${found.map(({ sql }) => sql).join(' union ')})`, bindings: found.flatMap(({ bindings }) => bindings) };
}

function oneOf(column: string, values: readonly string[] | undefined): Condition[] {
  if (!values) return [];
  return [{ sql: `${column} in (${values.map(() => '?').join(', ')})`, bindings: values }];
}

function conditions(viewer: Viewer, filter: TicketFilter): Condition[] {
  const q = filter.q?.trim();
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
    ...(q ? [matching(q, filter.country)] : []),
  ];
}

/** What a list may be sorted by: the column, and the join that brings it. */
const ORDERS: Readonly<Record<TicketOrder, { readonly column: string; readonly join?: string; readonly nullable?: boolean }>> = {
  updatedAt: { column: 't.updated_at' },
  createdAt: { column: 't.created_at' },
  number: { column: 't.number' },
  subject: { column: 'lower(t.subject)' },
  status: { column: 't.status' },
  customer: { column: 'lower(c.full_name)', join: 'left join customers c on c.id = t.customer_id', nullable: true },
  assignee: { column: 'lower(a.full_name)', join: 'left join agents a on a.id = t.assignee_id', nullable: true },
  lastMissedAt: { column: 't.last_missed_at', nullable: true },
};

export interface ListedTickets {
  readonly rows: TicketListRow[];
  readonly total: number;
}

const ROWS_SQL = `select t.id, t.number, t.subject, t.status, t.channel, t.kind, t.handset, t.phone, t.customer_id,
    c.full_name as customer_name, t.assignee_id, a.full_name as assignee_name, t.missed_count, t.last_missed_at,
    t.created_at, t.updated_at, t.closed_at
  from tickets t left join customers c on c.id = t.customer_id left join agents a on a.id = t.assignee_id`;

/** Whether all that is asked for stands in `ticket_counts` too, under the same names. */
const isCounted = ({ customerId, counted, q }: TicketFilter): boolean =>
  customerId === undefined && counted === undefined && !q?.trim();

async function countTickets(db: Executor, filter: TicketFilter, where: string, bindings: readonly string[]): Promise<number> {
  const source = isCounted(filter) ? 'select sum(t.n) as total from ticket_counts t' : 'select count(*) as total from tickets t';
  const { rows } = await db.raw<{ rows: { total: string | null }[] }>(`${source} where ${where}`, [...bindings]);
  return Number(rows[0]?.total ?? 0);
}

/** The page's ids first, which an index alone can give, then those few rows whole. */
export async function listTickets(
  db: Executor,
  viewer: Viewer,
  filter: TicketFilter,
  page: { readonly order: TicketOrder; readonly descending: boolean; readonly offset: number; readonly limit: number },
): Promise<ListedTickets> {
  const all = conditions(viewer, filter);
  const where = all.map(({ sql }) => sql).join(' and ');
  const bindings = all.flatMap((condition) => condition.bindings);
  const { column, join = '', nullable } = ORDERS[page.order];
  const direction = page.descending ? 'desc' : 'asc';
  // Missed-call tickets all have the time; without `nulls last` their index serves.
  const nulls = nullable && !(page.order === 'lastMissedAt' && filter.kind?.join() === 'missed') ? ' nulls last' : '';
  const total = await countTickets(db, filter, where, bindings);
  if (page.offset >= total) return { rows: [], total };
  const ids = await db.raw<{ rows: { id: string }[] }>(
    `select t.id from tickets t ${join} where ${where} order by ${column} ${direction}${nulls}, t.id ${direction} limit ? offset ?`,
    [...bindings, page.limit, page.offset],
  );
  return {
    rows: await ticketRows(
      db,
      ids.rows.map(({ id }) => id),
    ),
    total,
  };
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
