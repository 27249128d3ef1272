import { inTransaction, type Db, type Transaction } from '../pool.ts';

/** One at a time brings facts up to date, so that whoever waits here finds the others' work done. */
const ADVISORY_LOCK = 7_282_050;
const TICKETS_AT_ONCE = 1_000;

/** Until the transaction ends nobody else brings facts up to date. */
export const holdFacts = (trx: Transaction) => trx.raw('select pg_advisory_xact_lock(?)', [ADVISORY_LOCK]);

async function refreshSome(db: Db): Promise<number> {
  return inTransaction(db, async (trx) => {
    await holdFacts(trx);
    const { rows } = await trx.raw<{ rows: { ticket_id: string }[] }>(
      'delete from statistics_stale where id in (select id from statistics_stale order by id limit ?) returning ticket_id',
      [TICKETS_AT_ONCE],
    );
    const ids = [...new Set(rows.map((row) => row.ticket_id))];
    if (ids.length > 0) await trx.raw('select statistics_refresh(?::bigint[])', [ids]);
    return rows.length;
  });
}

/**
 * Brings the facts up to date with the record, for at most `patienceMs`; what is committed when it is called is in
 * afterwards. Cheap when nothing has happened. Returns how many changes are left over.
 */
export async function refreshFacts(db: Db, patienceMs = 5_000): Promise<number> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const { rows } = await db.raw<{ rows: { stale: boolean }[] }>('select exists (select from statistics_stale) as stale');
    if (!rows[0]?.stale) return 0;
    if (Date.now() >= deadline) return Number((await db('statistics_stale').count('* as left').first())?.['left']);
    await refreshSome(db);
  }
}

type Progress = (done: number, last: number) => void;

/** Calls `work` with every ticket's id, a batch at a time. */
async function eachBatch(db: Db, work: (ids: string[]) => Promise<void>, progress?: Progress): Promise<void> {
  const [last] = (await db('tickets').max('id as id')) as { id: string | null }[];
  for (let after = '0'; ;) {
    const ids = (await db('tickets').where('id', '>', after).orderBy('id').limit(TICKETS_AT_ONCE).pluck('id')) as string[];
    if (ids.length === 0) return;
    await work(ids);
    after = ids.at(-1) ?? after;
    progress?.(Number(after), Number(last?.id));
  }
}

/** Computes the facts of all tickets again; rows that are right already stay. Readers and writers go on meanwhile. */
export async function rebuildFacts(db: Db, progress?: Progress): Promise<number> {
  let changed = 0;
  await eachBatch(
    db,
    async (ids) => {
      await inTransaction(db, async (trx) => {
        await holdFacts(trx);
        const { rows } = await trx.raw<{ rows: { changed: number }[] }>('select statistics_refresh(?::bigint[]) as changed', [
          ids,
        ]);
        changed += rows[0]?.changed ?? 0;
      });
    },
    progress,
  );
  return changed;
}

/** Compares all facts with the source; returns the tickets whose facts differ though nothing about them is waiting. */
export async function checkFacts(db: Db, progress?: Progress): Promise<string[]> {
  const wrong: string[] = [];
  await eachBatch(
    db,
    async (ids) => {
      const { rows } = await db.raw<{ rows: { ticket_id: string }[] }>(
        `with stored as (select * from statistics_facts where ticket_id = any(:ids::bigint[])),
          fresh as (select * from statistics_compute(:ids::bigint[])),
          different as ((select * from stored except select * from fresh) union (select * from fresh except select * from stored))
         select distinct ticket_id from different where ticket_id not in (select ticket_id from statistics_stale) order by 1`,
        { ids },
      );
      wrong.push(...rows.map((row) => row.ticket_id));
    },
    progress,
  );
  return wrong;
}
