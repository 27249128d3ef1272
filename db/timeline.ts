import type { CommandFate } from './call-commands.ts';
import type { Executor } from './pool.ts';

export interface TimelineCall {
  readonly id: string;
  readonly entry_id: string | null;
  readonly command_id: string | null;
  readonly command_state: string | null;
  readonly command_code: string | null;
  readonly integration_id: string;
  readonly account_name: string;
  readonly workflow_id: string | null;
  readonly direction: 'incoming' | 'outgoing' | 'internal' | null;
  readonly state: 'dialling' | 'active' | 'over';
  readonly phone: string | null;
  readonly line: string | null;
  readonly flags: Readonly<Record<string, unknown>>;
  readonly started_at: Date;
  readonly ended_at: Date | null;
  readonly stopped_at: Date | null;
}

/** The call, or the one it was merged into. */
export async function findTimelineCall(db: Executor, callId: string): Promise<TimelineCall | undefined> {
  const { rows } = await db.raw<{ rows: TimelineCall[] }>(
    `select c.*, i.name as account_name from calls c join integrations i on i.id = c.integration_id
     where c.id = (select coalesce(merged_into, id) from calls where id = ?)`,
    [callId],
  );
  return rows[0];
}

/** Its own id and those of callbacks that turned out to be it. */
export async function idsOfCall(db: Executor, callId: string): Promise<string[]> {
  const rows = (await db('calls').where({ id: callId }).orWhere({ merged_into: callId }).select('id')) as { id: string }[];
  return rows.map(({ id }) => id);
}

export interface DecisionRow {
  readonly id: string;
  readonly at: Date;
  readonly what: string;
  readonly rule: string | null;
  readonly inbox_id: string | null;
  readonly agent_id: string | null;
  readonly agent_name: string | null;
}

export async function callDecisionsOf(db: Executor, callIds: readonly string[]): Promise<DecisionRow[]> {
  const { rows } = await db.raw<{ rows: DecisionRow[] }>(
    `select d.id, d.at, d.what, d.rule, d.inbox_id, d.agent_id, a.full_name as agent_name
     from call_decisions d left join agents a on a.id = d.agent_id where d.call_id = any(?::uuid[]) order by d.id`,
    [callIds as string[]],
  );
  return rows;
}

export interface TicketEventRow {
  readonly id: string;
  readonly at: Date;
  readonly type: string;
  readonly rule: string | null;
  readonly inbox_id: string | null;
  readonly ticket_id: string;
  readonly ticket_number: string;
  readonly from_value: string | null;
  readonly to_value: string | null;
  readonly actor_id: string | null;
  readonly actor_name: string | null;
  readonly assignee_id: string | null;
  readonly assignee_name: string | null;
}

export async function ticketEventsOf(db: Executor, callIds: readonly string[]): Promise<TicketEventRow[]> {
  const { rows } = await db.raw<{ rows: TicketEventRow[] }>(
    `select e.id, e.at, e.type, e.rule, e.inbox_id, e.ticket_id, t.number as ticket_number,
       case when e.type in ('created', 'status', 'closed', 'reopened') then e.from_value end as from_value,
       case when e.type in ('created', 'status', 'closed', 'reopened') then e.to_value end as to_value,
       a.id as actor_id, a.full_name as actor_name, g.id as assignee_id, g.full_name as assignee_name
     from ticket_events e join tickets t on t.id = e.ticket_id
     left join agents a on e.actor_type = 'agent' and a.id = e.actor_id
     left join agents g on e.type in ('assigned', 'created') and g.id = e.assignee_id
     where e.call_id = any(?::uuid[]) order by e.id`,
    [callIds as string[]],
  );
  return rows;
}

export interface ActionOutcomeRow {
  readonly agent_id: string;
  readonly action_id: string;
  readonly state: string;
  readonly code: string | null;
  readonly ticket_id: string | null;
  readonly ticket_number: string | null;
}

export async function actionsOf(db: Executor, callIds: readonly string[]): Promise<ActionOutcomeRow[]> {
  const { rows } = await db.raw<{ rows: ActionOutcomeRow[] }>(
    `select a.agent_id, a.action_id, a.state, a.code, a.ticket_id, t.number as ticket_number
     from actions a left join tickets t on t.id = a.ticket_id where a.call_id = any(?::uuid[])`,
    [callIds as string[]],
  );
  return rows;
}

export interface CommandRow {
  readonly what: 'callback' | 'hang_up' | 'test_call';
  readonly command_id: string;
  readonly ordered_at: Date;
  readonly answered_at: Date | null;
  readonly state: CommandFate['state'] | null;
  readonly word: string | null;
  readonly code: number | null;
  readonly agent_id: string | null;
  readonly agent_name: string | null;
}

/** Whoever sent a command and has not settled it by then has died meanwhile. */
const ANSWER_WITHIN = `interval '1 minute'`;

/** Commands to the PBX for this call. One without an answer is in doubt after a while. */
export async function commandsOf(
  db: Executor,
  callIds: readonly string[],
  testCommands: readonly string[],
): Promise<CommandRow[]> {
  const { rows } = await db.raw<{ rows: CommandRow[] }>(
    `with ordered as (
       select what, command_id, ordered_at, answered_at, state, word, code, agent_id from call_commands where call_id = any(?::uuid[])
       union all
       select 'test_call', command_id, ordered_at, answered_at, outcome, code, null, ordered_by from test_calls where command_id = any(?::text[]))
     select o.what, o.command_id, o.ordered_at, o.answered_at, o.code, o.agent_id, a.full_name as agent_name,
       case when lost then 'unknown' else o.state end as state, case when lost then 'answer_lost' else o.word end as word
     from ordered o left join agents a on a.id = o.agent_id,
       lateral (select o.state is null and o.ordered_at < now() - ${ANSWER_WITHIN} as lost) as fate
     order by o.ordered_at, o.command_id`,
    [callIds as string[], testCommands as string[]],
  );
  return rows;
}

/** Test calls that turned out to be this call: its first leg carries their command. */
export async function testCommandsOf(
  db: Executor,
  { integration_id }: TimelineCall,
  entries: readonly string[],
): Promise<string[]> {
  const { rows } = await db.raw<{ rows: { command_id: string }[] }>(
    `select t.command_id from test_calls t where t.integration_id = :account and t.command_id in (
       select body ->> 'command_id' from inbox
       where integration_id = :account and entry = any(:entries::text[]) and source = 'pbx' and path = '/events/call')`,
    { account: integration_id, entries: entries as string[] } as never,
  );
  return rows.map(({ command_id }) => command_id);
}

export interface TimelineRecording {
  readonly id: string;
  readonly recording_id: string | null;
  readonly state: 'pending' | 'ready' | 'unavailable';
  readonly reason: string | null;
  readonly attempts: number;
  readonly duration_seconds: number | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly requested_again_at: Date | null;
  readonly ready_at: Date | null;
  readonly removed_at: Date | null;
}

export async function recordingsOf(db: Executor, callIds: readonly string[]): Promise<TimelineRecording[]> {
  return (await db('recordings')
    .whereIn('call_id', [...callIds])
    .orderBy('created_at')) as TimelineRecording[];
}
