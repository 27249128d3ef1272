import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Names one process beyond doubt: numbers are given out again, also after a reboot or in another container,
 * so the time of its birth belongs to it.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly bornAt: string;
}

/** Undefined when there is no such process (any more). */
export function identify(pid: number): ProcessIdentity | undefined {
  const bornAt = birthOf(pid);
  return bornAt === undefined ? undefined : { pid, bornAt };
}

export function isRunning(identity: ProcessIdentity): boolean {
  return birthOf(identity.pid) === identity.bornAt;
}

/** Asks a process to end by `signal`, insists after `patienceMs`, and returns when it is gone. */
export async function endProcess(identity: ProcessIdentity, signal: NodeJS.Signals, patienceMs: number): Promise<void> {
  const deadline = Date.now() + patienceMs;
  send(identity, signal);
  while (isRunning(identity)) {
    if (Date.now() > deadline) send(identity, 'SIGKILL');
    await delay(20);
  }
}

export function commandLineOf(pid: number): string {
  try {
    return process.platform === 'linux'
      ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      : ps(pid, 'command=');
  } catch {
    return '';
  }
}

function send(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isRunning(identity)) return;
  try {
    process.kill(identity.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** A zombie is dead: its parent merely has not looked yet. */
function birthOf(pid: number): string | undefined {
  try {
    if (process.platform !== 'linux') {
      process.kill(pid, 0);
      return ps(pid, 'lstart=') || undefined;
    }
    // The command name stands in brackets and may hold spaces and brackets itself.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : `${bootId()}/${fields[19]}`;
  } catch {
    return undefined;
  }
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim().slice(0, 8);
}

function ps(pid: number, column: string): string {
  return execFileSync('ps', ['-o', column, '-p', String(pid)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
}
