import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createStreamRetention } from '../../activities/stream-retention.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { connectTemporal, uniqueTaskQueue, workflowBundle, type TestTemporal } from '../support/temporal.ts';

let database: TestDatabase;
let temporal: TestTemporal;
beforeAll(async () => {
  database = await createTestDatabase();
  temporal = await connectTemporal();
});
afterAll(async () => {
  await temporal.close();
  await database.drop();
});

async function run<T>(workflow: string, activities: Record<string, () => Promise<unknown>>): Promise<T> {
  const taskQueue = uniqueTaskQueue('upkeep');
  const worker = await Worker.create({
    connection: temporal.nativeConnection,
    taskQueue,
    workflowBundle: await workflowBundle(),
    activities,
  });
  return (await worker.runUntil(temporal.client.workflow.execute(workflow, { workflowId: taskQueue, taskQueue, args: [] }))) as T;
}

test('reconciliation goes on, step by step, until every account has caught up', async () => {
  let steps = 0;
  const result = await run<{ eventsAdded: number }>('reconcile', {
    reconcileCalls: async () => ({ eventsAdded: 2, caughtUp: ++steps === 3 }),
  });
  expect(steps).toBe(3);
  expect(result).toEqual({ eventsAdded: 6 });
});

test('upkeep cuts the stream behind those who could still resume', async () => {
  const event = { type: 'ticket.changed', payload: '{}' };
  const { db } = database;
  await db('stream_events').insert([{ ...event, at: new Date(Date.now() - 73 * 3_600_000) }, event]);
  const result = await run<{ recordings: number; streamEvents: number }>('upkeep', {
    sweepRecordings: async () => ({ removed: 4, adopted: 0 }),
    cutStreamEvents: () => createStreamRetention({ db }).cutStreamEvents(),
  });
  expect(result).toEqual({ recordings: 4, streamEvents: 1 });
  expect(await db('stream_events')).toHaveLength(1);
});
