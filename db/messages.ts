import type { Executor } from './pool.ts';

export interface MessageRow {
  readonly id: string;
  readonly type: 'reply' | 'note' | 'system';
  readonly author_type: 'agent' | 'customer' | 'system';
  readonly author_id: string | null;
  readonly author_name: string | null;
  readonly body: string;
  readonly code: string | null;
  readonly params: Record<string, unknown>;
  readonly created_at: Date;
  readonly conversation: ConversationJson | null;
  readonly recordings: readonly RecordingJson[] | null;
}

/** As Postgres writes it into JSON: times in ISO 8601 with an offset. */
export interface ConversationJson {
  readonly id: string;
  readonly callId: string;
  readonly agent: { readonly id: string; readonly fullName: string } | null;
  readonly direction: 'incoming' | 'outgoing';
  readonly outcome: 'in_progress' | 'talked' | 'missed' | 'unanswered';
  readonly phone: string | null;
  readonly startedAt: string;
  readonly answeredAt: string | null;
  readonly endedAt: string | null;
  readonly talkSeconds: number | null;
}

export interface RecordingJson {
  readonly id: string;
  readonly state: 'pending' | 'ready' | 'unavailable';
  readonly reason: string | null;
  readonly durationSeconds: number | null;
}

const MESSAGES_SQL = `
  select m.id, m.type, m.author_type, m.author_id, m.body, m.code, m.params, m.created_at,
    case m.author_type when 'agent' then (select full_name from agents where id = m.author_id)
      when 'customer' then (select full_name from customers where id = m.author_id) end as author_name,
    case when c.id is not null then jsonb_build_object(
      'id', c.id, 'callId', coalesce(call.merged_into, call.id), 'direction', c.direction, 'outcome', c.outcome, 'phone', c.phone,
      'agent', (select jsonb_build_object('id', id, 'fullName', full_name) from agents where id = c.agent_id),
      'startedAt', c.started_at, 'answeredAt', c.answered_at, 'endedAt', c.ended_at, 'talkSeconds', c.talk_seconds) end as conversation,
    (select jsonb_agg(jsonb_build_object('id', r.id, 'state', r.state, 'reason', r.reason, 'durationSeconds', r.duration_seconds)
      order by r.created_at, r.id) from recordings r where r.conversation_id = c.id) as recordings
  from messages m
  left join conversations c on c.id = m.conversation_id
  left join calls call on call.id = c.call_id`;

/** A ticket's messages, oldest first. */
export async function messagesOf(db: Executor, ticketId: string): Promise<MessageRow[]> {
  const { rows } = await db.raw<{ rows: MessageRow[] }>(`${MESSAGES_SQL} where m.ticket_id = ? order by m.id`, [ticketId]);
  return rows;
}

export async function findMessage(db: Executor, messageId: string): Promise<MessageRow | undefined> {
  const { rows } = await db.raw<{ rows: MessageRow[] }>(`${MESSAGES_SQL} where m.id = ?`, [messageId]);
  return rows[0];
}
