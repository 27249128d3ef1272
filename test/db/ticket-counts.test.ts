import { afterAll, beforeAll, expect, test } from 'vitest';
import { addUpTicketCounts } from '../../db/ticket-counts.ts';
import { listTickets, type TicketFilter } from '../../db/ticket-list.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let agents: string[];
let customers: string[];
beforeAll(async () => {
  database = await createTestDatabase();
  const people = [1, 2].map((n) => ({ full_name: `Agent ${n}`, email: `a${n}@example.com`, role: 'agent' }));
  const clients = [1, 2, 3].map((n) => ({ full_name: `Customer ${n}` }));
  customers = ((await database.db('customers').insert(clients).returning('id')) as { id: string }[]).map(({ id }) => id);
  agents = ((await database.db('agents').insert(people).returning('id')) as { id: string }[]).map(({ id }) => id);
});
afterAll(() => database.drop());

const STATUSES = ['open', 'pending', 'closed'] as const;
const closedAt = (status: string): Date | null => (status === 'closed' ? new Date() : null);
const any = <T>(of: readonly T[], round: number): T => of[round % of.length] as T;

const make = (round: number) => {
  const channel = any(['call', 'email', 'chat'] as const, round);
  const status = any(STATUSES, (round * 7) >> 2);
  const isCall = channel === 'call';
  return {
    subject: `Ticket ${round}`,
    status,
    closed_at: closedAt(status),
    channel,
    kind: isCall ? any(['incoming', 'outgoing', 'missed'], round >> 2) : null,
    handset: isCall ? 'green' : null,
    assignee_id: any([null, ...agents], round >> 1),
    customer_id: any([null, ...customers], round),
  };
};

async function someWork(worker: number): Promise<void> {
  const { db } = database;
  for (let round = worker; round < worker + 60; round++) {
    const rows = Array.from({ length: 1 + (round % 4) }, (_, index) => make(round + index));
    const ids = ((await db('tickets').insert(rows).returning('id')) as { id: string }[]).map(({ id }) => id);
    const status = any(STATUSES, (round * 5) >> 2);
    await db('tickets')
      .whereIn('id', ids)
      .update({
        status,
        closed_at: closedAt(status),
        assignee_id: any([null, ...agents], round >> 3),
        ...(round % 3 ? {} : { customer_id: any([null, ...customers], round >> 2) }),
      });
    if (round % 5 === 0)
      await db('tickets')
        .where({ id: ids[0] as string })
        .delete();
    if (round % 7 === 0)
      await db
        .transaction(async (trx) =>
          trx('tickets')
            .update({ subject: 'x' })
            .whereIn('id', ids)
            .then(() => trx.rollback()),
        )
        .catch(() => undefined);
    if (round % 4 === 0) {
      const full_name = `Customer ${any(['Ж', 'b', 'A'], round >> 2)}${round}`;
      await db('customers')
        .where({ id: any(customers, round >> 1) })
        .update({ full_name });
    }
    if (round % 10 === 0) await addUpTicketCounts(db);
  }
}

const everybody = { agentId: '00000000-0000-4000-8000-000000000000', role: 'admin', access: 'all' } as const;

test('A list’s total is the number of its tickets, whatever happens at the same time', { timeout: 60_000 }, async () => {
  const { db } = database;
  await Promise.all([0, 100, 200].map(someWork));
  const filters: Omit<TicketFilter, 'country'>[] = [
    {},
    { status: ['open', 'pending'] },
    { channel: ['call'], kind: ['missed'] },
    { channel: ['email', 'chat'], status: ['closed'] },
    { assigneeId: null },
    { assigneeId: agents[0] },
  ];
  for (const viewer of [everybody, { agentId: agents[1] as string, role: 'agent', access: 'own' } as const]) {
    for (const filter of filters) {
      const page = { order: 'updatedAt', descending: true, offset: 0, limit: 10_000 } as const;
      const { rows, total } = await listTickets(db, viewer, { ...filter, country: 'RU' }, page);
      if (viewer === everybody) expect(rows.length).toBeGreaterThan(0);
      expect(total).toBe(rows.length);
    }
  }
});

const ofCustomers = () =>
  database
    .db('customer_ticket_counts')
    .select('customer_id', 'name')
    .sum('n as n')
    .groupBy(1, 2)
    .havingRaw('sum(n) <> 0')
    .orderBy(1) as unknown as Promise<object[]>;

test.each(['asc', 'desc'])('Pages in the order of names (%s) hold every ticket once, those of nobody last', async (order) => {
  const { db } = database;
  const { rows: all } = await db.raw<{ rows: { id: string }[] }>(
    `select t.id from tickets t left join customers c on c.id = t.customer_id order by lower(c.full_name) ${order} nulls last, t.id ${order}`,
  );
  const limit = 97;
  const paged: string[] = [];
  for (let offset = 0; offset < all.length; offset += limit) {
    const page = { order: 'customer', descending: order === 'desc', offset, limit } as const;
    const { rows } = await listTickets(db, everybody, { country: 'RU' }, page);
    paged.push(...rows.map(({ id }) => id));
  }
  expect(paged.length).toBeGreaterThan(3 * limit);
  expect(paged).toEqual(all.map(({ id }) => id));
});

/** Resolves once somebody in this database waits for a lock. */
async function isWaiting(db: TestDatabase['db']): Promise<'waits'> {
  for (;;) {
    const { rows } = await db.raw<{ rows: object[] }>(
      `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    if (rows.length > 0) return 'waits';
    await new Promise((later) => setTimeout(later, 10));
  }
}

test('Each customer’s number of tickets is kept beside the name they have now, and nobody’s', async () => {
  const { rows: counted } = await database.db.raw<{ rows: object[] }>(
    `select t.customer_id, lower(c.full_name) as name, count(*) as n
     from tickets t left join customers c on c.id = t.customer_id group by 1, 2 order by 1`,
  );
  expect(counted).toHaveLength(1 + customers.length);
  expect(await ofCustomers()).toEqual(counted);
});

test('A customer gets another name while a ticket of theirs is being made, and the other way round: it is counted under the new one', async () => {
  const { db } = database;
  const id = customers[0] as string;
  const rename = (full_name: string) => db('customers').where({ id }).update({ full_name });
  const ofOne = async () =>
    (await ofCustomers()).filter((row) => (row as { customer_id: string | null }).customer_id === id) as { name: string }[];
  const ticket = await db.transaction();
  await ticket('tickets').insert({ ...make(1), customer_id: id });
  const renamed = rename('Новая').then(() => 'done');
  expect(await Promise.race([renamed, isWaiting(db)])).toBe('waits');
  await ticket.commit();
  await renamed;
  expect((await ofOne()).map(({ name }) => name)).toEqual(['новая']);

  const other = await db.transaction();
  await other('customers').where({ id }).update({ full_name: 'Другая' });
  const made = db('tickets')
    .insert({ ...make(1), customer_id: id })
    .then(() => 'done');
  expect(await Promise.race([made, isWaiting(db)])).toBe('waits');
  await other.commit();
  await made;
  expect((await ofOne()).map(({ name }) => name)).toEqual(['другая']);
});

test('A customer who is no more leaves no number behind', async () => {
  const { db } = database;
  const [gone] = (await db('customers').insert({ full_name: 'Временная' }).returning('id')) as { id: string }[];
  const [made] = (await db('tickets')
    .insert({ ...make(1), customer_id: gone?.id })
    .returning('id')) as { id: string }[];
  await db('tickets').where({ id: made?.id }).update({ customer_id: null });
  await db('customers').where({ id: gone?.id }).delete();
  expect(await db('customer_ticket_counts').where({ customer_id: gone?.id })).toEqual([]);
});

test('What a worker of an older version adds up without names keeps them', async () => {
  const { db } = database;
  await db('tickets').insert(customers.map((customer_id) => ({ ...make(1), customer_id })));
  const before = await ofCustomers();
  await db.raw(
    `with changed as materialized (select distinct customer_id from customer_ticket_counts where is_change),
       gone as (
         delete from customer_ticket_counts c using changed where c.customer_id = changed.customer_id or (c.customer_id is null and changed.customer_id is null)
         returning c.customer_id, c.n)
     insert into customer_ticket_counts select customer_id, sum(n), false from gone group by 1 having sum(n) <> 0`,
  );
  expect(await db('customer_ticket_counts').where({ is_change: true })).toEqual([]);
  expect(await ofCustomers()).toEqual(before);
});

test('Adding up leaves the sums alone and few rows', { timeout: 60_000 }, async () => {
  const { db } = database;
  const sums = () =>
    db('ticket_counts')
      .select('status', 'channel', 'kind', 'assignee_id')
      .sum('n as n')
      .groupBy(1, 2, 3, 4)
      .havingRaw('sum(n) <> 0')
      .orderBy([1, 2, 3, 4]) as unknown as Promise<object[]>;
  const before = await sums();
  await db.raw(
    `insert into ticket_counts select 'open', 'email', null, null, case when i % 2 = 0 then 1 else -1 end from generate_series(1, 6000) i`,
  );
  const beforeOfCustomers = await ofCustomers();
  await db.raw(
    `insert into customer_ticket_counts (customer_id, name, n)
     select c.id, lower(c.full_name), case when i % 2 = 0 then 1 else -1 end
     from generate_series(1, 6000) i left join customers c on i % 4 < 2 and c.id = ?`,
    [customers[0] as string],
  );
  await Promise.all([addUpTicketCounts(db), addUpTicketCounts(db)]);
  expect(await sums()).toEqual(before);
  expect(await ofCustomers()).toEqual(beforeOfCustomers);
  expect(Number((await db('customer_ticket_counts').count('* as rows').first())?.['rows'])).toBe(beforeOfCustomers.length);
  expect(Number((await db('ticket_counts').count('* as rows').first())?.['rows'])).toBe(before.length);
});
