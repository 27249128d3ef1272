import { chmodSync, chownSync, copyFileSync, lstatSync, mkdirSync, readdirSync, readlinkSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Names, relative to the tree, that stay behind. */
export type Skip = (path: string) => boolean;

/**
 * Copies a tree that others go on writing to, with modes and owners. What vanishes meanwhile was on its way out; what appears meanwhile
 * may be in the copy or not. Returns how many bytes.
 */
export function copyTree(from: string, to: string, skip: Skip = () => false, path = ''): number {
  const source = join(from, path);
  const found = statOf(source);
  if (!found) return 0;
  const target = join(to, path);
  if (found.isDirectory()) {
    mkdirSync(target, { recursive: true });
    own(target, found);
    let bytes = 0;
    for (const name of readdirSync(source)) {
      const inner = join(path, name);
      if (!skip(inner)) bytes += copyTree(from, to, skip, inner);
    }
    return bytes;
  }
  return unlessGone(() => {
    if (found.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else {
      copyFileSync(source, target);
      own(target, found);
    }
    return Number(found.size);
  });
}

/** Gives a file that was made to whoever owns the others. */
export function ownLike(path: string, model: string): void {
  const found = statOf(model);
  if (found && process.getuid?.() === 0) chownSync(path, Number(found.uid), Number(found.gid));
}

type Found = ReturnType<typeof lstatSync>;

function own(target: string, { mode, uid, gid }: NonNullable<Found>): void {
  chmodSync(target, Number(mode) & 0o7777);
  if (process.getuid?.() === 0) chownSync(target, Number(uid), Number(gid));
}

function statOf(path: string): ReturnType<typeof lstatSync> {
  return lstatSync(path, { throwIfNoEntry: false });
}

function unlessGone(work: () => number): number {
  try {
    return work();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}
