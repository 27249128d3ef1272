import { endCard } from './calls.ts';
import type { Db, Executor, Transaction } from './pool.ts';

/** What the dispatcher knows of a call. */
export interface DispatchCall {
  readonly id: string;
  readonly integrationId: string;
  readonly entryId: string | null;
  readonly commandId: string | null;
  readonly commandState: string | null;
  readonly orderedBy: string | null;
  readonly ticketId: string | null;
  readonly phone: string | null;
  readonly line: string | null;
  readonly over: boolean;
  readonly mergedInto: string | null;
}

export interface OperatorRow {
  readonly extension: string;
  readonly agentId: string | null;
  readonly ignored: boolean;
  readonly devices: unknown;
}

const CALL_COLUMNS = {
  id: 'id',
  integrationId: 'integration_id',
  entryId: 'entry_id',
  commandId: 'command_id',
  commandState: 'command_state',
  orderedBy: 'ordered_by',
  ticketId: 'ticket_id',
  phone: 'phone',
  line: 'line',
  mergedInto: 'merged_into',
} as const;

function selectCalls(db: Executor) {
  return db('calls').select(CALL_COLUMNS, db.raw(`state = 'over' as over`)) as unknown as ReturnType<Executor> &
    PromiseLike<DispatchCall[]>;
}

export async function findCallByEntry(db: Executor, integrationId: string, entryId: string): Promise<DispatchCall | undefined> {
  const rows = (await selectCalls(db).where({ integration_id: integrationId, entry_id: entryId })) as DispatchCall[];
  return rows[0];
}

export async function findCallsByCommand(db: Executor, commandIds: readonly string[]): Promise<DispatchCall[]> {
  if (commandIds.length === 0) return [];
  return (await selectCalls(db).whereIn('command_id', [...commandIds])) as DispatchCall[];
}

/** The call an action was for, or the one it was merged into. */
export async function findCallOfAction(db: Executor, agentId: string, actionId: string): Promise<DispatchCall | undefined> {
  const rows = (await selectCalls(db).whereIn(
    'id',
    db('actions')
      .join('calls as named', 'named.id', 'actions.call_id')
      .where({ 'actions.agent_id': agentId, 'actions.action_id': actionId })
      .select(db.raw('coalesce(named.merged_into, named.id)')),
  )) as DispatchCall[];
  return rows[0];
}

export interface NewCall {
  readonly integrationId: string;
  readonly entryId: string;
  readonly workflowId: string;
  readonly startedAt: Date;
}

/**
 * A call of which all is known that its first events tell, on the disk before anybody is told of it, in one statement. Undefined if the
 * entry has a row already. Numbers get the refs 0, 1, 2 … in their order.
 */
export async function openCall(
  db: Db,
  connection: unknown,
  call: NewCall & { readonly phone: string | null; readonly line: string | null; readonly numbers: readonly string[] },
): Promise<DispatchCall | undefined> {
  const statement = db.raw(
    `with made as (
       insert into calls (integration_id, entry_id, workflow_id, started_at, phone, line)
       select ?::uuid, ?, ?, ?::timestamptz, ?, ? where set_config('synchronous_commit', 'on', true) = 'on'
       on conflict do nothing returning id),
     told as (
       insert into call_numbers (call_id, number, ref)
       select made.id, number, place - 1 from made, unnest(?::text[]) with ordinality as given (number, place) returning 1)
     select made.id, (select count(*) from told) from made`,
    [
      call.integrationId,
      call.entryId,
      call.workflowId,
      call.startedAt,
      call.phone as string,
      call.line as string,
      [...call.numbers],
    ],
  );
  const { rows } = (await statement.connection(connection)) as { rows: { id: string }[] };
  return rows[0] && newCallOf(rows[0].id, call);
}

export async function insertCall(db: Executor, call: NewCall): Promise<DispatchCall> {
  const row = {
    integration_id: call.integrationId,
    entry_id: call.entryId,
    workflow_id: call.workflowId,
    started_at: call.startedAt,
  };
  const [made] = (await db('calls').insert(row, ['id'])) as { id: string }[];
  if (!made) throw new Error('A call was inserted and has no id');
  return newCallOf(made.id, { ...call, phone: null, line: null });
}

const newCallOf = (id: string, call: NewCall & Pick<DispatchCall, 'phone' | 'line'>): DispatchCall => ({
  id,
  integrationId: call.integrationId,
  entryId: call.entryId,
  commandId: null,
  commandState: null,
  orderedBy: null,
  ticketId: null,
  phone: call.phone,
  line: call.line,
  over: false,
  mergedInto: null,
});

/**
 * A callback's row becomes the row of the PBX entry it turned out to be, even if its command was given up as failed meanwhile;
 * false if it is bound already.
 */
export async function bindCall(db: Executor, callId: string, entryId: string, workflowId: string): Promise<boolean> {
  const { rowCount } = await db.raw<{ rowCount: number }>(
    `update calls set entry_id = ?, workflow_id = ?, ended_at = null, state = case when state = 'over' then 'active' else state end
     where id = ? and entry_id is null and merged_into is null`,
    [entryId, workflowId, callId],
  );
  return rowCount === 1;
}

/**
 * The entry had a row of its own before its command was recognised: that row takes over the order (command, agent, ticket, customer),
 * and the callback's own row only points there. The card of its dialling goes with it; the call's workflow shows one of its own.
 */
export async function mergeCall(trx: Transaction, callback: DispatchCall, into: string): Promise<void> {
  const [order] = (await trx('calls')
    .where({ id: callback.id })
    .forUpdate()
    .select('command_id', 'command_state', 'command_code', 'ordered_by', 'ticket_id', 'phone', 'customer_id')) as Order[];
  if (!order) return;
  if (callback.orderedBy !== null) await endCard(trx, callback.id, callback.orderedBy);
  await trx('calls')
    .where({ id: callback.id })
    .update({ merged_into: into, command_id: null, state: 'over', ended_at: trx.fn.now() });
  const { phone, customer_id, ...command } = order;
  await trx('calls')
    .where({ id: into })
    .update({
      ...command,
      phone: trx.raw('coalesce(phone, ?)', [phone]),
      customer_id: trx.raw('coalesce(customer_id, ?)', [customer_id]),
    });
}

interface Order {
  readonly command_id: string;
  readonly command_state: string;
  readonly command_code: string | null;
  readonly ordered_by: string | null;
  readonly ticket_id: string | null;
  readonly phone: string | null;
  readonly customer_id: string | null;
}

/** The callback's workflow has been told; until then each of the entry's legs tells it again. That it was called off stays known. */
export async function markBound(db: Executor, commandId: string): Promise<void> {
  await db('calls').where({ command_id: commandId }).whereNot({ command_state: 'cancelled' }).update({ command_state: 'bound' });
}

/** What is known stays known. */
export async function completeCall(
  db: Executor,
  callId: string,
  found: { readonly phone: string | null; readonly line: string | null },
): Promise<void> {
  await db('calls')
    .where({ id: callId })
    .update({ phone: db.raw('coalesce(phone, ?)', [found.phone]), line: db.raw('coalesce(line, ?)', [found.line]) });
}

export async function numbersOf(db: Executor, callId: string): Promise<Map<string, number>> {
  const rows = (await db('call_numbers').where({ call_id: callId }).select('number', 'ref')) as { number: string; ref: number }[];
  return new Map(rows.map((row) => [row.number, row.ref]));
}

export async function insertNumbers(
  db: Executor,
  callId: string,
  numbers: readonly (readonly [string, number])[],
): Promise<void> {
  if (numbers.length === 0) return;
  await db('call_numbers').insert(numbers.map(([number, ref]) => ({ call_id: callId, number, ref })));
}

export async function operatorsOf(db: Executor, integrationId: string): Promise<OperatorRow[]> {
  return (await db('operators')
    .where({ integration_id: integrationId })
    .select({ extension: 'extension', agentId: 'agent_id', ignored: 'ignored', devices: 'devices' })) as OperatorRow[];
}

/** Whether anybody outside without a number is known to have begun this entry: then the next number is not the customer's. */
export async function hasHiddenCaller(db: Executor, integrationId: string, entryId: string): Promise<boolean> {
  const row = (await db('inbox')
    .where({ integration_id: integrationId, entry: entryId, path: '/events/call' })
    .whereRaw(`nullif(body->'from'->>'extension', '') is null and nullif(body->'from'->>'number', '') is null`)
    .first('id')) as { id: string } | undefined;
  return row !== undefined;
}

/** Whether the call left anything behind: a conversation, an attempt or a missed call. */
export async function hasOutcome(db: Executor, callId: string): Promise<boolean> {
  const row = (await db('conversations').where({ call_id: callId }).first('id')) as { id: string } | undefined;
  return row !== undefined;
}
