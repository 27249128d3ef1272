/** The PBX's events as they stand on the wire, in production's shape (mango-api §2): optional fields are left out, never null. */

export type CallState = 'Appeared' | 'Connected' | 'OnHold' | 'Disconnected';
export type Location = 'ivr' | 'queue' | 'abonent';
export type TransferKind = 'consultative' | 'blind' | 'return_blind';

export interface WireParty {
  extension?: string;
  number?: string;
  taken_from_call_id?: string;
  line_number?: string;
  acd_group?: string;
  was_transferred?: boolean;
  hold_initiator?: boolean;
}

export interface LegEvent {
  entry_id: string;
  call_id: string;
  timestamp: number;
  seq: number;
  call_state: CallState;
  location: Location;
  from: WireParty;
  to: WireParty;
  dct?: { type: number; number?: string };
  disconnect_reason?: number;
  transfer?: TransferKind;
  sip_call_id?: string;
  command_id?: string;
  task_id?: number;
  callback_initiator?: string;
}

export interface SummaryEvent {
  entry_id: string;
  /** 0 internal, 1 incoming, 2 outgoing. */
  call_direction: 0 | 1 | 2;
  from: WireParty;
  to: WireParty;
  line_number?: string;
  create_time: number;
  forward_time: number;
  talk_time: number;
  end_time: number;
  entry_result: 0 | 1;
  disconnect_reason: number;
  sip_call_id?: string;
}

export interface RecordingEvent {
  recording_id: string;
  recording_state: 'Started' | 'Continued' | 'Completed';
  seq: number;
  entry_id: string;
  call_id: string;
  extension?: string;
  timestamp: number;
  completion_code?: number;
  recipient?: 'Cloud' | 'Mail' | 'CloudAndMail';
  command_id?: string;
}

export interface RecordAddedEvent {
  entry_id: string;
  product_id: number;
  user_id: number;
  timestamp: number;
  recording_id: string;
}

export interface ResultEvent {
  command_id: string;
  result: number | string;
}

export interface DtmfEvent {
  seq: number;
  dtmf: string;
  timestamp: number;
  call_id: string;
  entry_id: string;
  location: string;
  initiator: string;
  line_number?: string;
}

export type PbxEvent =
  LegEvent | SummaryEvent | RecordingEvent | RecordAddedEvent | ResultEvent | DtmfEvent | Record<string, unknown>;

/** What a tolerant receiver must do without (mango-api §2.3, §2.4: "sometimes", "usually", "API v2"). */
export const OPTIONAL_FIELDS: readonly string[] = [
  'dct',
  'transfer',
  'callback_initiator',
  'sip_call_id',
  'line_number',
  'from.line_number',
  'from.was_transferred',
  'from.hold_initiator',
  'to.line_number',
  'to.acd_group',
  'to.was_transferred',
  'to.hold_initiator',
];

/** Numbers as quoted strings, the way many of the documentation's examples show them. */
export function quoteNumbers(value: unknown): unknown {
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value)) return value.map(quoteNumbers);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, quoteNumbers(inner)]));
}

/** A copy without the fields named by dotted path. */
export function omitFields(value: Readonly<Record<string, unknown>>, paths: readonly string[]): Record<string, unknown> {
  const here = new Set(paths.filter((path) => !path.includes('.')));
  const entries = Object.entries(value).filter(([name]) => !here.has(name));
  return Object.fromEntries(
    entries.map(([name, inner]) => {
      const below = paths.filter((path) => path.startsWith(`${name}.`)).map((path) => path.slice(name.length + 1));
      return [name, below.length > 0 && isRecord(inner) ? omitFields(inner, below) : inner];
    }),
  );
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
