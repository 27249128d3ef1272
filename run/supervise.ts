import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { say } from './console.ts';
import type { LogFile } from './log-file.ts';

export interface ServiceOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly log: LogFile;
  /** A Node process of ours: it leaves by itself when this process dies. */
  readonly leavesWithParent?: boolean;
  readonly stopSignal?: NodeJS.Signals;
  /** By how much it stands back where processes compete for a processor: 0 (like any other) to 19. Nothing where there is no `nice`. */
  readonly niceness?: number;
  /** Cleans up before each start, the first included. */
  readonly prepare?: () => Promise<void> | void;
  readonly started?: (pid: number) => void;
  readonly line?: (line: string) => void;
  readonly backOff?: { readonly firstMs: number; readonly mostMs: number };
}

export interface Service {
  readonly name: string;
  readonly pid: number | undefined;
  /** How often it has ended on its own. */
  readonly deaths: number;
  readonly log: LogFile;
  stop(patienceMs: number): Promise<void>;
}

const LEAVE_WITH_PARENT = new URL('./leave-with-parent.mjs', import.meta.url).href;
const NICE = '/usr/bin/nice';
/** A process that lived this long was healthy: its next failure starts from the shortest pause again. */
const HEALTHY_AFTER_MS = 60_000;

/** Keeps one child process running: starts it again, with growing pauses, whenever it ends without being asked to. */
export function supervise(options: ServiceOptions): Service {
  const { firstMs, mostMs } = options.backOff ?? { firstMs: 500, mostMs: 15_000 };
  const stopping = new AbortController();
  let child: ChildProcess | undefined;
  let deaths = 0;
  const done = keepRunning();

  async function keepRunning(): Promise<void> {
    let pauseMs = firstMs;
    while (!stopping.signal.aborted) {
      const startedAt = Date.now();
      const how = await runOnce();
      if (stopping.signal.aborted) return;
      deaths += 1;
      pauseMs = Date.now() - startedAt > HEALTHY_AFTER_MS ? firstMs : pauseMs;
      say(`${options.name} ended unexpectedly (${how}); starting it again. Its log: ${options.log.path}`);
      await delay(pauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      pauseMs = Math.min(pauseMs * 2, mostMs);
    }
  }

  async function runOnce(): Promise<string> {
    try {
      await options.prepare?.();
    } catch (error) {
      return `it cannot be prepared: ${(error as Error).message}`;
    }
    if (stopping.signal.aborted) return 'not needed any more';
    const running = spawnChild(options);
    child = running;
    return new Promise((resolve) => {
      running.once('error', (error) => resolve(error.message));
      running.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
  }

  return {
    name: options.name,
    log: options.log,
    get pid() {
      return child?.exitCode === null && child.signalCode === null ? child.pid : undefined;
    },
    get deaths() {
      return deaths;
    },
    async stop(patienceMs) {
      stopping.abort();
      child?.kill(options.stopSignal ?? 'SIGTERM');
      const insist = setTimeout(() => child?.kill('SIGKILL'), patienceMs);
      await done;
      clearTimeout(insist);
      await options.log.close();
    },
  };
}

/** In a process group of its own, so that Ctrl-C reaches only the parent, which then stops its children in order. */
function spawnChild(options: ServiceOptions): ChildProcess {
  const args = options.leavesWithParent ? ['--import', LEAVE_WITH_PARENT, ...options.args] : options.args;
  const [command, before] = standingBack(options);
  const child = privately(() =>
    spawn(command, [...before, ...args], {
      stdio: ['ignore', 'pipe', 'pipe', ...(options.leavesWithParent ? (['ipc'] as const) : [])],
      detached: true,
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.uid === undefined ? {} : { uid: options.uid }),
      ...(options.gid === undefined ? {} : { gid: options.gid }),
    }),
  );
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => options.log.write(chunk));
    if (options.line) eachLine(stream, options.line);
  }
  if (child.pid !== undefined) options.started?.(child.pid);
  return child;
}

/** Files that a process begun by this makes are nobody else's, whatever it asks for: Temporal asks for 0644. */
function privately<T>(begin: () => T): T {
  const before = process.umask(0o077);
  try {
    return begin();
  } finally {
    process.umask(before);
  }
}

/** What is set by the program that becomes ours holds for every thread that it begins; set from outside, only for those to come. */
function standingBack({ command, niceness = 0 }: ServiceOptions): [command: string, before: readonly string[]] {
  return niceness > 0 && existsSync(NICE) ? [NICE, ['-n', String(niceness), command]] : [command, []];
}

function eachLine(stream: NodeJS.ReadableStream | null, line: (line: string) => void): void {
  let rest = '';
  stream?.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString('utf8')).split('\n');
    rest = lines.pop() ?? '';
    lines.filter(Boolean).forEach(line);
  });
}
