import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { FootprintRecord } from './checker/evidence.ts';
import { PROCESSES, type Stack } from './stack.ts';

const EVERY_MS = 2_000;
const STORES = ['postgres', 'temporal', 'recordings', 'logs'] as const;

/** Watches how much memory each process holds, until it is asked what the most was and what lies on the disk. Empty where there is no /proc. */
export function watchFootprint(stack: Stack): { end(): Promise<FootprintRecord> } {
  const closing = new AbortController();
  const peakMb: Record<string, number> = {};
  const watching = (async () => {
    while (!closing.signal.aborted) {
      for (const name of PROCESSES) {
        const { pid } = stack.services[name];
        if (pid !== undefined) peakMb[name] = Math.max(peakMb[name] ?? 0, memoryOf(pid));
      }
      await delay(EVERY_MS, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  })();
  return {
    async end() {
      closing.abort();
      await watching;
      return { peakMb, diskMb: Object.fromEntries(STORES.map((name) => [name, sizeOf(join(stack.dataDir, name))])) };
    },
  };
}

/** Of the process and its children, what they share counted once. A process may be gone by the time it is looked at. */
function memoryOf(pid: number): number {
  const kilobytes = [pid, ...childrenOf(pid)].map((one) => {
    const pss = /^Pss:\s+(\d+) kB/m.exec(readOr(`/proc/${one}/smaps_rollup`));
    return Number(pss?.[1] ?? 0);
  });
  return Math.round(kilobytes.reduce((sum, one) => sum + one, 0) / 1024);
}

export function childrenOf(pid: number): number[] {
  return readOr(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function sizeOf(directory: string): number {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const bytes = files.reduce((sum, { parentPath, name }) => sum + sizeOfFile(join(parentPath, name)), 0);
  return Math.round(bytes / 1_048_576);
}

function sizeOfFile(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
