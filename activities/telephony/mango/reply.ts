import type { CodeWord } from '../code-words.ts';
import { codeWord, isDone, isInvalidRequest } from './code-words.ts';

/** What an answer of the PBX comes down to, before anything is done about it. */
export type MangoReply =
  | { readonly kind: 'done'; readonly code: number; readonly body: Readonly<Record<string, unknown>> }
  | { readonly kind: 'refused'; readonly code: number | null; readonly word: CodeWord }
  /** 3xxx: counts towards the lock-out. */
  | { readonly kind: 'invalid'; readonly code: number; readonly word: CodeWord }
  | { readonly kind: 'too_many' }
  | { readonly kind: 'locked_out' }
  /** Answered in a way that tells nothing of what was done. */
  | { readonly kind: 'unclear' };

/**
 * Reads an answer. The HTTP status alone means little (mango-api §1.4): failures come with 200 and with 420, so the code in the
 * body decides, which may stand in `result` or in `code`, as a number or in quotes, or be absent from a success.
 */
export function readReply(status: number, text: string): MangoReply {
  const body = parseObject(text);
  const code = body && codeOf(body);
  if (status === 429 || (body && isRateLimit(body, code ?? null))) return { kind: 'too_many' };
  if (code != null && isInvalidRequest(code)) return { kind: 'invalid', code, word: codeWord(code) };
  if (status === 401) return { kind: 'locked_out' };
  if (code != null && code >= 1000) {
    return isDone(code) && body ? { kind: 'done', code, body } : { kind: 'refused', code, word: codeWord(code) };
  }
  if (status >= 200 && status < 300 && body && code == null) return { kind: 'done', code: 1000, body };
  if (status >= 400 && status < 500)
    return { kind: 'refused', code: null, word: status === 403 ? 'access_denied' : 'pbx_misunderstood' };
  return { kind: 'unclear' };
}

function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function codeOf(body: Readonly<Record<string, unknown>>): number | null {
  return integer(body['result']) ?? integer(body['code']);
}

/** `{"name":"Service Unavailable","message":"Rate limit exceeded.","code":0,"status":429}`, or the contact centre's 5008. */
function isRateLimit(body: Readonly<Record<string, unknown>>, code: number | null): boolean {
  return integer(body['status']) === 429 || code === 5008 || code === 4290;
}

/** Mango writes numbers with and without quotes (mango-api §2.2). */
export function integer(value: unknown): number | null {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  return typeof value === 'string' && /^-?[0-9]{1,15}$/.test(value) ? Number(value) : null;
}
