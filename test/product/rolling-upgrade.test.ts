import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DemoPbx } from '../../run/demo-pbx/pbx.ts';
import { startScene, type RunningScene } from '../support/running-scene.ts';
import { outcomeOf, until } from '../torture/scene.ts';
import type { Stack } from '../torture/stack.ts';
import type { Scene } from '../torture/teller.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const WORKFLOW_TASK_COMPLETED = 7;
/** The server's own way of saying that a signal came while the workflow was about to end: the task is done again with it. */
const UNHANDLED_COMMAND = 1;
let directory: string;
let newVersion: string;
let running: RunningScene;
let pbx: DemoPbx;
let stack: Stack;
let scene: Scene;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'trubka-upgrade-'));
  newVersion = await bundleOfNewVersion();
  running = await startScene({ secondsAgo: 0, retries: 200, retryDelayMs: 200 });
  ({ pbx, stack, scene } = running);
}, 240_000);
afterAll(async () => {
  await running.stop();
  await rm(directory, { recursive: true, force: true });
}, 60_000);

/** The workflows as they may look tomorrow: changed the way changes are made, behind a patch. */
async function bundleOfNewVersion(): Promise<string> {
  for (const part of ['workflows', 'domain', 'package.json'])
    await cp(join(ROOT, part), join(directory, part), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), join(directory, 'node_modules'));
  const file = join(directory, 'workflows/call.ts');
  const source = await readFile(file, 'utf8');
  const changed = source.replace(
    '  for (;;) {\n    takeIn();',
    "  if (patched('tomorrow')) await condition(() => true, 1);\n  for (;;) {\n    takeIn();",
  );
  expect(changed.split("patched('tomorrow')").length).toBe(2);
  await writeFile(file, changed);
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(directory, 'workflows/index.ts'),
    logger: new DefaultLogger('ERROR'),
  });
  const bundle = join(directory, 'tomorrow.js');
  await writeFile(bundle, code);
  return bundle;
}

// Another try is told about other customers: what the first one left would be in its way.
let tries = 0;
const numberOf = (index: number): string => `+790655700${tries}${index}`;

test(
  'a rolling restart to a new version keeps the cards and loses nothing of calls in flight',
  { timeout: 360_000 },
  async () => {
    tries++;
    const triedAt = new Date();
    const { admin, desks } = scene;
    const calls = Array.from({ length: 6 }, (_, index) => ({
      phone: numberOf(index),
      call: pbx.incoming({ from: numberOf(index) }),
    }));
    const [ringing, talking, acted, held, consulting, ended] = calls as [Live, Live, Live, Live, Live, Live];
    await ringing.call.ring('101');
    for (const [{ call }, who] of [
      [talking, '102'],
      [acted, '103'],
      [held, '104'],
      [consulting, '105'],
      [ended, '106'],
    ] as const) {
      await call.ring(who);
      await call.answer(who);
    }
    // Each has begun before the new version comes; a card that rings may be there before its workflow.
    expect(await desks.get('101')?.sees(ringing.phone, 'ringing', 60_000)).toBeDefined();
    await until(
      () => historiesOf(stack),
      (runs) => runs.filter(({ begun, startedAt }) => begun && startedAt >= triedAt).length >= calls.length,
    );
    for (const [who, { phone }] of [
      ['102', talking],
      ['104', held],
      ['105', consulting],
      ['106', ended],
    ] as const) {
      expect(await desks.get(who)?.sees(phone, 'talking', 60_000)).toBeDefined();
    }
    const card = await desks.get('103')?.sees(acted.phone, 'talking', 60_000);
    if (card) await desks.get('103')?.act(acted.call.id, card, { type: 'create_ticket', subject: 'Про заказ', gist: 'Суть' });
    await held.call.hold('104');
    await consulting.call.consult('105', '106');
    await ended.call.hangUp();
    await until(
      () => outcomeOf(admin, acted.phone),
      (found) => found.length === 1,
    );

    const upgradedAt = new Date();
    await stack.restart('worker1', { WORKFLOW_BUNDLE: newVersion });
    await ringing.call.answer('101');
    await held.call.unhold('104');
    await stack.restart('worker2', { WORKFLOW_BUNDLE: newVersion });
    const aloneSince = new Date();
    await consulting.call.answer('106');
    for (const [who, { phone }] of [
      ['101', ringing],
      ['102', talking],
      ['103', acted],
    ] as const) {
      expect(await desks.get(who)?.sees(phone, 'talking', 60_000)).toBeDefined();
    }
    await stack.restart('api1');
    await stack.restart('api2');
    await consulting.call.completeTransfer('105');
    const fresh = pbx.incoming({ from: numberOf(6) });
    await fresh.ring('101');
    await fresh.answer('101');
    await Promise.all([...calls.map(({ call }) => call), fresh].map((call) => call.finish()));

    const phones = [...calls.map(({ phone }) => phone), numberOf(6)];
    const outcomes = await until(
      () => Promise.all(phones.map((phone) => outcomeOf(admin, phone))),
      // The transferred one has two, the second of which comes last.
      (all) =>
        all.every((one, index) => one.length > (index === calls.indexOf(consulting) ? 1 : 0)) &&
        !/in_progress|"recordings":\["pending/.test(JSON.stringify(all)),
      120_000,
    );
    const talk = (status: string, body = '') => ({
      kind: 'incoming',
      status,
      missedCount: 0,
      subject: expect.any(String) as string,
      entries: [{ outcome: 'talked', body, recordings: ['ready'] }],
    });
    const open = [talk('open')];
    expect(outcomes).toEqual([open, open, [talk('pending', 'Суть')], open, [talk('closed'), talk('open')], open, open]);
    const runs = (await historiesOf(stack)).filter(({ startedAt }) => startedAt >= triedAt);
    // What began between the two restarts may have met the old version after the new one, which gives it back.
    const settled = runs.filter(({ startedAt }) => startedAt < upgradedAt || startedAt > aloneSince);
    expect(settled.filter(({ failures }) => failures.length)).toEqual([]);
    // The calls that were under way end by the old rules; what began later, be it for a call that was over, goes by the new ones.
    expect(runs.filter(({ patched, startedAt }) => patched && startedAt < upgradedAt)).toEqual([]);
    expect(runs.some(({ patched }) => patched)).toBe(true);
  },
);

interface Live {
  readonly phone: string;
  readonly call: ReturnType<DemoPbx['incoming']>;
}

interface Run {
  readonly workflowId: string;
  readonly startedAt: Date;
  /** Its first task is done. */
  readonly begun: boolean;
  /** Why tasks of it failed. */
  readonly failures: readonly string[];
  /** It goes by the new rules. */
  readonly patched: boolean;
}

async function historiesOf({ temporalAddress }: Stack): Promise<readonly Run[]> {
  const connection = await Connection.connect({ address: temporalAddress });
  try {
    const { workflow } = new Client({ connection });
    const runs: Run[] = [];
    for await (const { workflowId, runId, startTime } of workflow.list({ query: 'WorkflowType = "call"' })) {
      const events = (await workflow.getHandle(workflowId, runId).fetchHistory()).events ?? [];
      const has = (type: number): boolean => events.some(({ eventType }) => Number(eventType) === type);
      const patched = events.some(({ markerRecordedEventAttributes: marker }) =>
        Object.values(marker?.details ?? {}).some(({ payloads }) =>
          payloads?.some(({ data }) => Buffer.from(data ?? []).includes('"tomorrow"')),
        ),
      );
      runs.push({
        workflowId,
        startedAt: startTime,
        begun: has(WORKFLOW_TASK_COMPLETED),
        failures: events.flatMap(({ workflowTaskFailedEventAttributes: failed }) =>
          failed && Number(failed.cause) !== UNHANDLED_COMMAND ? [`${failed.cause}: ${failed.failure?.message}`] : [],
        ),
        patched,
      });
    }
    return runs;
  } finally {
    await connection.close();
  }
}
