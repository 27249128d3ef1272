import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ensureEnvironmentIntegration } from '../../db/integrations.ts';
import { openSecrets } from '../../db/secrets.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const SECRETS = openSecrets({ dataDir: join(tmpdir(), 'unused'), secretKey: 'e'.repeat(32) });
const MANGO = { apiKey: 'key', apiSalt: 'salt', apiUrl: 'https://pbx.example.com' };

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  await database.db('integrations').delete();
});

const ensure = (mango: typeof MANGO | undefined): Promise<string | null> =>
  ensureEnvironmentIntegration(database.db, mango, SECRETS);

interface Row {
  readonly id: string;
  readonly from_environment: boolean;
  readonly api_url: string;
  readonly api_key_encrypted: Buffer;
  readonly api_salt_encrypted: Buffer;
  readonly api_key_hash: Buffer;
}
const rows = async (): Promise<Row[]> => (await database.db('integrations').orderBy('created_at')) as Row[];

test('the account in the environment is an integration, made once, by whoever starts first', async () => {
  const ids = await Promise.all(Array.from({ length: 5 }, () => ensure(MANGO)));
  expect(new Set(ids).size).toBe(1);
  const [row, ...others] = await rows();
  expect(others).toEqual([]);
  expect(row).toMatchObject({ id: ids[0], kind: 'mango', from_environment: true, api_url: MANGO.apiUrl });
  expect(SECRETS.decrypt(row?.api_key_encrypted ?? Buffer.alloc(0))).toBe('key');
  expect(SECRETS.decrypt(row?.api_salt_encrypted ?? Buffer.alloc(0))).toBe('salt');
  expect(row?.api_key_hash.equals(SECRETS.hashKey('key'))).toBe(true);
});

test('the environment wins over what is stored, and a new key there keeps the account', async () => {
  const id = await ensure(MANGO);
  expect(await ensure({ ...MANGO, apiKey: 'new key', apiSalt: 'new salt', apiUrl: 'https://other.example.com' })).toBe(id);
  const [row] = await rows();
  expect(row).toMatchObject({ api_url: 'https://other.example.com', from_environment: true });
  expect(SECRETS.decrypt(row?.api_salt_encrypted ?? Buffer.alloc(0))).toBe('new salt');
});

test('an account entered by hand becomes that of the environment when the environment names its key', async () => {
  await ensure(MANGO);
  const [old] = await rows();
  const byHand = {
    kind: 'mango',
    name: 'Second',
    api_url: 'https://x.example.com',
    api_key_encrypted: SECRETS.encrypt('second'),
    api_salt_encrypted: SECRETS.encrypt('salt'),
    api_key_hash: SECRETS.hashKey('second'),
  };
  const [made] = (await database.db('integrations').insert(byHand, ['id'])) as { id: string }[];
  expect(await ensure({ ...MANGO, apiKey: 'second' })).toBe(made?.id);
  expect(await database.db('integrations').where({ id: old?.id }).first()).toMatchObject({ from_environment: false });
  expect(await database.db('integrations').where({ id: made?.id }).first()).toMatchObject({
    from_environment: true,
    name: 'Second',
  });
});

test('without the variables the account stays, as an ordinary one, and a removed one is not brought back', async () => {
  const id = await ensure(MANGO);
  expect(await ensure(undefined)).toBeNull();
  expect(await rows()).toMatchObject([{ id, from_environment: false }]);
  await database.db('integrations').update({ removed_at: new Date() });
  expect(await ensure(MANGO)).not.toBe(id);
  expect(await rows()).toHaveLength(2);
});
