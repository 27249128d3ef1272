import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { freePort } from '../../run/ports.ts';
import { supervise, type Service } from '../../run/supervise.ts';
import { LogFile } from '../../run/log-file.ts';
import { eventually } from '../support/live-call.ts';
import { startProduct, type Product } from '../support/product.ts';
import { workflowBundle } from '../support/temporal.ts';
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

async function askedFor(): Promise<Set<string>> {
  const { groups } = parse(await readFile('docs/alerts.yaml', 'utf8')) as { groups: { rules: { expr: string }[] }[] };
  const board = JSON.parse(await readFile('docs/grafana-dashboard.json', 'utf8')) as {
    panels: { targets: { expr: string }[] }[];
  };
  const expressions = [
    ...groups.flatMap(({ rules }) => rules.map(({ expr }) => expr)),
    ...board.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
  ];
  return new Set(expressions.flatMap(namesIn));
}

/** Counters that begin with the first failure: the SDK names them in its documentation, and shows none until there is one. */
const ONLY_AFTER_A_FAILURE = new Set([
  'temporal_workflow_failed',
  'temporal_workflow_task_execution_failed',
  'temporal_activity_execution_failed',
]);

describe('Metrics', () => {
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
    const api = await metricsOf(product.url);
    const sdk = await eventually(
      () => metricsOf(`http://127.0.0.1:${metricsPort}`).catch(() => ''),
      (metrics) => metrics.includes('temporal_'),
      60_000,
    );
    const shown = new Set([...`${api}\n${sdk}`.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name));
    const asked = await askedFor();
    expect(asked.size).toBeGreaterThan(10);
    expect([...asked].filter((name) => !shown.has(name) && !ONLY_AFTER_A_FAILURE.has(name))).toEqual([]);
  });
});
