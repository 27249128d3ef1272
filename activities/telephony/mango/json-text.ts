/** What `JSON.parse` gives. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

const MAX_DEPTH = 40;
const LONE_SURROGATE = /\p{Surrogate}/u;

/** A text that is no JSON, or holds what Postgres cannot keep. The message is for the sender and quotes nothing. */
export class JsonTextError extends Error {
  override readonly name = 'JsonTextError';
}

/** Parses a JSON text that must fit a `jsonb` column: no NUL, no half characters, no bottomless nesting. */
export function parseStorableJson(text: string): Json {
  let parsed: Json;
  try {
    parsed = JSON.parse(text) as Json;
  } catch {
    throw new JsonTextError('must be a JSON text');
  }
  checkStorable(parsed);
  return parsed;
}

/** Level by level instead of by recursion, so that depth cannot exhaust the stack. */
function checkStorable(root: Json): void {
  let level: Json[] = [root];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) throw new JsonTextError(`must not be nested deeper than ${MAX_DEPTH} levels`);
    level.forEach(checkText);
    level = level.flatMap(childrenOf);
  }
}

function childrenOf(value: Json): readonly Json[] {
  if (value === null || typeof value !== 'object') return [];
  if (Array.isArray(value)) return value as readonly Json[];
  Object.keys(value).forEach(checkText);
  return Object.values(value) as Json[];
}

function checkText(value: Json): void {
  if (typeof value !== 'string') return;
  if (value.includes('\u0000')) throw new JsonTextError('must not hold the character NUL');
  if (LONE_SURROGATE.test(value)) throw new JsonTextError('must not hold half of a character (lone surrogate)');
}
