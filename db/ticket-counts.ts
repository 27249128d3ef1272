import { inTransaction, type Db } from './pool.ts';

/** Beyond this many rows adding up gets slower than it need be. */
const ROWS = 5_000;

/** Adds up what `ticket_counts` has gathered, if that is much. The sums stay the same for everybody all the while. */
export async function addUpTicketCounts(db: Db): Promise<void> {
  const { rows } = await db.raw<{ rows: { many: boolean }[] }>(
    'select count(*) > ? as many from (select from ticket_counts limit ?) few',
    [ROWS, ROWS + 1],
  );
  if (!rows[0]?.many) return;
  await inTransaction(db, async (trx) => {
    await trx.raw(`
      with gone as (delete from ticket_counts returning *)
      insert into ticket_counts select status, channel, kind, assignee_id, sum(n) from gone group by 1, 2, 3, 4 having sum(n) <> 0`);
  });
}
