import { createHash, createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { mangoSignature } from '../../activities/telephony/mango/signature.ts';
import { signatureFault } from '../../activities/telephony/mango/signature-faults.ts';

const KEY = 'key-1';
const SALT = 'salt-1';
const JSON_TEXT = '{"entry_id":"a/b","from":{"number":"+7 916"},"name":"Анна"}';
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

test.each([
  ['something else in its place', 'hello', 'not_a_digest'],
  [
    'an md5',
    createHash('md5')
      .update(KEY + JSON_TEXT + SALT)
      .digest('hex'),
    'not_a_digest',
  ],
  ['capital letters', mangoSignature(KEY, JSON_TEXT, SALT).toUpperCase(), 'upper_case'],
  ["another account's salt", mangoSignature(KEY, JSON_TEXT, 'salt-2'), 'other_salt'],
  ['no salt', sha256(KEY + JSON_TEXT), 'no_salt'],
  ['the parts in another order', sha256(SALT + JSON_TEXT + KEY), 'other_order'],
  ['an HMAC', createHmac('sha256', SALT).update(JSON_TEXT).digest('hex'), 'other_order'],
  ['a body whose slashes were escaped', mangoSignature(KEY, JSON_TEXT.replaceAll('/', '\\/'), SALT), 'body_rewritten'],
  ['a body whose spaces were pluses', mangoSignature(KEY, JSON_TEXT.replaceAll(' ', '+'), SALT), 'body_rewritten'],
  [
    'a body with letters as escapes',
    mangoSignature(KEY, JSON_TEXT.replace('Анна', '\\u0410\\u043d\\u043d\\u0430'), SALT),
    'body_rewritten',
  ],
  ['a body laid out with spaces', mangoSignature(KEY, JSON.stringify(JSON.parse(JSON_TEXT), null, 2), SALT), 'body_rewritten'],
  ['a salt that nobody knows', mangoSignature(KEY, JSON_TEXT, 'salt-3'), 'salt_or_body'],
  ['another body', mangoSignature(KEY, '{}', SALT), 'salt_or_body'],
])('%s', (_what, sign, fault) => {
  expect(signatureFault({ key: KEY, json: JSON_TEXT, sign }, SALT, ['salt-2'])).toBe(fault);
});
