import { inTransaction, type Db, type Executor } from '../pool.ts';
import { holdFacts } from './facts.ts';

/** What is rolled up from the facts by triggers: each table beside the view that says what it is when it is right. */
const ROLL_UPS = ['statistics_work_quarters', 'statistics_work_days'] as const;

/** Rows that add up to nothing are left over where facts went away, and come of facts that add nothing. */
const SOMETHING: Readonly<Record<(typeof ROLL_UPS)[number], string>> = {
  statistics_work_quarters: '(firsts, links, hour_starts, hour_links) <> (0, 0, 0, 0)',
  statistics_work_days: '(firsts, firsts_of_team, firsts_of_agent) <> (0, 0, 0)',
};

async function countWrong(db: Executor, table: (typeof ROLL_UPS)[number]): Promise<number> {
  const [kept, fresh] = [table, `${table}_of_facts`].map((from) => `select * from ${from} where ${SOMETHING[table]}`);
  const { rows } = await db.raw<{ rows: { wrong: number }[] }>(
    `with fresh as materialized (${fresh})
     select (select count(*) from ((${kept}) except select * from fresh) more)::int
       + (select count(*) from (select * from fresh except (${kept})) less)::int as wrong`,
  );
  return rows[0]?.wrong ?? 0;
}

/** Facts may be millions, and each is read. */
const patiently = (trx: Executor) => trx.raw(`set local statement_timeout = 0; set local work_mem = '64MB'`);

/** Compares what is rolled up with the facts; returns how many rows differ. */
export const checkRollUps = (db: Db): Promise<number> =>
  inTransaction(db, async (trx) => {
    await patiently(trx);
    let wrong = 0;
    for (const table of ROLL_UPS) wrong += await countWrong(trx, table);
    return wrong;
  });

/** Computes again what does not agree with the facts; returns how many rows did not. Readers go on meanwhile. */
export const rebuildRollUps = (db: Db): Promise<number> =>
  inTransaction(db, async (trx) => {
    await patiently(trx);
    await holdFacts(trx);
    let changed = 0;
    for (const table of ROLL_UPS) {
      const wrong = await countWrong(trx, table);
      changed += wrong;
      if (wrong > 0) await trx.raw(`delete from ${table}; insert into ${table} select * from ${table}_of_facts order by 1`);
    }
    return changed;
  });
