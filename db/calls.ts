import { publish, type StreamEventType } from './stream.ts';
import type { Executor } from './pool.ts';

/** A customer as the REST interface shows one. */
export interface CustomerView {
  readonly id: string;
  readonly fullName: string;
  readonly phones: readonly string[];
  readonly emails: readonly string[];
  readonly company: string;
  readonly note: string;
  readonly customFields: Readonly<Record<string, unknown>>;
}

/** An item of `GET /api/calls`, and the payload of `call.*` events. */
export interface LiveCall {
  readonly callId: string;
  readonly conversationId: string | null;
  readonly direction: 'incoming' | 'outgoing';
  readonly state: 'ringing' | 'dialling' | 'talking' | 'ended';
  readonly phone: string | null;
  readonly line: string | null;
  readonly customer: CustomerView | null;
  readonly candidates: readonly CustomerView[];
  readonly ticketId: string | null;
  readonly commandId: string | null;
  readonly draft: { readonly subject: string; readonly gist: string } | null;
  readonly startedAt: string;
  readonly answeredAt: string | null;
}

/** SQL expression that builds a `CustomerView` from table alias `c`. */
export const CUSTOMER_VIEW_SQL = 'customer_view(c.id)';

/** An agent's live conversations and ringing calls. */
export async function liveCallsOf(db: Executor, agentId: string): Promise<LiveCall[]> {
  const { rows } = await db.raw<{ rows: { live: LiveCall }[] }>(
    'select live_call(card) as live from call_cards card where card.agent_id = ? order by card.started_at, card.call_id',
    [agentId],
  );
  return rows.map((row) => row.live);
}

export async function liveCallOf(db: Executor, callId: string, agentId: string): Promise<LiveCall | undefined> {
  const { rows } = await db.raw<{ rows: { live: LiveCall }[] }>(
    'select live_call(card) as live from call_cards card where card.call_id = ? and card.agent_id = ?',
    [callId, agentId],
  );
  return rows[0]?.live;
}

/** Takes an agent's card of a call away, and tells their tabs. */
export async function endCard(trx: Executor, callId: string, agentId: string): Promise<void> {
  const last = await liveCallOf(trx, callId, agentId);
  if (!last) return;
  await trx('call_cards').where({ call_id: callId, agent_id: agentId }).delete();
  await publishCall(trx, 'call.ended', agentId, { ...last, state: 'ended' });
}

/** Tells one agent's tabs what became of a call of theirs. */
export async function publishCall(trx: Executor, type: StreamEventType, agentId: string, call: LiveCall): Promise<void> {
  await publish(trx, { type, agentId, payload: call });
}

/** Where a callback's row was merged into the PBX entry's own, that one counts. */
export async function resolveCallId(db: Executor, callId: string): Promise<string | undefined> {
  const row = (await db('calls').where({ id: callId }).first(['id', 'merged_into'])) as
    { id: string; merged_into: string | null } | undefined;
  return row && (row.merged_into ?? row.id);
}

/** Whoever writes the call next is heard, however little they know. */
export async function forgetRank(db: Executor, callId: string): Promise<void> {
  await db('calls').where({ id: callId }).update({ projection_rank: 0 });
}
