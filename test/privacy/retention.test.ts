import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { Worker } from '@temporalio/worker';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createPrivacySteps } from '../../activities/privacy.ts';
import { createDiskStore } from '../../activities/recordings/disk-store.ts';
import { recordingDirectory } from '../../activities/recordings/store.ts';
import { createIntakePool, storeEvent } from '../../db/intake.ts';
import { createLogger } from '../../db/log.ts';
import { previewRetention } from '../../db/retention.ts';
import { openSecrets } from '../../db/secrets.ts';
import { writeSettings } from '../../db/settings.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/live-call.ts';
import { connectTemporal, uniqueTaskQueue, workflowBundle, type TestTemporal } from '../support/temporal.ts';
import { dumpOf, linesWith } from './dump.ts';

let database: TestDatabase;
let temporal: TestTemporal;
let dataDir: string;
let integrationId: string;
const daysAgo = (days: number): Date => new Date(Date.now() - days * 86_400_000);

beforeAll(async () => {
  database = await createTestDatabase();
  temporal = await connectTemporal();
  dataDir = await mkdtemp(join(tmpdir(), 'retention-'));
  const account = { name: 'A', api_url: 'http://x', api_key_encrypted: Buffer.from('k'), api_salt_encrypted: Buffer.from('s') };
  const [row] = (await database
    .db('integrations')
    .insert({ ...account, kind: 'mango', api_key_hash: Buffer.from('h') }, ['id'])) as { id: string }[];
  integrationId = row?.id ?? '';
});
afterEach(async () => {
  for (const table of ['recordings', 'calls', 'inbox', 'settings', 'sign_in_attempts', 'refused_events'])
    await database.db(table).delete();
});
afterAll(async () => {
  await temporal.close();
  await database.drop();
  await rm(dataDir, { recursive: true });
});

const secrets = openSecrets({ dataDir: tmpdir(), secretKey: 'b'.repeat(32) });
/** How often a file could not be removed. */
let failures = 0;
const steps = () => {
  const store = createDiskStore(recordingDirectory(dataDir));
  const remove = async (id: string): Promise<boolean> => {
    try {
      return await store.remove(id);
    } catch (error) {
      failures += 1;
      throw error;
    }
  };
  const log = createLogger('worker', { level: 'silent' });
  return createPrivacySteps({ db: database.db, log, dataDir, secrets, store: { ...store, remove } });
};

async function runRetention(): Promise<Record<string, number>> {
  const taskQueue = uniqueTaskQueue('retention');
  const worker = await Worker.create({
    connection: temporal.nativeConnection,
    taskQueue,
    workflowBundle: await workflowBundle(),
    activities: steps(),
  });
  const run = temporal.client.workflow.execute('retention', { workflowId: taskQueue, taskQueue, args: [] });
  return (await worker.runUntil(run)) as Record<string, number>;
}

const logged = async (): Promise<unknown[]> =>
  ((await database.db('destruction_log').orderBy('id')) as { categories: unknown[] }[]).flatMap(({ categories }) => categories);
const freshLog = async (): Promise<() => Promise<unknown[]>> => {
  const before = (await logged()).length;
  return async () => (await logged()).slice(before);
};

async function recordingOf(days: number): Promise<string> {
  const { db } = database;
  const [call] = (await db('calls').insert({ integration_id: integrationId, entry_id: randomUUID() }, ['id'])) as {
    id: string;
  }[];
  const facts = { call_id: call?.id, recording_id: randomUUID(), state: 'ready', bytes: 5, ready_at: daysAgo(days) };
  const [row] = (await db('recordings').insert(facts, ['id'])) as { id: string }[];
  await createDiskStore(recordingDirectory(dataDir)).save(row?.id ?? '', Readable.from([Buffer.from('audio')]));
  return row?.id ?? '';
}

const audioFiles = (): string[] =>
  existsSync(recordingDirectory(dataDir))
    ? readdirSync(recordingDirectory(dataDir), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.audio'))
    : [];

const EVENT = {
  ...{ entry_id: 'ZTE=', call_state: 'Appeared', from: { number: '79161230007' } },
  ...{ to: { extension: '101', line_number: '74950000000' }, dtmf: '4321#' },
};
async function event(key: string, days: number, delivered = true): Promise<void> {
  await database.db('inbox').insert({
    ...{ source: 'pbx', integration_id: integrationId, key, entry: 'ZTE=', path: '/events/call' },
    ...{ body: JSON.stringify(EVENT), raw: JSON.stringify(EVENT), verdict: 'delivered', received_at: daysAgo(days) },
    delivered_at: delivered ? daysAgo(days) : null,
  });
}

describe('retention', () => {
  test('removes recordings whose term is over, their files, and says so; younger ones stay', async () => {
    const [old, young] = [await recordingOf(366), await recordingOf(364)];
    const log = await freshLog();
    expect(await previewRetention(database.db, { recordingDays: 365, rawEventDays: 30 })).toEqual({
      recordings: 1,
      recordingBytes: 5,
      rawEvents: 0,
    });
    expect(await runRetention()).toMatchObject({ recordings: 1 });
    expect(audioFiles().map((name) => name.split('/').at(-1))).toEqual([`${young}.audio`]);
    expect(await database.db('recordings').where({ id: old }).first()).toMatchObject({
      state: 'unavailable',
      reason: 'removed',
      removed_at: expect.any(Date),
    });
    expect(await log()).toEqual([{ category: 'recordings', count: 1 }]);
    expect(await runRetention()).toMatchObject({ recordings: 0 });
    expect(await log()).toHaveLength(1);
  });

  test('R26: a file that cannot be removed for now is removed later, and nothing is noted until it is', async () => {
    const id = await recordingOf(366);
    const path = join(recordingDirectory(dataDir), id.slice(0, 2), id.slice(2, 4), `${id}.audio`);
    // A directory in its place.
    await rename(path, `${path}.kept`);
    await mkdir(path);
    const [log, others] = [await freshLog(), audioFiles().filter((name) => !name.includes(id))];
    const failing = eventually(
      () => Promise.resolve(failures),
      (count) => count > 0,
    );
    const running = runRetention();
    await failing;
    expect(await log()).toEqual([]);
    await rmdir(path);
    await rename(`${path}.kept`, path);
    expect(await running).toMatchObject({ recordings: 1 });
    expect(audioFiles()).toEqual(others);
    expect(await log()).toEqual([{ category: 'recordings', count: 1 }]);
  });

  test('without a term nothing goes', async () => {
    await writeSettings(database.db, { recordingRetentionDays: null, rawEventRetentionDays: null });
    await recordingOf(5000);
    await event('a', 5000);
    expect(await previewRetention(database.db, { recordingDays: null, rawEventDays: null })).toMatchObject({ recordings: 0 });
    expect(await runRetention()).toMatchObject({ recordings: 0, raw_events: 0 });
  });

  test('puts hashes in place of numbers in old events: one caller stays one, and a repeat is still known', async () => {
    await event('old', 31);
    await event('older', 40);
    await event('young', 29);
    await event('waiting', 50, false);
    const log = await freshLog();
    expect(await runRetention()).toMatchObject({ raw_events: 2 });
    const rows = (await database.db('inbox').orderBy('key')) as { key: string; raw: string | null; body: typeof EVENT }[];
    const numbers = Object.fromEntries(rows.map(({ key, body }) => [key, body.from.number]));
    expect(numbers['old']).toMatch(/^#[0-9a-f]{16}$/);
    expect(numbers['older']).toBe(numbers['old']);
    expect([numbers['young'], numbers['waiting']]).toEqual([EVENT.from.number, EVENT.from.number]);
    const hashed = expect.stringMatching(/^#[0-9a-f]{16}$/) as unknown;
    // All that remains of a row; a column that is added has to be judged here.
    expect(rows.find(({ key }) => key === 'old')).toEqual({
      ...{
        id: expect.any(String),
        source: 'pbx',
        integration_id: integrationId,
        key: 'old',
        entry: 'ZTE=',
        path: '/events/call',
      },
      ...{ raw: null, verdict: 'delivered', why: null, workflow_id: null, last_error: null, attempts: 0, repeats: 0 },
      body: { ...EVENT, from: { number: hashed }, to: { extension: '101', line_number: hashed }, dtmf: hashed },
      ...{ received_at: expect.any(Date), delivered_at: expect.any(Date), redacted_at: expect.any(Date) },
      ...{ next_attempt_at: expect.any(Date), repeated_at: null },
    });
    expect(rows.filter(({ raw }) => raw === null).map(({ key }) => key)).toEqual(['old', 'older']);
    expect(linesWith(await dumpOf(database.db), '9161230007')).toHaveLength(2);
    expect(await log()).toEqual([{ category: 'raw_events', count: 2 }]);
    const pool = createIntakePool(database.url);
    const again = { integrationId, key: 'old', entry: 'ZTE=', path: '/events/call', body: EVENT, raw: '{}' };
    expect(await storeEvent(pool, again)).toBe('repeated');
    await pool.end();
    expect(await database.db('inbox').where({ key: 'old' }).first()).toMatchObject({ repeats: 1, raw: null });
  });

  test('forgets sign-in attempts and refused requests', async () => {
    await database.db('sign_in_attempts').insert([
      { email: 'a@b', address: '1', at: daysAgo(2) },
      { email: 'a@b', address: '1', at: daysAgo(0) },
    ]);
    await database.db('refused_events').insert([
      { path: '/x', reason: 'bad_signature', at: daysAgo(31) },
      { path: '/x', reason: 'bad_signature', at: daysAgo(29) },
    ]);
    const log = await freshLog();
    expect(await runRetention()).toMatchObject({ sign_in_attempts: 1, refused_events: 1 });
    expect(await database.db('sign_in_attempts')).toHaveLength(1);
    expect(await database.db('refused_events')).toHaveLength(1);
    expect(await log()).toEqual([
      { category: 'sign_in_attempts', count: 1 },
      { category: 'refused_events', count: 1 },
    ]);
  });
});

describe('what may only be added to', () => {
  test.each(['audit_log', 'destruction_log'])('%s refuses to be changed or emptied', async (table) => {
    const { db } = database;
    const row = table === 'audit_log' ? { action: 'test.done' } : { cause: 'retention', reason: 'term_over', categories: '[]' };
    await db(table).insert(row);
    for (const change of [
      () => db(table).update({ at: new Date(0) }),
      () => db(table).delete(),
      () => db.raw(`truncate ${table} cascade`),
    ])
      await expect(change()).rejects.toThrow('append-only');
    expect((await db(table)).length).toBeGreaterThan(0);
  });
});
