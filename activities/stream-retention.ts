import type { Db } from '../db/pool.ts';
import { cutOldRows } from '../db/retention.ts';
import type { UpkeepSteps } from '../workflows/steps.ts';

/** The event stream's rows hold names and numbers: they go as soon as nobody can resume from them. */
export function createStreamRetention({ db }: { readonly db: Db }): Pick<UpkeepSteps, 'cutStreamEvents'> {
  return { cutStreamEvents: () => cutOldRows(db, 'stream_events') };
}
