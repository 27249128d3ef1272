import type { Executor, Transaction } from './pool.ts';

/** A call that Postgres holds for unfinished. */
export interface UnfinishedCall {
  readonly id: string;
  readonly integration_id: string;
  readonly entry_id: string | null;
  readonly command_id: string | null;
  readonly state: 'dialling' | 'active' | 'over';
  /** Whether its workflow has left its state behind. */
  readonly has_state: boolean;
}

/** What was delivered so recently may be on its way into a workflow; who has not been delivered will bring one about. */
const QUIET_SECONDS = 20;
const MOST = 500;

/**
 * Calls that are under way, and calls that are over but owe a recording: each should have a workflow. Of very many any that chance picks, so
 * that the turn of each comes.
 */
export async function unfinishedCalls(db: Executor, callId?: string): Promise<UnfinishedCall[]> {
  const { rows } = await db.raw<{ rows: UnfinishedCall[] }>(
    `select c.id, c.integration_id, c.entry_id, c.command_id, c.state, c.view -> 'state' is not null as has_state from calls c
     where c.merged_into is null and (c.state <> 'over' or exists (select from recordings r where r.call_id = c.id and r.state = 'pending'))
       and (cast(:callId as uuid) is null or c.id = :callId)
       and not exists (
         select from inbox i where (i.integration_id = c.integration_id and i.entry = c.entry_id or i.entry = 'callback:' || c.command_id)
           and (i.delivered_at is null or (cast(:callId as uuid) is null and i.delivered_at > now() - make_interval(secs => :quiet))))
     order by random() limit :most`,
    { callId: callId ?? null, quiet: QUIET_SECONDS, most: MOST } as never,
  );
  return rows;
}

/** The same call under its lock, if nothing has finished it meanwhile. */
export async function lockUnfinished(trx: Transaction, call: UnfinishedCall): Promise<boolean> {
  const row = (await trx('calls').where({ id: call.id }).forUpdate().first('state', 'entry_id', 'merged_into')) as
    { state: string; entry_id: string | null; merged_into: string | null } | undefined;
  return row !== undefined && row.merged_into === null && row.state === call.state && row.entry_id === call.entry_id;
}

/**
 * Everything that was ever taken for a call is delivered once more, after `inSeconds` if nothing new comes of it sooner; what its steps have done
 * already they find done. How many rows.
 */
export async function redeliverCall(trx: Transaction, callId: string, inSeconds = 0): Promise<number> {
  // What is told anew begins with little.
  await trx.raw(`update calls set projection_rank = 0 where id = ?`, [callId]);
  const { rowCount } = await trx.raw<{ rowCount: number }>(
    `update inbox set delivered_at = null, verdict = 'accepted', next_attempt_at = now() + make_interval(secs => ?), attempts = 0
     where verdict in ('delivered', 'late') and exists (
       select from calls where calls.id = ? and calls.view -> 'state' is null
         and calls.entry_id = inbox.entry and calls.integration_id = inbox.integration_id)`,
    [inSeconds, callId],
  );
  return rowCount;
}

/** What waits to be delivered once more need not wait any longer; nobody is kept waiting who has it in hand already. */
export async function hastenRedelivery(db: Executor, callId: string): Promise<void> {
  await db.raw(
    `update inbox set next_attempt_at = now() where id in (
       select inbox.id from inbox join calls on calls.entry_id = inbox.entry and calls.integration_id = inbox.integration_id
       where calls.id = ? and inbox.delivered_at is null and inbox.attempts = 0 and inbox.next_attempt_at > now() for update of inbox skip locked)`,
    [callId],
  );
}

/** Cards of calls that are over. */
export async function staleCards(db: Executor): Promise<{ call_id: string; agent_id: string }[]> {
  const { rows } = await db.raw<{ rows: { call_id: string; agent_id: string }[] }>(
    `select k.call_id, k.agent_id from call_cards k join calls c on c.id = k.call_id
     where c.state = 'over' or c.merged_into is not null limit ${MOST}`,
  );
  return rows;
}
