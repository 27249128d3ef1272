import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { createDispatcher } from '../../activities/dispatcher/index.ts';
import { eventually, legEvent, newEntry, openOffice, type Office } from './office.ts';

let office: Office;
beforeAll(async () => {
  office = await openOffice();
});
afterAll(() => office.tearDown());

const seqs = async (entry: string): Promise<number[]> =>
  (await office.heard(entry)).messages.map((message) => (message.type === 'leg' ? message.seq : -1));
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);
const waiting = async (): Promise<number> => {
  const { rows } = await office.db.raw<{ rows: { count: string }[] }>('select count(*) from inbox where delivered_at is null');
  return Number(rows[0]?.count);
};

test('eight writers whose transactions stay open now and then: the dispatcher passes over no row', async () => {
  const dispatcher = office.dispatcher({ pollMs: 200 });
  await dispatcher.start();
  const entries = Array.from({ length: 40 }, newEntry);
  const perWriter = 100;
  const writers = Array.from({ length: 8 }, async (_, writer) => {
    const client = new pg.Client({ connectionString: office.url });
    await client.connect();
    for (let i = 0; i < perWriter; i += 1) {
      const entry = entries[(writer * 13 + i) % entries.length] as string;
      const event = legEvent(entry, randomUUID(), 1, 'Appeared');
      await client.query('begin');
      await client.query(
        `insert into inbox (source, integration_id, key, entry, path, body) values ('pbx', $1, $2, $3, '/events/call', $4)`,
        [office.integrationId, randomUUID(), entry, JSON.stringify(event)],
      );
      // The id is taken; others commit higher ones meanwhile.
      if (i % 5 === 0) await delay(Math.random() * 20);
      await client.query('commit');
    }
    await client.end();
  });
  await Promise.all(writers);
  await eventually(async () => expect(await waiting()).toBe(0), 30_000);
  await dispatcher.stop();

  const heard = (await Promise.all(entries.map((entry) => office.heard(entry)))).flatMap(({ messages }) => messages);
  expect(heard).toHaveLength(8 * perWriter);
  expect(new Set(heard.map((message) => message.inboxId)).size).toBe(8 * perWriter);
  const { rows } = await office.db.raw<{ rows: { verdict: string }[] }>('select distinct verdict from inbox');
  expect(rows).toEqual([{ verdict: 'delivered' }]);
});

test('two dispatchers at once deliver each row once, each entry in order', async () => {
  const entries = Array.from({ length: 12 }, newEntry);
  for (const seq of upTo(10)) {
    await Promise.all(entries.map((entry) => office.receive('/events/call', legEvent(entry, `${entry}-leg`, seq, 'Connected'))));
  }
  const dispatchers = [office.dispatcher({ batchSize: 3 }), office.dispatcher({ batchSize: 3 })];
  await Promise.all(dispatchers.map((dispatcher) => dispatcher.drainOnce()));
  for (const entry of entries) expect(await seqs(entry)).toEqual(upTo(10));
});

test('two running dispatchers share what comes in, each row once, each entry in order', async () => {
  const dispatchers = [office.dispatcher({ batchSize: 5 }), office.dispatcher({ batchSize: 5 })];
  await Promise.all(dispatchers.map((dispatcher) => dispatcher.start()));
  const entries = Array.from({ length: 10 }, newEntry);
  for (const seq of upTo(15)) {
    await Promise.all(entries.map((entry) => office.receive('/events/call', legEvent(entry, `${entry}-leg`, seq, 'Connected'))));
  }
  await eventually(async () => expect(await waiting()).toBe(0));
  for (const entry of entries) expect(await seqs(entry)).toEqual(upTo(15));
  await Promise.all(dispatchers.map((dispatcher) => dispatcher.stop()));
});

test('what waits of one entry travels in one signal, fifty at a time', async () => {
  const entry = newEntry();
  for (const seq of upTo(120)) await office.receive('/events/call', legEvent(entry, `${entry}-leg`, seq, 'Connected'));
  await office.dispatcher().drainOnce();
  expect(await seqs(entry)).toEqual(upTo(120));
  expect((await office.heard(entry)).signals).toHaveLength(3);
});

test('an event that is repeated reaches the workflow once', async () => {
  const entry = newEntry();
  const event = legEvent(entry, `${entry}-leg`, 1, 'Appeared');
  expect(await office.receive('/events/call', event)).toBe('stored');
  await office.dispatcher().drainOnce();
  expect(await office.receive('/events/call', event)).toBe('repeated');
  await office.dispatcher().drainOnce();
  expect(await seqs(entry)).toEqual([1]);
});

test('a row that somebody holds is not overtaken by later ones of its entry, nor does it keep other entries waiting', async () => {
  const [held, other] = [newEntry(), newEntry()];
  await office.receive('/events/call', legEvent(held, `${held}-leg`, 1, 'Appeared'));
  await office.receive('/events/call', legEvent(held, `${held}-leg`, 2, 'Connected'));
  await office.receive('/events/call', legEvent(other, `${other}-leg`, 1, 'Appeared'));
  const holder = await office.db.transaction();
  await holder('inbox')
    .where({ key: `call:${held}-leg:1:Appeared` })
    .forUpdate();
  const dispatcher = office.dispatcher({ pollMs: 50 });
  await dispatcher.start();
  await eventually(async () => expect(await seqs(other)).toEqual([1]));
  await delay(200);
  await expect(office.heard(held)).rejects.toThrow();
  await holder.rollback();
  await eventually(async () => expect(await seqs(held)).toEqual([1, 2]));
  await dispatcher.stop();
});

test('a dispatcher that dies after sending and before marking has its successor send again: at least once, never never', async () => {
  const entry = newEntry();
  await office.receive('/events/call', legEvent(entry, `${entry}-leg`, 1, 'Appeared'));
  await office.dispatcher().drainOnce();
  await office.db('inbox').where({ entry }).update({ delivered_at: null, verdict: 'accepted' });
  await office.receive('/events/call', legEvent(entry, `${entry}-leg`, 2, 'Connected'));
  await office.dispatcher().drainOnce();
  expect(await seqs(entry)).toEqual([1, 1, 2]);
  const inboxIds = (await office.heard(entry)).messages.map((message) => message.inboxId);
  expect(inboxIds[0]).toBe(inboxIds[1]);
  expect(await office.db('calls').where({ entry_id: entry })).toHaveLength(1);
});

test('the connections of a dispatcher are cut while it works: everything is delivered without a restart', async () => {
  const dispatcher = office.dispatcher({ pollMs: 100 });
  await dispatcher.start();
  const entry = newEntry();
  for (const seq of upTo(20)) {
    await office.receive('/events/call', legEvent(entry, `${entry}-leg`, seq, 'Connected'));
    if (seq % 7 === 0) {
      await office.db.raw(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and application_name <> 'trubka-intake'`,
      );
    }
  }
  await eventually(async () => expect([...new Set(await seqs(entry))].sort((a, b) => a - b)).toEqual(upTo(20)));
  await eventually(async () => expect(await waiting()).toBe(0));
  await dispatcher.stop();
});

test('a dispatcher that starts finds what came while none was running', async () => {
  const entry = newEntry();
  await office.receive('/events/call', legEvent(entry, `${entry}-leg`, 1, 'Appeared'));
  const dispatcher = office.dispatcher();
  await dispatcher.start();
  await eventually(async () => expect(await seqs(entry)).toEqual([1]));
  await dispatcher.stop();
});

test('no transaction stays open while Temporal is spoken to: the event stream would wait for it', async () => {
  const database = await createTestDatabase();
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  let spokenTo = 0;
  const client = {
    withDeadline: (_at: unknown, work: () => Promise<unknown>) => work(),
    workflow: {
      signalWithStart: async () => {
        spokenTo += 1;
        await held;
      },
    },
  } as unknown as Office['client'];
  const log = { error: () => undefined, warn: () => undefined, info: () => undefined } as never;
  const config = {
    phoneCountry: 'RU',
    phoneCountryGiven: false,
    callSettleSeconds: 30,
    legMaxSeconds: 60,
    draftGraceSeconds: 2,
    recordingWaitSeconds: 9,
  };
  const [row] = (await database
    .db('integrations')
    .insert({ kind: 'mango', name: 'x', api_url: 'x', api_key_encrypted: 'x', api_salt_encrypted: 'x', api_key_hash: 'x' }, [
      'id',
    ])) as { id: string }[];
  await database.db('inbox').insert({
    source: 'pbx',
    integration_id: row?.id,
    key: 'k',
    entry: 'e',
    path: '/events/call',
    body: JSON.stringify(legEvent('e', 'l', 1, 'Appeared')),
  });
  const dispatcher = createDispatcher({ db: database.db, temporalClient: client, log, config, taskQueue: 'none' });
  const draining = dispatcher.drainOnce();
  await eventually(() => expect(spokenTo).toBe(1));
  const { rows } = await database.db.raw<{ rows: unknown[] }>(
    `select state, query from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and (xact_start is not null or backend_xid is not null)`,
  );
  expect(rows).toEqual([]);
  release();
  await draining;
  await dispatcher.stop();
  await database.drop();
});
