import { spawn } from 'node:child_process';
import { closeSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import type { DemoPbx, DemoPbxOptions } from '../../run/demo-pbx/pbx.ts';
import { TASK_QUEUE } from '../../workflows/task-queue.ts';
import type { StrikeRecord } from './checker/evidence.ts';
import { childrenOf } from './footprint.ts';
import type { Dice } from './random.ts';
import { answersWell, PROCESSES, type GateName, type ProcessName, type Stack } from './stack.ts';

type Faults = NonNullable<DemoPbxOptions['faults']>;

export interface Strike {
  readonly name: string;
  readonly kind: 'kill' | 'other';
  /** The point in a call's life at which it strikes, held open until it has. */
  readonly window?: string;
  /** Does it, and undoes what does not heal by itself. Says when it struck, where that was later than it was asked to. */
  readonly hit: (target: Target) => Promise<number | void>;
}

export interface Target {
  readonly stack: Stack;
  readonly pbx: DemoPbx;
  readonly usual: Faults;
}

/** No call came to the point that was to be held open. */
export class NotHeld extends Error {
  override readonly name = 'NotHeld';
}

const kill = (...names: readonly ProcessName[]): Strike => ({
  name: `kill -9 ${names.length > 1 ? 'all' : names[0]}`,
  kind: 'kill',
  hit: ({ stack }) => end(stack, names, 'SIGKILL'),
});

/** Something else may have killed it meanwhile. */
function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Comes back when they are gone: until then they would pass for well. */
export async function end(stack: Stack, names: readonly ProcessName[], signal: NodeJS.Signals): Promise<void> {
  const pids = names.map((name) => stack.services[name].pid);
  for (const pid of pids) if (pid !== undefined) send(pid, signal);
  while (names.some((name, index) => pids[index] !== undefined && stack.services[name].pid === pids[index])) await delay(10);
}

/** Postgres goes down at once and by its own choice, as after a fault it cannot mend: crash recovery follows. */
const crashPostgres: Strike = {
  name: 'postgres -m immediate',
  kind: 'kill',
  hit: ({ stack }) => end(stack, ['postgres'], 'SIGQUIT'),
};

const pause = (name: ProcessName, ms: number): Strike => ({
  name: `stop ${name} for ${ms / 1000} s`,
  kind: 'other',
  async hit({ stack }) {
    const { pid } = stack.services[name];
    if (pid === undefined) return;
    send(pid, 'SIGSTOP');
    await delay(ms);
    send(pid, 'SIGCONT');
  },
});

const cut = (name: GateName): Strike => ({
  name: `cut ${name}`,
  kind: 'other',
  async hit({ stack }) {
    stack.gates[name].cut();
  },
});

const away = (name: GateName, ms: number): Strike => ({
  name: `${name} away for ${ms / 1000} s`,
  kind: 'other',
  async hit({ stack }) {
    stack.gates[name].cut(true);
    await delay(ms);
    stack.gates[name].heal();
  },
});

const swallow = (name: GateName, ms: number): Strike => ({
  name: `swallow ${name} for ${ms / 1000} s`,
  kind: 'other',
  async hit({ stack }) {
    stack.gates[name].swallow(true);
    await delay(ms);
    stack.gates[name].heal();
    stack.gates[name].cut();
  },
});

const fillDisk = (name: string, of: 'recordings' | 'postgres'): Strike => ({
  name: `disk full for ${name}`,
  kind: 'other',
  async hit({ stack }) {
    const directory = join(stack.dataDir, of);
    const ballast = join(directory, '.ballast');
    const until = Date.now() + 6_000;
    try {
      // What is deleted meanwhile gives no room.
      for (; Date.now() < until; await delay(100)) fill(ballast, directory);
    } finally {
      rmSync(ballast, { force: true });
    }
  },
});
const FULL_DISKS = [fillDisk('recordings', 'recordings'), fillDisk('the database', 'postgres')] as const;

function fill(path: string, directory: string): void {
  const file = openSync(path, 'a');
  const block = Buffer.alloc(1 << 16, 1);
  try {
    while (statfsSync(directory).bavail > 0) writeSync(file, block);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(file);
  }
}

const badPbx = (name: string, more: (usual: Faults) => Faults): Strike => ({
  name: `PBX ${name}`,
  kind: 'other',
  async hit({ pbx, usual }) {
    pbx.setFaults(more(usual));
    await delay(6_000);
    pbx.setFaults(usual);
  },
});

/** All events alike, those of calls that began before as well. */
const withClock = (usual: Faults, clockSeconds: number): Faults => ({
  ...usual,
  deliveries: [...(usual.deliveries ?? []), { path: 'events/call', clockSeconds }],
});

const KILLS: readonly (readonly [number, Strike])[] = [
  [20, kill('worker1')],
  [20, kill('worker2')],
  [10, kill('api1')],
  [10, kill('api2')],
  [16, kill('temporal')],
  [10, kill('postgres')],
  [6, crashPostgres],
  [8, kill(...PROCESSES)],
];

const OTHERS: readonly (readonly [number, Strike])[] = [
  [3, cut('webhooks')],
  [3, cut('database')],
  [3, cut('temporal')],
  [2, away('temporal', 15_000)],
  [2, away('database', 4_000)],
  [2, swallow('webhooks', 3_000)],
  [2, swallow('database', 4_000)],
  [2, swallow('temporal', 6_000)],
  [2, pause('worker1', 8_000)],
  [1, pause('worker2', 15_000)],
  [2, pause('api1', 5_000)],
  [2, pause('temporal', 5_000)],
  [2, pause('postgres', 4_000)],
  [4, FULL_DISKS[0]],
  [2, FULL_DISKS[1]],
  [2, badPbx('slow', (usual) => ({ ...usual, commands: [{ delayMs: 4_000 }] }))],
  [2, badPbx('busy', (usual) => ({ ...usual, commands: [{ rateLimited: true }] }))],
  [2, badPbx('breaking off downloads', (usual) => ({ ...usual, recordings: { ...usual.recordings, cutTimes: 1 } }))],
  [2, badPbx('without recordings yet', (usual) => ({ ...usual, recordings: { ...usual.recordings, notReadyTimes: 1 } }))],
  [1, badPbx('with its clock three hours ahead', (usual) => withClock(usual, 10_800))],
  [1, badPbx('with its clock three hours behind', (usual) => withClock(usual, -10_800))],
  [2, badPbx('losing its answers', (usual) => ({ ...usual, commands: [{ path: 'commands/callback', loseAnswer: true }] }))],
  [1, badPbx('failing', (usual) => ({ ...usual, commands: [{ httpStatus: 500, code: 5000 }] }))],
];

/** The first to write the log of the database is told EIO: it goes down at once, as it cannot know what stands on the disk, and recovers. */
const brokenLog: Strike = {
  name: 'EIO on the log of the database',
  kind: 'kill',
  async hit({ stack }) {
    const { pid } = stack.services.postgres;
    if (pid === undefined) return;
    const children = childrenOf(pid);
    const inject = ['-e', 'trace=fsync,fdatasync', '-e', 'inject=fsync,fdatasync:error=EIO:when=1'];
    const strace = spawn('strace', ['-qq', '-o', '/dev/null', ...inject, ...children.flatMap((child) => ['-p', String(child)])]);
    const ended = new Promise<void>((resolve, reject) => void strace.once('close', resolve).once('error', reject));
    // Nobody lets go before all of them are gone: after such a fault none may stay.
    const given = setTimeout(() => strace.kill(), 10_000);
    await ended;
    clearTimeout(given);
    if (childrenOf(pid).some((child) => children.includes(child))) throw new Error('The database did not mind EIO on its log');
  },
};

const HALF_WAY_WITHIN_MS = 60_000;

/** Both workers, so that whichever it is dies that holds half a recording; the rest of it is never sent. */
const killHalfWay: Strike = {
  name: 'kill -9 the workers half-way through a download',
  kind: 'kill',
  async hit({ stack, pbx, usual }) {
    const closing = new AbortController();
    const { signal } = closing;
    const isHalfWay = new Promise<true>((resolve) => {
      const halfWay = (): Promise<void> =>
        new Promise((goOn) => {
          resolve(true);
          signal.addEventListener('abort', () => goOn());
        });
      const order = (): void => pbx.setFaults({ ...usual, recordings: { ...usual.recordings, halfWay } });
      // Another fault of the PBX that ends meanwhile takes this one along.
      const again = setInterval(order, 1_000);
      signal.addEventListener('abort', () => clearInterval(again));
      order();
    });
    try {
      if (!(await Promise.race([isHalfWay, delay(HALF_WAY_WITHIN_MS)]))) throw new Error('No recording was asked for');
      // For the first half to come to the disk.
      await delay(500);
      const at = Date.now();
      await end(stack, ['worker1', 'worker2'], 'SIGKILL');
      return at;
    } finally {
      closing.abort();
      pbx.setFaults(usual);
    }
  },
};

/** Only where they are asked for: what the seeds draw stays as it is. */
const ON_ORDER: readonly Strike[] = [
  brokenLog,
  killHalfWay,
  away('temporal', 60_000),
  away('database', 60_000),
  badPbx('sending single events a minute and a half late', (usual) => ({
    ...usual,
    deliveries: [...(usual.deliveries ?? []), { chance: 0.25, delayMs: 90_000 }],
  })),
  badPbx('telling of answers three seconds late', (usual) => ({
    ...usual,
    deliveries: [...(usual.deliveries ?? []), { path: 'events/call', state: 'Connected', delayMs: 3_000 }],
  })),
];

/** So many kills, and other faults among them, in the order in which they come. */
export function drawStrikes(
  dice: Dice,
  counts: { readonly kills: number; readonly others: number },
  smallDisk: boolean,
): Strike[] {
  const others = OTHERS.filter(([, strike]) => smallDisk || !FULL_DISKS.includes(strike));
  const all = [
    ...Array.from({ length: counts.kills }, () => dice.weighted(KILLS)),
    ...Array.from({ length: counts.others }, () => dice.weighted(others)),
  ];
  return dice.some(all, all.length);
}

export function strikeNamed(name: string): Strike {
  const drawn = [...KILLS, ...OTHERS].map(([, strike]) => strike);
  const found = [...drawn, ...ON_ORDER].find((strike) => strike.name === name);
  if (!found) throw new Error(`No fault is called ${name}`);
  return found;
}

const RECOVERY_LIMIT_MS = 120_000;

/** Carries a strike out and measures until everything answers again. */
export async function strike(one: Strike, target: Target, startedAt: number): Promise<StrikeRecord> {
  const asked = Date.now();
  const inFlight = target.pbx.calls.size;
  let isHeld = one.window !== undefined;
  const noteNotHeld = (error: unknown): void => {
    if (!(error instanceof NotHeld)) throw error;
    isHeld = false;
  };
  const at = (await one.hit(target).catch(noteNotHeld)) ?? asked;
  const healedFrom = one.kind === 'kill' ? at : Date.now();
  const well = await untilWell(target.stack, healedFrom);
  const record = { what: one.name, kind: one.kind, atMs: at - startedAt, inFlight, from: at, to: Date.now() };
  const window = one.window === undefined ? {} : { window: one.window, isHeld };
  return { ...record, ...window, recoveredMs: well ? Date.now() - healedFrom : null };
}

async function untilWell(stack: Stack, since: number): Promise<boolean> {
  while (Date.now() < since + RECOVERY_LIMIT_MS) {
    const ready = await Promise.all(stack.apiUrls.map((url) => answersWell(`${url}/health/ready`)));
    if (ready.every(Boolean) && (await workersPoll(stack))) return true;
    await delay(300);
  }
  return false;
}

/** Whether both worker processes that live now ask Temporal for work. */
async function workersPoll(stack: Stack): Promise<boolean> {
  const connection = await Connection.connect({ address: stack.temporalAddress, connectTimeout: 1_000 }).catch(() => undefined);
  try {
    if (!connection) return false;
    const { pollers } = await connection.withDeadline(Date.now() + 2_000, () =>
      connection.workflowService.describeTaskQueue({ namespace: 'default', taskQueue: { name: TASK_QUEUE }, taskQueueType: 1 }),
    );
    const alive = [stack.services.worker1, stack.services.worker2].map(({ pid }) => `${pid}@${hostname()}`);
    return alive.every((identity) => (pollers ?? []).some((poller) => poller.identity === identity));
  } catch {
    return false;
  } finally {
    await connection?.close().catch(() => undefined);
  }
}
