/** What the person who typed `npm start` reads: one line per step, and a sign of life while a step takes long. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { fileURLToPath } from 'node:url';

/** A reason to stop that is told as it stands, without a stack: what was found, and what to do. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Runs a module's program if it is the one that was started, not where it is imported; what went wrong is told without a stack. */
export async function runAsProgram(module: string, main: (args: readonly string[]) => Promise<void>): Promise<void> {
  if (process.argv[1] !== fileURLToPath(module)) return;
  try {
    await main(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}

interface StepTaken {
  readonly brief: string;
  /** Milliseconds since this process began. */
  readonly from: number;
  readonly to: number;
}
const taken: StepTaken[] = [];

/** What took so long, in the order it began; steps run side by side. */
export const timings = (): string[] =>
  [...taken]
    .sort((a, b) => a.from - b.from)
    .map(({ brief, from, to }) => `  ${inSeconds(from)} – ${inSeconds(to)} s  ${brief}: ${inSeconds(to - from)} s`);

const inSeconds = (ms: number): string => (ms / 1000).toFixed(1);

/** How many steps go on within the step that is being taken. */
const around = new AsyncLocalStorage<{ within: number }>();

/**
 * Announces a step only when it takes longer than `quietMs`, and then says every few seconds that it still runs; not while
 * a step within it speaks for both.
 */
export async function step<T>(title: string, work: () => Promise<T>, quietMs = 1_500): Promise<T> {
  const [startedAt, from] = [Date.now(), performance.now()];
  const brief = title.split(/[,:(]/)[0]?.trim() ?? title;
  const outer = around.getStore();
  const own = { within: 0 };
  let announced = false;
  const announce = (): void => {
    if (own.within > 0) return;
    say(announced ? `  … still at it after ${seconds(startedAt)} s: ${brief}` : `${title} …`);
    announced = true;
  };
  const first = setTimeout(announce, quietMs);
  const again = setInterval(announce, 15_000);
  if (outer) outer.within += 1;
  try {
    const result = await around.run(own, work);
    if (announced) say(`${brief}: done after ${seconds(startedAt)} s`);
    return result;
  } finally {
    if (outer) outer.within -= 1;
    clearTimeout(first);
    clearInterval(again);
    taken.push({ brief, from, to: performance.now() });
  }
}

function seconds(since: number): string {
  return ((Date.now() - since) / 1000).toFixed(0);
}
