import type { Db } from '../db/pool.ts';

/**
 * A Temporal with an empty database has forgotten the calls in flight, and erasures under way. Whatever the service ever took for them still stands in the inbox:
 * delivered once more, in order, it makes the same workflows, whose steps find their results already there. Returns how many rows.
 */
export async function rebuildOpenCalls(db: Db): Promise<number> {
  return db.transaction(async (trx) => {
    // Over, but its workflow was not: tickets to settle, recordings to fetch. Only a call that is not over gets a workflow of its own.
    await trx.raw(`
      update calls set state = 'active'
      where state = 'over' and merged_into is null and entry_id is not null
        and (view -> 'state' is null or exists (select from recordings where call_id = calls.id and recordings.state = 'pending'))
        and exists (select from inbox where entry = calls.entry_id and integration_id = calls.integration_id and verdict = 'delivered')`);
    // What is told anew begins with little.
    await trx.raw(`update calls set projection_rank = 0 where state <> 'over'`);
    const { rowCount } = await trx.raw<{ rowCount: number }>(`
      update inbox set delivered_at = null, verdict = 'accepted', next_attempt_at = now(), attempts = 0
      where verdict = 'delivered' and (exists (select from erasures where inbox.entry = 'erasure:' || id and state <> 'done') or exists (
        select from calls where state <> 'over' and (
          (calls.entry_id = inbox.entry and calls.integration_id = inbox.integration_id)
          -- An order to dial: if it has left already it is not sent again, but somebody must wait for what comes of it.
          or calls.workflow_id = inbox.entry)))`);
    return rowCount;
  });
}
