import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSession } from '../../db/sessions.ts';
import { Caller } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { EventStream } from '../support/event-stream.ts';

let database: TestDatabase;
let dataDir: string;
let child: ChildProcess;
let anna: Caller;
let lines = '';

/** What the process itself says: on which port it listens, and later that it has stopped. */
async function saidBy(process: ChildProcess, pattern: RegExp, withinMs = 30_000): Promise<RegExpExecArray> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const found = pattern.exec(lines);
    if (found) return found;
    if (Date.now() > deadline || process.exitCode !== null) throw new Error(`The API said only: ${lines}`);
    await delay(20);
  }
}

beforeAll(async () => {
  database = await createTestDatabase();
  dataDir = await mkdtemp(join(tmpdir(), 'trubka-server-'));
  const env = {
    ...process.env,
    PORT: '0',
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: '127.0.0.1:1',
    DATA_DIR: dataDir,
    LOG_LEVEL: 'info',
  };
  child = spawn(process.execPath, ['run/service.mjs', 'api/server.ts'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout?.on('data', (chunk: Buffer) => (lines += chunk.toString()));
  const [, port] = await saidBy(child, /"port":(\d+)/);
  const [agent] = (await database
    .db('agents')
    .insert({ full_name: 'Анна', email: 'a@test.local', role: 'agent' })
    .returning('id')) as { id: string }[];
  const { token } = await createSession(database.db, { agentId: agent?.id ?? '', address: '127.0.0.1', userAgent: null });
  anna = new Caller(`http://127.0.0.1:${port}`, `trubka_session=${token}`, agent?.id ?? '');
});
afterAll(async () => {
  child.kill('SIGKILL');
  await database.drop();
  await rm(dataDir, { recursive: true, force: true });
});

/** A request of which only half is sent. */
function halfARequest(): Promise<{ ended: boolean; said: string }> {
  const { port } = new URL(anna.origin);
  const state = { ended: false, said: '' };
  const socket = connect(Number(port), '127.0.0.1', () => socket.write('GET /api/session HTTP/1.1\r\nHost: x\r\nX-Half: '));
  socket.on('data', (chunk: Buffer) => (state.said += chunk.toString()));
  socket.on('close', () => (state.ended = true));
  socket.on('error', () => undefined);
  return Promise.resolve(state);
}

describe('The API as a process', () => {
  it('serves while two hundred half-sent requests are open, and closes those by itself', async () => {
    const deadline = Date.now() + 30_000;
    while ((await fetch(`${anna.origin}/health/ready`)).status !== 200 && Date.now() < deadline) await delay(50);
    const halves = await Promise.all(Array.from({ length: 200 }, halfARequest));
    const times: number[] = [];
    for (let index = 0; index < 100; index += 1) {
      const startedAt = performance.now();
      expect((await anna.get('/api/session')).status).toBe(200);
      times.push(performance.now() - startedAt);
    }
    expect(times.sort((a, b) => a - b)[98]).toBeLessThan(1_000);
    while (halves.some(({ ended }) => !ended) && Date.now() < deadline) await delay(100);
    expect(halves.filter(({ ended }) => !ended)).toEqual([]);
    const answers = new Set(halves.map(({ said }) => /^HTTP\/1\.1 (\d+) [^]*"code":"(\w+)"/.exec(said)?.slice(1).join(' ')));
    expect(answers).toEqual(new Set(['408 request_timeout']));
  });

  it('turns readiness red on SIGTERM, ends the streams, finishes what is under way, and is gone within ten seconds', async () => {
    const stream = await EventStream.open(anna);
    await stream.until(({ retry }) => retry !== '');
    const lock = await database.db.transaction();
    await lock.raw('lock table customers');
    const underWay = anna.post('/api/customers', { fullName: 'Последний' });
    const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    while ((await database.db.raw<{ rows: unknown[] }>(waiting)).rows.length === 0) await delay(20);
    const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
    const askedAt = Date.now();
    child.kill('SIGTERM');
    let ready = await fetch(`${anna.origin}/health/ready`);
    while (ready.status === 200) ready = await fetch(`${anna.origin}/health/ready`);
    expect([ready.status, ((await ready.json()) as { code: string }).code]).toEqual([503, 'shutting_down']);
    await stream.until(({ ended }) => ended, 5000);
    await lock.commit();
    expect((await underWay).status).toBe(201);
    expect(await exited).toBe(0);
    expect(Date.now() - askedAt).toBeLessThan(10_000);
    expect(await database.db('customers').where({ full_name: 'Последний' })).toHaveLength(1);
  });
});
