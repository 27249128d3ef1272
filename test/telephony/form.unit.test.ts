import { describe, expect, test } from 'vitest';
import { FormError, parseMangoForm } from '../../activities/telephony/mango/form.ts';
import { isSignedBy } from '../../activities/telephony/mango/signature.ts';

const bytes = (text: string): Buffer => Buffer.from(text, 'utf8');

test('the published form body decodes to the json that was signed', () => {
  const form = parseMangoForm(
    bytes(
      'vpbx_api_key=testkey0001&sign=a6562712fbaeff3bff62a00072503abdda0d6aa4bb2aace7367c3acc480ff5d5&json=%7B%22command_id%22%3A%22%D0%A2%D0%B5%D1%81%D1%82%2F1+%2B+%26+%3D%22%2C%22from%22%3A%7B%22extension%22%3A%22101%22%7D%2C%22to_number%22%3A%2279990000001%22%7D',
    ),
  );
  expect(form.json).toBe('{"command_id":"Тест/1 + & =","from":{"extension":"101"},"to_number":"79990000001"}');
  expect(isSignedBy(form.key ?? '', form.json ?? '', 'testsalt0002', form.sign ?? '')).toBe(true);
});

test('fields that are absent are null, and fields of other names do not matter', () => {
  const others = 'foo=bar&tariff%5Ba%5D=1&json_version=2&Sign=x&signature=y&x.json=1&prototypes=z&constructor_id=1&=1';
  expect(parseMangoForm(bytes(others))).toEqual({ key: null, sign: null, json: null });
  expect(parseMangoForm(bytes(''))).toEqual({ key: null, sign: null, json: null });
});

test('a genuine replacement character is no sign of bad UTF-8', () => {
  expect(parseMangoForm(bytes('json=%22%EF%BF%BD%22')).json).toBe('"\ufffd"');
});

describe('what no PBX sends is refused by name', () => {
  test.each([
    ['json twice', bytes('json=%7B%7D&json=%7B%7D&sign=x'), 'json'],
    ['sign twice', bytes('sign=a&sign=b'), 'sign'],
    ['key twice', bytes('vpbx_api_key=a&vpbx_api_key=a'), 'vpbx_api_key'],
    ['a part of json', bytes('json={}&json[a]=1'), 'json'],
    ['a part of json, percent-encoded', bytes('json={}&js%6Fn%5Ba%5D=1'), 'json'],
    ['a list of signatures', bytes('sign=x&sign[]=y'), 'sign'],
    ['a part of the key', bytes('vpbx_api_key=x&vpbx_api_key[x]=y'), 'vpbx_api_key'],
    ['a part of the key after a dot', bytes('vpbx_api_key.x=y'), 'vpbx_api_key'],
    ['a bracket that is not closed', bytes('json[=1'), 'json'],
    ['a bracket that is not opened', bytes('json]=1'), 'json'],
    ['a prototype', bytes('__proto__=1'), '__proto__'],
    ['a part of a prototype', bytes('__proto__[admin]=1'), '__proto__'],
    ['a prototype’s, percent-encoded', bytes('%5F_proto__%2Ejson=1'), '__proto__'],
    ['a constructor', bytes('constructor[prototype][admin]=1'), 'constructor'],
    ['a prototype by its other name', bytes('prototype.admin=1'), 'prototype'],
    ['a prototype of something', bytes('a[__proto__][admin]=1'), '__proto__'],
    ['bad UTF-8, percent-encoded', bytes('json=%7B%22a%22%3A%22%FF%22%7D'), 'json'],
    ['bad UTF-8, bare', Buffer.from([0x6a, 0x73, 0x6f, 0x6e, 0x3d, 0xff]), 'body'],
    ['half of a UTF-8 character at the end', bytes('json=%D0'), 'json'],
    ['NUL, percent-encoded', bytes('json=%00'), 'json'],
    ['NUL, bare', bytes('sign=\u0000'), 'sign'],
    ['21 parameters', bytes(Array.from({ length: 21 }, (_, i) => `p${i}=1`).join('&')), 'body'],
    ['10,000 parameters', bytes('a&'.repeat(10_000)), 'body'],
  ])('%s', (_name, body, field) => {
    const attempt = (): unknown => parseMangoForm(body);
    expect(attempt).toThrow(FormError);
    expect(attempt).toThrow(expect.objectContaining({ field }));
  });
});
