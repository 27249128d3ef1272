import { createRequire } from 'node:module';
import type { ClientPlugin } from '@temporalio/client';
import type { WorkerPlugin } from '@temporalio/worker';
import type { Tracing } from '../db/tracing.ts';

export interface TemporalTracing {
  readonly client: ClientPlugin;
  readonly worker: WorkerPlugin;
}

/** What carries a trace through Temporal, in headers beside the messages; loaded only where there is somebody to tell. */
export async function traceTemporal({ resource, spanProcessor }: Tracing): Promise<TemporalTracing> {
  const { OpenTelemetryPlugin } = await import('@temporalio/interceptors-opentelemetry');
  const plugin = new OpenTelemetryPlugin({ resource, spanProcessor });
  return { client: plugin, worker: plugin };
}

/** The part that runs inside the workflows' sandbox: it has to be in their bundle. */
export const workflowTracingModules = (): string[] => [
  createRequire(import.meta.url).resolve('@temporalio/interceptors-opentelemetry/lib/workflow-interceptors'),
];
