import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Instant, LegState, TransferKind } from '../../../domain/messages.ts';
import { JsonTextError, parseStorableJson, type Json } from './json-text.ts';
import type { CarrierEvent, CarrierLeg, CarrierRecording, CarrierResult, CarrierSide, CarrierSummary } from './carrier-events.ts';

export interface FieldError {
  readonly field: string;
  readonly message: string;
}

/** A signed webhook, ready for the inbox. */
export interface Webhook {
  /** By which a repeat is recognised, within one PBX account. */
  readonly key: string;
  /** What the dispatcher delivers in order; null for what we keep and nobody needs. */
  readonly entry: string | null;
  readonly body: Json;
}

export type ParsedWebhook = { readonly webhook: Webhook } | { readonly errors: readonly FieldError[] };

const MAX_TEXT = 256;
const MAX_PATH = 200;
/** Results of commands (mango-api §2.10). `/result/stat` has another shape and is kept like any other unused kind. */
const RESULT_KINDS = [
  'callback',
  'callback_group',
  'call/hangup',
  'sms',
  'recording/start',
  'play/start',
  'route',
  'transfer',
  'calls_connect',
  'transfer_cancel',
  'call/hold/on',
];

// Loose fields: numbers come quoted or not, empty means absent, and what is of an odd type counts as absent.

const WHOLE = 'must be a whole number';
const whole = z.union(
  [
    z.number().int(),
    z
      .string()
      .trim()
      .regex(/^-?\d{1,15}$/u)
      .transform(Number),
  ],
  { error: WHOLE },
);
const id = z
  .union([z.string(), z.number().int().transform(String)], { error: 'must be a text' })
  .pipe(z.string().regex(/^[^\p{Cc}]{1,128}$/u, 'must have 1 to 128 characters, none of them a control character'));
const word = z.string({ error: 'must be a text' }).trim().min(1, 'must not be empty').max(64, 'must have at most 64 characters');
const text = z
  .union([z.string(), z.number().transform(String)])
  .transform((value) => value.trim().slice(0, MAX_TEXT) || null)
  .catch(null);
const looseWhole = whole.nullable().catch(null);
const looseId = id.nullable().catch(null);
const moment = whole.transform(toInstant).nullable().catch(null);

const NO_SIDE = { extension: null, number: null, line_number: null, taken_from_call_id: null };
const side = z
  .object({ extension: text, number: text, line_number: text, taken_from_call_id: looseId })
  .catch(NO_SIDE)
  .transform((value): CarrierSide => ({
    extension: value.extension,
    number: value.number,
    line: value.line_number,
    takenFrom: value.taken_from_call_id,
  }));

const legShape = z.object({
  entry_id: id,
  call_id: id,
  seq: whole,
  call_state: word,
  timestamp: moment,
  location: text,
  /** Some of Mango's own samples spell it so (mango-api §2.2). */
  locaton: text,
  from: side,
  to: side,
  transfer: text,
  command_id: looseId,
  callback_initiator: text,
  task_id: text,
  disconnect_reason: looseWhole,
});

const summaryShape = z
  .object({
    entry_id: id,
    call_direction: looseWhole,
    from: side,
    to: side,
    line_number: text,
    create_time: moment,
    talk_time: moment,
    end_time: moment,
    entry_result: looseWhole,
    disconnect_reason: looseWhole,
  })
  .refine(
    (value) => [value.call_direction, value.create_time, value.end_time, value.entry_result].some((field) => field !== null),
    {
      path: ['create_time'],
      message: 'is missing, as are call_direction, end_time and entry_result: this is no summary',
    },
  );

const recordingShape = z.object({
  entry_id: id,
  recording_id: id,
  recording_state: word,
  seq: whole.catch(0),
  call_id: looseId,
  /** Unlike elsewhere empty and absent differ here (mango-api §2.5). */
  extension: z
    .union([z.string(), z.number().transform(String)])
    .transform((value) => value.trim().slice(0, MAX_TEXT))
    .nullable()
    .catch(null),
  completion_code: looseWhole,
  recipient: text,
});

const storedShape = z.object({ entry_id: id, recording_id: id });
const resultShape = z.object({ command_id: id, result: whole });

const LEG_STATES: Readonly<Record<string, LegState>> = {
  appeared: 'appeared',
  connected: 'connected',
  onhold: 'held',
  disconnected: 'disconnected',
};
const TRANSFERS: readonly TransferKind[] = ['consultative', 'blind', 'return_blind'];
const DIRECTIONS = ['internal', 'incoming', 'outgoing'] as const;
const RECORDING_STATES = ['started', 'continued', 'completed'] as const;
const RECIPIENTS = { cloud: 'cloud', mail: 'mail', cloudandmail: 'cloud_and_mail' } as const;

interface Kind {
  readonly shape: z.ZodType;
  readonly event: (fields: never, path: string) => CarrierEvent;
  readonly keyOf: (fields: never, path: string) => string;
  readonly entryOf: (fields: never) => string | null;
  /** Fields that only another kind has: the path is not signed, so an event posted to the wrong one fails by its shape. */
  readonly alien: readonly string[];
}

function kind<S extends z.ZodType>(definition: {
  readonly shape: S;
  readonly event: (fields: z.output<S>, path: string) => CarrierEvent;
  readonly keyOf: (fields: z.output<S>, path: string) => string;
  readonly entryOf: (fields: z.output<S>) => string | null;
  readonly alien: readonly string[];
}): Kind {
  return definition;
}

const LEG = kind({
  shape: legShape,
  event: legOf,
  keyOf: (fields) => `call:${fields.call_id}:${fields.seq}:${fields.call_state}`,
  entryOf: (fields) => fields.entry_id,
  alien: ['recording_state'],
});
const SUMMARY = kind({
  shape: summaryShape,
  event: summaryOf,
  keyOf: (fields) => `summary:${fields.entry_id}`,
  entryOf: (fields) => fields.entry_id,
  alien: ['call_state', 'recording_state', 'recording_id'],
});
const RECORDING = kind({
  shape: recordingShape,
  event: recordingOf,
  keyOf: (fields) => `recording:${fields.recording_id}:${fields.seq}:${fields.recording_state}`,
  entryOf: (fields) => fields.entry_id,
  alien: ['call_state'],
});
const STORED = kind({
  shape: storedShape,
  event: storedOf,
  keyOf: (fields) => `stored:${fields.recording_id}`,
  entryOf: (fields) => fields.entry_id,
  alien: ['call_state', 'recording_state', 'end_time'],
});
const RESULT = kind({
  shape: resultShape,
  event: resultOf,
  keyOf: (fields, path) => `result:${path.slice('/result/'.length)}:${fields.command_id}`,
  entryOf: () => null,
  alien: ['call_state', 'recording_state'],
});
/** The only result anybody waits for: the callback's workflow. */
const CALLBACK_RESULT: Kind = { ...RESULT, entryOf: (fields: z.output<typeof resultShape>) => `callback:${fields.command_id}` };

const KINDS: ReadonlyMap<string, Kind> = new Map([
  ['/events/call', LEG],
  ['/events/summary', SUMMARY],
  ['/events/recording', RECORDING],
  ['/events/record/added', STORED],
  ...RESULT_KINDS.map((name): [string, Kind] => [`/result/${name}`, name === 'callback' ? CALLBACK_RESULT : RESULT]),
]);

/**
 * The path as the inbox names it: behind the base address, without the prefixes older documents print (`/vpbx`, `/vpbx/api/v1`)
 * and without a trailing slash.
 */
export function canonicalPath(path: string): string {
  const parts = path
    .slice(0, MAX_PATH)
    .split('/')
    .filter((part) => part !== '');
  if (parts[0] === 'vpbx') parts.shift();
  if (parts[0] === 'api' && parts[1] === 'v1') parts.splice(0, 2);
  return `/${parts.join('/')}`;
}

/** Reads the json of a signed request by its (canonical) path. */
export function parseWebhook(path: string, json: string): ParsedWebhook {
  const kind = KINDS.get(path);
  if (!kind) return { webhook: unusedWebhook(path, json) };
  try {
    return parseKnown(kind, path, parseStorableJson(json));
  } catch (error) {
    if (error instanceof JsonTextError) return { errors: [{ field: 'json', message: error.message }] };
    throw error;
  }
}

/** The event in an inbox row; undefined where its path is of no kind that we use. A body that does not fit throws. */
export function carrierEventOf(path: string, body: unknown): CarrierEvent | undefined {
  const kind = KINDS.get(path);
  return kind?.event(kind.shape.parse(body) as never, path);
}

function parseKnown(kind: Kind, path: string, body: Json): ParsedWebhook {
  if (body === null || typeof body !== 'object' || Array.isArray(body)) {
    return { errors: [{ field: 'json', message: 'must be a JSON object' }] };
  }
  const aliens = kind.alien.filter((field) => Object.hasOwn(body, field));
  if (aliens.length > 0) return { errors: aliens.map((field) => ({ field, message: `does not belong into ${path}` })) };
  const result = kind.shape.safeParse(body);
  if (!result.success) {
    return { errors: result.error.issues.map((issue) => ({ field: issue.path.join('.'), message: issue.message })) };
  }
  const fields = result.data as never;
  return { webhook: { key: kind.keyOf(fields, path), entry: kind.entryOf(fields), body } };
}

/** Kinds that we do not use are kept whatever they hold: they must not make the PBX see errors (mango-api §2.11). */
function unusedWebhook(path: string, json: string): Webhook {
  const key = `other:${path}:${createHash('sha256').update(json, 'utf8').digest('hex')}`;
  try {
    return { key, entry: null, body: json === '' ? {} : parseStorableJson(json) };
  } catch (error) {
    if (!(error instanceof JsonTextError)) throw error;
    return { key, entry: null, body: { unreadable: error.message } };
  }
}

function legOf(fields: z.output<typeof legShape>): CarrierLeg {
  return {
    type: 'leg',
    entryId: fields.entry_id,
    legId: fields.call_id,
    seq: fields.seq,
    at: fields.timestamp,
    state: LEG_STATES[fields.call_state.toLowerCase()] ?? null,
    location: locationOf(fields.location ?? fields.locaton, fields),
    from: fields.from,
    to: fields.to,
    transfer: TRANSFERS.find((known) => known === fields.transfer?.toLowerCase()) ?? null,
    commandId: fields.command_id,
    initiator: fields.callback_initiator && latin(fields.callback_initiator),
    taskId: fields.task_id,
    reason: fields.disconnect_reason,
  };
}

/** Where Mango does not say (or says what its documents do not name): a leg that rings an employee, or our own line, tells itself. */
function locationOf(given: string | null, { from, to }: z.output<typeof legShape>): CarrierLeg['location'] {
  const name = given?.toLowerCase() ?? '';
  if (name === 'abonent') return 'person';
  if (name === 'queue') return 'queue';
  if (/^ivr\b/u.test(name)) return 'menu';
  const ringsOurLine = to.extension === null && from.extension === null && to.number !== null && to.number === to.line;
  return ringsOurLine ? 'menu' : 'person';
}

function summaryOf(fields: z.output<typeof summaryShape>): CarrierSummary {
  return {
    type: 'summary',
    entryId: fields.entry_id,
    direction: DIRECTIONS[fields.call_direction ?? -1] ?? null,
    from: fields.from,
    to: fields.to,
    line: fields.line_number ?? fields.to.line ?? fields.from.line,
    startedAt: fields.create_time,
    talkedAt: fields.talk_time,
    endedAt: fields.end_time,
    reason: fields.disconnect_reason,
  };
}

function recordingOf(fields: z.output<typeof recordingShape>): CarrierRecording {
  const recipient = fields.recipient?.toLowerCase() ?? '';
  return {
    type: 'recording',
    entryId: fields.entry_id,
    recordingId: fields.recording_id,
    seq: fields.seq,
    state: RECORDING_STATES.find((known) => known === fields.recording_state.toLowerCase()) ?? null,
    legId: fields.call_id,
    extension: fields.extension,
    completionCode: fields.completion_code,
    recipient: Object.entries(RECIPIENTS).find(([name]) => name === recipient)?.[1] ?? null,
  };
}

function storedOf(fields: z.output<typeof storedShape>): CarrierRecording {
  return {
    type: 'recording',
    entryId: fields.entry_id,
    recordingId: fields.recording_id,
    seq: 0,
    state: 'stored',
    legId: null,
    extension: null,
    completionCode: null,
    recipient: null,
  };
}

function resultOf(fields: z.output<typeof resultShape>, path: string): CarrierResult {
  return { type: 'result', kind: path.slice('/result/'.length), commandId: fields.command_id, code: fields.result };
}

/** Unix seconds (mango-api §2.2). Zero means "did not happen"; what is no moment of this century counts as not given. */
function toInstant(value: number): Instant | null {
  const ms = value > 1e11 ? value : value * 1000;
  return ms > 0 && ms < 4e12 ? ms : null;
}

/** Mango's documents spell `CC` and `MissGroupCallCallback` with Cyrillic letters here and there (mango-api §2.3). */
function latin(value: string): string {
  const kin: Readonly<Record<string, string>> = {
    А: 'A',
    В: 'B',
    Е: 'E',
    К: 'K',
    М: 'M',
    Н: 'H',
    О: 'O',
    Р: 'P',
    С: 'C',
    Т: 'T',
    Х: 'X',
  };
  const small: Readonly<Record<string, string>> = { а: 'a', е: 'e', о: 'o', р: 'p', с: 'c', у: 'y', х: 'x' };
  return value.replace(/\p{Script=Cyrillic}/gu, (letter) => kin[letter] ?? small[letter] ?? letter);
}
