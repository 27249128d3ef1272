import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readServerConfig, startServer } from '../../run/demo-pbx/server.ts';
import { readConnection } from '../../run/demo-pbx/connection-file.ts';
import { SCENARIOS } from '../../run/demo-pbx/scenarios/index.ts';
import { signedPost } from '../support/pbx.ts';
import type { Sink } from './demo-pbx-sink.ts';
import { inWords, soon, startSink } from './demo-pbx-sink.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
let dataDir: string;
let sink: Sink;
let server: Awaited<ReturnType<typeof startServer>>;

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'demo-pbx-'));
  sink = await startSink();
  server = await start();
});

afterEach(async () => {
  await server.stop();
  await sink.close();
  rmSync(dataDir, { recursive: true });
});

function start(): ReturnType<typeof startServer> {
  return startServer(
    readServerConfig({
      DATA_DIR: dataDir,
      DEMO_PBX_TARGET: sink.url,
      DEMO_PBX_KEY: 'testkey0001',
      DEMO_PBX_SALT: 'testsalt0002',
    }),
  );
}

async function control(
  method: 'GET' | 'POST' | 'PUT',
  path: string,
  body?: unknown,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${readConnection(dataDir).control}/control/${path}`, {
    method,
    ...(method === 'GET' ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body ?? {}) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    body: (response.headers.get('content-type')?.includes('ndjson') ? { text } : JSON.parse(text)) as Record<string, unknown>,
  };
}

const act = (call: Record<string, unknown>, action: Record<string, unknown>) =>
  control('POST', `calls/${encodeURIComponent(String(call['entryId']))}/actions`, action);

describe('a call played by hand', () => {
  test('is rung, answered, handed over and hung up, and is finished by itself', async () => {
    const { body: call } = await control('POST', 'calls/by-hand', {
      direction: 'incoming',
      from: '8 916 000-00-00',
      to: ['101', '102'],
    });
    expect(call['actions']).toContainEqual({ action: 'answer', who: '102' });
    await act(call, { action: 'answer', who: '102' });
    await act(call, { action: 'consult', who: '102', target: '0103' });
    await act(call, { action: 'answer', who: '0103' });
    const { body: consulting } = await act(call, { action: 'completeTransfer', who: '102' });
    expect(consulting['actions']).toContainEqual({ action: 'hold', who: '0103' });
    await act(call, { action: 'hangUp', who: '0103' });
    await soon(() => inWords(sink.received)).toContain('summary 1 79160000000→0103 talked 1 1120');
    await soon(async () => (await control('GET', 'calls')).body).toEqual({ items: [] });
  });

  test('a step that does not fit is refused in words, and so is nonsense', async () => {
    const { body: call } = await control('POST', 'calls/by-hand', { direction: 'outgoing', from: '101', to: ['79160000000'] });
    expect(await act(call, { action: 'answer', who: '102' })).toMatchObject({
      status: 409,
      body: { error: expect.stringContaining('102 is not ringing') },
    });
    expect(await act(call, { action: 'hold' })).toMatchObject({ status: 409, body: { error: 'hold needs who' } });
    expect(await act(call, { action: 'explode' })).toMatchObject({ status: 400 });
    expect(await act({ entryId: 'none' }, { action: 'hangUp' })).toMatchObject({ status: 404 });
    await act(call, { action: 'customerAnswers' });
    expect(inWords(sink.received).at(-2)).toBe('A#2 Connected 101→79160000000');
  });

  test('may begin in the menu, and hide its number', async () => {
    const { body: call } = await control('POST', 'calls/by-hand', { direction: 'incoming', from: null, menu: true });
    await act(call, { action: 'pressKeys', target: '2' });
    await act(call, { action: 'ring', who: '101' });
    await act(call, { action: 'noAnswer', who: '101' });
    await soon(() => sink.received.length).toBe(6);
    expect(inWords(sink.received)).toEqual([
      'A#1 Appeared ivr ?→74950000000',
      'events/dtmf',
      'A#2 Disconnected ivr ?→74950000000 1100',
      'B#1 Appeared ?→101 <A',
      'B#2 Disconnected ?→101 <A 1111',
      'summary 1 ?→101 not talked 0 1111',
    ]);
  });
});

test('a callback that the product orders is a live call, to be answered by hand before it answers itself', async () => {
  await control('PUT', 'callbacks', { operatorAfter: 60 });
  await signedPost(server.pbx.url, '/vpbx/commands/callback', {
    command_id: 'c',
    from: { extension: '101' },
    to_number: '79990000001',
  });
  const { body } = await control('GET', 'calls');
  const [call] = body['items'] as Record<string, unknown>[];
  expect(call).toMatchObject({
    commandId: 'c',
    actions: [{ action: 'operatorAnswers' }, { action: 'operatorDoesNotAnswer' }, { action: 'hangUp' }],
  });
  await act(call ?? {}, { action: 'operatorAnswers' });
  await act(call ?? {}, { action: 'customerAnswers' });
  await act(call ?? {}, { action: 'hangUp' });
  await soon(() => inWords(sink.received)).toContain('summary 2 101→79990000001 talked 1 1120');
});

test('faults are switched, read back and checked', async () => {
  expect((await control('PUT', 'faults', { deliveries: [{ state: 'Connected', lose: true }] })).status).toBe(200);
  expect((await control('GET', 'faults')).body).toMatchObject({ deliveries: [{ state: 'Connected', lose: true }] });
  const { body: call } = await control('POST', 'calls/by-hand', { direction: 'incoming' });
  await act(call, { action: 'answer', who: '101' });
  expect(inWords(sink.received)).toEqual(['A#1 Appeared 79161234567→101', 'recording of 101#1 Started A']);
  expect((await control('PUT', 'faults', { deliveries: [{ duplicate: 'twice' }] })).status).toBe(400);
});

test('scenarios, account, log and health are told', async () => {
  expect((await control('GET', 'scenarios')).body['items']).toHaveLength(SCENARIOS.length);
  expect((await control('GET', 'account')).body).toMatchObject({
    operators: [{ extension: '101', name: 'Анна Смирнова' }, {}, {}, {}],
  });
  await control('POST', 'calls', { scenario: 'missed', options: { answerAfter: 0 } });
  expect((await control('GET', 'log')).body).toMatchObject({
    calls: [{ direction: 'incoming', talks: [] }],
    sent: [{}, {}, { status: 200 }],
  });
  expect((await control('GET', 'health')).body).toMatchObject({ ok: true, target: sink.url });
});

test('other sites cannot steer it: no foreign host name, no form', async () => {
  const { control: url } = readConnection(dataDir);
  const form = await fetch(`${url}/control/release`, { method: 'POST', body: 'a=b', headers: { 'content-type': 'text/plain' } });
  expect(form.status).toBe(415);
  const { request } = await import('node:http');
  const status = await new Promise<number | undefined>((resolve, reject) => {
    request(`${url}/control/calls`, { headers: { host: 'evil.example' } }, (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end();
  });
  expect(status).toBe(403);
});

describe('what it keeps', () => {
  test('the connection file is private and keeps what others wrote there; key and salt stay the same without being given', async () => {
    const path = join(dataDir, 'demo-pbx.json');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await server.stop();
    writeFileSync(path, JSON.stringify({ port: 1, ...JSON.parse(readFileSync(path, 'utf8')) }));
    server = await startServer(readServerConfig({ DATA_DIR: dataDir, DEMO_PBX_TARGET: sink.url }));
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
      port: 1,
      key: 'testkey0001',
      salt: 'testsalt0002',
      url: server.pbx.url,
    });
  });

  test('a restarted PBX still has the recordings and the calls of before', async () => {
    await control('POST', 'calls', { scenario: 'incoming', options: { answerAfter: 0, talk: 0 } });
    const before = server.pbx.log.calls[0];
    await server.stop();
    server = await start();
    expect(server.pbx.log.calls).toEqual([before]);
    const { body } = await signedPost(server.pbx.url, '/vpbx/queries/recording/post', {
      recording_id: before?.recordings[0]?.recordingId,
      action: 'download',
    });
    expect(body.slice(0, 3)).toBe('ID3');
  });

  test('a port that is none stops it before anything is opened', () => {
    expect(() => readServerConfig({ DEMO_PBX_PORT: 'high' })).toThrow('DEMO_PBX_PORT is high');
  });
});

describe('the command line', () => {
  function cli(...args: string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
    return new Promise((resolve) => {
      execFile(
        process.execPath,
        ['--import', 'tsx', 'run/demo-pbx/cli.ts', ...args],
        { cwd: ROOT, env: { ...process.env, DATA_DIR: dataDir } },
        (error, out, err) => resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err }),
      );
    });
  }

  test('makes a call and prints each event with the answer it got', async () => {
    const { code, out } = await cli(
      'transfer',
      '--how',
      'blind',
      '--to',
      '101',
      '--then',
      '0103',
      '--answer-after',
      '0',
      '--talk',
      '100ms',
    );
    expect(code).toBe(0);
    expect(out.split('\n')[0]).toBe(`transfer-blind: events go to ${sink.url}/mango`);
    expect(out).toMatch(/B#1 Appeared 79161234567→0103 <A blind +200 in \d+ ms/);
    expect(out.trimEnd().split('\n').at(-1)).toBe('Done.');
  });

  test('ends with an error when the product refuses events', async () => {
    sink.statuses.push(403);
    const { code, out } = await cli('missed', '--answer-after', '0');
    expect([code, out.trimEnd().split('\n').at(-1)]).toEqual([1, 'Done; 1 events were not accepted.']);
  });

  test('lists every scenario with a sentence', async () => {
    const { out } = await cli('--list');
    expect(out.trimEnd().split('\n')).toHaveLength(SCENARIOS.length);
  });

  test.each([
    [['missed', '--why', 'lazy'], /There is no scenario missed-lazy. There are: missed, missed-no-answer/],
    [['incoming', '--talk', 'soon'], /--talk soon: a duration such as 3s/],
    [['incoming', '--colour', 'red'], /Unknown option '--colour'/],
    [['incoming', '--record', 'loud'], /--record loud: one of stored, none/],
    [[], /npm run call -- <scenario>/],
  ])('%j is explained', async (args, words) => {
    const { code, err } = await cli(...args);
    expect(code).toBe(1);
    expect(err).toMatch(words);
    expect(err).not.toMatch(/^\s+at /m);
  });

  test('says how to start the PBX when it is not running', async () => {
    await server.stop();
    expect((await cli('incoming')).err).toMatch(/not running: nothing answers at .*\nStart the whole service: +npm start/);
    rmSync(join(dataDir, 'demo-pbx.json'));
    expect((await cli('incoming')).err).toMatch(/not running: .*demo-pbx.json does not name it/);
    server = await start();
  });
});
