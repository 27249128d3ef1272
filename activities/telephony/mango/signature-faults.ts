import { createHash, createHmac } from 'node:crypto';
import { mangoSignature } from './signature.ts';

/** Which part of a signed request differs, as far as trying can tell. */
export type SignatureFault =
  /** No SHA-256 in hexadecimal: something else stands in `sign`. */
  | 'not_a_digest'
  | 'upper_case'
  /** It fits the body as it was before something on the way wrote it anew. */
  | 'body_rewritten'
  /** It fits another of our accounts' salt. */
  | 'other_salt'
  | 'no_salt'
  /** The right parts, put together differently. */
  | 'other_order'
  /** The key is right: the salt here is not the PBX's, or the body was changed. */
  | 'salt_or_body';

export interface SignedParts {
  readonly key: string;
  readonly json: string;
  readonly sign: string;
}

const sha256 = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');
const hmac = (secret: string, text: string): string => createHmac('sha256', secret).update(text, 'utf8').digest('hex');

/** What proxies and frameworks do to a body that they decode and encode again. */
function rewritings(json: string): string[] {
  const forms = [json.trim(), `${json}\n`, json.replaceAll(' ', '+'), json.replaceAll('+', ' '), json.replaceAll('/', '\\/')];
  forms.push(json.replaceAll('\\/', '/'), json.replaceAll('\r\n', '\n'), encodeURIComponent(json));
  forms.push(json.replaceAll('&quot;', '"').replaceAll('&amp;', '&'), json.replace(/[^\u0000-\u007f]/g, escaped));
  try {
    const value: unknown = JSON.parse(json);
    forms.push(
      JSON.stringify(value),
      JSON.stringify(value, null, 1),
      JSON.stringify(value, null, 2),
      JSON.stringify(value, null, 4),
    );
    forms.push(JSON.stringify(value).replaceAll('/', '\\/'), JSON.stringify(value).replace(/[^\u0000-\u007f]/g, escaped));
  } catch {
    // No JSON: nothing more to try.
  }
  return [...new Set(forms)].filter((form) => form !== json);
}

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Why a signature does not fit, for whoever has to mend it. `otherSalts` are those of our other accounts. */
export function signatureFault(
  { key, json, sign }: SignedParts,
  salt: string,
  otherSalts: readonly string[] = [],
): SignatureFault {
  const given = sign.trim().toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(given)) return 'not_a_digest';
  if (given === mangoSignature(key, json, salt)) return 'upper_case';
  if (otherSalts.some((other) => given === mangoSignature(key, json, other))) return 'other_salt';
  if ([sha256(key + json), sha256(json)].includes(given)) return 'no_salt';
  const orders = [sha256(salt + json + key), sha256(key + salt + json), sha256(json + key + salt), sha256(salt + key + json)];
  if ([...orders, sha256(json + salt + key), sha256(json + salt), hmac(salt, json), hmac(salt, key + json)].includes(given)) {
    return 'other_order';
  }
  return rewritings(json).some((form) => given === mangoSignature(key, form, salt)) ? 'body_rewritten' : 'salt_or_body';
}
