import type { Transaction } from '../../db/pool.ts';
import type { Cause } from '../../db/tickets.ts';
import { SYSTEM } from '../../db/tickets.ts';

export interface CallRow {
  readonly id: string;
  readonly integration_id: string;
  readonly entry_id: string | null;
  readonly command_id: string | null;
  readonly command_state: string | null;
  readonly ordered_by: string | null;
  readonly ticket_id: string | null;
  readonly direction: 'incoming' | 'outgoing' | 'internal' | null;
  readonly state: 'dialling' | 'active' | 'over';
  readonly phone: string | null;
  readonly line: string | null;
  readonly customer_id: string | null;
  readonly projection_rank: string | number;
}

export interface ConversationRow {
  readonly id: string;
  readonly call_id: string;
  readonly ordinal: number;
  readonly agent_id: string | null;
  readonly direction: 'incoming' | 'outgoing';
  readonly outcome: 'in_progress' | 'talked' | 'missed' | 'unanswered';
  readonly ticket_id: string | null;
  readonly made_by: 'create' | 'link' | 'callback' | 'auto' | null;
  readonly customer_id: string | null;
  readonly phone: string | null;
  readonly started_at: Date;
  readonly answered_at: Date | null;
  readonly ended_at: Date | null;
  readonly handed_over_to: string | null;
}

/** What every decision of one call needs: the transaction, the locked call, and how to name the cause of a change. */
export interface DecisionContext {
  readonly trx: Transaction;
  /** Locked for the whole transaction. */
  readonly callId: string;
  /** The call's row as it is now: whoever changes it puts it here, or takes it away to have it read anew. */
  readonly known: { call: CallRow | null };
  /** The row of the inbox that led to the decisions. */
  readonly inboxId?: number | null;
  /** Of what is decided about one agent: the latest row that names them. */
  readonly heardOf?: Readonly<Record<string, number>>;
}

/** Which call it is, and what led to what is decided. */
export type Causes = Pick<DecisionContext, 'callId' | 'inboxId' | 'heardOf'>;

/** What led to a decision about this agent's talk. */
export function about(context: DecisionContext, agentId: string | null): DecisionContext {
  const inboxId = (agentId === null ? undefined : context.heardOf?.[agentId]) ?? context.inboxId ?? null;
  return { ...context, inboxId };
}

export const contextOf = (trx: Transaction, callId: string): DecisionContext => ({ trx, callId, known: { call: null } });

export async function callOf({ trx, callId, known }: DecisionContext): Promise<CallRow> {
  known.call ??= ((await trx('calls').where({ id: callId }).first()) as CallRow | undefined) ?? null;
  if (!known.call) throw new Error(`Call ${callId} has no row: it was dispatched without one`);
  return known.call;
}

export async function conversationOf({ trx, callId }: DecisionContext, id: string): Promise<ConversationRow | undefined> {
  return (await trx('conversations').where({ id, call_id: callId }).first()) as ConversationRow | undefined;
}

/** The cause of what a rule decides about one conversation. */
export function byRule(context: DecisionContext, rule: string, conversationId?: string): Cause {
  const { callId, inboxId = null } = context;
  return { actor: SYSTEM, rule, callId, conversationId: conversationId ?? null, inboxId };
}

/** The cause of what an agent did by an action: theirs, and not to be overwritten by later rules unless it bears one. */
export function byAgent(
  context: DecisionContext,
  agentId: string,
  inboxId: number,
  conversationId: string | null,
  rule?: string,
): Cause {
  return { actor: { type: 'agent', id: agentId }, rule: rule ?? null, callId: context.callId, conversationId, inboxId };
}

export const toDate = (instant: number | null): Date | null => (instant === null ? null : new Date(instant));
