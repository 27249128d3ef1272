import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

export const recordingDirectory = (dataDir: string): string => join(dataDir, 'recordings');

export interface StoredFile {
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
}

export interface ByteRange {
  readonly start: number;
  /** Inclusive. */
  readonly end: number;
}

/**
 * Where recordings lie. Ids are the rows' own random uuids, so nothing from outside becomes part of a name. What `open` hands out
 * is whole: a file appears under its id in one step, or not at all.
 */
export interface RecordingStore {
  /** Keeps the stream under the id. If the id is taken, what is there stays, and is what the answer describes. */
  save(id: string, stream: Readable): Promise<StoredFile>;
  /** Length of what is kept under the id; null if nothing is. */
  size(id: string): Promise<number | null>;
  /** To be read or destroyed by the caller. */
  open(id: string, range?: ByteRange): Promise<Readable>;
  /** True if there was something. */
  remove(id: string): Promise<boolean>;
  /** Clears remains of saves that died more than `olderThanMs` ago, and hands out the ids of files older than that. */
  sweep(olderThanMs: number): AsyncIterable<string>;
}

/** No room. Tried again when there may be some. */
export class DiskFullError extends Error {
  override readonly name = 'DiskFullError';
}

/** What a stream would be if it were kept. */
export async function describeStream(stream: Readable): Promise<StoredFile> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}
