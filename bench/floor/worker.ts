import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';

const TASK_QUEUE = 'bench-floor';

export interface FloorWorker {
  /** One signal, and what it leads to. */
  signal(id: string, step: number, steps: number): Promise<void>;
  /** A whole workflow, signal after signal. */
  call(id: string, steps: number): Promise<void>;
  stop(): Promise<void>;
}

let installed = false;

/** A worker in this process for the smallest workflow there could be; each signal is given to `write` by a local activity. */
export async function startFloorWorker(
  temporalAddress: string,
  write: (id: string, step: number) => Promise<unknown>,
): Promise<FloorWorker> {
  if (!installed) Runtime.install({ logger: new DefaultLogger('ERROR') });
  installed = true;
  const native = await NativeConnection.connect({ address: temporalAddress });
  const connection = await Connection.connect({ address: temporalAddress });
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
        await write(id, step);
        written.get(`${id}:${step}`)?.();
      },
    },
  });
  const running = worker.run();
  async function signal(id: string, step: number, steps: number): Promise<void> {
    const done = new Promise<void>((resolve) => written.set(`${id}:${step}`, resolve));
    await client.workflow.signalWithStart('floor', {
      workflowId: id,
      taskQueue: TASK_QUEUE,
      args: [id, steps],
      signal: 'note',
      signalArgs: [step],
    });
    await done;
    written.delete(`${id}:${step}`);
  }
  return {
    signal,
    async call(id, steps) {
      for (let step = 0; step < steps; step++) await signal(id, step, steps);
    },
    async stop() {
      worker.shutdown();
      await running;
      await connection.close();
      await native.close();
    },
  };
}
