import { hostname } from 'node:os';
import { Connection } from '@temporalio/client';
import { readConfig } from '../db/config.ts';
import { TASK_QUEUE } from '../workflows/task-queue.ts';

/** For a container's health check: whether a worker on this host has asked Temporal for work within the last minutes. */
const RECENT_MS = 3 * 60_000;

const { namespace, ...address } = readConfig(process.env).temporal;
const connection = await Connection.connect({ ...address, connectTimeout: 5_000 });
const { pollers } = await connection.withDeadline(Date.now() + 5_000, () =>
  connection.workflowService.describeTaskQueue({ namespace, taskQueue: { name: TASK_QUEUE }, taskQueueType: 1 }),
);
await connection.close();
const alive = (pollers ?? []).some(
  ({ identity, lastAccessTime }) =>
    identity?.endsWith(`@${hostname()}`) === true && Date.now() - Number(lastAccessTime?.seconds ?? 0) * 1000 < RECENT_MS,
);
process.stdout.write(alive ? 'The worker is asking for work\n' : 'No worker of this host has asked for work\n');
process.exitCode = alive ? 0 : 1;
