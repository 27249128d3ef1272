import { afterEach, beforeEach, expect, test } from 'vitest';
import { verifyPassword } from '../../api/passwords.ts';
import { openSecrets } from '../../db/secrets.ts';
import { ensureDemo, hasRealPbx, retireDemo } from '../../run/demo-data.ts';
import { ensureAdmin, generatePassword } from '../../run/first-admin.ts';
import { DEMO_ACCOUNT } from '../../run/demo-pbx/staff.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeEach(async () => void (database = await createTestDatabase()));
afterEach(() => database.drop());

const NOTHING = { email: undefined, password: undefined };

async function opens(email: string, password: string): Promise<boolean> {
  const row = (await database.db('agents').where({ email }).whereNull('deactivated_at').first()) as
    { password_hash: string } | undefined;
  return row !== undefined && (await verifyPassword(row.password_hash, password));
}

test('without any wish the first admin gets a password of its own, once', async () => {
  const made = await ensureAdmin(database.db, NOTHING);
  expect(made?.email).toBe('admin@localhost');
  expect(await opens('admin@localhost', made?.generatedPassword ?? '')).toBe(true);
  expect(await ensureAdmin(database.db, NOTHING)).toBeUndefined();
});

test('two starters at once make one admin', async () => {
  const made = await Promise.all([ensureAdmin(database.db, NOTHING), ensureAdmin(database.db, NOTHING)]);
  expect(made.filter(Boolean)).toHaveLength(1);
  expect(await database.db('agents').where({ role: 'admin' })).toHaveLength(1);
});

test('a password in the environment wins over the stored one, and ends the sessions opened with that', async () => {
  const wish = { email: 'boss@example.org', password: 'correct horse' };
  await ensureAdmin(database.db, wish);
  expect(await opens(wish.email, 'correct horse')).toBe(true);
  const admin = (await database.db('agents').first('id')) as { id: string };
  const session = { token_hash: Buffer.from('x'), agent_id: admin.id, expires_at: new Date(Date.now() + 1e6) };
  await database.db('sessions').insert(session);

  expect(await ensureAdmin(database.db, wish)).toBeUndefined();
  expect(await database.db('sessions')).toHaveLength(1);
  await ensureAdmin(database.db, { ...wish, password: 'battery staple' });
  expect(await opens(wish.email, 'battery staple')).toBe(true);
  expect(await database.db('sessions')).toHaveLength(0);
});

test('a password that everybody would guess is refused', async () => {
  await expect(ensureAdmin(database.db, { email: 'b@example.org', password: 'password' })).rejects.toThrow(/ADMIN_PASSWORD/);
});

test('generated passwords differ and hold no letters that look alike', () => {
  const passwords = new Set(Array.from({ length: 200 }, generatePassword));
  expect(passwords.size).toBe(200);
  for (const password of passwords) expect(password).toMatch(/^[a-hj-km-np-z2-9]{5}(-[a-hj-km-np-z2-9]{5}){3}$/);
});

test('the demonstration is laid out once, follows its PBX to another port, and leaves when a real PBX comes', async () => {
  const secrets = openSecrets({ dataDir: '/nowhere', secretKey: 'x'.repeat(32) });
  const pbx = { port: 4001, apiKey: 'demo-key', apiSalt: 'demo-salt' };
  const password = await ensureDemo(database.db, secrets, pbx);
  expect(await opens('anna@demo.local', password ?? '')).toBe(true);
  // Whoever the demo PBX knows is known from the start, so that the first check finds nothing to mend.
  const operators = (await database
    .db('operators')
    .leftJoin('agents', 'agents.id', 'operators.agent_id')
    .select('extension', 'operators.full_name', 'agents.full_name as agent', 'ignored')) as Record<string, unknown>[];
  expect(operators.map(({ extension, full_name, agent, ignored }) => [extension, full_name, agent, ignored])).toEqual(
    DEMO_ACCOUNT.operators.map(({ extension, name, email }) => [extension, name, email ? name : null, !email]),
  );
  const customers = await database.db('customers');

  expect(await ensureDemo(database.db, secrets, { ...pbx, port: 4002 })).toBeUndefined();
  expect(await database.db('customers')).toHaveLength(customers.length);
  const integrations = (await database.db('integrations')) as { api_url: string; api_salt_encrypted: Buffer }[];
  expect(integrations.map(({ api_url }) => api_url)).toEqual(['http://127.0.0.1:4002']);
  expect(secrets.decrypt(integrations[0]?.api_salt_encrypted ?? Buffer.alloc(0))).toBe('demo-salt');

  expect(await hasRealPbx(database.db)).toBe(false);
  const real = {
    kind: 'mango',
    name: 'M',
    api_url: 'https://x',
    api_key_encrypted: 'x',
    api_salt_encrypted: 'x',
    api_key_hash: 'x',
  };
  await database.db('integrations').insert(real);
  expect(await hasRealPbx(database.db)).toBe(true);
  await retireDemo(database.db);
  expect(await database.db('integrations').whereNull('removed_at').pluck('kind')).toEqual(['mango']);
});
