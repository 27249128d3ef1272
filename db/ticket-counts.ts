import { inTransaction, type Db } from './pool.ts';

/** Beyond this many rows adding up gets slower than it need be. */
const ROWS = 5_000;

async function addUp(db: Db, gathered: string, sql: string): Promise<void> {
  const { rows } = await db.raw<{ rows: { many: boolean }[] }>(
    `select count(*) > ? as many from (select from ${gathered} limit ?) few`,
    [ROWS, ROWS + 1],
  );
  if (rows[0]?.many) await inTransaction(db, (trx) => trx.raw(sql));
}

/**
 * Adds up what has been gathered of the tickets' numbers, where that is much. The sums stay the same for everybody all the while, and
 * nobody is given another name, for what is written here is not seen by whoever gives it.
 */
export async function addUpTicketCounts(db: Db): Promise<void> {
  await addUp(
    db,
    'ticket_counts',
    `with gone as (delete from ticket_counts returning *)
     insert into ticket_counts select status, channel, kind, assignee_id, sum(n) from gone group by 1, 2, 3, 4 having sum(n) <> 0`,
  );
  await addUp(
    db,
    'customer_ticket_counts where is_change',
    `with changed as materialized (select distinct customer_id from customer_ticket_counts where is_change),
       named as materialized (
         select id, lower(full_name) as name from customers where id in (select customer_id from changed) for key share),
       gone as (
         delete from customer_ticket_counts c using changed left join named on named.id = changed.customer_id
         where c.customer_id = changed.customer_id or (c.customer_id is null and changed.customer_id is null)
         returning c.customer_id, named.name, c.n)
     insert into customer_ticket_counts (customer_id, name, n, is_change)
     select customer_id, name, sum(n), false from gone group by 1, 2 having sum(n) <> 0`,
  );
}
