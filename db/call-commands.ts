import type { Executor } from './pool.ts';

/** How a command to the PBX fared: `not_sent` never reached it, or was turned away before it was looked at. */
export interface CommandFate {
  readonly state: 'accepted' | 'refused' | 'unknown' | 'not_sent';
  readonly word: string | null;
  readonly code: number | null;
}

export interface OrderedCommand {
  readonly callId: string;
  readonly commandId: string;
  readonly what: 'callback' | 'hang_up';
  readonly agentId: string | null;
}

/** Written before the command leaves; of a repeat the last one counts. */
export async function noteCommand(db: Executor, { callId, commandId, what, agentId }: OrderedCommand): Promise<void> {
  await db('call_commands')
    .insert({ call_id: callId, command_id: commandId, what, agent_id: agentId })
    .onConflict(['call_id', 'command_id'])
    .merge({ ordered_at: db.raw('clock_timestamp()'), answered_at: null, state: null, word: null, code: null });
}

export async function settleCommand(
  db: Executor,
  { callId, commandId }: Pick<OrderedCommand, 'callId' | 'commandId'>,
  { state, word, code }: CommandFate,
): Promise<void> {
  await db('call_commands')
    .where({ call_id: callId, command_id: commandId })
    .update({ state, word, code, answered_at: db.raw('clock_timestamp()') });
}

/** Whether this agent has asked for the call to be hung up. */
export async function hasHungUp(db: Executor, { callId, agentId }: Pick<OrderedCommand, 'callId' | 'agentId'>): Promise<boolean> {
  const ordered = (await db('call_commands')
    .where({ call_id: callId, what: 'hang_up', agent_id: agentId })
    .first('id')) as unknown;
  return ordered !== undefined;
}
