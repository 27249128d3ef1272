import { setTimeout as delay } from 'node:timers/promises';
import { StartError } from './console.ts';
import type { Service } from './supervise.ts';

/** A process that dies so often before it was ever ready has a fault that waiting does not mend. */
const DEATHS_TOO_MANY = 3;

/** Waits until `url` answers 200. Gives up, with its last words, on a process that keeps dying. */
export async function untilReady(url: string, service: Service): Promise<void> {
  for (;;) {
    if (await answers(url)) return;
    if (service.deaths >= DEATHS_TOO_MANY) {
      throw new StartError(
        `The ${service.name} does not start. Its last words, from ${service.log.path}:\n${service.log.lastLines().join('\n')}`,
      );
    }
    await delay(100);
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
