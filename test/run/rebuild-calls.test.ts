import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { rebuildOpenCalls } from '../../run/rebuild-calls.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
const integrationId = randomUUID();

beforeEach(async () => {
  database = await createTestDatabase();
  const secret = { api_key_encrypted: 'x', api_salt_encrypted: 'x', api_key_hash: 'x' };
  await database.db('integrations').insert({ id: integrationId, kind: 'demo', name: 'D', api_url: 'http://x', ...secret });
});
afterEach(() => database.drop());

async function call(entry: string, state: string): Promise<void> {
  await database.db('calls').insert({ integration_id: integrationId, entry_id: entry, workflow_id: `call:${entry}`, state });
}

async function event(entry: string, verdict: string, source = 'pbx', integration: string | null = integrationId): Promise<void> {
  const delivered_at = verdict === 'accepted' ? null : new Date();
  await database
    .db('inbox')
    .insert({ source, integration_id: integration, key: randomUUID(), entry, body: {}, verdict, delivered_at });
}

async function waiting(): Promise<string[]> {
  return (await database.db('inbox').whereNull('delivered_at').orderBy('id').pluck('entry')) as string[];
}

test('a Temporal that has forgotten everything gets the events of calls in flight again, and no others', async () => {
  await call('open', 'active');
  await call('over', 'over');
  await database
    .db('calls')
    .where({ entry_id: 'over' })
    .update({ view: { state: { callId: 'over' } } });
  for (const verdict of ['delivered', 'delivered', 'late', 'kept']) await event('open', verdict);
  await event('over', 'delivered');
  expect(await rebuildOpenCalls(database.db)).toBe(2);
  expect(await waiting()).toEqual(['open', 'open']);
});

test('a call that is over, of whose recordings somebody has still to take care, is taken up again', async () => {
  await call('owed', 'over');
  await call('done', 'over');
  await database
    .db('calls')
    .where({ entry_id: 'done' })
    .update({ view: { state: { callId: 'done' } } });
  for (const entry of ['owed', 'done']) await event(entry, 'delivered');
  expect(await rebuildOpenCalls(database.db)).toBe(1);
  expect(await waiting()).toEqual(['owed']);
  expect(await database.db('calls').orderBy('entry_id').pluck('state')).toEqual(['over', 'active']);
});

test('an order to dial is waited for again, also one that has left already', async () => {
  const dialling = { integration_id: integrationId, state: 'dialling' };
  await database.db('calls').insert({ ...dialling, command_id: 'a', workflow_id: 'callback:a', command_state: 'sent' });
  await database.db('calls').insert({ ...dialling, command_id: 'b', workflow_id: 'callback:b', command_state: 'stored' });
  await event('callback:a', 'delivered', 'system', null);
  await event('callback:b', 'delivered', 'system', null);
  expect(await rebuildOpenCalls(database.db)).toBe(2);
  expect(await waiting()).toEqual(['callback:a', 'callback:b']);
});
