import { readdirSync, readFileSync } from 'node:fs';

/** The value below which a share of the samples lies; NaN without samples. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

export interface Spread {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

export const spreadOf = (samples: readonly number[]): Spread => ({
  count: samples.length,
  p50: Math.round(percentile(samples, 0.5) * 10) / 10,
  p95: Math.round(percentile(samples, 0.95) * 10) / 10,
  p99: Math.round(percentile(samples, 0.99) * 10) / 10,
});

/** Resident memory of a process in megabytes (Linux). */
export function residentMegabytes(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kilobytes) / 1024);
}

interface ProcessTime {
  readonly pid: number;
  readonly parent: number;
  readonly milliseconds: number;
}

/** What each living process, and those of its children that have ended, have used of a processor (Linux; the clock ticks a hundred times a second). */
function processTimes(): ProcessTime[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
        return [{ pid: Number(name), parent: Number(fields[1]), milliseconds: ticks * 10 }];
      } catch {
        return []; // It has ended meanwhile.
      }
    });
}

/** Processor time of a process and all its children so far, milliseconds. */
export function processorMilliseconds(pid: number): number {
  const all = processTimes();
  const of = (root: number): number =>
    all.filter(({ parent }) => parent === root).reduce((sum, child) => sum + of(child.pid), 0) +
    (all.find((one) => one.pid === root)?.milliseconds ?? 0);
  return of(pid);
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Begins `work` at a steady rate, whatever it takes; resolves when the last has ended. */
export async function atRate(perSecond: number, seconds: number, work: (index: number) => Promise<void>): Promise<void> {
  const running: Promise<void>[] = [];
  const startedAt = performance.now();
  for (let index = 0; index < perSecond * seconds; index++) {
    await pause(Math.max(0, startedAt + (index * 1000) / perSecond - performance.now()));
    running.push(work(index));
  }
  await Promise.all(running);
}

export function table(rows: readonly Readonly<Record<string, string | number>>[]): string {
  const columns = Object.keys(rows[0] ?? {});
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
  return [
    line(columns),
    line(columns.map(() => '---')),
    ...rows.map((row) => line(columns.map((column) => row[column] ?? ''))),
  ].join('\n');
}
