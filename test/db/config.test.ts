import { isAbsolute } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ConfigError, readConfig, readStartConfig } from '../../db/config.ts';

const GIVEN = { DATABASE_URL: 'postgres://u:p@127.0.0.1/d', TEMPORAL_ADDRESS: '127.0.0.1:7233' };

test('without any variable npm start gets the defaults and no addresses', () => {
  const config = readStartConfig({});
  expect(config).toMatchObject({
    port: 3000,
    databaseUrl: undefined,
    temporal: undefined,
    mango: undefined,
    phoneCountry: 'RU',
    callSettleSeconds: 30,
    legMaxSeconds: 14_400,
    draftGraceSeconds: 2,
    recordingWaitSeconds: 900,
    trustProxy: false,
  });
  expect(isAbsolute(config.dataDir)).toBe(true);
});

test('the API and the worker need both addresses', () => {
  expect(() => readConfig({})).toThrow(/^DATABASE_URL is not set/);
  expect(() => readConfig({ DATABASE_URL: GIVEN.DATABASE_URL })).toThrow(/^TEMPORAL_ADDRESS is not set/);
  expect(readConfig(GIVEN).temporal).toEqual({ address: '127.0.0.1:7233', namespace: 'default' });
});

test('an empty variable counts as not set', () => {
  expect(readStartConfig({ PORT: '', DATABASE_URL: ' ', MANGO_API_KEY: '' })).toMatchObject({
    port: 3000,
    databaseUrl: undefined,
    mango: undefined,
  });
});

describe('what makes no sense stops the start, in a sentence that names the variable', () => {
  test.each([
    ['PORT', '70000'],
    ['PORT', 'http'],
    ['DATABASE_URL', 'mysql://x'],
    ['TEMPORAL_ADDRESS', 'https://temporal:7233'],
    ['MANGO_API_URL', 'ftp://pbx'],
    ['PUBLIC_URL', 'example.org'],
    ['SECRET_KEY', 'short'],
    ['PHONE_COUNTRY', 'Russia'],
    ['LEG_MAX_SECONDS', '-1'],
    ['DRAFT_GRACE_SECONDS', 'soon'],
    ['LOG_LEVEL', 'loud'],
    ['TRUST_PROXY', 'true'],
    ['ADMIN_EMAIL', 'nobody'],
    ['ADMIN_EMAIL', `${'a'.repeat(65)}@example.com`],
    ['ADMIN_PASSWORD', 'admin'],
    ['ADMIN_PASSWORD', 'Password'],
    ['TEMPORAL_TLS', 'maybe'],
  ])('%s=%s', (variable, value) => {
    expect(() => readConfig({ ...GIVEN, [variable]: value })).toThrow(ConfigError);
    expect(() => readConfig({ ...GIVEN, [variable]: value })).toThrow(new RegExp(`^${variable} `));
  });

  test('several at once are all named', () => {
    expect(() => readConfig({ ...GIVEN, PORT: 'x', LOG_LEVEL: 'y' })).toThrow(/PORT .*\nLOG_LEVEL /);
  });

  test('half of a PBX account', () => {
    expect(() => readConfig({ ...GIVEN, MANGO_API_KEY: 'k' })).toThrow(/MANGO_API_SALT is not set/);
    expect(() => readConfig({ ...GIVEN, MANGO_API_SALT: 's' })).toThrow(/MANGO_API_KEY is not set/);
  });

  test('half of a client certificate, or one that is not there', () => {
    expect(() => readConfig({ ...GIVEN, TEMPORAL_TLS_CERT: 'x' })).toThrow(/TEMPORAL_TLS_KEY belong together/);
    expect(() => readConfig({ ...GIVEN, TEMPORAL_TLS_CA: '/nowhere/ca.pem' })).toThrow(
      /^TEMPORAL_TLS_CA names \/nowhere\/ca\.pem/,
    );
  });
});

test('an API key for Temporal Cloud turns TLS on', () => {
  expect(readConfig({ ...GIVEN, TEMPORAL_API_KEY: 'k' }).temporal).toMatchObject({ apiKey: 'k', tls: true });
  expect(readConfig({ ...GIVEN, TEMPORAL_API_KEY: 'k', TEMPORAL_TLS: 'false' }).temporal.tls).toBeUndefined();
  expect(readConfig({ ...GIVEN, TEMPORAL_TLS: 'true' }).temporal.tls).toBe(true);
});

test('a PBX account in the environment has the vendor’s address unless another is given', () => {
  const account = { ...GIVEN, MANGO_API_KEY: 'k', MANGO_API_SALT: 's' };
  expect(readConfig(account).mango?.apiUrl).toBe('https://app.mango-office.ru');
  expect(readConfig({ ...account, MANGO_API_URL: 'http://127.0.0.1:4000/vpbx' }).mango?.apiUrl).toBe(
    'http://127.0.0.1:4000/vpbx',
  );
});

test('proxies are trusted by count or by address', () => {
  expect(readConfig({ ...GIVEN, TRUST_PROXY: '2' }).trustProxy).toBe(2);
  expect(readConfig({ ...GIVEN, TRUST_PROXY: '10.0.0.0/8, ::1' }).trustProxy).toEqual(['10.0.0.0/8', '::1']);
});

test('the public address loses its trailing slash', () => {
  expect(readConfig({ ...GIVEN, PUBLIC_URL: 'https://help.example.org/' }).publicUrl).toBe('https://help.example.org');
});
