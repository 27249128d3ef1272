import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { freePort } from '../../run/ports.ts';
import { supervise, type Service } from '../../run/supervise.ts';
import { LogFile } from '../../run/log-file.ts';
import { TASK_QUEUE } from '../../workflows/task-queue.ts';
import { eventually, QUICK } from '../support/live-call.ts';
import { startProduct, type Product } from '../support/product.ts';
import { connectTemporal, workflowBundle } from '../support/temporal.ts';
import { join } from 'node:path';

let product: Product;
let worker: Service;
let metricsPort: number;

/** The product, and one worker more as a process of its own, which alone can show the metrics of Temporal's SDK. */
beforeAll(async () => {
  product = await startProduct();
  metricsPort = await freePort();
  worker = supervise({
    name: 'worker',
    command: process.execPath,
    args: ['run/service.mjs', 'activities/worker.ts'],
    env: {
      ...process.env,
      DATABASE_URL: product.config.databaseUrl,
      TEMPORAL_ADDRESS: product.config.temporal.address,
      DATA_DIR: product.config.dataDir,
      WORKFLOW_BUNDLE: (await workflowBundle()).codePath,
      WORKER_METRICS_ADDRESS: `127.0.0.1:${metricsPort}`,
    },
    log: new LogFile(join(product.config.dataDir, 'worker.log')),
  });
}, 180_000);
afterAll(async () => {
  await worker.stop(9000);
  await product.stop();
}, 60_000);

const metricsOf = async (url: string): Promise<string> => (await fetch(`${url}/metrics`)).text();
const valueOf = (metrics: string, line: string): number =>
  Number(
    metrics
      .split('\n')
      .find((text) => text.startsWith(`${line} `))
      ?.split(' ')
      .at(-1) ?? Number.NaN,
  );

/** Names as a query asks for them: without what a histogram adds. */
const namesIn = (expression: string): string[] =>
  [...expression.matchAll(/\b(?:trubka|nodejs|process|temporal)_[a-z0-9_]+/g)].map(([name]) => name.replace(/_bucket$/, ''));

const alertExpressions = async (): Promise<string[]> => {
  const { groups } = parse(await readFile('docs/alerts.yaml', 'utf8')) as { groups: { rules: { expr: string }[] }[] };
  return groups.flatMap(({ rules }) => rules.map(({ expr }) => expr));
};

async function expressions(): Promise<string[]> {
  const board = JSON.parse(await readFile('docs/grafana-dashboard.json', 'utf8')) as {
    panels: { targets: { expr: string }[] }[];
  };
  return [...(await alertExpressions()), ...board.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))];
}

/**
 * Each of Temporal's counters of failures is there only after the first one: a workflow that fails (a call without a row), a task that does (of
 * a workflow that no worker knows) and an activity (asked to mend what is no call). Two workers share the work; that one which shows its
 * metrics gets some of it.
 */
async function failInEachWay(client: Client): Promise<WorkflowHandle[]> {
  const start = (workflowType: string, args: unknown[]): Promise<WorkflowHandle> =>
    client.workflow.start(workflowType, { taskQueue: TASK_QUEUE, workflowId: `${workflowType}:${randomUUID()}`, args });
  const kinds: [string, unknown[]][] = [
    ['call', [{ callId: randomUUID(), limits: QUICK, late: true }]],
    ['of_another_version', []],
    ['mend', [{ callId: 'none' }]],
  ];
  const eightTimes = Array.from({ length: 8 }, () => kinds).flat();
  return Promise.all(eightTimes.map(([workflowType, args]) => start(workflowType, args)));
}

describe('Metrics', () => {
  it('are there before anything has failed, with the labels that the alerts ask for: a rise from nothing is seen', async () => {
    const lines = (await metricsOf(product.url)).split('\n');
    const asked = (await alertExpressions()).flatMap((expression) => expression.match(/\btrubka_\w+(?:\{[^}]*\})?/g) ?? []);
    expect(asked).toContain('trubka_events_total{verdict="not_stored"}');
    expect(asked.filter((series) => !lines.some((line) => line.startsWith(`${series} `)))).toEqual([]);
  });

  it('of Temporal are there from the first failure on, which the alerts take for one', async () => {
    const ofTemporal = (await alertExpressions()).filter((expression) => expression.includes('temporal_'));
    expect(ofTemporal.length).toBeGreaterThan(0);
    for (const expression of ofTemporal) {
      const rises = [...expression.matchAll(/increase\((\w+)\[(\w+)\]\) > 0/g)];
      expect(rises.length).toBeGreaterThan(0);
      for (const [, name = '', time = ''] of rises) expect(expression).toContain(`(${name} unless ${name} offset ${time}) > 0`);
      // Each has labels of its own: a sum of two is a sum of nothing.
      expect(expression).not.toMatch(/[-+*/] *(?:increase|rate|temporal_)/);
    }
  });

  it('count events by verdict and time the way from an event to its ticket', async () => {
    const before = await metricsOf(product.url);
    const call = product.pbx.incoming({ from: '+79031597533' });
    await call.ring('101');
    await call.answer('101');
    await call.pass(5);
    await call.hangUp();
    await call.finish();
    await fetch(`${product.url}/mango/events/call`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'vpbx_api_key=x&sign=x&json={}',
    });
    const after = await eventually(
      () => metricsOf(product.url),
      (metrics) => valueOf(metrics, 'trubka_ticket_lag_seconds{which="longest"}') > 0,
      60_000,
    );
    const grown = (verdict: string): number =>
      valueOf(after, `trubka_events_total{verdict="${verdict}"}`) - valueOf(before, `trubka_events_total{verdict="${verdict}"}`);
    expect(grown('stored')).toBeGreaterThanOrEqual(4);
    expect(grown('refused')).toBe(1);
    expect(valueOf(after, 'trubka_ticket_lag_seconds{which="longest"}')).toBeLessThan(60);
  });

  it('are those that the dashboard and the alerts ask for', async () => {
    const temporal = await connectTemporal();
    const asked = new Set((await expressions()).flatMap(namesIn));
    expect(asked.size).toBeGreaterThan(10);
    const missing = async (): Promise<string[]> => {
      const api = await metricsOf(product.url);
      const sdk = await metricsOf(`http://127.0.0.1:${metricsPort}`).catch(() => '');
      const shown = new Set([...`${api}\n${sdk}`.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name));
      return [...asked].filter((name) => !shown.has(name));
    };
    const failing = await failInEachWay(temporal.client);
    expect(await eventually(missing, (names) => names.length === 0, 60_000)).toEqual([]);
    for (const handle of failing) await handle.terminate().catch(() => undefined);
    await temporal.close();
  });
});
