import type { Db } from '../db/pool.ts';

/**
 * A Temporal with an empty database has forgotten the calls in flight, and erasures under way. Whatever the service ever took for them still stands in the inbox:
 * delivered once more, in order, it makes the same workflows, whose steps find their results already there. Returns how many rows.
 */
export async function rebuildOpenCalls(db: Db): Promise<number> {
  const { rowCount } = await db.raw<{ rowCount: number }>(`
    update inbox set delivered_at = null, verdict = 'accepted', next_attempt_at = now(), attempts = 0
    where verdict = 'delivered' and (exists (select from erasures where inbox.entry = 'erasure:' || id and state <> 'done') or exists (
      select from calls where state <> 'over' and (
        (calls.entry_id = inbox.entry and calls.integration_id = inbox.integration_id)
        -- An order to dial that has left already is not given again.
        or (calls.workflow_id = inbox.entry and calls.command_state = 'stored'))))`);
  return rowCount;
}
