import type { CodeWord } from '../code-words.ts';
import { codeWord } from './code-words.ts';
import type { MethodGroup } from './limits.ts';

/** One bad answer, as `pbx_invalid_requests` remembers it. */
export interface BadAnswer {
  readonly atMs: number;
  /** `not_found`: a recording that is not there yet, which the PBX itself advises to ask for again. */
  readonly kind: 'invalid' | 'not_found' | 'locked';
  readonly method: MethodGroup;
  readonly code: number | null;
  readonly requestHash: string;
  readonly credentialsHash: string;
}

export interface Intended {
  readonly method: MethodGroup;
  readonly requestHash: string;
  readonly credentialsHash: string;
}

export type Verdict =
  | { readonly kind: 'go' }
  | { readonly kind: 'wait'; readonly untilMs: number }
  /** The same request was called invalid a moment ago: it would be again. */
  | { readonly kind: 'same'; readonly code: number; readonly word: CodeWord };

/** About the number or line of that one request; others may well be right. */
const ABOUT_ONE_REQUEST = new Set([3106, 3124, 3136, 3200, 3310, 3330]);
/** About the key, the signature or the way we speak: whatever is sent next is as wrong. */
const ABOUT_EVERY_REQUEST = new Set([3101, 3102, 3105, 3400]);

/**
 * May this request be sent? Mango tolerates one invalid request in two minutes; the second one locks the whole account out
 * until two minutes after the first (mango-api §1.4). So after the first we send nothing that may well be the second.
 * `recent` are the bad answers of the last `windowMs`; `notFoundCounts` once a lock-out has shown that «not found» counts, too.
 */
export function verdictOn(
  intended: Intended,
  recent: readonly BadAnswer[],
  rules: { readonly windowMs: number; readonly notFoundCounts: boolean },
): Verdict {
  const counted = recent.filter((bad) => bad.kind !== 'not_found' || rules.notFoundCounts).toSorted((a, b) => a.atMs - b.atMs);
  const [first] = counted;
  if (!first) return { kind: 'go' };
  const untilMs = first.atMs + rules.windowMs;
  if (counted.length > 1 || first.kind === 'locked') return { kind: 'wait', untilMs };
  const code = first.code ?? 0;
  const sameCredentials = first.credentialsHash === intended.credentialsHash;
  if (ABOUT_EVERY_REQUEST.has(code)) return sameCredentials ? { kind: 'wait', untilMs } : { kind: 'go' };
  if (first.kind === 'invalid' && first.requestHash === intended.requestHash) return { kind: 'same', code, word: codeWord(code) };
  return first.method === intended.method && !ABOUT_ONE_REQUEST.has(code) ? { kind: 'wait', untilMs } : { kind: 'go' };
}
