/** What the person who typed `npm start` reads: one line per step, and a sign of life while a step takes long. */

/** A reason to stop that is told as it stands, without a stack: what was found, and what to do. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Announces a step only when it takes longer than `quietMs`, and then says every few seconds that it still runs. */
export async function step<T>(title: string, work: () => Promise<T>, quietMs = 1_500): Promise<T> {
  const startedAt = Date.now();
  const brief = title.split(/[,:(]/)[0]?.trim() ?? title;
  let announced = false;
  const announce = (): void => {
    say(announced ? `  … still at it after ${seconds(startedAt)} s: ${brief}` : `${title} …`);
    announced = true;
  };
  const first = setTimeout(announce, quietMs);
  const again = setInterval(announce, 15_000);
  try {
    const result = await work();
    if (announced) say(`${brief}: done after ${seconds(startedAt)} s`);
    return result;
  } finally {
    clearTimeout(first);
    clearInterval(again);
  }
}

function seconds(since: number): string {
  return ((Date.now() - since) / 1000).toFixed(0);
}
