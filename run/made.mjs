/** What is made from our sources, once for each state of them, and kept under node_modules. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CACHE = join(ROOT, 'node_modules/.cache/trubka');
const KEEP_MS = 86_400_000;

/**
 * Returns the path of what `make` has written there, a file or a directory; those of the same kind that are older than a day go.
 * @param {{ kind: string, from: string, suffix?: string, make: (path: string) => Promise<unknown> }} options `from`: what it is made from
 * @returns {Promise<string>}
 */
export async function keepMade({ kind, from, suffix = '', make }) {
  const path = join(CACHE, `${kind}-${from}${suffix}`);
  if (existsSync(path)) return path;
  await mkdir(CACHE, { recursive: true });
  const draft = `${path}.${process.pid}`;
  await make(draft);
  // Whoever made the same one meanwhile was as good.
  await rename(draft, path).catch(() => rm(draft, { recursive: true, force: true }));
  await removeOldOnes(kind);
  return path;
}

async function removeOldOnes(kind) {
  for (const name of (await readdir(CACHE)).filter((one) => one.startsWith(`${kind}-`))) {
    const path = join(CACHE, name);
    // Another process may have finished its draft meanwhile, or removed the same.
    const made = await stat(path).catch(() => null);
    if (made && Date.now() - made.mtimeMs > KEEP_MS) await rm(path, { recursive: true, force: true });
  }
}

/**
 * One word for a state of the sources: of these directories and files, of the packages by the lock file, and of what else matters.
 * @param {{ directories: readonly string[], files: readonly string[], also?: string }} options named from the project's folder
 * @returns {string}
 */
export function stateOf({ directories, files, also = '' }) {
  const hash = createHash('sha256').update(also);
  for (const name of ['package-lock.json', ...files]) hash.update(readFileSync(resolve(ROOT, name)));
  for (const directory of directories) {
    const names = readdirSync(join(ROOT, directory), { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.ts'),
    );
    for (const name of names.sort()) hash.update(join(directory, name)).update(readFileSync(join(ROOT, directory, name)));
  }
  return hash.digest('hex').slice(0, 16);
}
