import { createHash, timingSafeEqual } from 'node:crypto';

/** `sign` of a request in either direction: a plain SHA-256 over key, json and salt in a row, not an HMAC (mango-api §1.2). */
export function mangoSignature(key: string, json: string, salt: string): string {
  return sha256(key + json + salt);
}

/** `sign` of a link to a recording; `timestamp` is the moment it expires (mango-api §4.6). */
export function recordingLinkSignature(key: string, timestamp: string, recordingId: string, salt: string): string {
  return sha256(key + timestamp + recordingId + salt);
}

/**
 * Whether `sign` is the signature of exactly this `json`: the form-decoded text as it came, never one parsed and written again.
 * Constant time; whatever `sign` holds, the answer is true or false.
 */
export function isSignedBy(key: string, json: string, salt: string, sign: string): boolean {
  const expected = Buffer.from(mangoSignature(key, json, salt), 'utf8');
  const given = Buffer.from(sign, 'utf8');
  const comparable = given.length === expected.length;
  return timingSafeEqual(expected, comparable ? given : Buffer.alloc(expected.length)) && comparable;
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
