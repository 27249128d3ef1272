import { createServer, type Server } from 'node:http';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { temporal } from '@temporalio/proto';
import { bundleWorkflowCode, DefaultLogger, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { workflowTracingModules } from '../../activities/temporal-tracing.ts';
import { freePort } from '../../run/ports.ts';
import { eventually } from '../support/live-call.ts';
import { startProduct, type Product } from '../support/product.ts';

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
}
interface Export {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly Span[] }[] }[];
}

const spans: Span[] = [];
let received = '';
let collector: Server;
let product: Product;

/** What an OpenTelemetry collector is to the product: an address that takes spans. */
beforeAll(async () => {
  const port = await freePort();
  collector = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      received += body;
      const { resourceSpans } = JSON.parse(body) as Export;
      spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  await new Promise<void>((resolve) => collector.listen(port, '127.0.0.1', resolve));
  product = await startProduct({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` } });
}, 180_000);
afterAll(async () => {
  await product.stop();
  collector.close();
}, 60_000);

test('one trace leads from the webhook by dispatcher, workflow and activity to the SQL, with no number in it', async () => {
  const call = product.pbx.incoming({ from: '+79031597532' });
  await call.ring('101');
  await call.answer('101');
  await call.pass(5);
  await call.hangUp();
  await call.finish();
  const kinds = [
    /^webhook \/events\/call$/,
    /^deliver$/,
    /^SignalWithStartWorkflow|^SignalWorkflow/,
    /^RunWorkflow:call$/,
    /^RunActivity:/,
    /^SQL /,
  ];
  const whole = (): Span[] => {
    const { traceId } = spans.find(({ name }) => name === 'webhook /events/call') ?? { traceId: 'none' };
    return spans.filter((span) => span.traceId === traceId);
  };
  const trace = await eventually(
    async () => whole(),
    (found) => kinds.every((kind) => found.some(({ name }) => kind.test(name))),
    60_000,
  );
  const ids = new Map(trace.map((span) => [span.spanId, span]));
  /** From a span up to the one in which all began. */
  const way = (span: Span | undefined): string[] =>
    span ? [span.name.replace(/^SQL .*/, 'SQL'), ...way(ids.get(span.parentSpanId ?? ''))] : [];
  const ways = trace.filter(({ name }) => name.startsWith('SQL ')).map((span) => way(span).join(' < '));
  expect([...new Set(ways)]).toEqual(
    expect.arrayContaining([
      'SQL < deliver',
      'SQL < RunActivity:applyDecisions < StartActivity:applyDecisions < RunWorkflow:call < SignalWithStartWorkflow:call < deliver',
    ]),
  );
  // Webhooks and deliveries stand beside one another, below what the call's entry gives as the beginning.
  const begun = trace.filter(({ name }) => name === 'deliver' || name.startsWith('webhook '));
  expect(new Set(begun.map(({ parentSpanId }) => parentSpanId)).size).toBe(1);
  expect(begun.every(({ parentSpanId }) => parentSpanId && !ids.has(parentSpanId))).toBe(true);
  expect(received).not.toContain('9031597532');
});

test('recorded calls replay with the tracing in the bundle as they do without', async () => {
  const workflowBundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)),
    workflowInterceptorModules: workflowTracingModules(),
    logger: new DefaultLogger('ERROR'),
  });
  const directory = fileURLToPath(new URL('../histories/', import.meta.url));
  const names = (await readdir(directory)).filter((name) => name.endsWith('.json'));
  async function* histories() {
    for (const name of names) {
      const history = temporal.api.history.v1.History.fromObject(JSON.parse(await readFile(directory + name, 'utf8')) as object);
      yield { workflowId: name, history };
    }
  }
  const broken: string[] = [];
  const sinks = { exporter: { export: { fn: () => undefined, callDuringReplay: false } } };
  for await (const { error, workflowId } of Worker.runReplayHistories({ workflowBundle, sinks }, histories())) {
    if (error) broken.push(`${workflowId}: ${error.message}`);
  }
  expect(broken).toEqual([]);
  expect(names.length).toBeGreaterThan(5);
});
