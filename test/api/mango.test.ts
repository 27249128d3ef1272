import { createHash, randomUUID } from 'node:crypto';
import { request as httpRequest, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import express from 'express';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { describeApi } from '../../api/openapi.ts';
import { describedRoutes } from '../../api/routes/described.ts';
import { createMangoRouter } from '../../api/routes/mango.ts';
import { createIntakePool } from '../../db/intake.ts';
import { createLogger } from '../../db/log.ts';
import { removeAccount } from '../../db/pbx-accounts.ts';
import { inTransaction } from '../../db/pool.ts';
import { openSecrets } from '../../db/secrets.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { openWire } from '../support/wire.ts';
import { eventually } from '../dispatcher/office.ts';

const KEY = 'testkey0001';
const SALT = 'testsalt0002';
const SECRETS = openSecrets({ dataDir: join(tmpdir(), 'unused'), secretKey: 's'.repeat(32) });

let database: TestDatabase;
let pool: pg.Pool;
let server: Server;
let base: string;
let integrationId: string;
const logged = new PassThrough();
let logText = '';
logged.on('data', (chunk: Buffer) => (logText += chunk.toString()));

beforeAll(async () => {
  database = await createTestDatabase();
  integrationId = await addIntegration(KEY, SALT);
  pool = createIntakePool(database.url);
  ({ server, base } = await serve(pool, 1_000));
});
afterAll(async () => {
  await closeServer(server);
  await pool.end();
  await database.drop();
});
afterEach(async () => {
  await database.db('inbox').delete();
  await database.db('refused_events').delete();
});

async function serve(over: pg.Pool, refusalsPerSecond?: number): Promise<{ server: Server; base: string }> {
  const log = createLogger('api', { level: 'info', destination: logged });
  const router = createMangoRouter({
    pool: over,
    secrets: SECRETS,
    log,
    ...(refusalsPerSecond === undefined ? {} : { refusalsPerSecond }),
  });
  const app = express().use('/mango', router);
  const listening = await new Promise<Server>((resolve) => {
    const opened = app.listen(0, '127.0.0.1', () => resolve(opened));
  });
  return { server: listening, base: `http://127.0.0.1:${(listening.address() as AddressInfo).port}/mango` };
}

async function closeServer(which: Server): Promise<void> {
  which.closeAllConnections();
  await new Promise((resolve) => which.close(resolve));
}

async function addIntegration(key: string, salt: string): Promise<string> {
  const row = {
    kind: 'mango',
    name: 'Mango Office',
    api_url: 'http://127.0.0.1:9',
    api_key_encrypted: SECRETS.encrypt(key),
    api_salt_encrypted: SECRETS.encrypt(salt),
    api_key_hash: SECRETS.hashKey(key),
  };
  const [made] = (await database.db('integrations').insert(row, ['id'])) as { id: string }[];
  return made?.id ?? '';
}

const signOf = (json: string, key = KEY, salt = SALT): string =>
  createHash('sha256')
    .update(key + json + salt)
    .digest('hex');
const formOf = (json: string, more: Record<string, string> = {}): string =>
  new URLSearchParams({ vpbx_api_key: KEY, sign: signOf(json), json, ...more }).toString();

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: { readonly code?: string; readonly errors?: readonly { readonly field: string }[]; readonly status?: number };
}

async function post(path: string, body: string | Buffer, headers: Record<string, string> = {}, method = 'POST'): Promise<Answer> {
  const answer = await fetch(base + path, {
    method,
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    ...(method === 'GET' || method === 'HEAD' ? {} : { body: typeof body === 'string' ? body : new Uint8Array(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text === '' ? {} : (JSON.parse(text) as Answer['body']) };
}

const postEvent = (path: string, event: unknown): Promise<Answer> => post(path, formOf(JSON.stringify(event)));

const callEvent = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
  entry_id: 'entry',
  call_id: randomUUID(),
  timestamp: 1_700_000_000,
  seq: 1,
  call_state: 'Appeared',
  location: 'abonent',
  from: { number: '79161234567' },
  to: { extension: '101' },
  ...more,
});

const inbox = () => database.db('inbox').orderBy('id');
const refused = (atLeast = 1) =>
  eventually(async () => {
    const rows = (await database.db('refused_events').orderBy('id')) as {
      reason: string;
      detail: object;
      path: string;
      integration_id: string | null;
    }[];
    expect(rows.length).toBeGreaterThanOrEqual(atLeast);
    return rows;
  });

describe('a signed event is answered 200 once it is in the inbox', () => {
  test('with its key, its entry and its text as it came', async () => {
    const event = callEvent({ call_id: 'leg', from: { number: '79161234567', name: 'Тест + & =' } });
    const json = JSON.stringify(event).replace('"seq":1', '"seq": 1');
    expect((await post('/events/call', formOf(json))).status).toBe(200);
    expect(await inbox()).toMatchObject([
      {
        source: 'pbx',
        integration_id: integrationId,
        key: 'call:leg:1:Appeared',
        entry: 'entry',
        path: '/events/call',
        body: event,
        raw: json,
        verdict: 'accepted',
        delivered_at: null,
      },
    ]);
  });

  test.each([
    ['/events/call', callEvent({ call_id: 'a' })],
    ['/events/call/', callEvent({ call_id: 'b' })],
    ['/vpbx/events/call', callEvent({ call_id: 'c' })],
    ['/vpbx/api/v1/events/call', callEvent({ call_id: 'd' })],
    ['/events/summary', { entry_id: 'e', call_direction: 1, create_time: 1, talk_time: 0, end_time: 2 }],
    ['/events/recording', { entry_id: 'e', recording_id: 'r', recording_state: 'Started', seq: 1, call_id: 'c' }],
    ['/events/record/added', { entry_id: 'e', recording_id: 'r', product_id: 1, user_id: -1, timestamp: 1 }],
    ['/result/callback', { command_id: 'c', result: '1000' }],
    ['/vpbx/result/callback/', { command_id: 'd', result: 1000 }],
  ])('%s is to be delivered', async (path, event) => {
    expect((await postEvent(path, event)).status).toBe(200);
    expect(await inbox()).toMatchObject([{ verdict: 'accepted', delivered_at: null, entry: expect.any(String) }]);
  });

  test.each([
    ['/result/sms', { command_id: 'c', result: 1000 }],
    ['/events/dtmf', { seq: 1, dtmf: '1', call_id: 'c', entry_id: 'e' }],
    ['/events/record/tagged', { entry_id: 'e', recording_id: 'r' }],
    ['/events/ab/contacts', { action: 'new', data: [{}] }],
    ['/something/new', ['anything']],
    ['/', {}],
  ])('%s is kept and delivered to nobody', async (path, event) => {
    expect((await postEvent(path, event)).status).toBe(200);
    expect(await inbox()).toMatchObject([{ verdict: 'kept', entry: null, delivered_at: expect.any(Date) }]);
  });

  test('an unknown kind is kept even if it is no JSON', async () => {
    expect((await post('/something/new', formOf('plain text'))).status).toBe(200);
    expect(await inbox()).toMatchObject([{ verdict: 'kept', raw: 'plain text' }]);
  });

  test('the PBX account is seen to be alive', async () => {
    const id = await addIntegration('alive', 'salt');
    const json = JSON.stringify(callEvent());
    const body = new URLSearchParams({ vpbx_api_key: 'alive', sign: signOf(json, 'alive', 'salt'), json }).toString();
    expect((await post('/events/call', body)).status).toBe(200);
    await eventually(async () =>
      expect((await database.db('integrations').where({ id }).first()).last_event_at).toBeInstanceOf(Date),
    );
  });

  test('the commit is flushed even where the database is set up not to', async () => {
    await database.db.raw(`create function note_sync() returns trigger language plpgsql as $$
      begin new.last_error := current_setting('synchronous_commit'); return new; end $$`);
    await database.db.raw('create trigger note_sync before insert on inbox for each row execute function note_sync()');
    const name = new URL(database.url).pathname.slice(1);
    await database.db.raw(`alter database ${name} set synchronous_commit = off`);
    const careless = createIntakePool(database.url);
    const second = await serve(careless);
    const json = JSON.stringify(callEvent());
    const answer = await fetch(`${second.base}/events/call`, { method: 'POST', body: new URLSearchParams(formOf(json)) });
    expect(answer.status).toBe(200);
    expect(await inbox()).toMatchObject([{ last_error: 'on' }]);
    await closeServer(second.server);
    await careless.end();
    await database.db.raw(`alter database ${name} reset synchronous_commit`);
    await database.db.raw('drop trigger note_sync on inbox');
  });
});

describe('a repeat is answered 200 and changes nothing', () => {
  test('one after the other', async () => {
    const event = callEvent();
    for (let i = 0; i < 3; i += 1) expect((await postEvent('/events/call', event)).status).toBe(200);
    expect(await inbox()).toMatchObject([{ repeats: 2 }]);
  });

  test('ten at the same time', async () => {
    const event = callEvent();
    const answers = await Promise.all(Array.from({ length: 10 }, () => postEvent('/events/call', event)));
    expect(answers.map((answer) => answer.status)).toEqual(Array(10).fill(200));
    expect(await inbox()).toHaveLength(1);
  });

  test('while somebody holds the row', async () => {
    const event = callEvent();
    await postEvent('/events/call', event);
    const trx = await database.db.transaction();
    await trx('inbox').forUpdate();
    expect((await postEvent('/events/call', event)).status).toBe(200);
    await trx.rollback();
    expect(await inbox()).toMatchObject([{ repeats: 0 }]);
  });

  test('one account’s events are not another’s repeats', async () => {
    await addIntegration('other', 'salt');
    const json = JSON.stringify(callEvent({ call_id: 'same' }));
    await post('/events/call', formOf(json));
    await post(
      '/events/call',
      new URLSearchParams({ vpbx_api_key: 'other', sign: signOf(json, 'other', 'salt'), json }).toString(),
    );
    expect(await inbox()).toHaveLength(2);
  });

  test('what claims the same key and says something else is kept for admins, once, and delivered to nobody', async () => {
    const first = { entry_id: 'e', call_direction: 1, create_time: 1, talk_time: 0, end_time: 2 };
    await postEvent('/events/summary', first);
    for (let i = 0; i < 2; i += 1) expect((await postEvent('/events/summary', { ...first, talk_time: 1 })).status).toBe(200);
    expect(await inbox()).toMatchObject([
      { key: 'summary:e', verdict: 'accepted', body: first },
      { verdict: 'kept', why: 'differs_from_first', entry: null, delivered_at: expect.any(Date) },
    ]);
    expect(await inbox()).toHaveLength(2);
  });

  test('two hundred in a second from one address are all taken', async () => {
    const answers = await Promise.all(Array.from({ length: 200 }, () => postEvent('/events/call', callEvent())));
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([200]));
    expect(await inbox()).toHaveLength(200);
  });
});

describe('what is refused changes nothing, says why, and is remembered for the inspector', () => {
  const json = JSON.stringify(callEvent({ call_id: 'refused' }));
  const right = signOf(json);
  const form = (fields: Record<string, string>): string => new URLSearchParams(fields).toString();

  test.each<[string, string, string, number, string, string[]]>([
    ['no signature', '/events/call', form({ vpbx_api_key: KEY, json }), 403, 'missing_signature', ['sign']],
    ['an empty one', '/events/call', form({ vpbx_api_key: KEY, json, sign: '' }), 403, 'missing_signature', ['sign']],
    ['an empty body', '/events/call', '', 403, 'missing_signature', ['sign']],
    [
      'a wrong signature',
      '/events/call',
      form({ vpbx_api_key: KEY, json, sign: signOf(`${json} `) }),
      403,
      'bad_signature',
      ['sign'],
    ],
    ['a short one', '/events/call', form({ vpbx_api_key: KEY, json, sign: right.slice(1) }), 403, 'bad_signature', ['sign']],
    ['a long one', '/events/call', form({ vpbx_api_key: KEY, json, sign: `${right}0` }), 403, 'bad_signature', ['sign']],
    ['upper case', '/events/call', form({ vpbx_api_key: KEY, json, sign: right.toUpperCase() }), 403, 'bad_signature', ['sign']],
    ['not ASCII', '/events/call', form({ vpbx_api_key: KEY, json, sign: 'я'.repeat(32) }), 403, 'bad_signature', ['sign']],
    ['no key', '/events/call', form({ json, sign: right }), 403, 'unknown_key', ['vpbx_api_key']],
    ['an unknown key', '/events/call', form({ vpbx_api_key: 'nobody', json, sign: right }), 403, 'unknown_key', ['vpbx_api_key']],
    [
      'an endless key',
      '/events/call',
      form({ vpbx_api_key: 'k'.repeat(10_000), json, sign: right }),
      403,
      'unknown_key',
      ['vpbx_api_key'],
    ],
    [
      'a byte moved from json to key',
      '/events/call',
      form({ vpbx_api_key: `${KEY}{`, json: json.slice(1), sign: right }),
      403,
      'unknown_key',
      ['vpbx_api_key'],
    ],
    [
      'json reserialised',
      '/events/call',
      form({ vpbx_api_key: KEY, json: JSON.stringify(JSON.parse(json), null, 1), sign: right }),
      403,
      'bad_signature',
      ['sign'],
    ],
    ['unsigned on an unknown path', '/something', form({ vpbx_api_key: KEY, json }), 403, 'missing_signature', ['sign']],
    ['two json fields', '/events/call', `${formOf(json)}&json=%7B%7D`, 400, 'malformed', ['json']],
    ['two signatures', '/events/call', `${formOf(json)}&sign=${right}`, 400, 'malformed', ['sign']],
    ['a part of json', '/events/call', `${formOf(json)}&json[a]=1`, 400, 'malformed', ['json']],
    ['a prototype', '/events/call', `${formOf(json)}&__proto__[a]=1`, 400, 'malformed', ['__proto__']],
    ['bad UTF-8', '/events/call', `${formOf(json)}%FF`, 400, 'malformed', ['json']],
    ['NUL', '/events/call', `${formOf(json)}%00`, 400, 'malformed', ['json']],
    ['10,000 parameters', '/events/call', 'a&'.repeat(10_000), 400, 'malformed', ['body']],
    ['signed, no JSON', '/events/call', formOf('{"entry_id":'), 400, 'malformed', ['json']],
    ['signed, nothing in it', '/events/call', form({ vpbx_api_key: KEY, sign: signOf('') }), 400, 'malformed', ['json']],
    ['signed, an escaped NUL', '/events/call', formOf(json.replace('refused', '\\u0000')), 400, 'malformed', ['json']],
    ['signed, half of a character', '/events/call', formOf(json.replace('refused', '\\udc00')), 400, 'malformed', ['json']],
    ['signed, a thousand levels deep', '/events/call', formOf('['.repeat(1_000) + ']'.repeat(1_000)), 400, 'malformed', ['json']],
    ['signed, fields missing', '/events/call', formOf('{"entry_id":"e"}'), 400, 'malformed', ['call_id', 'seq', 'call_state']],
    ['a call event as a summary', '/events/summary', formOf(json), 400, 'malformed', ['call_state']],
    ['a call event as a recording', '/events/recording', formOf(json), 400, 'malformed', ['call_state']],
    ['a call event as a stored recording', '/events/record/added', formOf(json), 400, 'malformed', ['call_state']],
    ['a call event as a result', '/result/callback', formOf(json), 400, 'malformed', ['call_state']],
  ])('%s', async (_name, path, body, status, reason, fields) => {
    const answer = await post(path, body);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer.body).toMatchObject({ status, code: status === 403 ? 'bad_signature' : 'invalid_request' });
    expect(answer.body.errors?.map((error) => error.field)).toEqual(fields);
    expect(JSON.stringify(answer.body)).not.toContain(right);
    expect(await inbox()).toEqual([]);
    expect(await refused()).toMatchObject([{ reason, path: path.slice(0, 60) }]);
  });

  test('too large, with a length and without', async () => {
    const big = `json=${'x'.repeat(1024 * 1024)}`;
    expect((await post('/events/call', big)).status).toBe(413);
    expect(await chunked(big)).toBe(413);
    expect((await refused(2)).map((row) => row.reason)).toEqual(['too_large', 'too_large']);
  });

  test('as large as allowed is taken', async () => {
    const padded = JSON.stringify(callEvent({ padding: 'x'.repeat(200_000) }));
    expect((await post('/events/call', formOf(padded))).status).toBe(200);
  });

  test.each([
    ['application/json', 415],
    ['multipart/form-data; boundary=x', 415],
    ['text/plain', 415],
    ['application/x-www-form-urlencoded; charset=windows-1251', 415],
    ['application/x-www-form-urlencoded; charset="UTF-8"', 200],
    ['Application/X-WWW-Form-URLEncoded;charset=utf-8', 200],
  ])('the content type %s → %i', async (type, status) => {
    expect((await post('/events/call', formOf(JSON.stringify(callEvent())), { 'content-type': type })).status).toBe(status);
  });

  test('a compressed body is not understood', async () => {
    expect((await post('/events/call', formOf(json), { 'content-encoding': 'gzip' })).status).toBe(415);
  });

  test.each(['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('%s is no way to send an event', async (method) => {
    const answer = await post('/events/call', '', {}, method);
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('POST');
  });

  test.each([
    ['a salt that differs', { vpbx_api_key: KEY, sign: signOf(json, KEY, 'other') }, 'bad_signature', 'salt_or_body'],
    ['something else for a signature', { vpbx_api_key: KEY, sign: 'x' }, 'bad_signature', 'not_a_digest'],
    [
      'a key that differs while the salt fits',
      { vpbx_api_key: 'typo', sign: signOf(json, 'typo') },
      'unknown_key',
      'key_differs_salt_fits',
    ],
    ['a key with a space', { vpbx_api_key: `${KEY} `, sign: 'x' }, 'unknown_key', 'key_with_spaces'],
    ['a key of nobody', { vpbx_api_key: 'nobody', sign: 'x' }, 'unknown_key', 'no_such_key'],
  ])('a refusal says which part differs: %s', async (_what, parts, reason, why) => {
    const quiet = await serve(pool);
    await fetch(`${quiet.base}/events/call`, { method: 'POST', body: new URLSearchParams({ ...parts, json }) });
    expect(await refused()).toMatchObject([{ reason, detail: { why } }]);
    await closeServer(quiet.server);
  });

  test('a refusal names the account that was removed', async () => {
    const id = await addIntegration('gone', 'salt');
    await inTransaction(database.db, (trx) => removeAccount(trx, id));
    const quiet = await serve(pool);
    const body = new URLSearchParams({ vpbx_api_key: 'gone', sign: signOf(json, 'gone', 'salt'), json });
    await fetch(`${quiet.base}/events/call`, { method: 'POST', body });
    expect(await refused()).toMatchObject([{ reason: 'unknown_key', detail: { why: 'account_removed' } }]);
    await closeServer(quiet.server);
  });

  test('no line of the log holds a number, the key or the salt', async () => {
    await post('/events/call', form({ vpbx_api_key: KEY, json, sign: 'x' }));
    await post('/events/79161234567', form({ vpbx_api_key: KEY, json, sign: 'x' }));
    await eventually(() => expect(logText).toContain('Refused a webhook'));
    expect(logText).not.toMatch(/79161234567|testkey0001|testsalt0002/);
  });

  test('a flood of refusals leaves a trickle of rows that says how many were passed over', async () => {
    const usual = await serve(pool);
    const refuse = () =>
      fetch(`${usual.base}/events/call`, { method: 'POST', body: new URLSearchParams({ vpbx_api_key: KEY, json }) });
    const flood = await Promise.all(Array.from({ length: 60 }, refuse));
    expect(new Set(flood.map((answer) => answer.status))).toEqual(new Set([403]));
    expect((await refused()).length).toBeLessThanOrEqual(15);
    await eventually(async () => {
      await refuse();
      expect((await refused()).some((row) => 'passedOver' in row.detail)).toBe(true);
    });
    await closeServer(usual.server);
  });

  test('only the newest thousand refusals stay', async () => {
    await database.db.raw(`insert into refused_events (path, reason) select '/old', 'malformed' from generate_series(1, 1200)`);
    await eventually(async () => {
      await post('/events/call', form({ vpbx_api_key: KEY, json }));
      const rows = await refused();
      expect(rows.length).toBeLessThanOrEqual(1_001);
      expect(rows.at(-1)?.path).toBe('/events/call');
    });
  });
});

describe('the PBX’s connection check', () => {
  test.each(['/ping', '/ping/', '/vpbx/ping'])('%s is answered 200 whatever it holds, and does nothing', async (path) => {
    expect((await post(path, '')).status).toBe(200);
    expect((await post(path, 'garbage', { 'content-type': 'text/plain' })).status).toBe(200);
    expect((await post(path, formOf('{}', { sign: 'wrong' }))).status).toBe(200);
    expect(await inbox()).toEqual([]);
  });

  test('is described with the methods that it answers, and names those for any other', async () => {
    const { paths } = describeApi(describedRoutes, undefined) as { paths: Record<string, object> };
    expect(Object.keys(paths['/mango/ping'] ?? {}).sort()).toEqual(['get', 'post']);
    for (const method of ['GET', 'HEAD', 'POST']) expect((await fetch(`${base}/ping`, { method })).status, method).toBe(200);
    for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      const answer = await fetch(`${base}/ping`, { method });
      expect([answer.status, answer.headers.get('allow')], method).toEqual([405, 'GET, HEAD, POST']);
    }
    expect((await fetch(`${base}/events/call`)).headers.get('allow')).toBe('POST');
  });
});

describe('accounts', () => {
  test('one that is added works at once, one that is removed stops, a new salt is noticed', async () => {
    const json = JSON.stringify(callEvent());
    const send = (salt: string) =>
      post('/events/call', new URLSearchParams({ vpbx_api_key: 'fresh', sign: signOf(json, 'fresh', salt), json }).toString());
    expect((await send('one')).status).toBe(403);
    const id = await addIntegration('fresh', 'one');
    expect((await send('one')).status).toBe(200);
    await database
      .db('integrations')
      .where({ id })
      .update({ api_salt_encrypted: SECRETS.encrypt('two') });
    expect((await send('two')).status).toBe(200);
    expect((await send('one')).status).toBe(403);
    await database.db('integrations').where({ id }).update({ removed_at: new Date() });
    await eventually(async () => expect((await send('two')).status).toBe(403));
  });
});

describe('an event that cannot be stored is never answered 200', () => {
  test('Postgres is cut off: 503 with Retry-After within the deadline, and 200 again when it is back, without a restart', async () => {
    const wire = await wireToPostgres();
    const wired = createIntakePool(wire.url);
    const second = await serve(wired);
    const send = (): Promise<Response> =>
      fetch(`${second.base}/events/call`, { method: 'POST', body: new URLSearchParams(formOf(JSON.stringify(callEvent()))) });
    expect((await send()).status).toBe(200);

    await wire.cut();
    for (let i = 0; i < 20; i += 1) {
      const started = Date.now();
      const answer = await send();
      expect(answer.status).toBe(503);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(answer.headers.get('content-type')).toMatch(/problem\+json/);
      expect(Date.now() - started).toBeLessThan(2_500);
    }
    await wire.heal();
    expect((await send()).status).toBe(200);
    expect(await inbox()).toHaveLength(2);
    await closeServer(second.server);
    await wired.end();
    await wire.cut();
  });

  test('Postgres is silent (a black hole): 503 within the deadline, and the connection is given up', async () => {
    const wire = await wireToPostgres();
    const wired = createIntakePool(wire.url);
    const second = await serve(wired);
    const send = (): Promise<Response> =>
      fetch(`${second.base}/events/call`, { method: 'POST', body: new URLSearchParams(formOf(JSON.stringify(callEvent()))) });
    expect((await send()).status).toBe(200);
    wire.swallow(true);
    const started = Date.now();
    const answers = await Promise.all(Array.from({ length: 20 }, send));
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([503]));
    expect(Date.now() - started).toBeLessThan(3_500);
    wire.swallow(false);
    await eventually(async () => expect((await send()).status).toBe(200));
    await closeServer(second.server);
    await wired.end();
    await wire.cut();
  });

  test('Postgres stalls: 503 within the deadline; stored after all, the event counts once', async () => {
    const event = callEvent();
    const holder = await database.db.transaction();
    await holder.raw('lock table inbox in access exclusive mode');
    const started = Date.now();
    const answer = await postEvent('/events/call', event);
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBeTruthy();
    expect(Date.now() - started).toBeLessThan(3_000);
    await holder.rollback();
    expect((await postEvent('/events/call', event)).status).toBe(200);
    expect(await inbox()).toHaveLength(1);
  });

  test('the rest of the API using up its connections does not keep an event out', async () => {
    const busy = await Promise.all(Array.from({ length: 8 }, () => database.db.transaction()));
    expect((await postEvent('/events/call', callEvent())).status).toBe(200);
    await Promise.all(busy.map((trx) => trx.rollback()));
  });

  test('connections that Postgres cut are replaced', async () => {
    await postEvent('/events/call', callEvent());
    await database.db.raw(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'trubka-intake' and datname = current_database()`,
    );
    await eventually(async () => expect((await postEvent('/events/call', callEvent())).status).toBe(200));
  });

  test('half-sent requests do not keep others out', async () => {
    const { port } = server.address() as AddressInfo;
    const sockets = Array.from({ length: 100 }, () => connect(port, '127.0.0.1'));
    for (const socket of sockets) {
      socket.on('error', () => undefined);
      socket.write(
        `POST /mango/events/call HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 1000\r\n\r\njson=`,
      );
    }
    const started = Date.now();
    expect((await postEvent('/events/call', callEvent())).status).toBe(200);
    expect(Date.now() - started).toBeLessThan(1_000);
    for (const socket of sockets) socket.destroy();
  });
});

function chunked(body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(`${base}/events/call`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'transfer-encoding': 'chunked' },
    });
    request.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on('error', reject);
    request.end(body);
  });
}

async function wireToPostgres() {
  const target = new URL(database.url);
  const wire = await openWire({ host: target.hostname, port: Number(target.port) });
  target.hostname = '127.0.0.1';
  target.port = String(wire.port);
  return { ...wire, url: target.href };
}
