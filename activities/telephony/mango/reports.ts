import { z } from 'zod';
import type { PastCall, PastLeg } from '../port.ts';
import { integer } from './reply.ts';

/** `data` of an extended report: per day a list of calls. */
export type ExtendedPage = unknown;

/** Date strings of the extended report are read in Moscow time, which is three hours ahead all year (mango-api §4.8). */
export function moscowTime(time: Date): string {
  const [date = '', clock = ''] = new Date(time.getTime() + 3 * 3_600_000).toISOString().split('T');
  return `${date.split('-').reverse().join('.')} ${clock.slice(0, 8)}`;
}

const moment = z
  .unknown()
  .optional()
  .transform((value) => {
    const seconds = integer(value);
    return seconds ? new Date(seconds * 1000) : null;
  });
const text = z
  .unknown()
  .optional()
  .transform((value) => (typeof value === 'string' || typeof value === 'number' ? String(value) : null));
const ids = z
  .unknown()
  .optional()
  .transform((value) =>
    Array.isArray(value) ? value.flat().filter((id): id is string => typeof id === 'string' && id !== '') : [],
  );
const list = z
  .unknown()
  .optional()
  .transform((value): unknown[] => (Array.isArray(value) ? value : []));

const LegRow = z.object({
  call_type: text,
  call_abonent_id: text,
  call_abonent_number: text,
  call_start_time: moment,
  call_answer_time: moment,
  call_end_time: moment,
  call_end_reason: z.unknown().optional().transform(integer),
  recording_id: ids,
  external_call_id: text,
  members: list,
});
const CallRow = z.object({
  entry_id: z.string().min(1).max(128),
  context_type: z.unknown().optional().transform(integer),
  caller_number: text,
  called_number: text,
  context_start_time: moment,
  context_init_type: z.unknown().optional().transform(integer),
  duration: z.unknown().optional().transform(integer),
  context_calls: list,
});

/** `context_init_type`: ordered, by a web page's widget, called back for a group. */
const CALLBACK_TYPES = new Set([4, 5, 6]);
const DIRECTION = { 1: 'incoming', 2: 'outgoing', 3: 'internal' } as const;

/** `entries` counts what the page held, readable or not: it tells whether there is another page. */
export function readExtendedReport(
  data: ExtendedPage,
  extensions: ReadonlyMap<string, string>,
): { readonly entries: number; readonly calls: readonly PastCall[] } {
  const days = (Array.isArray(data) ? data : [data]) as readonly ({ list?: unknown } | null | undefined)[];
  const rows = days.flatMap((day): unknown[] => (Array.isArray(day?.list) ? day.list : []));
  return { entries: rows.length, calls: rows.flatMap((row) => readExtendedCall(row, extensions) ?? []) };
}

function readExtendedCall(row: unknown, extensions: ReadonlyMap<string, string>): PastCall | null {
  const call = CallRow.safeParse(row).data;
  const direction = call && DIRECTION[call.context_type as 1 | 2 | 3];
  if (!call?.context_start_time || !direction) return null;
  const legs = call.context_calls.flatMap((leg) => readExtendedLeg(leg, direction, extensions));
  return {
    entryId: call.entry_id,
    direction,
    outsideNumber: outside(direction === 'incoming' ? call.caller_number : direction === 'outgoing' ? call.called_number : null),
    line: direction === 'incoming' ? call.called_number : null,
    isCallback: CALLBACK_TYPES.has(call.context_init_type ?? 0),
    startedAt: call.context_start_time,
    endedAt: call.duration === null ? null : new Date(call.context_start_time.getTime() + call.duration * 1000),
    legs,
  };
}

/** A group's own row only repeats what its members say; the others stand for one attempt to reach somebody. */
function readExtendedLeg(row: unknown, direction: PastCall['direction'], extensions: ReadonlyMap<string, string>): PastLeg[] {
  const leg = LegRow.safeParse(row).data;
  if (!leg) return [];
  if (leg.call_type === 'group' && leg.members.length > 0) {
    return leg.members.flatMap((member) => readExtendedLeg(member, direction, extensions));
  }
  if (!leg.call_start_time) return [];
  const extension = extensions.get(leg.call_abonent_id ?? '') ?? null;
  return [
    {
      legId: leg.external_call_id,
      kind: extension ? 'operator' : leg.call_type === 'number' ? 'outside' : 'machine',
      extension,
      number: leg.call_abonent_number,
      startedAt: leg.call_start_time,
      answeredAt: leg.call_answer_time,
      endedAt: leg.call_end_time,
      reason: leg.call_end_reason,
      recordingIds: leg.recording_id,
    },
  ];
}

/** An employee's device is nobody outside. */
function outside(number: string | null): string | null {
  return number === null || number === '' || /sip:|@/.test(number) ? null : number;
}

export const BASIC_FIELDS = [
  'records',
  'start',
  'finish',
  'answer',
  'from_extension',
  'from_number',
  'to_extension',
  'to_number',
  'disconnect_reason',
  'line_number',
  'location',
  'entry_id',
  'create',
] as const;
type BasicRow = Readonly<Partial<Record<(typeof BASIC_FIELDS)[number], string>>>;

/** The basic report: lines of `;`-separated values without heading or quotes, one per leg (mango-api §4.8). */
export function readBasicReport(csv: string): readonly PastCall[] {
  const byEntry = new Map<string, BasicRow[]>();
  for (const line of csv.split('\n')) {
    const values = line.trim().split(';');
    const row: BasicRow = Object.fromEntries(BASIC_FIELDS.map((field, index) => [field, values[index]?.trim() ?? '']));
    if (values.length < BASIC_FIELDS.length || !row.entry_id) continue;
    byEntry.set(row.entry_id, [...(byEntry.get(row.entry_id) ?? []), row]);
  }
  return [...byEntry].flatMap(([entryId, rows]) => readBasicCall(entryId, rows) ?? []);
}

const at = (value: string | undefined): Date | null => moment.parse(value);

function readBasicCall(entryId: string, rows: readonly BasicRow[]): PastCall | null {
  const [first] = rows;
  const startedAt = at(first?.create) ?? at(first?.start);
  if (!first || !startedAt) return null;
  const people = rows.filter((row) => row.location !== 'ivr' && row.location !== 'queue');
  const told = people[0] ?? first;
  const isCallback = beginsWithCallback(people);
  const direction = isCallback ? 'outgoing' : directionOf(told);
  const ends = rows.flatMap((row) => at(row.finish) ?? []);
  return {
    entryId,
    direction,
    outsideNumber: outside((direction === 'incoming' || isCallback ? told.from_number : told.to_number) || null),
    line: told.line_number || null,
    isCallback,
    startedAt,
    endedAt: ends.length > 0 ? new Date(Math.max(...ends.map(Number))) : null,
    legs: rows.flatMap((row) => readBasicLeg(row, direction) ?? []),
  };
}

const directionOf = (row: BasicRow): PastCall['direction'] =>
  row.from_extension ? (row.to_extension ? 'internal' : 'outgoing') : 'incoming';

/** The operator was rung first, in the customer's name, and then called the customer (mango-api §3.8). */
function beginsWithCallback([first, second]: readonly BasicRow[]): boolean {
  if (!first || !second || first.from_extension || second.to_extension) return false;
  const follows = (at(second.start)?.getTime() ?? 0) >= (at(first.finish)?.getTime() ?? Infinity);
  return follows && second.from_extension !== '' && second.from_extension === first.to_extension;
}

function readBasicLeg(row: BasicRow, direction: PastCall['direction']): PastLeg | null {
  const startedAt = at(row.start);
  if (!startedAt) return null;
  const extension = (direction === 'outgoing' ? row.from_extension || row.to_extension : row.to_extension) || null;
  const isMachine = row.location === 'ivr' || row.location === 'queue';
  return {
    legId: null,
    kind: isMachine ? 'machine' : extension ? 'operator' : 'outside',
    extension: isMachine ? null : extension,
    number: (direction === 'outgoing' ? row.from_number : row.to_number) || null,
    startedAt,
    answeredAt: at(row.answer),
    endedAt: at(row.finish),
    reason: integer(row.disconnect_reason),
    recordingIds: (row.records ?? '')
      .replace(/^\[|\]$/g, '')
      .split(',')
      .filter((id) => id !== ''),
  };
}
