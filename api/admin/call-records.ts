import { maskPhone } from '../../db/log.ts';
import type { Executor } from '../../db/pool.ts';
import { lateWorkflowId } from '../../workflows/messages.ts';
import type { Execution } from './executions.ts';

/** A call as the board shows it: ids and states, the number masked. */
export interface CallRecord {
  readonly callId: string;
  readonly state: string;
  readonly direction: string | null;
  readonly integrationId: string;
  readonly entryId: string | null;
  readonly phone: string;
  readonly customerId: string | null;
  readonly ticketId: string | null;
  readonly command: { readonly id: string; readonly state: string | null; readonly code: string | null } | null;
  readonly mergedInto: string | null;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
  readonly conversations: readonly unknown[];
  readonly recordings: readonly unknown[];
}

interface Row {
  readonly id: string;
  readonly workflow_id: string | null;
  readonly state: string;
  readonly direction: string | null;
  readonly integration_id: string;
  readonly entry_id: string | null;
  readonly phone: string | null;
  readonly customer_id: string | null;
  readonly ticket_id: string | null;
  readonly command_id: string | null;
  readonly command_state: string | null;
  readonly command_code: string | null;
  readonly merged_into: string | null;
  readonly started_at: Date;
  readonly ended_at: Date | null;
  readonly conversations: readonly unknown[];
  readonly recordings: readonly unknown[];
}

const LATE = lateWorkflowId('');
const CALLBACK = 'callback:';

/** A call that was woken again after its end runs under an id of its own. */
export const callWorkflowIdOf = (workflowId: string): string =>
  workflowId.endsWith(LATE) ? workflowId.slice(0, -LATE.length) : workflowId;
export const lateWorkflowIdOf = (workflowId: string): string => lateWorkflowId(callWorkflowIdOf(workflowId));

const commandIdOf = (workflowId: string): string[] =>
  workflowId.startsWith(CALLBACK) ? [workflowId.slice(CALLBACK.length)] : [];

const present = (row: Row): CallRecord => ({
  callId: row.id,
  state: row.state,
  direction: row.direction,
  integrationId: row.integration_id,
  entryId: row.entry_id,
  phone: maskPhone(row.phone),
  customerId: row.customer_id,
  ticketId: row.ticket_id,
  command: row.command_id === null ? null : { id: row.command_id, state: row.command_state, code: row.command_code },
  mergedInto: row.merged_into,
  startedAt: row.started_at,
  endedAt: row.ended_at,
  conversations: row.conversations,
  recordings: row.recordings,
});

/** The calls behind these workflows, by workflow id. Those of maintenance have none. */
export async function callRecordsOf(db: Executor, executions: readonly Execution[]): Promise<ReadonlyMap<string, CallRecord>> {
  const ids = [...new Set(executions.map(({ workflowId }) => callWorkflowIdOf(workflowId)))];
  const commands = ids.flatMap(commandIdOf);
  if (ids.length === 0) return new Map();
  const { rows } = await db.raw<{ rows: Row[] }>(
    `select c.*,
       coalesce((select jsonb_agg(jsonb_build_object('id', t.id, 'agentId', t.agent_id, 'outcome', t.outcome, 'ticketId', t.ticket_id)
         order by t.ordinal) from conversations t where t.call_id = c.id), '[]') as conversations,
       coalesce((select jsonb_agg(jsonb_build_object('id', r.id, 'state', r.state, 'reason', r.reason, 'attempts', r.attempts)
         order by r.created_at, r.id) from recordings r where r.call_id = c.id), '[]') as recordings
     from calls c where c.workflow_id = any(?) or c.command_id = any(?)`,
    [ids, commands],
  );
  const found = new Map<string, CallRecord>();
  for (const row of rows) {
    if (row.workflow_id !== null) found.set(row.workflow_id, present(row));
    if (row.command_id !== null) found.set(`${CALLBACK}${row.command_id}`, present(row));
  }
  return found;
}

/** The workflow of a call by what people know it by: its id in addresses here, or the PBX's own. */
export async function workflowIdOfCall(db: Executor, id: string): Promise<string | undefined> {
  const { rows } = await db.raw<{ rows: { workflow_id: string }[] }>(
    `select workflow_id from calls where (id::text = ? or entry_id = ?) and workflow_id is not null
     order by started_at desc limit 1`,
    [id.toLowerCase(), id],
  );
  return rows[0]?.workflow_id;
}
