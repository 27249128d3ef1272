import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, stat, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createDiskStore } from '../../activities/recordings/disk-store.ts';
import { createRecordingSteps, type RecordingDeps } from '../../activities/recordings/index.ts';
import { DiskFullError, recordingDirectory } from '../../activities/recordings/store.ts';
import { DOWNLOAD_LIMITS } from '../../activities/telephony/mango/recordings.ts';
import type { Refusal } from '../../activities/telephony/port.ts';
import { createLogger } from '../../db/log.ts';
import type { RecordingRow } from '../../db/recordings.ts';
import { seedCast } from '../support/call-runner.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createFakeTelephony, type FakeTelephony } from '../support/fake-telephony.ts';
import { startFakeMango, type FakeMango } from '../telephony-out/fake-mango.ts';
import { createOpenMango } from '../telephony-out/open-mango.ts';
import { makeScene, recordOf } from './scene.ts';
import { mp3, mp3Seconds, wav } from './sounds.ts';

let database: TestDatabase;
let cast: Awaited<ReturnType<typeof seedCast>>;
let dataDir: string;
let pbx: FakeTelephony;
beforeAll(async () => {
  database = await createTestDatabase();
  cast = await seedCast(database.db);
});
afterAll(() => database.drop());
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'fetch-'));
  pbx = createFakeTelephony();
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

const log = createLogger('test', { level: 'silent' });
const steps = (more: Partial<RecordingDeps> = {}) =>
  createRecordingSteps({ db: database.db, log, telephony: { forIntegration: () => pbx }, dataDir, ...more });
const rowOf = async (id: string): Promise<RecordingRow> =>
  (await database.db('recordings').where({ id }).first()) as RecordingRow;
const store = () => createDiskStore(recordingDirectory(dataDir));
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const filesLeft = async (): Promise<number> =>
  (await readdir(recordingDirectory(dataDir), { recursive: true, withFileTypes: true }).catch(() => [])).filter((entry) =>
    entry.isFile(),
  ).length;

describe('Fetching a recording', () => {
  it('keeps the audio and marks it ready with type, length, size and digest', async () => {
    const { rowId, recordingId, ticket } = await makeScene(database.db, cast);
    const audio = mp3(500, { id3: true });
    pbx.recordings.set(recordingId, audio);
    expect(await steps().fetchRecording({ recordingRowId: rowId })).toEqual({ state: 'settled' });
    expect(await rowOf(rowId)).toMatchObject({
      state: 'ready',
      content_type: 'audio/mpeg',
      bytes: String(audio.length),
      duration_seconds: Math.round(mp3Seconds(500)),
      sha256: sha256(audio),
    });
    expect(await store().size(rowId)).toBe(audio.length);
    expect(await recordOf(database.db, ticket.id, 'recording')).toHaveLength(1);
  });

  it('trusts the content and not the PBX’s word for its type', async () => {
    const { rowId, recordingId } = await makeScene(database.db, cast);
    pbx.recordings.set(recordingId, wav(3));
    await steps().fetchRecording({ recordingRowId: rowId });
    expect(await rowOf(rowId)).toMatchObject({ content_type: 'audio/wav', duration_seconds: 3 });
  });

  it('done again asks the PBX nothing', async () => {
    const { rowId, recordingId } = await makeScene(database.db, cast);
    pbx.recordings.set(recordingId, mp3(10));
    for (let i = 0; i < 3; i += 1) expect(await steps().fetchRecording({ recordingRowId: rowId })).toEqual({ state: 'settled' });
    expect(pbx.sent).toHaveLength(1);
  });

  it('after a death between keeping and marking takes up the file that is there', async () => {
    const { rowId } = await makeScene(database.db, cast);
    const audio = mp3(100);
    await store().save(rowId, Readable.from([audio]));
    expect(await steps().fetchRecording({ recordingRowId: rowId })).toEqual({ state: 'settled' });
    expect(await rowOf(rowId)).toMatchObject({ state: 'ready', sha256: sha256(audio), bytes: String(audio.length) });
    expect(pbx.sent).toEqual([]);
  });

  it('of a customer who is erased meanwhile leaves no file', async () => {
    const { rowId, recordingId } = await makeScene(database.db, cast);
    const slow = new PassThrough();
    pbx.recordings.set(recordingId, () => slow);
    const fetching = steps().fetchRecording({ recordingRowId: rowId });
    slow.write(mp3(100));
    while ((await filesLeft()) === 0) await delay(5);
    await database
      .db('recordings')
      .where({ id: rowId })
      .update({ state: 'unavailable', reason: 'erased', removed_at: new Date() });
    slow.end(mp3(100));
    expect(await fetching).toEqual({ state: 'settled' });
    expect(await rowOf(rowId)).toMatchObject({ state: 'unavailable', reason: 'erased' });
    expect(await filesLeft()).toBe(0);
  });

  it('by two workers at once keeps one file and tells of it once', async () => {
    const { rowId, recordingId, ticket } = await makeScene(database.db, cast);
    pbx.recordings.set(recordingId, mp3(200));
    await Promise.all([steps(), steps()].map((worker) => worker.fetchRecording({ recordingRowId: rowId })));
    expect(await rowOf(rowId)).toMatchObject({ state: 'ready' });
    expect(await recordOf(database.db, ticket.id, 'recording')).toHaveLength(1);
    expect(await filesLeft()).toBe(1);
  });

  it.each([
    ['not there yet', { outcome: 'refused', code: 3320, word: 'recording_not_found' }, 'not_found'],
    ['the PBX is away', { outcome: 'refused', code: null, word: 'pbx_unreachable' }, 'pbx_unreachable'],
    ['the answer was lost', { outcome: 'unknown', word: 'answer_lost' }, 'pbx_unreachable'],
    ['the quota is used up', { outcome: 'busy_try_later', retryAfterMs: 1_000 }, 'pbx_unreachable'],
    ['the account is locked out', { outcome: 'locked_out', untilMs: 0 }, 'pbx_unreachable'],
    ['the PBX is in trouble', { outcome: 'refused', code: 5003, word: 'pbx_error' }, 'pbx_unreachable'],
    ['the key is wrong', { outcome: 'refused', code: 3105, word: 'bad_key' }, 'refused'],
  ] as [string, Refusal, string][])('is to be tried again when %s, and the message says so', async (_what, refusal, reason) => {
    const { rowId } = await makeScene(database.db, cast);
    pbx.refuseNext('openRecording', refusal);
    expect(await steps().fetchRecording({ recordingRowId: rowId })).toEqual({ state: 'retry', reason });
    expect(await rowOf(rowId)).toMatchObject({ state: 'pending', reason, attempts: 1 });
  });

  it.each([
    ['too short to be kept', { outcome: 'refused', code: 4002, word: 'recording_too_short' }, 'too_short'],
    ['refused for want of the service', { outcome: 'refused', code: 2230, word: 'service_off' }, 'refused'],
    ['behind a link to a private address', { outcome: 'refused', code: null, word: 'address_forbidden' }, 'refused'],
  ] as [string, Refusal, string][])('is over when it is %s, and the message says so', async (_what, refusal, reason) => {
    const { rowId } = await makeScene(database.db, cast);
    pbx.refuseNext('openRecording', refusal);
    expect(await steps().fetchRecording({ recordingRowId: rowId })).toEqual({ state: 'settled' });
    expect(await rowOf(rowId)).toMatchObject({ state: 'unavailable', reason });
  });

  it('tries a page instead of audio again and gives it up the third time; asked again, it comes', async () => {
    const { rowId, recordingId } = await makeScene(database.db, cast);
    pbx.recordings.set(recordingId, Buffer.from('<html>Сервис недоступен</html>'));
    const results = [];
    for (let i = 0; i < 3; i += 1) results.push(await steps().fetchRecording({ recordingRowId: rowId }));
    expect(results.map((result) => result.state)).toEqual(['retry', 'retry', 'settled']);
    expect(await rowOf(rowId)).toMatchObject({ state: 'unavailable', reason: 'not_audio' });
    expect(await filesLeft()).toBe(0);
    pbx.recordings.set(recordingId, mp3(30));
    await steps().fetchRecording({ recordingRowId: rowId });
    expect(await rowOf(rowId)).toMatchObject({ state: 'ready', reason: null });
  });

  it('waits for room on a full disk', async () => {
    const { rowId, recordingId } = await makeScene(database.db, cast);
    pbx.recordings.set(recordingId, mp3(30));
    const full = {
      ...store(),
      save: async (_id: string, stream: Readable) => Promise.reject(stream.destroy() && new DiskFullError('full')),
    };
    expect(await steps({ store: full }).fetchRecording({ recordingRowId: rowId })).toEqual({
      state: 'retry',
      reason: 'disk_full',
    });
    expect(await rowOf(rowId)).toMatchObject({ state: 'pending', reason: 'disk_full' });
    expect(await steps().fetchRecording({ recordingRowId: rowId })).toEqual({ state: 'settled' });
  });

  it('stops when its worker does, leaves nothing behind, and says nothing of the PBX', async () => {
    const { rowId, recordingId } = await makeScene(database.db, cast);
    const half = new PassThrough();
    pbx.recordings.set(recordingId, () => half);
    const worker = new MockActivityEnvironment();
    const fetching = worker.run(steps().fetchRecording, { recordingRowId: rowId });
    half.write(mp3(100));
    while ((await filesLeft()) === 0) await delay(5);
    worker.cancel();
    await expect(fetching).rejects.toMatchObject({ name: 'CancelledFailure' });
    expect(await filesLeft()).toBe(0);
    expect(half.destroyed).toBe(true);
    expect(await rowOf(rowId)).toMatchObject({ state: 'pending', reason: null });
  });

  it('at once fetches what is there, and leaves what takes longer without a trace', async () => {
    const [quick, slow] = [await makeScene(database.db, cast), await makeScene(database.db, cast)];
    pbx.recordings.set(quick.recordingId, mp3(100));
    const half = new PassThrough();
    half.write(mp3(100));
    pbx.recordings.set(slow.recordingId, () => half);
    expect(await steps().fetchRecordingAtOnce({ recordingRowId: quick.rowId })).toEqual({ state: 'settled' });
    expect(await rowOf(quick.rowId)).toMatchObject({ state: 'ready' });
    const kept = await filesLeft();
    expect(await steps({ atOnceMs: 50 }).fetchRecordingAtOnce({ recordingRowId: slow.rowId })).toEqual({ state: 'not_at_once' });
    expect(await filesLeft()).toBe(kept);
    expect(await rowOf(slow.rowId)).toMatchObject({ state: 'pending', reason: null });
  });

  it('at once hands on what the PBX refuses, which is asked no second time and counted once', async () => {
    const { rowId } = await makeScene(database.db, cast);
    const before = await rowOf(rowId);
    expect(await steps().fetchRecordingAtOnce({ recordingRowId: rowId })).toEqual({
      state: 'refused',
      final: false,
      reason: 'not_found',
    });
    expect(await rowOf(rowId)).toEqual(before);
    const refused = { final: false, reason: 'not_found' };
    expect(await steps().fetchRecording({ recordingRowId: rowId, refused })).toEqual({ state: 'retry', reason: 'not_found' });
    expect(pbx.sent).toHaveLength(1);
    expect(await rowOf(rowId)).toMatchObject({ state: 'pending', reason: 'not_found', attempts: 1 });
    const forGood = { final: true, reason: 'too_short' };
    expect(await steps().fetchRecording({ recordingRowId: rowId, refused: forGood })).toEqual({ state: 'settled' });
    expect(await rowOf(rowId)).toMatchObject({ state: 'unavailable', reason: 'too_short', attempts: 2 });
  });

  it('at once says nothing of what is no recording: it is not counted, and the usual way comes next', async () => {
    const { rowId, recordingId } = await makeScene(database.db, cast);
    const before = await rowOf(rowId);
    pbx.recordings.set(recordingId, Buffer.from('<html>'));
    expect(await steps().fetchRecordingAtOnce({ recordingRowId: rowId })).toEqual({ state: 'not_at_once' });
    expect(await rowOf(rowId)).toEqual(before);
    expect(await steps().fetchRecording({ recordingRowId: rowId })).toEqual({ state: 'retry', reason: 'not_audio' });
  });

  it('at once fetches eight at a time: whatever comes meanwhile takes the usual way', async () => {
    const worker = steps();
    const scenes = await Promise.all(Array.from({ length: 9 }, () => makeScene(database.db, cast)));
    const sources = scenes.map(({ recordingId }) => {
      const source = new PassThrough();
      pbx.recordings.set(recordingId, () => source);
      return source;
    });
    const fetching = scenes.slice(0, 8).map(({ rowId }) => worker.fetchRecordingAtOnce({ recordingRowId: rowId }));
    expect(await worker.fetchRecordingAtOnce({ recordingRowId: scenes[8]?.rowId ?? '' })).toEqual({ state: 'not_at_once' });
    for (const source of sources) source.end(mp3(100));
    expect(await Promise.all(fetching)).toEqual(Array(8).fill({ state: 'settled' }));
    expect(await worker.fetchRecordingAtOnce({ recordingRowId: scenes[8]?.rowId ?? '' })).toEqual({ state: 'settled' });
  });

  it('leaves alone what was removed or was never announced', async () => {
    const { rowId } = await makeScene(database.db, cast);
    await database.db('recordings').where({ id: rowId }).update({ removed_at: new Date() });
    expect(await steps().fetchRecording({ recordingRowId: rowId })).toEqual({ state: 'settled' });
    expect(pbx.sent).toEqual([]);
  });
});

describe('Fetching from Mango', () => {
  let mango: FakeMango;
  beforeEach(async () => {
    mango = await startFakeMango();
  });
  afterEach(() => mango.close());

  async function fetchWith(
    send: Parameters<FakeMango['always']>[1] | null,
    download: object = {},
  ): Promise<{ outcome: unknown; row: RecordingRow }> {
    const { rowId, recordingId } = await makeScene(database.db, cast);
    const { port } = await createOpenMango(database.db, { mango, download });
    if (send) {
      mango.always(
        '/vpbx/queries/recording/post',
        (_request, response) => void response.writeHead(302, { location: '/link' }).end(),
      );
      mango.always('/link', send);
    } else mango.recordings.set(recordingId, mp3(100));
    const worker = steps({ telephony: { forIntegration: () => port } });
    return { outcome: await worker.fetchRecording({ recordingRowId: rowId }), row: await rowOf(rowId) };
  }

  it('goes through the one-time link', async () => {
    const { outcome, row } = await fetchWith(null);
    expect(outcome).toEqual({ state: 'settled' });
    expect(row).toMatchObject({ state: 'ready', sha256: sha256(mp3(100)) });
  });

  it('a body cut off in the middle is asked for again by a new link, and nothing of it is kept', async () => {
    const audio = mp3(100);
    const { outcome, row } = await fetchWith((_request, response) => {
      response.writeHead(200, { 'content-length': audio.length }).write(audio.subarray(0, 20_000));
      setTimeout(() => response.destroy(), 20);
    });
    expect(outcome).toEqual({ state: 'retry', reason: 'pbx_unreachable' });
    expect(row.state).toBe('pending');
    expect(await filesLeft()).toBe(0);
  });

  it('an endless drip is cut off', async () => {
    const { outcome, row } = await fetchWith(
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'audio/mpeg' });
        const drip = setInterval(() => response.write(Buffer.from([0xff])), 10);
        response.on('close', () => clearInterval(drip));
      },
      { minBytesPerWindow: 1_000, windowMs: 100 },
    );
    expect(outcome).toEqual({ state: 'retry', reason: 'pbx_unreachable' });
    expect(row).toMatchObject({ state: 'pending', reason: 'pbx_unreachable' });
    expect(await filesLeft()).toBe(0);
  });

  /** The most that stands in files and in memory while something is fetched. */
  async function mostWhile<T>(work: Promise<T>): Promise<{ result: T; disk: number; memory: number }> {
    const before = process.memoryUsage().rss;
    const most = { disk: 0, memory: 0 };
    let done = false;
    const ended = work.finally(() => (done = true));
    while (!done) {
      const folder = join(recordingDirectory(dataDir), '.unfinished');
      for (const name of await readdir(folder).catch(() => []))
        most.disk = Math.max(most.disk, (await stat(join(folder, name)).catch(() => null))?.size ?? 0);
      most.memory = Math.max(most.memory, process.memoryUsage().rss - before);
      await delay(10);
    }
    return { result: await ended, ...most };
  }
  const MB = 1024 * 1024;

  it('five gigabytes are given up at once if announced, else at the limit', async () => {
    expect(DOWNLOAD_LIMITS.maxBytes).toBe(200 * MB);
    const maxBytes = 4 * MB;
    let sent = 0;
    const fiveGigabytes = function* (): Generator<Buffer> {
      const part = Buffer.concat([mp3(150), Buffer.alloc(MB - mp3(150).length)]);
      for (; sent < 5e9; sent += part.length) yield part;
    };
    const announced = await fetchWith((_request, response) => {
      Readable.from(fiveGigabytes()).pipe(response.writeHead(200, { 'content-type': 'audio/mpeg', 'content-length': 5e9 }));
    });
    expect(announced).toMatchObject({ outcome: { state: 'settled' }, row: { state: 'unavailable', reason: 'too_large' } });
    expect(sent).toBeLessThan(20 * MB);
    expect(await filesLeft()).toBe(0);

    sent = 0;
    const { result, disk, memory } = await mostWhile(
      fetchWith(
        (_request, response) => {
          Readable.from(fiveGigabytes()).pipe(response.writeHead(200, { 'content-type': 'audio/mpeg' }));
        },
        { maxBytes },
      ),
    );
    expect(result).toMatchObject({ outcome: { state: 'settled' }, row: { state: 'unavailable', reason: 'too_large' } });
    expect(sent).toBeLessThan(maxBytes + 20 * MB);
    expect(disk).toBeGreaterThan(0);
    expect(disk).toBeLessThanOrEqual(maxBytes);
    expect(memory).toBeLessThan(100 * MB);
    expect(await filesLeft()).toBe(0);
  });

  it('more than is allowed is given up, with the reason', async () => {
    const { outcome, row } = await fetchWith(
      (_request, response) => {
        const pump = setInterval(() => response.write(mp3(50)), 1);
        response.on('close', () => clearInterval(pump));
      },
      { maxBytes: 500_000 },
    );
    expect(outcome).toEqual({ state: 'settled' });
    expect(row).toMatchObject({ state: 'unavailable', reason: 'too_large' });
    expect(await filesLeft()).toBe(0);
  });

  it('a link to loopback elsewhere is refused, with the reason', async () => {
    const { row } = await fetchWith(
      (_request, response) => void response.writeHead(302, { location: 'http://127.0.0.1:6379/' }).end(),
    );
    expect(row).toMatchObject({ state: 'unavailable', reason: 'refused' });
  });

  it('a compressed answer is not unpacked', async () => {
    const bomb = gzipSync(Buffer.alloc(100 * MB));
    for (const headers of [
      { 'content-encoding': 'gzip', 'content-type': 'audio/mpeg' },
      { 'content-type': 'application/gzip' },
    ]) {
      const { result, disk } = await mostWhile(
        fetchWith((_request, response) => void response.writeHead(200, headers).end(bomb)),
      );
      expect(result).toMatchObject({ outcome: { state: 'retry', reason: 'not_audio' }, row: { reason: 'not_audio' } });
      expect(disk).toBeLessThanOrEqual(bomb.length);
      expect(await filesLeft()).toBe(0);
    }
  });
});

describe('Sweeping recordings', () => {
  it('removes files without a row, takes up files whose row does not know, leaves the rest', async () => {
    const { rowId } = await makeScene(database.db, cast);
    const kept = await makeScene(database.db, cast);
    const removed = await makeScene(database.db, cast);
    pbx.recordings.set(kept.recordingId, mp3(20));
    await steps().fetchRecording({ recordingRowId: kept.rowId });
    await store().save(rowId, Readable.from([mp3(30)]));
    await store().save(removed.rowId, Readable.from([mp3(30)]));
    await database.db('recordings').where({ id: removed.rowId }).update({ removed_at: new Date() });
    const orphan = '11111111-2222-4333-8444-555555555555';
    await store().save(orphan, Readable.from([mp3(30)]));
    expect(await steps().sweepRecordings()).toEqual({ removed: 0, adopted: 0 });
    expect(await steps().sweepRecordings({ olderThanMs: -1_000 })).toEqual({ removed: 2, adopted: 1 });
    expect(await rowOf(rowId)).toMatchObject({ state: 'ready' });
    expect(await store().size(orphan)).toBeNull();
    expect(await store().size(kept.rowId)).not.toBeNull();
    expect(await filesLeft()).toBe(2);
  });

  it('clears the remains of a worker that was killed half-way', async () => {
    const { rowId, recordingId } = await makeScene(database.db, cast);
    const half = new PassThrough();
    pbx.recordings.set(recordingId, () => half);
    const fetching = steps().fetchRecording({ recordingRowId: rowId });
    half.write(mp3(100));
    while ((await filesLeft()) === 0) await delay(5);
    const folder = join(recordingDirectory(dataDir), '.unfinished');
    const long = new Date(Date.now() - 86_400_000);
    for (const name of await readdir(folder)) await utimes(join(folder, name), long, long);
    await steps().sweepRecordings();
    expect(await filesLeft()).toBe(0);
    half.destroy(new Error('killed'));
    await expect(fetching).rejects.toThrow();
  });
});
