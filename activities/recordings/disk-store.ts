import { createHash, randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, rename, rm, stat, unlink } from 'node:fs/promises';
import { createReadStream, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { describeStream, DiskFullError, type RecordingStore, type StoredFile } from './store.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const UNFINISHED = '.unfinished';
/** No space, no quota, or the limit on a file's size. */
const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
/** File systems that know no second name for a file. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** Recordings as files under one directory, spread over two levels: `ab/cd/abcd….audio`. Readable by nobody but the service. */
export function createDiskStore(directory: string): RecordingStore {
  const unfinished = join(directory, UNFINISHED);

  function pathOf(id: string): string {
    if (!UUID.test(id)) throw new Error('A recording is kept under a uuid and nothing else');
    return join(directory, id.slice(0, 2), id.slice(2, 4), `${id}.audio`);
  }

  return {
    async save(id, stream) {
      const path = pathOf(id);
      try {
        await mkdir(unfinished, { recursive: true, mode: 0o700 });
        const draft = join(unfinished, `${id}.${randomBytes(6).toString('hex')}`);
        try {
          const stored = await write(draft, stream);
          await mkdir(dirname(path), { recursive: true, mode: 0o700 });
          const isOurs = await publish(draft, path);
          await flushDirectory(dirname(path));
          return isOurs ? stored : await describeStream(createReadStream(path));
        } finally {
          await rm(draft, { force: true });
        }
      } catch (error) {
        stream.destroy();
        if (NO_ROOM.has(codeOf(error) ?? '')) throw new DiskFullError('No room left for recordings', { cause: error });
        throw error;
      }
    },

    async size(id) {
      return (await statOrNull(pathOf(id)))?.size ?? null;
    },

    async open(id, range) {
      const handle = await open(pathOf(id), 'r');
      return handle.createReadStream(range ? { start: range.start, end: range.end } : {});
    },

    async remove(id) {
      try {
        await unlink(pathOf(id));
        return true;
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return false;
        throw error;
      }
    },

    async *sweep(olderThanMs) {
      const limit = Date.now() - olderThanMs;
      for (const name of await listed(unfinished)) {
        const path = join(unfinished, name);
        const found = await statOrNull(path);
        if (found && found.mtimeMs < limit) await rm(path, { force: true });
      }
      for (const outer of await listed(directory)) {
        if (!/^[0-9a-f]{2}$/.test(outer)) continue;
        for (const inner of await listed(join(directory, outer))) {
          for (const name of await listed(join(directory, outer, inner))) {
            const id = name.replace(/\.audio$/, '');
            const found = UUID.test(id) ? await statOrNull(pathOf(id)) : null;
            if (found && found.mtimeMs < limit) yield id;
          }
        }
      }
    },
  };
}

/** Writes and flushes; the digest is of the bytes that were written. */
async function write(path: string, stream: Readable): Promise<StoredFile> {
  const hash = createHash('sha256');
  let bytes = 0;
  const file = await open(path, 'wx', 0o600);
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      hash.update(chunk);
      bytes += chunk.length;
      await file.writeFile(chunk);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** Gives the finished file its name. False if another process was first: its file stays. */
async function publish(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    if (!NO_LINKS.has(codeOf(error) ?? '')) throw error;
    await rename(draft, path);
    return true;
  }
}

/** A name lasts over a power cut only once its directory is flushed. */
async function flushDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function statOrNull(path: string): Promise<Stats | null> {
  try {
    return await stat(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

async function listed(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return [];
    throw error;
  }
}
