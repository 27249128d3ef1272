import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLimits } from '../../run/demo-pbx/limits.ts';
import type { DemoPbx, DemoPbxOptions, RecordingPlan } from '../support/pbx.ts';
import { signLink, signedPost, startPbx, TEST_CREDENTIALS } from '../support/pbx.ts';
import type { Sink } from './demo-pbx-sink.ts';
import { soon, startSink } from './demo-pbx-sink.ts';

let sink: Sink;
let pbx: DemoPbx;

beforeEach(async () => {
  sink = await startSink();
});

afterEach(async () => {
  await pbx.stop();
  await sink.close();
});

async function start(options: Partial<DemoPbxOptions> = {}): Promise<void> {
  pbx = await startPbx({ targetUrl: sink.url, ...options });
}

async function ask(
  path: string,
  json: unknown = {},
): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
  const { status, body } = await signedPost(pbx.url, `/vpbx/${path}`, json);
  return { status, body: (body === '' ? {} : JSON.parse(body)) as Record<string, unknown> };
}

async function recordedCall(record: RecordingPlan = 'stored', seconds = 5) {
  const call = pbx.incoming({ record });
  await call.ring('101');
  await call.answer('101');
  await call.pass(seconds);
  await call.hangUp();
  await call.finish();
  const [recording] = call.facts.recordings;
  if (!recording) throw new Error('nothing was recorded');
  return recording;
}

/** The redirect itself, as `fetch` would follow it unseen. */
async function askForRecording(recordingId: string): Promise<Response> {
  const json = JSON.stringify({ recording_id: recordingId, action: 'download' });
  const { signedForm } = await import('../support/pbx.ts');
  return fetch(`${pbx.url}/vpbx/queries/recording/post`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: signedForm(json, TEST_CREDENTIALS),
    redirect: 'manual',
  });
}

describe('recordings', () => {
  test('come through a link that dies with its first use; the file is an MP3 with the sha256 of the ground truth', async () => {
    await start();
    const recording = await recordedCall();
    const redirect = await askForRecording(recording.recordingId);
    expect(redirect.status).toBe(302);
    const location = redirect.headers.get('location') ?? '';
    const file = await fetch(location);
    const bytes = Buffer.from(await file.arrayBuffer());
    expect(file.headers.get('content-type')).toBe('audio/mpeg');
    expect(bytes.subarray(0, 3).toString()).toBe('ID3');
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(recording.sha256);
    expect(bytes.length).toBe(recording.bytes);
    expect((await fetch(location)).status).toBe(404);
    expect((await askForRecording(recording.recordingId)).status).toBe(302);
  });

  test('last as long as the talk, at most twenty seconds, and no two are the same', async () => {
    await start();
    const [short, long, other] = [
      await recordedCall('stored', 4),
      await recordedCall('stored', 600),
      await recordedCall('stored', 4),
    ];
    expect([short.audioSeconds, long.audioSeconds]).toEqual([
      expect.toSatisfy((seconds: number) => seconds >= 4 && seconds <= 7),
      20,
    ]);
    expect(short.sha256).not.toBe(other.sha256);
    // 24 kbit/s are 3000 bytes a second.
    expect(Math.round(((long.bytes ?? 0) - 100) / 3000)).toBe(20);
  });

  test.each(['mail', 'never_arrives', 'too_short', 'never_completed'] as const)('planned as %s cannot be had', async (plan) => {
    await start();
    const { recordingId } = await recordedCall(plan);
    expect((await ask('queries/recording/post', { recording_id: recordingId, action: 'play' })).body).toMatchObject({
      result: 3320,
    });
  });

  test('may be there only after a while, and may break off half-way', async () => {
    await start({ faults: { recordings: { notReadyTimes: 2, cutTimes: 1 } } });
    const { recordingId, sha256 } = await recordedCall();
    const answers = [await askForRecording(recordingId), await askForRecording(recordingId), await askForRecording(recordingId)];
    expect(answers.map((answer) => answer.status)).toEqual([400, 400, 302]);
    const cut = await fetch(answers[2]?.headers.get('location') ?? '');
    await expect(cut.arrayBuffer()).rejects.toThrow();
    const whole = await fetch((await askForRecording(recordingId)).headers.get('location') ?? '');
    const bytes = Buffer.from(await whole.arrayBuffer());
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha256);
  });

  test('may be longer than the talk, and wait half-way for as long as the test says', async () => {
    const held: string[] = [];
    let goOn: () => void = () => undefined;
    const going = new Promise<void>((resolve) => (goOn = resolve));
    const halfWay = (id: string): Promise<void> => {
      held.push(id);
      return going;
    };
    await start({ faults: { recordings: { leastSeconds: 12, halfWay } } });
    const { recordingId, audioSeconds, sha256, bytes } = await recordedCall('stored', 2);
    expect(audioSeconds).toBe(12);
    const file = await fetch((await askForRecording(recordingId)).headers.get('location') ?? '');
    const half = Math.floor((bytes ?? 0) / 2);
    const chunks: Buffer[] = [];
    const had = (): number => Buffer.concat(chunks).length;
    for await (const chunk of (file.body ?? []) as AsyncIterable<Uint8Array>) {
      chunks.push(Buffer.from(chunk));
      if (had() === half) goOn();
    }
    expect(held).toEqual([recordingId]);
    expect(createHash('sha256').update(Buffer.concat(chunks)).digest('hex')).toBe(sha256);
  });

  test('come through a signed link too, unless it has expired, was signed by another, or links are switched off', async () => {
    await start();
    const { recordingId } = await recordedCall();
    const link = (timestamp: string, sign = signLink(timestamp, recordingId, TEST_CREDENTIALS)): Promise<Response> =>
      fetch(
        `${pbx.url}/vpbx/queries/recording/link/${encodeURIComponent(recordingId)}/download/testkey0001/${timestamp}/${sign}`,
        {
          redirect: 'manual',
        },
      );
    const later = String(Math.floor(Date.now() / 1000) + 60);
    expect((await link(later)).status).toBe(302);
    expect((await link(String(Number(later) * 1000))).status).toBe(302);
    expect(await (await link(later, 'f'.repeat(64))).json()).toMatchObject({ result: 3102 });
    expect(await (await link('1700000000')).json()).toMatchObject({ result: 3111 });
    await pbx.stop();
    await start({ signedLinks: false });
    expect(await (await link(later)).json()).toMatchObject({ result: 4001 });
  });
});

describe('the account', () => {
  test('lists its operators without a result code, extensions as they are', async () => {
    await start();
    const { body } = await ask('config/users/request', { ext_fields: ['general.user_id', 'groups'] });
    expect(Object.keys(body)).toEqual(['users']);
    const users = body['users'] as { general: Record<string, unknown>; telephony: Record<string, unknown>; groups: number[] }[];
    expect(users.map(({ telephony }) => telephony['extension'])).toEqual(['101', '102', '0103', '104']);
    expect(users[2]?.general).toEqual({
      name: 'Вера Орлова',
      email: 'vera@demo.local',
      department: '',
      position: '',
      user_id: 400000103,
    });
    expect(users[0]?.telephony['numbers']).toEqual([
      { number: 'sip:user101@vpbx400000000.mangosip.ru', protocol: 'sip', order: 0, wait_sec: '60', status: 'on' },
    ]);
    expect(users.map(({ groups }) => groups.length)).toEqual([1, 1, 1, 0]);
    expect((await ask('config/users/request', { extension: '0103' })).body['users']).toHaveLength(1);
  });

  test('tells groups, lines and balance', async () => {
    await start();
    const { body } = await ask('groups', { show_users: 1 });
    expect(body).toMatchObject({
      result: 1000,
      groups: [{ extension: '800', operators: [{ extension: '101' }, { extension: '102' }, { extension: '0103' }] }],
    });
    expect((await ask('incominglines')).body).toMatchObject({ lines: [{ number: '74950000000' }, { number: '78120000000' }] });
    expect((await ask('account/balance')).body).toMatchObject({ result: 1000 });
  });
});

describe('statistics', () => {
  const day = (shift: number): string => new Date(Date.now() + (3 + 24 * shift) * 3_600_000).toISOString();
  const moscow = (shift: number): string => day(shift).replace(/^(\d+)-(\d+)-(\d+)T(.{8}).*$/, '$3.$2.$1 $4');
  const epoch = (shift: number): string => String(Math.floor(Date.now() / 1000) + shift * 86_400);

  test('the basic report: a line a leg, columns as asked, ready after a while', async () => {
    await start({ statistics: { readyAfterMs: 1000 } });
    const { recordingId } = await recordedCall();
    const fields = 'records,answer,from_number,to_extension,disconnect_reason,location,entry_id';
    const { body } = await ask('stats/request', { date_from: epoch(-1), date_to: epoch(1), fields, request_id: 'r-1' });
    const { key } = body;
    expect((await ask('stats/result', { key })).status).toBe(204);
    await soon(async () => (await signedPost(pbx.url, '/vpbx/stats/result', { key })).status).toBe(200);
    const [call] = pbx.log.calls;
    const csv = (await signedPost(pbx.url, '/vpbx/stats/result', { key })).body;
    expect(csv).toBe(`[${recordingId}];${call?.legs[0]?.answeredAt};79161234567;101;1110;abonent;${call?.entryId}\n`);
    await expect
      .poll(() => sink.received.at(-1))
      .toMatchObject({ path: '/mango/result/stat', event: { key, request_id: 'r-1' } });
    expect((await signedPost(pbx.url, '/vpbx/stats/result', { key: 'none' })).status).toBe(404);
  });

  test('the extended report: calls with their legs, in Moscow time, page by page', async () => {
    await start();
    const { recordingId, callId, entryId } = await recordedCall();
    await recordedCall();
    const period = { start_date: moscow(-1), end_date: moscow(1), limit: 1 };
    const page = async (offset: number): Promise<unknown> => {
      const { body } = await ask('stats/calls/request/', { ...period, offset });
      return (await ask('stats/calls/result/', { key: body['key'] })).body;
    };
    expect(await page(0)).toMatchObject({
      result: 1000,
      status: 'complete',
      data: [
        {
          list: [
            {
              entry_id: entryId,
              context_type: 1,
              context_status: 1,
              caller_number: '79161234567',
              called_number: '74950000000',
              context_calls: [
                { call_abonent_id: 400000101, external_call_id: callId, recording_id: [recordingId], call_end_reason: 1110 },
              ],
            },
          ],
        },
      ],
    });
    expect(await page(2)).toMatchObject({ data: [{ list: [] }] });
    expect((await ask('stats/calls/result/', { key: 'none' })).body).toMatchObject({ status: 'not-found' });
  });

  test.each([
    ['stats/request', { date_from: 'yesterday', date_to: '1' }, 3111],
    ['stats/request', { date_from: '1', date_to: '99999999' }, 3111],
    ['stats/calls/request', { start_date: '2026-01-01', end_date: '2026-01-02', limit: 10, offset: 0 }, 3111],
    ['stats/calls/request', { start_date: '01.01.2026 00:00:00', end_date: '02.01.2026 00:00:00', limit: 7, offset: 0 }, 3100],
  ])('%s with %o is refused', async (path, json, code) => {
    await start();
    expect((await ask(path, json)).body).toMatchObject({ result: code });
  });

  test('a call that ended just now may not show yet', async () => {
    await start({ statistics: { lagSeconds: 90 }, startAt: Math.floor(Date.now() / 1000) });
    await recordedCall();
    const { body } = await ask('stats/request', { date_from: epoch(-1), date_to: epoch(1) });
    expect((await signedPost(pbx.url, '/vpbx/stats/result', { key: body['key'] })).body).toBe('');
  });
});

describe('refusals', () => {
  test('by order: a code, the rate limit, the lock-out, so many times as ordered', async () => {
    await start({
      faults: {
        commands: [
          { path: 'account/balance', code: 4001, times: 1 },
          { path: 'groups', rateLimited: true },
          { path: 'incominglines', lockedOut: true },
          { path: 'users/request', code: 5000, httpStatus: 200 },
        ],
      },
    });
    expect(await ask('account/balance')).toMatchObject({ status: 400, body: { result: 4001 } });
    expect(await ask('account/balance')).toMatchObject({ status: 200 });
    expect(await ask('groups')).toEqual({
      status: 429,
      body: { name: 'Service Unavailable', message: 'Rate limit exceeded.', code: 0, status: 429 },
    });
    expect(await ask('incominglines')).toMatchObject({ status: 401 });
    expect(await ask('config/users/request')).toMatchObject({ status: 200, body: { result: 5000 } });
  });

  test('an answer may be slow, or get lost after the command took effect', async () => {
    await start({
      faults: {
        commands: [
          { path: 'account/balance', delayMs: 60 },
          { path: 'commands/callback', loseAnswer: true },
        ],
      },
    });
    const startedAt = performance.now();
    await ask('account/balance');
    expect(performance.now() - startedAt).toBeGreaterThan(55);
    const order = { command_id: 'c', from: { extension: '101' }, to_number: '79990000001' };
    await expect(ask('commands/callback', order)).rejects.toThrow('fetch failed');
    expect((await pbx.nextCallback()).facts.commandId).toBe('c');
  });

  test('with limits on, the second invalid request within two minutes locks the product out', async () => {
    await start({ limits: true });
    expect(await ask('queries/recording/post', {})).toMatchObject({ status: 400, body: { result: 3103 } });
    expect(await ask('account/balance')).toMatchObject({ status: 200 });
    expect(await ask('queries/recording/post', {})).toMatchObject({ status: 401 });
    expect(await ask('account/balance')).toMatchObject({ status: 401 });
  });

  test('with limits on, the quota of a method is kept', async () => {
    await start({ limits: true });
    const statuses = [await ask('config/users/request'), await ask('config/users/request')].map(({ status }) => status);
    expect(statuses).toEqual([200, 429]);
  });
});

test('quotas open again with time, and the lock-out ends two minutes after the first invalid request', async () => {
  await start();
  let now = 0;
  const limits = createLimits(() => now);
  expect([1, 2, 3, 4, 5].map(() => limits.admit('/vpbx/commands/callback'))).toEqual([true, true, true, true, false]);
  now = 1001;
  expect(limits.admit('/vpbx/commands/callback')).toBe(true);
  expect(limits.noteInvalid()).toBe(false);
  now = 60_000;
  expect(limits.noteInvalid()).toBe(true);
  expect(limits.isLockedOut()).toBe(true);
  now = 121_002;
  expect(limits.isLockedOut()).toBe(false);
  expect(limits.noteInvalid()).toBe(false);
});
