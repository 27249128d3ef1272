import type { Readable } from 'node:stream';
import type { CommandFate } from '../../db/call-commands.ts';
import type { PastCall } from '../../domain/past-calls.ts';
import type { CodeWord } from './code-words.ts';

export type { PastCall, PastLeg } from '../../domain/past-calls.ts';

/**
 * What the product asks of a PBX. Adapters turn it into a carrier's protocol; nothing here is Mango's.
 * What can go wrong comes back as a value. An exception means a mistake in the program or a database that is away.
 */
export interface TelephonyPort {
  /** Employees of the PBX account that have an extension. */
  listOperators(): Promise<Answer<readonly PbxOperator[]>>;

  /**
   * Rings the operator, then the number. Sent at most once per `commandId`, by whichever process, however often it is asked:
   * a repeat gets the first outcome, or `unknown` if that was never learnt.
   */
  callback(order: CallbackOrder): Promise<CommandOutcome>;

  /** Ends one leg. Harmless when repeated: a leg that is over is refused with `call_over`. */
  hangUp(order: HangUpOrder): Promise<CommandOutcome>;

  /** The audio of one recording. The stream is read once; whoever takes it destroys it. */
  openRecording(recordingId: string, options?: { readonly signal?: AbortSignal }): Promise<Answer<RecordingAudio>>;

  /** Calls that began within the period, as the PBX's statistics tell them. They lag behind by one or two minutes. */
  fetchCalls(from: Date, to: Date): Promise<Answer<readonly PastCall[]>>;

  /** Whether address, key and salt are right; the value is how many operators the account has. */
  checkConnection(): Promise<Answer<{ readonly operators: number }>>;
}

/** Asked for and not had. */
export type Refusal =
  /** The PBX said no, or the order is one we do not send. `code` is the PBX's own, null where it gave none. */
  | { readonly outcome: 'refused'; readonly code: number | null; readonly word: CodeWord }
  /** Sent, and the answer was lost: it may have happened. A command in doubt is never repeated; a question may be. */
  | { readonly outcome: 'unknown'; readonly word: CodeWord }
  /** The quota is used up, ours or the PBX's, after waiting as long as allowed. Nothing happened. */
  | { readonly outcome: 'busy_try_later'; readonly retryAfterMs: number }
  /** The PBX accepts nothing until then (invalid-request lock-out). Nothing was sent. */
  | { readonly outcome: 'locked_out'; readonly untilMs: number };

/** `accepted` means that the PBX took the command, not that anybody answered. */
export type CommandOutcome = { readonly outcome: 'accepted'; readonly code: number } | Refusal;

export type Answer<T> = { readonly outcome: 'accepted'; readonly value: T } | Refusal;

/** The word under which an outcome is told to an agent: `accepted` has none. */
export function wordOf(refusal: Refusal): CodeWord {
  switch (refusal.outcome) {
    case 'refused':
    case 'unknown':
      return refusal.word;
    case 'busy_try_later':
    case 'locked_out':
      return refusal.outcome;
  }
}

/** Said by us before anything was sent. */
const UNSENT: ReadonlySet<CodeWord> = new Set([
  'pbx_unreachable',
  'address_forbidden',
  'not_configured',
  'bad_request',
  'bad_extension',
  'bad_number',
]);

/** What the call's timeline tells of a command: refused by the PBX is something else than never asked. */
export function fateOf(outcome: CommandOutcome): CommandFate {
  switch (outcome.outcome) {
    case 'accepted':
      return { state: 'accepted', word: null, code: outcome.code };
    case 'unknown':
      return { state: 'unknown', word: outcome.word, code: null };
    case 'refused':
      return {
        state: outcome.code === null && UNSENT.has(outcome.word) ? 'not_sent' : 'refused',
        word: outcome.word,
        code: outcome.code,
      };
    case 'busy_try_later':
    case 'locked_out':
      return { state: 'not_sent', word: outcome.outcome, code: null };
  }
}

export interface CallbackOrder {
  readonly commandId: string;
  readonly extension: string;
  /** E.164, with or without the plus. */
  readonly toNumber: string;
  /** How long a full quota may be waited for; 5 s unless said. */
  readonly patienceMs?: number;
}

export interface HangUpOrder {
  readonly commandId: string;
  readonly legId: string;
  readonly patienceMs?: number;
}

export interface PbxOperator {
  /** As the PBX writes it: a string, leading zeros kept. */
  readonly extension: string;
  readonly fullName: string;
  readonly email: string | null;
  readonly devices: readonly PbxDevice[];
}

export interface PbxDevice {
  readonly number: string;
  readonly protocol: string;
  readonly on: boolean;
}

export interface RecordingAudio {
  readonly stream: Readable;
  /** What the PBX claims; the content decides. */
  readonly contentType: string | null;
  /** Announced length; null where none was. */
  readonly bytes: number | null;
}
