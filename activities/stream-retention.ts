import type { Db } from '../db/pool.ts';
import type { UpkeepSteps } from '../workflows/steps.ts';

/** A browser that was away longer asks for the present state instead. */
const KEPT_HOURS = 72;
const BATCH = 10_000;

/** The event stream's rows hold names and numbers: they go as soon as nobody can resume from them. */
export function createStreamRetention({ db }: { readonly db: Db }): Pick<UpkeepSteps, 'cutStreamEvents'> {
  return {
    async cutStreamEvents() {
      let total = 0;
      for (;;) {
        const { rowCount } = await db.raw<{ rowCount: number }>(
          `delete from stream_events where id in
             (select id from stream_events where at < now() - make_interval(hours => ?) order by id limit ?)`,
          [KEPT_HOURS, BATCH],
        );
        total += rowCount;
        if (rowCount < BATCH) return total;
      }
    },
  };
}
