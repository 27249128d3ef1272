import { hostname } from 'node:os';
import { Connection } from '@temporalio/client';
import type { DemoPbx } from '../run/demo-pbx/pbx.ts';
import { TASK_QUEUE } from '../workflows/task-queue.ts';
import { pause } from './measure.ts';
import { SHAPES } from './shapes.ts';
import type { Stage } from './stage.ts';
import { followStreams } from './streams-of-agents.ts';

const PATIENCE_MS = 180_000;
const STEADY_MS = 3_000;

export interface RollingRestart {
  readonly restarts: readonly { readonly what: string; readonly seconds: number }[];
  readonly seconds: number;
  readonly posted: number;
  /** Calls that came to their end with one talk, one ticket, which is no other call's, and one recording, which is stored. */
  readonly whole: number;
  /** Calls whose agent's browser was told that it came and that it ended, over however many connections. */
  readonly told: number;
  readonly streamsCut: number;
  readonly webhooks: number;
  readonly webhooksRefused: number;
}

/** A worker that was started again asks for work. */
async function untilPolls(stage: Stage, pid: number | undefined): Promise<void> {
  const connection = await Connection.connect({ address: stage.temporalAddress });
  try {
    for (;;) {
      const { pollers } = await connection.workflowService.describeTaskQueue({
        ...{ namespace: 'default', taskQueue: { name: TASK_QUEUE }, taskQueueType: 1 },
      });
      if (pollers?.some(({ identity }) => identity === `${pid}@${hostname()}`)) return;
      await pause(200);
    }
  } finally {
    await connection.close();
  }
}

async function restartEach(stage: Stage): Promise<RollingRestart['restarts']> {
  const restarts = [];
  for (const part of ['api', 'worker'] as const) {
    for (const index of stage.parts[part].keys()) {
      const startedAt = performance.now();
      await stage.restart(part, index);
      if (part === 'worker') await untilPolls(stage, stage.parts.worker[index]?.pid);
      restarts.push({ what: `${part} ${index + 1}`, seconds: Math.round((performance.now() - startedAt) / 100) / 10 });
      await pause(STEADY_MS);
    }
  }
  return restarts;
}

const WHOLE_SQL = `select count(*)::int as n from calls c where c.entry_id = any(?) and c.state = 'over'
  and (select count(*) from recordings r where r.call_id = c.id) = 1
  and (select count(*) from recordings r where r.call_id = c.id and r.state = 'ready') = 1
  and (select count(*) from conversations v where v.call_id = c.id) = 1
  and (select count(*) from conversations v join conversations w on w.ticket_id = v.ticket_id where v.call_id = c.id) = 1`;

async function untilWhole(stage: Stage, entries: readonly string[]): Promise<number> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const { rows } = await stage.db.raw<{ rows: { n: number }[] }>(WHOLE_SQL, [[...entries]]);
    const n = rows[0]?.n ?? 0;
    if (n === entries.length || performance.now() > until) return n;
    await pause(500);
  }
}

/** Each process of the product is stopped and started again in turn while calls go on at a steady rate; no event is sent twice. */
export async function restartUnderLoad(stage: Stage, pbx: DemoPbx, perSecond: number): Promise<RollingRestart> {
  let [webhooks, webhooksRefused, over] = [0, 0, false];
  const unwatch = pbx.watch(({ status }) => {
    webhooks += 1;
    if (status !== 200) webhooksRefused += 1;
  });
  const streams = await followStreams(stage);
  const phones: string[] = [];
  const calls: Promise<string>[] = [];
  const startedAt = performance.now();
  const playing = (async () => {
    for (let index = 0; !over; index++) {
      const { extension = '' } = stage.agents[index % stage.agents.length] ?? {};
      const phone = `7997${String(1_000_000 + index)}`;
      phones.push(phone);
      calls.push(SHAPES.answered.play(pbx, phone, [extension]));
      await pause(Math.max(0, startedAt + ((index + 1) * 1000) / perSecond - performance.now()));
    }
  })();
  await pause(STEADY_MS);
  const restarts = await restartEach(stage);
  over = true;
  await playing;
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  const entries = await Promise.all(calls);
  await pbx.settled();
  unwatch();
  const whole = await untilWhole(stage, entries);
  await pause(STEADY_MS);
  streams.close();
  // Answered at once, a call may be told of as a talk from the first.
  const came = (phone: string): boolean => streams.told(`call.ringing ${phone}`) || streams.told(`call.answered ${phone}`);
  const told = phones.filter((phone) => came(phone) && streams.told(`call.ended ${phone}`)).length;
  return { restarts, seconds, posted: entries.length, whole, told, streamsCut: streams.cuts(), webhooks, webhooksRefused };
}
