import { randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { json, loseAnswer, startFakeMango, type FakeMango, type SeenRequest } from './fake-mango.ts';
import { createOpenMango, type OpenMango } from './open-mango.ts';

const CALLBACK = '/vpbx/commands/callback';
const USERS = '/vpbx/config/users/request';
const RECORDING = '/vpbx/queries/recording/post';

let database: TestDatabase;
const opened: FakeMango[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
afterEach(async () => {
  for (const mango of opened.splice(0)) await mango.close();
});

async function open(more: Parameters<typeof createOpenMango>[1] = {}): Promise<OpenMango> {
  const mango = more.mango ?? (await startFakeMango());
  opened.push(mango);
  return createOpenMango(database.db, { ...more, mango });
}
const order = (more: object = {}) => ({ commandId: randomUUID(), extension: '101', toNumber: '+79123456789', ...more });

describe('What Mango gets', () => {
  it('is a form whose json is escaped and signed as it stands, the number without its plus', async () => {
    const { mango, port } = await open();
    const commandId = 'Тест/1 + & = %';
    expect(await port.callback(order({ commandId }))).toEqual({ outcome: 'accepted', code: 1000 });
    const [request] = mango.seenAt(CALLBACK);
    expect(request?.method).toBe('POST');
    expect(request?.headers['content-type']).toMatch(/^application\/x-www-form-urlencoded/);
    expect(request?.json).toEqual({ command_id: commandId, from: { extension: '101' }, to_number: '79123456789' });
    expect(request?.body).toMatch(/^vpbx_api_key=testkey0001&sign=[0-9a-f]{64}&json=%7B/);
    expect(request?.body).toContain('+%2B+%26+%3D+%25');
  });

  it('is nothing when the account was removed from the settings', async () => {
    const { telephony } = await withStoredIntegration({ removed: true });
    expect(await telephony.callback(order())).toEqual({ outcome: 'refused', code: null, word: 'not_configured' });
  });

  it('is asked with the key and salt as they are stored now', async () => {
    const { telephony, integrationId, mango } = await withStoredIntegration({ salt: 'wrong' });
    expect(await telephony.listOperators()).toEqual({ outcome: 'refused', code: 3102, word: 'bad_signature' });
    await database
      .db('integrations')
      .where({ id: integrationId })
      .update({ api_salt_encrypted: Buffer.from('testsalt0002') });
    expect(await telephony.listOperators()).toEqual({ outcome: 'accepted', value: [] });
    expect(mango.seenAt(USERS)).toHaveLength(2);
  });

  async function withStoredIntegration(options: { salt?: string; removed?: boolean }) {
    const { createTelephony } = await import('../../activities/telephony/telephony.ts');
    const { createLogger } = await import('../../db/log.ts');
    const mango = await startFakeMango();
    opened.push(mango);
    const [row] = (await database
      .db('integrations')
      .insert({
        kind: 'demo',
        name: 'Mango',
        api_url: mango.url,
        api_key_encrypted: Buffer.from('testkey0001'),
        api_salt_encrypted: Buffer.from(options.salt ?? 'testsalt0002'),
        api_key_hash: Buffer.from(randomUUID()),
        removed_at: options.removed ? new Date() : null,
      })
      .returning('id')) as { id: string }[];
    const integrationId = row?.id ?? '';
    const telephony = createTelephony({
      db: database.db,
      log: createLogger('test', { level: 'silent' }),
      decryptSecret: (stored) => stored.toString(),
    }).forIntegration(integrationId);
    return { telephony, integrationId, mango };
  }
});

describe('What comes back', () => {
  it.each([
    ['a success without result', 200, { command_id: 'x' }, { outcome: 'accepted', code: 1000 }],
    ['a success in quotes', 200, { result: '1000' }, { outcome: 'accepted', code: 1000 }],
    ['`code` with HTTP 420', 420, { code: 3104 }, { outcome: 'refused', code: 3104, word: 'bad_request' }],
    ['a code of an unlisted subclass', 200, { result: 2219 }, { outcome: 'refused', code: 2219, word: 'limit_reached' }],
    ['a server error with a code', 500, { result: '5003' }, { outcome: 'refused', code: 5003, word: 'pbx_error' }],
    ['a server error without one', 502, 'Bad Gateway', { outcome: 'unknown', word: 'pbx_misunderstood' }],
  ])('%s is understood', async (_what, status, body, outcome) => {
    const { mango, port } = await open();
    mango.next(CALLBACK, json(status, body));
    expect(await port.callback(order())).toEqual(outcome);
  });

  it('nothing at all from an address where nobody listens: not sent, so it may be tried again', async () => {
    const { mango, port } = await open();
    const callback = order();
    await mango.close();
    const unreachable = { outcome: 'refused', code: null, word: 'pbx_unreachable' };
    expect(await port.callback(callback)).toEqual(unreachable);
    expect(await port.callback(callback)).toEqual(unreachable);
    const rows = await database.db('pbx_commands').where({ command_id: callback.commandId });
    expect(rows).toEqual([]);
  });

  it('an answer that does not come within the time allowed leaves the callback in doubt', async () => {
    const { mango, port } = await open({ timing: { answerWithinMs: 50 } });
    mango.next(CALLBACK, () => undefined);
    const callback = order();
    expect(await port.callback(callback)).toEqual({ outcome: 'unknown', word: 'answer_lost' });
    expect(await port.callback(callback)).toEqual({ outcome: 'unknown', word: 'answer_lost' });
    expect(mango.seenAt(CALLBACK)).toHaveLength(1);
  });

  it('one command asked for by two processes at once is sent by one', async () => {
    const first = await open();
    const second = await open({ mango: first.mango, integrationId: first.integrationId });
    const callback = order();
    const outcomes = await Promise.all([first.port.callback(callback), second.port.callback(callback)]);
    expect(first.mango.seenAt(CALLBACK)).toHaveLength(1);
    expect(outcomes.map((outcome) => outcome.outcome).sort()).toEqual(['accepted', 'unknown']);
  });
});

describe('The quota', () => {
  /** The most requests that fell into any window of that length. */
  function densest(requests: readonly SeenRequest[], windowMs: number): number {
    return Math.max(...requests.map(({ at }) => requests.filter((other) => other.at >= at && other.at < at + windowMs).length));
  }

  it('of four callbacks a second holds over two processes', async () => {
    const first = await open();
    const second = await open({ mango: first.mango, integrationId: first.integrationId });
    const callbacks = Array.from({ length: 12 }, (_, i) => (i % 2 ? first : second).port.callback(order({ patienceMs: 10_000 })));
    expect((await Promise.all(callbacks)).every((outcome) => outcome.outcome === 'accepted')).toBe(true);
    expect(densest(first.mango.seen, 1_000)).toBeLessThanOrEqual(4);
  });

  it('of ten requests a second holds over all kinds together', async () => {
    const { mango, port } = await open();
    mango.recordings.set('rec', Buffer.from('x'));
    const patienceMs = 10_000;
    const all = [
      ...Array.from({ length: 15 }, () => port.openRecording('rec')),
      ...Array.from({ length: 4 }, () => port.callback(order({ patienceMs }))),
      ...Array.from({ length: 4 }, (_, i) => port.hangUp({ commandId: `h${i}`, legId: `l${i}`, patienceMs })),
      port.listOperators(),
    ];
    expect((await Promise.all(all)).every((outcome) => outcome.outcome === 'accepted')).toBe(true);
    expect(
      densest(
        mango.seen.filter((request) => request.method === 'POST'),
        1_000,
      ),
    ).toBeLessThanOrEqual(10);
  });

  it('is waited for no longer than patience lasts, and then nothing was sent', async () => {
    const { mango, port } = await open();
    await port.callback(order());
    const outcome = await port.callback(order({ patienceMs: 100 }));
    expect(outcome).toMatchObject({ outcome: 'busy_try_later', retryAfterMs: expect.any(Number) });
    expect(mango.seenAt(CALLBACK)).toHaveLength(1);
  });

  it('used up by somebody else (429) is tried again for a few seconds, then told', async () => {
    const { mango, port } = await open({ timing: { tooManyPauseMs: 100 } });
    mango.next(CALLBACK, json(429, { name: 'Service Unavailable', message: 'Rate limit exceeded.', code: 0, status: 429 }));
    expect(await port.callback(order())).toEqual({ outcome: 'accepted', code: 1000 });
    mango.always(CALLBACK, json(200, { code: 0, status: 429 }));
    const started = Date.now();
    const told = await port.callback(order({ patienceMs: 1_000 }));
    expect(told.outcome).toBe('busy_try_later');
    expect(Date.now() - started).toBeLessThan(2_000);
    expect(mango.seenAt(CALLBACK).length).toBeGreaterThan(3);
  });
});

describe('The lock-out', () => {
  it('an invalid request is not repeated: the same one is refused with the same word, unsent', async () => {
    const { mango, port } = await open();
    mango.always(CALLBACK, json(200, { result: 3200 }));
    const refused = { outcome: 'refused', code: 3200, word: 'bad_number' };
    expect(await port.callback(order())).toEqual(refused);
    expect(await port.callback(order())).toEqual(refused);
    expect(mango.seenAt(CALLBACK)).toHaveLength(1);
    await port.callback(order({ toNumber: '+79123456780' }));
    expect(mango.seenAt(CALLBACK)).toHaveLength(2);
  });

  it('after the second invalid request no process sends anything until two minutes after the first', async () => {
    const first = await open();
    const second = await open({ mango: first.mango, integrationId: first.integrationId });
    const started = Date.now();
    first.mango.always(CALLBACK, json(200, { result: 3200 }));
    await first.port.callback(order());
    await second.port.callback(order({ toNumber: '+79123456780' }));
    const sent = first.mango.seen.length;
    for (const outcome of [await first.port.listOperators(), await second.port.hangUp({ commandId: 'h', legId: 'l' })]) {
      expect(outcome.outcome).toBe('locked_out');
      const { untilMs } = outcome as { untilMs: number };
      expect(untilMs - started).toBeGreaterThanOrEqual(119_000);
      expect(untilMs - started).toBeLessThan(125_000);
    }
    expect(first.mango.seen).toHaveLength(sent);
  });

  it('3xxx and then 401: one attempt, the others are told until when', async () => {
    const { mango, port } = await open();
    mango.next(CALLBACK, json(200, { result: 3100 }));
    mango.always(CALLBACK, json(401, {}));
    expect((await port.callback(order())).outcome).toBe('refused');
    const others = await Promise.all([1, 2, 3].map((i) => port.callback(order({ toNumber: `+7912345678${i}` }))));
    expect(others.map((outcome) => outcome.outcome)).toEqual(['locked_out', 'locked_out', 'locked_out']);
    expect(mango.seenAt(CALLBACK)).toHaveLength(1);
  });

  it('a 401 that another program caused silences us, too, and passes', async () => {
    const { mango, port } = await open({ timing: { lockoutMs: 500 } });
    mango.next(USERS, json(401, {}));
    expect((await port.listOperators()).outcome).toBe('locked_out');
    expect((await port.callback(order())).outcome).toBe('locked_out');
    expect(mango.seen).toHaveLength(1);
    await expect.poll(async () => (await port.callback(order())).outcome, { timeout: 3_000 }).toBe('accepted');
  });

  it('a wrong key silences us until it is changed', async () => {
    const wrong = await open({ salt: 'wrong' });
    expect(await wrong.port.checkConnection()).toEqual({ outcome: 'refused', code: 3102, word: 'bad_signature' });
    expect((await wrong.port.callback(order())).outcome).toBe('locked_out');
    expect(wrong.mango.seen).toHaveLength(1);
    const right = await open({ mango: wrong.mango, integrationId: wrong.integrationId });
    expect((await right.port.checkConnection()).outcome).toBe('accepted');
  });

  it('recordings that are not there yet may be asked for again, and stop nobody from calling', async () => {
    const { port } = await open();
    const missing = { outcome: 'refused', code: 3320, word: 'recording_not_found' };
    for (let i = 0; i < 3; i += 1) expect(await port.openRecording(`rec=${i}`)).toEqual(missing);
    expect((await port.callback(order())).outcome).toBe('accepted');
  });

  it('that only missing recordings can have caused teaches to ask for one in two minutes', async () => {
    const { mango, port } = await open({ timing: { lockoutMs: 600 } });
    await port.openRecording('rec=1');
    mango.next(RECORDING, json(401, {}));
    expect((await port.openRecording('rec=2')).outcome).toBe('locked_out');
    await expect.poll(async () => (await port.openRecording('rec=3')).outcome, { timeout: 3_000 }).toBe('refused');
    const asked = mango.seenAt(RECORDING).length;
    expect((await port.openRecording('rec=4')).outcome).toBe('locked_out');
    expect(mango.seenAt(RECORDING)).toHaveLength(asked);
    expect((await port.callback(order())).outcome).toBe('accepted');
  });
});

describe('Recordings', () => {
  it('are fetched by the one-time link at once, without key, signature or body', async () => {
    const { mango, port } = await open();
    mango.recordings.set('MToxMDAw=', Buffer.from('audio'));
    const answer = await port.openRecording('MToxMDAw=');
    if (answer.outcome !== 'accepted') throw new Error(answer.outcome);
    expect(answer.value).toMatchObject({ contentType: 'audio/mp3', bytes: 5 });
    expect((await buffer(answer.value.stream)).toString()).toBe('audio');
    const [asked, fetched] = mango.seen;
    expect(asked?.json).toEqual({ recording_id: 'MToxMDAw=', action: 'download' });
    expect(fetched).toMatchObject({ method: 'GET', body: '' });
    expect(`${fetched?.path}${JSON.stringify(fetched?.headers)}`).not.toMatch(/testkey|sign/);
  });

  it.each([
    ['to loopback elsewhere', 'http://127.0.0.1:9/'],
    ['to cloud metadata', 'http://169.254.169.254/latest'],
    ['to a file', 'file:///etc/passwd'],
  ])('whose link leads %s are refused', async (_what, location) => {
    const { mango, port } = await open();
    mango.next(RECORDING, (_request, response) => void response.writeHead(302, { location }).end());
    expect(await port.openRecording('rec')).toEqual({ outcome: 'refused', code: null, word: 'address_forbidden' });
  });

  it('whose link has died are asked for again later', async () => {
    const { mango, port } = await open();
    mango.next(RECORDING, (_request, response) => void response.writeHead(302, { location: '/files/gone' }).end());
    expect(await port.openRecording('rec')).toEqual({ outcome: 'refused', code: null, word: 'recording_not_found' });
    mango.next(RECORDING, loseAnswer);
    expect(await port.openRecording('rec')).toEqual({ outcome: 'unknown', word: 'answer_lost' });
  });

  it('sent in the answer itself are taken, too', async () => {
    const { mango, port } = await open();
    mango.next(RECORDING, (_request, response) => void response.writeHead(200, { 'content-type': 'audio/mpeg' }).end('audio'));
    const answer = await port.openRecording('rec');
    expect(answer.outcome).toBe('accepted');
    if (answer.outcome === 'accepted') answer.value.stream.destroy();
  });
});

describe('Statistics', () => {
  const REQUEST = '/vpbx/stats/calls/request/';
  const RESULT = '/vpbx/stats/calls/result/';
  const from = new Date('2026-03-01T00:00:00Z');
  const to = new Date('2026-03-01T12:00:00Z');

  it('are asked for in Moscow time and waited for until they are ready', async () => {
    const { mango, port } = await open();
    mango.next(RESULT, json(200, { result: 1000, status: 'work' }));
    mango.next(RESULT, json(200, { result: 1000, status: 'request' }));
    expect(await port.fetchCalls(from, to)).toEqual({ outcome: 'accepted', value: [] });
    expect(mango.seenAt(REQUEST)[0]?.json).toMatchObject({
      start_date: '01.03.2026 03:00:00',
      end_date: '01.03.2026 15:00:00',
      offset: 0,
    });
    expect(mango.seenAt(RESULT)).toHaveLength(3);
  });

  it('come in pages until one is not full', async () => {
    const { mango, port } = await open();
    const call = (i: number) => ({ entry_id: `e${i}`, context_type: 1, context_start_time: 1772330400 + i, context_calls: [] });
    mango.next(RESULT, json(200, { status: 'complete', data: [{ list: Array.from({ length: 500 }, (_, i) => call(i)) }] }));
    mango.next(RESULT, json(200, { status: 'complete', data: [{ list: [call(500)] }] }));
    const answer = await port.fetchCalls(from, to);
    expect(answer.outcome === 'accepted' && answer.value).toHaveLength(501);
    expect(mango.seenAt(REQUEST).map((request) => request.json?.['offset'])).toEqual([0, 500]);
  });

  it('are the basic ones where the account has no extended ones', async () => {
    const { mango, port } = await open();
    mango.always(REQUEST, json(200, { result: 4001 }));
    mango.next('/vpbx/stats/request', json(200, { key: 'basic==' }));
    mango.next('/vpbx/stats/result', (_request, response) => void response.writeHead(204).end());
    mango.next('/vpbx/stats/result', (_request, response) => {
      response
        .writeHead(200, { 'content-type': 'text/csv' })
        .end('[R1];1772323210;1772323260;1772323215;;79990000001;0511;sip:u@v;1110;74950000000;abonent;E1;1772323210\n');
    });
    const answer = await port.fetchCalls(from, to);
    expect(answer).toMatchObject({
      outcome: 'accepted',
      value: [{ entryId: 'E1', legs: [{ extension: '0511', recordingIds: ['R1'] }] }],
    });
    expect(mango.seenAt('/vpbx/stats/request')[0]?.json).toMatchObject({ date_from: '1772323200', date_to: '1772366400' });
  });

  it('that were refused are not asked for in another way', async () => {
    const { mango, port } = await open();
    mango.always(REQUEST, json(200, { result: 3111 }));
    expect(await port.fetchCalls(from, to)).toEqual({ outcome: 'refused', code: 3111, word: 'bad_request' });
    expect(mango.seenAt('/vpbx/stats/request')).toEqual([]);
  });

  it('that never get ready are given up for this time', async () => {
    const { mango, port } = await open({ reports: { pollMs: 20, basicPollMs: 20, readyWithinMs: 100 } });
    mango.always(RESULT, json(200, { result: 1000, status: 'work' }));
    expect((await port.fetchCalls(from, to)).outcome).toBe('busy_try_later');
  });
});
