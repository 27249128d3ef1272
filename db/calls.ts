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

const CUSTOMER_JSON = `jsonb_build_object(
  'id', c.id, 'fullName', c.full_name, 'company', c.company, 'note', c.note, 'customFields', c.custom_fields,
  'phones', coalesce((select jsonb_agg(phone order by position, phone) from customer_phones where customer_id = c.id), '[]'),
  'emails', coalesce((select jsonb_agg(email order by position, email) from customer_emails where customer_id = c.id), '[]'))`;

/** SQL expression that builds a `CustomerView` from table alias `c`. */
export const CUSTOMER_VIEW_SQL = CUSTOMER_JSON;

const LIVE_CALL_SQL = `
  select card.call_id, card.conversation_id, card.direction, card.state, card.started_at, card.answered_at,
    call.phone, call.line, call.command_id, coalesce(talk.ticket_id, call.ticket_id) as ticket_id,
    (select ${CUSTOMER_JSON} from customers c where c.id = call.customer_id) as customer,
    case when call.customer_id is null and call.phone is not null then
      coalesce((select jsonb_agg(${CUSTOMER_JSON} order by c.full_name) from customers c
        join customer_phones p on p.customer_id = c.id where p.phone = call.phone), '[]') else '[]' end as candidates,
    (select jsonb_build_object('subject', d.subject, 'gist', d.gist) from drafts d where d.conversation_id = card.conversation_id) as draft
  from call_cards card
  join calls call on call.id = card.call_id
  left join conversations talk on talk.id = card.conversation_id`;

interface LiveCallRow {
  call_id: string;
  conversation_id: string | null;
  direction: LiveCall['direction'];
  state: LiveCall['state'];
  started_at: Date;
  answered_at: Date | null;
  phone: string | null;
  line: string | null;
  command_id: string | null;
  ticket_id: string | null;
  customer: CustomerView | null;
  candidates: CustomerView[];
  draft: LiveCall['draft'];
}

const present = (row: LiveCallRow): LiveCall => ({
  callId: row.call_id,
  conversationId: row.conversation_id,
  direction: row.direction,
  state: row.state,
  phone: row.phone,
  line: row.line,
  customer: row.customer,
  candidates: row.candidates.length > 1 ? row.candidates : [],
  ticketId: row.ticket_id,
  commandId: row.command_id,
  draft: row.draft,
  startedAt: row.started_at.toISOString(),
  answeredAt: row.answered_at?.toISOString() ?? null,
});

/** An agent's live conversations and ringing calls. */
export async function liveCallsOf(db: Executor, agentId: string): Promise<LiveCall[]> {
  const { rows } = await db.raw<{ rows: LiveCallRow[] }>(
    `${LIVE_CALL_SQL} where card.agent_id = ? order by card.started_at, card.call_id`,
    [agentId],
  );
  return rows.map(present);
}

export async function liveCallOf(db: Executor, callId: string, agentId: string): Promise<LiveCall | undefined> {
  const { rows } = await db.raw<{ rows: LiveCallRow[] }>(`${LIVE_CALL_SQL} where card.call_id = ? and card.agent_id = ?`, [
    callId,
    agentId,
  ]);
  return rows[0] && present(rows[0]);
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
