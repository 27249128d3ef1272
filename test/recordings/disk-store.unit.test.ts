import { createHash, randomUUID } from 'node:crypto';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDiskStore } from '../../activities/recordings/disk-store.ts';
import type { RecordingStore } from '../../activities/recordings/store.ts';

let directory: string;
let store: RecordingStore;
beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'recordings-')), 'recordings');
  store = createDiskStore(directory);
});
afterEach(() => rm(join(directory, '..'), { recursive: true, force: true }));

const files = async (): Promise<string[]> =>
  (await readdir(directory, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);
const swept = async (olderThanMs: number): Promise<string[]> => {
  const ids: string[] = [];
  for await (const id of store.sweep(olderThanMs)) ids.push(id);
  return ids;
};
const audio = Buffer.from('the bytes of a recording');

describe('Recordings on disk', () => {
  it('are kept under their id, readable by nobody else, with length and digest', async () => {
    const id = randomUUID();
    const stored = await store.save(id, Readable.from([audio.subarray(0, 5), audio.subarray(5)]));
    expect(stored).toEqual({ bytes: audio.length, sha256: createHash('sha256').update(audio).digest('hex') });
    expect(await store.size(id)).toBe(audio.length);
    expect(await buffer(await store.open(id))).toEqual(audio);
    const path = join(directory, id.slice(0, 2), id.slice(2, 4), `${id}.audio`);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    for (const folder of [directory, join(directory, id.slice(0, 2)), join(directory, '.unfinished')]) {
      expect((await stat(folder)).mode & 0o777).toBe(0o700);
    }
  });

  it('are read in parts', async () => {
    const id = randomUUID();
    await store.save(id, Readable.from([audio]));
    expect((await buffer(await store.open(id, { start: 4, end: 8 }))).toString()).toBe('bytes');
  });

  it('do not appear before they are whole', async () => {
    const id = randomUUID();
    const half = new PassThrough();
    const saving = store.save(id, half);
    half.write(audio);
    while ((await files().catch(() => [])).length === 0) await delay(5);
    expect(await store.size(id)).toBeNull();
    await expect(store.open(id)).rejects.toMatchObject({ code: 'ENOENT' });
    half.end();
    await saving;
    expect(await store.size(id)).toBe(audio.length);
  });

  it('that break off leave nothing behind', async () => {
    const id = randomUUID();
    const broken = Readable.from(
      (async function* () {
        yield audio;
        throw new Error('cut');
      })(),
    );
    await expect(store.save(id, broken)).rejects.toThrow('cut');
    expect(await files()).toEqual([]);
    expect(await store.size(id)).toBeNull();
  });

  it('saved twice at once are kept once, and both are told what is there', async () => {
    const id = randomUUID();
    const both = await Promise.all([
      store.save(id, Readable.from([audio])),
      store.save(id, Readable.from([Buffer.from('other')])),
    ]);
    expect(both[0]).toEqual(both[1]);
    expect(await files()).toHaveLength(1);
    expect(await store.size(id)).toBe(both[0].bytes);
  });

  it('are removed once', async () => {
    const id = randomUUID();
    await store.save(id, Readable.from([audio]));
    expect(await store.remove(id)).toBe(true);
    expect(await store.remove(id)).toBe(false);
    expect(await store.size(id)).toBeNull();
  });

  it.each(['../../etc/passwd', '..%2f..%2fetc%2fpasswd', '', 'a\0b', 'A'.repeat(4_096)])(
    'are kept under no name like %j',
    async (id) => {
      await expect(store.save(id, Readable.from([audio]))).rejects.toThrow('uuid');
      await expect(store.open(id)).rejects.toThrow('uuid');
      await expect(store.remove(id)).rejects.toThrow('uuid');
    },
  );

  it('are swept: old remains go, whole files are listed, young ones are left alone', async () => {
    const [old, young] = [randomUUID(), randomUUID()];
    await store.save(old, Readable.from([audio]));
    await store.save(young, Readable.from([audio]));
    const remains = join(directory, '.unfinished', `${randomUUID()}.abc`);
    const growing = join(directory, '.unfinished', `${randomUUID()}.def`);
    await Promise.all([remains, growing].map((path) => writeFile(path, 'half')));
    const yesterday = new Date(Date.now() - 86_400_000);
    await utimes(remains, yesterday, yesterday);
    await utimes(join(directory, old.slice(0, 2), old.slice(2, 4), `${old}.audio`), yesterday, yesterday);
    expect(await swept(3_600_000)).toEqual([old]);
    expect((await files()).filter((name) => !name.endsWith('.audio'))).toHaveLength(1);
    expect((await swept(0)).sort()).toEqual([old, young].sort());
  });

  it('that find no directory yet are none', async () => {
    expect(await swept(0)).toEqual([]);
    expect(await store.size(randomUUID())).toBeNull();
  });

  it('on a full disk fail by name and leave nothing behind', async () => {
    const script = join(import.meta.dirname, 'save-on-full-disk.ts');
    const run = promisify(execFile);
    const limited = await run('bash', ['-c', `ulimit -f 64; trap '' XFSZ; exec node --import tsx ${script} ${directory}`]);
    expect(limited.stdout.trim()).toBe('DiskFullError EFBIG');
    expect(await files()).toEqual([]);
  });
});
