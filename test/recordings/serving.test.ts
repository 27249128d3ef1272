import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDiskStore } from '../../activities/recordings/disk-store.ts';
import { recordingDirectory } from '../../activities/recordings/store.ts';
import { createApp } from '../../api/app.ts';
import type { ApiDeps } from '../../api/deps.ts';
import { createRecordingsRouter } from '../../api/routes/recordings.ts';
import { createLogger } from '../../db/log.ts';
import { inTransaction } from '../../db/pool.ts';
import { settleRecording } from '../../db/recordings.ts';
import { createSession } from '../../db/sessions.ts';
import { heldMemory } from '../support/held-memory.ts';
import { seedCast } from '../support/call-runner.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { makeScene } from './scene.ts';
import { mp3 } from './sounds.ts';

const audio = mp3(200);
const sha256 = 'ab'.repeat(32);
let database: TestDatabase;
let cast: Awaited<ReturnType<typeof seedCast>>;
let dataDir: string;
let server: Server;
let origin: string;
/** Anna's ticket, with a recording that is ready. */
let rowId: string;
const cookies: Record<'anna' | 'boris' | 'admin', string> = { anna: '', boris: '', admin: '' };

async function readyRecording(assigneeId: string | null, withFile = true): Promise<string> {
  const scene = await makeScene(database.db, cast, { assigneeId });
  if (withFile) await createDiskStore(recordingDirectory(dataDir)).save(scene.rowId, Readable.from([audio]));
  await inTransaction(database.db, (trx) =>
    settleRecording(trx, {
      id: scene.rowId,
      state: 'ready',
      contentType: 'audio/mpeg',
      bytes: audio.length,
      durationSeconds: 5,
      sha256,
    }),
  );
  return scene.rowId;
}

beforeAll(async () => {
  database = await createTestDatabase();
  const { db } = database;
  cast = await seedCast(db);
  dataDir = await mkdtemp(join(tmpdir(), 'serving-'));
  await db('agents').whereIn('id', [cast.anna, cast.boris]).update({ access: 'own' });
  await db('agents').where({ id: cast.vera }).update({ role: 'admin' });
  for (const [name, agentId] of [
    ['anna', cast.anna],
    ['boris', cast.boris],
    ['admin', cast.vera],
  ] as const) {
    const { token } = await createSession(db, { agentId, address: '127.0.0.1', userAgent: null });
    cookies[name] = `trubka_session=${token}`;
  }
  rowId = await readyRecording(cast.anna);
  const logger = createLogger('test', { level: 'silent' });
  const deps = { db, logger, config: { dataDir, publicUrl: undefined, trustProxy: false }, events: {} } as unknown as ApiDeps;
  const app = createApp(deps, { routers: [createRecordingsRouter(deps)] });
  server = createServer(app).listen(0, '127.0.0.1');
  // A pause of a busy machine must not close what the next request is about to use.
  server.keepAliveTimeout = 60_000;
  await new Promise((resolve) => server.once('listening', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await database.drop();
  await rm(dataDir, { recursive: true, force: true });
});

const get = (id: string, init: { who?: keyof typeof cookies | null; headers?: Record<string, string>; method?: string } = {}) =>
  fetch(`${origin}/api/recordings/${id}`, {
    method: init.method ?? 'GET',
    headers: { ...(init.who === null ? {} : { cookie: cookies[init.who ?? 'anna'] }), ...init.headers },
  });
const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer());

describe('GET /api/recordings/{id}', () => {
  it('gives the audio with headers that let nobody guess, store or run it', async () => {
    const response = await get(rowId);
    expect(response.status).toBe(200);
    expect((await bytesOf(response)).equals(audio)).toBe(true);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'audio/mpeg',
      'content-length': String(audio.length),
      'x-content-type-options': 'nosniff',
      'cache-control': 'private, no-store',
      'content-disposition': `inline; filename="recording-${rowId.slice(0, 8)}.mp3"`,
      'accept-ranges': 'bytes',
    });
    expect(response.headers.get('location')).toBeNull();
  });

  it('gives it as a file when asked', async () => {
    const response = await get(`${rowId}?download=1`);
    expect(response.headers.get('content-disposition')).toMatch(/^attachment; filename="recording-[0-9a-f]{8}\.mp3"$/);
    await response.body?.cancel();
  });

  it.each([
    ['bytes=0-', 206, `bytes 0-${audio.length - 1}/${audio.length}`, audio],
    ['bytes=100-199', 206, `bytes 100-199/${audio.length}`, audio.subarray(100, 200)],
    ['bytes=-10', 206, `bytes ${audio.length - 10}-${audio.length - 1}/${audio.length}`, audio.subarray(-10)],
    ['bytes=0-1,5-6', 200, null, audio],
    ['bytes=0-99,50-149', 200, null, audio],
    [`bytes=${Array.from({ length: 200 }, (_, index) => `${index}-`).join(',')}`, 200, null, audio],
    ['bytes=9-1', 200, null, audio],
    ['bytes=-1-2', 200, null, audio],
  ] as const)('of the range %.60s', async (range, status, contentRange, wanted) => {
    const response = await get(rowId, { headers: { range } });
    expect(response.status).toBe(status);
    expect(response.headers.get('content-range')).toBe(contentRange);
    expect(response.headers.get('content-length')).toBe(String(wanted.length));
    expect((await bytesOf(response)).equals(wanted)).toBe(true);
  });

  it.each([`bytes=${audio.length}-`, 'bytes=-0', 'bytes=99999999-'])('says that there are no such bytes: %s', async (range) => {
    const response = await get(rowId, { headers: { range } });
    expect(response.status).toBe(416);
    expect(response.headers.get('content-range')).toBe(`bytes */${audio.length}`);
    expect(await response.json()).toMatchObject({ code: 'range_not_satisfiable' });
  });

  it('holds no more for two hundred ranges at a time, two hundred times over', async () => {
    const range = `bytes=${Array.from({ length: 200 }, () => '0-').join(',')}`;
    const round = async (): Promise<void> => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => get(rowId, { headers: { range } })));
      for (const answer of answers) expect((await bytesOf(answer)).length).toBe(audio.length);
    };
    await round();
    const before = heldMemory();
    for (let time = 0; time < 10; time += 1) await round();
    // A hundredth of what was asked for.
    expect(heldMemory() - before).toBeLessThan((10 * 20 * 200 * audio.length) / 100);
  });

  it('gives the whole where the part would be of another file', async () => {
    const other = await get(rowId, { headers: { range: 'bytes=0-9', 'if-range': '"other"' } });
    expect(other.status).toBe(200);
    await other.body?.cancel();
    const same = await get(rowId, { headers: { range: 'bytes=0-9', 'if-range': `"${sha256}"` } });
    expect(same.status).toBe(206);
    await same.body?.cancel();
  });

  it('answers HEAD with the same headers and no body', async () => {
    const head = await get(rowId, { method: 'HEAD', headers: { range: 'bytes=10-19' } });
    expect(head.status).toBe(206);
    expect(head.headers.get('content-length')).toBe('10');
    expect(head.headers.get('content-type')).toBe('audio/mpeg');
    expect((await bytesOf(head)).length).toBe(0);
  });

  it('a listener who goes away in the middle leaves the server standing', async () => {
    await new Promise<void>((resolve) => {
      const asked = httpRequest(`${origin}/api/recordings/${rowId}`, { headers: { cookie: cookies.anna } }, (response) => {
        response.destroy();
        resolve();
      });
      asked.end();
    });
    expect((await get(rowId, { method: 'HEAD' })).status).toBe(200);
  });
});

describe('Who may hear it', () => {
  it.each(['GET', 'HEAD'])('nobody who is not signed in (%s)', async (method) => {
    expect((await get(rowId, { who: null, method })).status).toBe(401);
  });

  it('what is forbidden looks like what does not exist: plain, HEAD and with a range', async () => {
    const look = async (id: string, init: object) => {
      const response = await get(id, { who: 'boris', ...init });
      const { requestId: _, ...body } = (await response.json().catch(() => ({}))) as Record<string, unknown>;
      const { date: _date, 'x-request-id': _id, ...headers } = Object.fromEntries(response.headers);
      return { status: response.status, body, headers };
    };
    for (const init of [{}, { method: 'HEAD' }, { headers: { range: 'bytes=0-1' } }, { headers: { range: 'bytes=99999999-' } }]) {
      const forbidden = await look(rowId, init);
      expect(forbidden).toEqual(await look(randomUUID(), init));
      expect(forbidden.status).toBe(404);
    }
  });

  it('admins everything, everybody what is assigned to nobody', async () => {
    expect((await get(rowId, { who: 'admin', method: 'HEAD' })).status).toBe(200);
    const unassigned = await readyRecording(null);
    expect((await get(unassigned, { who: 'boris', method: 'HEAD' })).status).toBe(200);
  });

  it('is written down once per listening, and not for a look at the headers', async () => {
    const id = await readyRecording(cast.anna);
    for (const range of ['bytes=0-99', 'bytes=100-199', 'bytes=200-']) await bytesOf(await get(id, { headers: { range } }));
    await get(id, { method: 'HEAD' });
    const rows = (await database.db('audit_log').where({ subject: id })) as { action: string; agent_id: string }[];
    expect(rows).toMatchObject([{ action: 'recording.heard', agent_id: cast.anna }]);
  });

  it('is written down also if it begins in the middle', async () => {
    const id = await readyRecording(cast.anna);
    for (const range of ['bytes=1-99', 'bytes=100-', 'bytes=-10']) await bytesOf(await get(id, { headers: { range } }));
    const rows = (await database.db('audit_log').where({ subject: id })) as { action: string; agent_id: string }[];
    expect(rows).toMatchObject([{ action: 'recording.heard', agent_id: cast.anna }]);
  });
});

describe('What is not there', () => {
  it.each([
    ['a path', '..%2f..%2f..%2fetc%2fpasswd'],
    ['an escaped path', '%2e%2e%2fsecret.key'],
    ['a NUL', 'a%00b'],
    ['4 kB', 'A'.repeat(4_096)],
    ['a number', '1'],
  ])('%s names nothing', async (_what, id) => {
    expect((await get(id)).status).toBe(404);
  });

  it('a recording that is still awaited, or was given up, says so', async () => {
    const waiting = await makeScene(database.db, cast, { assigneeId: cast.anna });
    expect((await get(waiting.rowId)).status).toBe(409);
    await inTransaction(database.db, (trx) =>
      settleRecording(trx, { id: waiting.rowId, state: 'unavailable', reason: 'too_short' }),
    );
    expect((await get(waiting.rowId)).status).toBe(410);
  });

  it('a file that is missing although it was there says so', async () => {
    expect((await get(await readyRecording(cast.anna, false))).status).toBe(410);
  });

  it('another method is refused', async () => {
    const response = await get(rowId, { method: 'DELETE' });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toContain('HEAD');
  });
});
