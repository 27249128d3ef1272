import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { createPool } from '../../db/pool.ts';
import { atRate, spreadOf, type Spread } from '../measure.ts';

const STEPS = 4;
const TASK_QUEUE = 'bench-floor';

/**
 * What the engine itself costs on this machine in this run: a workflow with four signals, each written to Postgres by a local
 * activity. The time from each signal's sending to its row is what nothing built on the engine can beat.
 */
export async function runFloor(options: {
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  readonly rate: number;
  readonly seconds: number;
}): Promise<Spread> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const db = createPool(options.databaseUrl, { max: 8 });
  await db.raw('create table if not exists bench_floor (id text, step integer, primary key (id, step))');
  const native = await NativeConnection.connect({ address: options.temporalAddress });
  const connection = await Connection.connect({ address: options.temporalAddress });
  const client = new Client({ connection });
  const written = new Map<string, () => void>();
  const worker = await Worker.create({
    connection: native,
    taskQueue: TASK_QUEUE,
    workflowBundle: await bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL('./workflow.ts', import.meta.url)),
      logger: new DefaultLogger('ERROR'),
    }),
    activities: {
      async write(id: string, step: number): Promise<void> {
        await db('bench_floor').insert({ id, step }).onConflict().ignore();
        written.get(`${id}:${step}`)?.();
      },
    },
  });
  const running = worker.run();
  const samples: number[] = [];
  const one = async (index: number, counts: boolean): Promise<void> => {
    const id = `floor-${counts ? 'counted' : 'warm'}-${index}`;
    for (let step = 0; step < STEPS; step++) {
      const startedAt = performance.now();
      const done = new Promise<void>((resolve) => written.set(`${id}:${step}`, resolve));
      await client.workflow.signalWithStart('floor', {
        workflowId: id,
        taskQueue: TASK_QUEUE,
        args: [id, STEPS],
        signal: 'note',
        signalArgs: [step],
      });
      await done;
      written.delete(`${id}:${step}`);
      if (counts) samples.push(performance.now() - startedAt);
    }
  };
  await atRate(options.rate, 5, (index) => one(index, false));
  await atRate(options.rate, options.seconds, (index) => one(index, true));
  worker.shutdown();
  await running;
  await connection.close();
  await native.close();
  await db.destroy();
  return spreadOf(samples);
}
