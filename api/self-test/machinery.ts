import { statfs } from 'node:fs/promises';
import proto from '@temporalio/proto';
import { readWaiting } from '../../db/self-test.ts';
import type { MachineryFacts } from '../../domain/self-test/index.ts';
import { TASK_QUEUE } from '../../workflows/task-queue.ts';
import type { ApiDeps } from '../deps.ts';
import { ProblemError } from '../problems.ts';

const { TaskQueueType } = proto.temporal.api.enums.v1;
/** Temporal remembers a worker for some minutes; one that is alive asks again within one. */
const ALIVE_MS = 90_000;
const ASK_WITHIN_MS = 2000;

export async function readMachineryFacts(deps: ApiDeps): Promise<MachineryFacts> {
  const [workers, waiting, disk] = await Promise.all([countWorkers(deps), readWaiting(deps.db), readDisk(deps)]);
  return { temporal: workers === 'away' ? 'away' : 'there', workers: workers === 'away' ? null : workers, waiting, disk };
}

/** Workers that asked for workflow tasks lately. */
async function countWorkers({ temporal, taskQueue = TASK_QUEUE }: ApiDeps): Promise<number | 'away'> {
  try {
    const { pollers } = await temporal.ask(
      (client) =>
        client.workflowService.describeTaskQueue({
          namespace: temporal.namespace,
          taskQueue: { name: taskQueue },
          taskQueueType: TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        }),
      ASK_WITHIN_MS,
    );
    const since = Date.now() - ALIVE_MS;
    return (pollers ?? []).filter((poller) => Number(poller.lastAccessTime?.seconds ?? 0) * 1000 > since).length;
  } catch (error) {
    if (error instanceof ProblemError && error.code === 'temporal_unavailable') return 'away';
    throw error;
  }
}

async function readDisk(deps: ApiDeps): Promise<MachineryFacts['disk']> {
  try {
    const { bavail, blocks, bsize } = await (deps.statfs ?? statfs)(deps.config.dataDir);
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
  } catch {
    return null;
  }
}
