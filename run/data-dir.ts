import { chmodSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { StartError } from './console.ts';
import { endProcess, identify, isRunning, type ProcessIdentity } from './processes.ts';

const STOPS_WITHIN_MS = 15_000;

interface Running {
  readonly owner: ProcessIdentity;
  /** On its way out: whoever comes next need only wait. */
  readonly stopping?: boolean;
  readonly children: readonly (ProcessIdentity & { readonly name: string })[];
}

/** DATA_DIR while one instance works in it. Everything the instance keeps or starts is written down there. */
export interface DataDir {
  readonly path: string;
  /** Remembers a child, so that the next start can end it should this one die without a chance to. */
  remember(name: string, pid: number): void;
  /** Tells a next instance that this one is about to leave. */
  leaving(): void;
  release(): void;
}

/**
 * Takes DATA_DIR for this process. Refuses when another living instance has it; ends what an instance that was killed left behind.
 */
export async function takeDataDir(path: string): Promise<DataDir> {
  makeDirectory(path);
  const file = join(path, 'running.json');
  const owner = identify(process.pid);
  if (!owner) throw new StartError(`Cannot tell when process ${process.pid} was started`);
  await claim(file, owner);
  const children = new Map<string, ProcessIdentity>();
  return {
    path,
    remember(name, pid) {
      const identity = identify(pid);
      if (!identity) return;
      children.set(name, identity);
      const entries = [...children].map(([childName, child]) => ({ name: childName, ...child }));
      write(file, { owner, children: entries });
    },
    leaving() {
      const running = read(file);
      if (running) write(file, { ...running, stopping: true });
    },
    release() {
      rmSync(file, { force: true });
    },
  };
}

/** Reads a small file that an earlier start has written, or makes it, readable by its owner only. */
export function keepJson<T>(path: string, make: () => T): T {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new StartError(`${path} cannot be read (${(error as Error).message}): restore it from a backup, or move it away`);
    }
  }
  const value = make();
  writePrivately(path, `${JSON.stringify(value, null, 2)}\n`);
  return value;
}

/** The file appears whole or not at all. */
export function writePrivately(path: string, text: string): void {
  const draft = `${path}.draft`;
  rmSync(draft, { force: true });
  writeFileSync(draft, text, { mode: 0o600, flag: 'wx', flush: true });
  renameSync(draft, path);
}

/** Of the directories on the way to the database: started as root, it runs as its own user, who must pass through and see nothing. */
export const PASSAGE = process.getuid?.() === 0 ? 0o711 : 0o700;

function makeDirectory(path: string): void {
  try {
    if (mkdirSync(path, { recursive: true, mode: PASSAGE })) chmodSync(path, PASSAGE);
    if (!statSync(path).isDirectory()) throw new Error('it is not a directory');
  } catch (error) {
    throw new StartError(`DATA_DIR ${path} cannot be used: ${(error as Error).message}`);
  }
}

async function claim(file: string, owner: ProcessIdentity): Promise<void> {
  const deadline = Date.now() + STOPS_WITHIN_MS;
  for (;;) {
    if (tryCreate(file, { owner, children: [] })) return;
    const found = read(file);
    if (found && found.owner.pid !== process.pid && isRunning(found.owner)) {
      if (found.stopping && Date.now() < deadline) {
        await delay(100);
        continue;
      }
      throw new StartError(
        `DATA_DIR is in use by another Trubka (process ${found.owner.pid}): stop that one, or start this one with another DATA_DIR`,
      );
    }
    for (const child of found?.children ?? []) await endProcess(child, endSignal(child.name), 10_000);
    // Whoever renames it first may go on; the other finds a new file and asks again.
    try {
      renameSync(file, `${file}.stale`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

/** Postgres takes SIGTERM as "when the last client has left", SIGINT as "now, in order". */
function endSignal(name: string): NodeJS.Signals {
  return name === 'postgres' ? 'SIGINT' : 'SIGTERM';
}

/** Made aside and linked into place, so that nobody ever reads half of it. */
function tryCreate(file: string, running: Running): boolean {
  const draft = `${file}.${process.pid}`;
  try {
    writeFileSync(draft, JSON.stringify(running), { mode: 0o600 });
    linkSync(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw new StartError(`DATA_DIR cannot be written to: ${(error as Error).message}`);
  } finally {
    rmSync(draft, { force: true });
  }
}

function read(file: string): Running | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Running;
  } catch {
    // Gone in the meantime.
    return undefined;
  }
}

function write(file: string, running: Running): void {
  writePrivately(file, JSON.stringify(running));
}
