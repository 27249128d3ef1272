import { createHash, timingSafeEqual } from 'node:crypto';

/** What a PBX account signs with: the key travels in every request, the salt never does. */
export interface Credentials {
  readonly key: string;
  readonly salt: string;
}

/** A plain SHA-256 of key, json and salt in a row, in lower-case hex: no HMAC, no separators (mango-api §1.2). */
export function sign(json: string, { key, salt }: Credentials): string {
  return sha256(key + json + salt);
}

/** The same for the signed GET link to a recording (mango-api §1.2, §4.6). */
export function signLink(timestamp: string, recordingId: string, { key, salt }: Credentials): string {
  return sha256(key + timestamp + recordingId + salt);
}

/** The form body of a signed request: every `+`, `&`, `%` and Cyrillic letter of the JSON is escaped. */
export function signedForm(json: string, credentials: Credentials): string {
  return new URLSearchParams({ vpbx_api_key: credentials.key, sign: sign(json, credentials), json }).toString();
}

export function sameSignature(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given.toLowerCase()), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
