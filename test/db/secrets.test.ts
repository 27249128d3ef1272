import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSecrets, SecretUnreadableError } from '../../db/secrets.ts';

let dataDir: string;
beforeEach(() => void (dataDir = mkdtempSync(join(tmpdir(), 'trubka-secrets-'))));
afterEach(() => rmSync(dataDir, { recursive: true }));

test('what is encrypted comes back, and looks different each time', () => {
  const secrets = openSecrets({ dataDir });
  const [first, second] = [secrets.encrypt('соль'), secrets.encrypt('соль')];
  expect(secrets.decrypt(first)).toBe('соль');
  expect(secrets.decrypt(second)).toBe('соль');
  expect(first.equals(second)).toBe(false);
  expect(first.includes(Buffer.from('соль'))).toBe(false);
});

test('the key file is made once, for its owner only, and found again', () => {
  const stored = openSecrets({ dataDir }).encrypt('salt');
  expect(statSync(join(dataDir, 'secret.key')).mode & 0o777).toBe(0o600);
  expect(openSecrets({ dataDir }).decrypt(stored)).toBe('salt');
});

test('SECRET_KEY wins over the file, and no file is made for it', () => {
  const secretKey = 'k'.repeat(32);
  const stored = openSecrets({ dataDir, secretKey }).encrypt('salt');
  expect(() => statSync(join(dataDir, 'secret.key'))).toThrow('ENOENT');
  expect(openSecrets({ dataDir, secretKey }).decrypt(stored)).toBe('salt');
  expect(() => openSecrets({ dataDir }).decrypt(stored)).toThrow(SecretUnreadableError);
});

test('a changed byte is noticed', () => {
  const secrets = openSecrets({ dataDir });
  const stored = secrets.encrypt('salt');
  const last = stored.length - 1;
  stored[last] = (stored[last] ?? 0) ^ 1;
  expect(() => secrets.decrypt(stored)).toThrow(SecretUnreadableError);
});

test('equal keys have equal hashes under one secret and different ones under another', () => {
  const one = openSecrets({ dataDir, secretKey: 'a'.repeat(32) });
  const other = openSecrets({ dataDir, secretKey: 'b'.repeat(32) });
  expect(one.hashKey('api key').equals(one.hashKey('api key'))).toBe(true);
  expect(one.hashKey('api key').equals(one.hashKey('api keY'))).toBe(false);
  expect(one.hashKey('api key').equals(other.hashKey('api key'))).toBe(false);
});

test('an emptied key file is refused in words instead of being used', () => {
  writeFileSync(join(dataDir, 'secret.key'), '\n');
  expect(() => openSecrets({ dataDir })).toThrow(/secret\.key holds no key/);
});
