import { createHash } from 'node:crypto';
import type { Attributes, Span } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { SpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { Db } from './pool.ts';

export interface Tracing {
  /** Runs `work` in a span of the trace that all of one PBX call is in, whichever process it happens in. */
  inCall<T>(name: string, entry: string, attributes: Attributes, work: () => Promise<T>): Promise<T>;
  /** From now on each query that is part of a span is a span too: its text, never its values. */
  watchQueries(db: Db): void;
  readonly resource: Resource;
  readonly spanProcessor: SpanProcessor;
  /** Sends what is still here. */
  stop(): Promise<void>;
}

const SAMPLED = 1;
const MAX_STATEMENT = 500;

/** One trace per PBX call, known by its entry alone: nothing has to be carried from the webhook to the dispatcher. */
function traceOf(entry: string): { readonly traceId: string; readonly spanId: string } {
  const hash = createHash('sha256').update(`trubka ${entry}`).digest('hex');
  return { traceId: hash.slice(0, 32), spanId: hash.slice(32, 48) };
}

interface Query {
  readonly __knexQueryUid?: string;
  readonly sql?: string;
}

/** Undefined without an endpoint; then nothing of OpenTelemetry is even loaded. */
export async function startTracing(service: string, endpoint: string | undefined): Promise<Tracing | undefined> {
  if (endpoint === undefined) return undefined;
  const [{ context, SpanStatusCode, trace }, { BasicTracerProvider, BatchSpanProcessor }, otlp, { Resource }, managers] =
    await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/sdk-trace-base'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/context-async-hooks'),
    ]);
  const resource = new Resource({ 'service.name': service });
  const exporter = new otlp.OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces` });
  const spanProcessor = new BatchSpanProcessor(exporter, { scheduledDelayMillis: 1000 });
  const provider = new BasicTracerProvider({ resource, spanProcessors: [spanProcessor] });
  provider.register({ contextManager: new managers.AsyncLocalStorageContextManager().enable() });
  const tracer = provider.getTracer('trubka');

  function end(span: Span | undefined, error?: unknown): void {
    if (error !== undefined)
      span?.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.name : 'error' });
    span?.end();
  }
  async function within<T>(span: Span, work: () => Promise<T>): Promise<T> {
    try {
      const result = await work();
      end(span);
      return result;
    } catch (error) {
      end(span, error);
      throw error;
    }
  }

  return {
    resource,
    spanProcessor,
    inCall(name, entry, attributes, work) {
      const parent = trace.setSpanContext(context.active(), { ...traceOf(entry), traceFlags: SAMPLED, isRemote: true });
      const span = tracer.startSpan(name, { attributes: { 'trubka.entry': entry, ...attributes } }, parent);
      return context.with(trace.setSpan(parent, span), () => within(span, work));
    },
    watchQueries(db) {
      const open = new Map<string, Span>();
      const take = ({ __knexQueryUid: uid = '' }: Query): Span | undefined => {
        const span = open.get(uid);
        open.delete(uid);
        return span;
      };
      db.on('query', ({ __knexQueryUid: uid, sql = '' }: Query) => {
        if (uid === undefined || trace.getSpan(context.active()) === undefined) return;
        const verb = /^\s*(\w+)/.exec(sql)?.[1]?.toLowerCase() ?? 'query';
        const attributes = { 'db.system': 'postgresql', 'db.statement': sql.slice(0, MAX_STATEMENT) };
        open.set(uid, tracer.startSpan(`SQL ${verb}`, { attributes }));
      });
      db.on('query-response', (_response: unknown, query: Query) => end(take(query)));
      db.on('query-error', (error: unknown, query: Query) => end(take(query), error));
    },
    async stop() {
      await provider.shutdown();
    },
  };
}
