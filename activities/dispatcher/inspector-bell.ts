import { INSPECTOR_CHANNEL } from '../../db/inspector.ts';
import type { Db } from '../../db/pool.ts';

const AT_MOST_EVERY_MS = 250;

/** Tells whoever looks at the event inspector that verdicts have changed: now and then, and never in the way of a delivery. */
export function createInspectorBell(db: Db): { ring(): void; stop(): Promise<void> } {
  let timer: NodeJS.Timeout | undefined;
  let told: Promise<unknown> = Promise.resolve();
  const tell = (): void => {
    timer = undefined;
    told = db.raw('select pg_notify(?, ?)', [INSPECTOR_CHANNEL, '']).catch(() => undefined);
  };
  return {
    ring() {
      timer ??= setTimeout(tell, AT_MOST_EVERY_MS);
    },
    async stop() {
      if (timer) {
        clearTimeout(timer);
        tell();
      }
      await told;
    },
  };
}
