import { condition, defineSignal, proxyLocalActivities, setHandler } from '@temporalio/workflow';

export const note = defineSignal<[number]>('note');
const { write } = proxyLocalActivities<{ write(id: string, step: number): Promise<void> }>({ startToCloseTimeout: '10s' });

/** The least a durable call could be: as many signals, each written to Postgres by a local activity, and nothing decided. */
export async function floor(id: string, steps: number): Promise<void> {
  const queue: number[] = [];
  setHandler(note, (step) => void queue.push(step));
  for (let done = 0; done < steps; done++) {
    await condition(() => queue.length > 0);
    await write(id, queue.shift() ?? 0);
  }
}
