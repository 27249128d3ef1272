import { describe, expect, it } from 'vitest';
import { base32, codeAt, enrolmentUri, fromBase32, newSecret, stepAt, stepOf } from '../../api/totp.ts';

const SECRET = Buffer.from('12345678901234567890');

describe('One-time codes', () => {
  it('follow RFC 4226, appendix D', () => {
    const codes = Array.from({ length: 10 }, (_, count) => codeAt(SECRET, count));
    expect(codes.join(' ')).toBe('755224 287082 359152 969429 338314 254676 287922 162583 399871 520489');
  });

  it.each([
    [59, '94287082'],
    [1111111109, '07081804'],
    [1111111111, '14050471'],
    [1234567890, '89005924'],
    [2000000000, '69279037'],
    [20000000000, '65353130'],
  ])('follow RFC 6238, appendix B: second %i', (second, code) => {
    const at = new Date(second * 1000);
    expect(codeAt(SECRET, stepAt(at), 8)).toBe(code);
    expect(stepOf(SECRET, code.slice(2), at)).toBe(stepAt(at));
  });

  it('count one step before and after, and no further', () => {
    const now = new Date(1_700_000_000_000);
    const found = [-2, -1, 0, 1, 2].map((away) => stepOf(SECRET, codeAt(SECRET, stepAt(now) + away), now));
    expect(found).toEqual([undefined, stepAt(now) - 1, stepAt(now), stepAt(now) + 1, undefined]);
  });

  it.each(['', '12345', '1234567', 'абвгде', '     1'])('are not %j', (code) => {
    expect(stepOf(SECRET, code, new Date())).toBeUndefined();
  });
});

describe('Base32', () => {
  it.each([
    ['f', 'MY'],
    ['fo', 'MZXQ'],
    ['foo', 'MZXW6'],
    ['foob', 'MZXW6YQ'],
    ['fooba', 'MZXW6YTB'],
    ['foobar', 'MZXW6YTBOI'],
  ])('follows RFC 4648, without padding: %s', (text, coded) => {
    expect(base32(Buffer.from(text))).toBe(coded);
    expect(fromBase32(coded).toString()).toBe(text);
  });

  it('spells 160 random bits', () => {
    expect(newSecret()).toMatch(/^[A-Z2-7]{32}$/);
    expect(newSecret()).not.toBe(newSecret());
  });
});

it('The address for the authenticator escapes what it holds', () => {
  expect(enrolmentUri('ABC', 'a+b@test.local')).toBe(
    'otpauth://totp/Trubka:a%2Bb%40test.local?secret=ABC&issuer=Trubka&algorithm=SHA1&digits=6&period=30',
  );
});
