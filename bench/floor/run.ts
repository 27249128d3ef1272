import { createPool } from '../../db/pool.ts';
import { atRate, spreadOf, type Spread } from '../measure.ts';
import { startFloorWorker } from './worker.ts';

/**
 * What the engine itself costs on this machine in this run: a workflow with so many signals, each written to Postgres by a local
 * activity. The time from each signal's sending to its row is what nothing built on the engine can beat.
 */
export async function runFloor(options: {
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  readonly rate: number;
  /** Signals of one workflow. */
  readonly steps: number;
  readonly seconds: number;
}): Promise<Spread> {
  const db = createPool(options.databaseUrl, { max: 8 });
  await db.raw('create table if not exists bench_floor (id text, step integer, primary key (id, step))');
  const worker = await startFloorWorker(options.temporalAddress, (id, step) =>
    db('bench_floor').insert({ id, step }).onConflict().ignore(),
  );
  const samples: number[] = [];
  const one = async (index: number, counts: boolean): Promise<void> => {
    const id = `floor-${counts ? 'counted' : 'warm'}-${index}`;
    for (let step = 0; step < options.steps; step++) {
      const startedAt = performance.now();
      await worker.signal(id, step, options.steps);
      if (counts) samples.push(performance.now() - startedAt);
    }
  };
  await atRate(options.rate, 5, (index) => one(index, false));
  await atRate(options.rate, options.seconds, (index) => one(index, true));
  await worker.stop();
  await db.destroy();
  return spreadOf(samples);
}
