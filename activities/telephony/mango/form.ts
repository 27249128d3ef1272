/** The three fields of every request in either direction (mango-api §1.1); an absent one is null. */
export interface MangoForm {
  readonly key: string | null;
  readonly sign: string | null;
  readonly json: string | null;
}

/** A body that is no form Mango could have sent. `field` says where. */
export class FormError extends Error {
  override readonly name = 'FormError';
  readonly field: string;
  constructor(field: string, message: string) {
    super(message);
    this.field = field;
  }
}

const MAX_PARAMETERS = 20;
const FIELDS: ReadonlySet<string> = new Set(['vpbx_api_key', 'sign', 'json']);
/** What no parameter of any PBX is called, whole or in part. */
const PROTOTYPES: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);
const REPLACEMENT = '\ufffd';

/** Decodes a urlencoded body. The json comes out byte for byte as it was signed, or not at all. */
export function parseMangoForm(body: Uint8Array): MangoForm {
  const text = decodeUtf8(body);
  if (countOf(text, '&') >= MAX_PARAMETERS) throw new FormError('body', `must not have more than ${MAX_PARAMETERS} parameters`);
  const parameters = new URLSearchParams(text);
  for (const name of parameters.keys()) refuseTrick(name);
  const mayHoldReplacement = text.includes(REPLACEMENT) || /%EF%BF%BD/iu.test(text);
  const read = (name: string): string | null => {
    const [value, ...others] = parameters.getAll(name);
    if (others.length > 0) throw new FormError(name, 'must be given once');
    if (value === undefined) return null;
    if (value.includes('\u0000')) throw new FormError(name, 'must not hold the character NUL');
    if (value.includes(REPLACEMENT) && !mayHoldReplacement) throw new FormError(name, 'must be UTF-8');
    return value;
  };
  return { key: read('vpbx_api_key'), sign: read('sign'), json: read('json') };
}

/** Names that other parsers of forms take apart. Whatever else there is beside the three is not ours to judge: the PBX may add more. */
function refuseTrick(name: string): void {
  const parts = name.split(/[.[\]]+/u);
  const [first = ''] = parts;
  if (FIELDS.has(first) && first !== name) throw new FormError(first, 'must not have parts');
  const prototype = parts.find((part) => PROTOTYPES.has(part));
  if (prototype !== undefined) throw new FormError(prototype, 'must not be a name or a part of one');
}

function decodeUtf8(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    throw new FormError('body', 'must be UTF-8');
  }
}

function countOf(text: string, character: string): number {
  let count = 0;
  for (let at = text.indexOf(character); at >= 0 && count < MAX_PARAMETERS; at = text.indexOf(character, at + 1)) count += 1;
  return count;
}
