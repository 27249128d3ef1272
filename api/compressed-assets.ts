import type { Request, RequestHandler } from 'express';
import { readFile, stat } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

const brotli = promisify(brotliCompress);
const zip = promisify(gzip);
const MAX_BYTES = 4_000_000;
const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json; charset=utf-8',
};
/** Browsers take brotli over https only. */
const ENCODINGS = {
  br: (bytes: Buffer): Promise<Buffer> => brotli(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
  gzip: (bytes: Buffer): Promise<Buffer> => zip(bytes, { level: 9 }),
} as const;
type Encoding = keyof typeof ENCODINGS;

/** The smaller one where both are accepted, whatever order they are named in. */
const encodingFor = (request: Request): Encoding | undefined =>
  (['br', 'gzip'] as const).find((encoding) => request.acceptsEncodings(encoding));

async function load(path: string, encoding: Encoding): Promise<Buffer | null> {
  const found = await stat(path).catch(() => null);
  return found?.isFile() && found.size <= MAX_BYTES ? ENCODINGS[encoding](await readFile(path)) : null;
}

/**
 * Sends text files under `assets/` compressed; their names are hashes, so each is compressed once and kept. The whole interface is a
 * few hundred kilobytes. Everything else is the next handler's.
 */
export function compressedAssets(directory: string): RequestHandler {
  const kept = new Map<string, Buffer>();
  return async (request, response, next) => {
    const type = TYPES[extname(request.path)];
    const name = normalize(request.path);
    const encoding = encodingFor(request);
    if (!type || !encoding || request.headers.range || !/^[/\\]assets[/\\][\w.-]+$/.test(name)) return next();
    const key = `${encoding} ${name}`;
    const body = kept.get(key) ?? (await load(join(directory, name), encoding));
    if (!body) return next();
    kept.set(key, body);
    response.set({ 'Content-Type': type, 'Content-Encoding': encoding, Vary: 'Accept-Encoding' });
    response.set('Cache-Control', 'public, max-age=31536000, immutable');
    response.send(body);
  };
}
