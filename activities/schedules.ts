import { ScheduleAlreadyRunning, ScheduleOverlapPolicy, type Client } from '@temporalio/client';

const SCHEDULES = [
  { scheduleId: 'reconcile', workflowType: 'reconcile', every: '10m' },
  { scheduleId: 'retention', workflowType: 'retention', every: '6h' },
  { scheduleId: 'upkeep', workflowType: 'upkeep', every: '1h' },
  { scheduleId: 'mend', workflowType: 'mend', every: '2m' },
] as const;

/** Makes the schedules that are not there yet; those that are stay as an admin may have changed them. */
export async function ensureSchedules(client: Client, taskQueue: string): Promise<void> {
  for (const { scheduleId, workflowType, every } of SCHEDULES) {
    try {
      await client.schedule.create({
        scheduleId,
        spec: { intervals: [{ every }] },
        action: { type: 'startWorkflow', workflowType, taskQueue, args: [] },
        policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1m' },
      });
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    }
  }
}
