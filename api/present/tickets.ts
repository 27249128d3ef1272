import type { MessageRow, RecordingJson } from '../../db/messages.ts';
import type { TicketListRow } from '../../db/ticket-list.ts';
import type { Conversation, Message, Recording, Ticket, TicketListItem } from '../contract/tickets.ts';

const iso = (date: Date | null): string | null => date?.toISOString() ?? null;
const isoText = (text: string | null): string | null => (text === null ? null : new Date(text).toISOString());
const personOf = (id: string | null, fullName: string | null) => (id === null ? null : { id, fullName: fullName ?? '' });

export const presentTicketItem = (row: TicketListRow): TicketListItem => ({
  id: row.id,
  number: Number(row.number),
  subject: row.subject,
  status: row.status,
  channel: row.channel,
  kind: row.kind,
  handset: row.handset,
  phone: row.phone,
  customer: personOf(row.customer_id, row.customer_name),
  assignee: personOf(row.assignee_id, row.assignee_name),
  missedCount: row.missed_count,
  lastMissedAt: iso(row.last_missed_at),
  createdAt: row.created_at.toISOString(),
  updatedAt: row.updated_at.toISOString(),
  closedAt: iso(row.closed_at),
});

const presentRecording = (recording: RecordingJson): Recording => ({
  ...recording,
  url: recording.state === 'ready' ? `/api/recordings/${recording.id}` : null,
});

function presentConversation(row: MessageRow): Conversation | null {
  if (!row.conversation) return null;
  const recordings = (row.recordings ?? []).map(presentRecording);
  const { startedAt, answeredAt, endedAt, ...conversation } = row.conversation;
  return {
    ...conversation,
    startedAt: new Date(startedAt).toISOString(),
    answeredAt: isoText(answeredAt),
    endedAt: isoText(endedAt),
    recording: recordings[0] ?? null,
    recordings,
  };
}

export const presentMessage = (row: MessageRow): Message => ({
  id: row.id,
  type: row.type,
  author: { type: row.author_type, id: row.author_id, fullName: row.author_name },
  body: row.body,
  code: row.code,
  params: row.params as Message['params'],
  createdAt: row.created_at.toISOString(),
  conversation: presentConversation(row),
});

export const presentTicket = (row: TicketListRow, messages: readonly MessageRow[]): Ticket => ({
  ...presentTicketItem(row),
  messages: messages.map(presentMessage),
});
