import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';

const RESULTS = new URL('../bench-results/', import.meta.url);

/** The machine's load now; of interest before a benchmark adds its own. */
export const loadNow = (): number => loadavg()[0] ?? 0;

/** On what, and when, the figures were taken. */
export function machine(loadBefore?: number): string {
  const load = loadBefore === undefined ? '' : `, load of the machine before ${loadBefore.toFixed(1)}`;
  return `${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}${load}, ${new Date().toISOString()}.`;
}

/** Keeps what a benchmark found, for people and, if given, as figures; and prints it. */
export async function publish(name: string, summary: string, figures?: unknown): Promise<void> {
  await mkdir(RESULTS, { recursive: true });
  await writeFile(new URL(`${name}.md`, RESULTS), `${summary}\n`);
  if (figures !== undefined) await writeFile(new URL(`${name}.json`, RESULTS), `${JSON.stringify(figures, null, 2)}\n`);
  process.stdout.write(`${summary}\n`);
}

/** What is under way, beside the results. */
export const progress = (what: string): void => void process.stderr.write(`${what}\n`);
