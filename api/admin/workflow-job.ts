import type { JobState, QueueJob, QueueJobJson } from '@bull-board/api/typings/app';
import type { CallRecord } from './call-records.ts';
import { stateOf, type Execution } from './executions.ts';
import type { Orders } from './orders.ts';
import { wordFor, words } from './words.ts';
import type { Insight } from './workflow-runs.ts';

const RUN = /^(.*)@([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})$/s;

/** A workflow's id names its latest run, as in Temporal; an older one needs its run's id too. */
export function parseJobId(id: string): { readonly workflowId: string; readonly runId?: string } {
  const [, workflowId, runId] = RUN.exec(id) ?? [];
  return workflowId !== undefined && runId !== undefined ? { workflowId, runId } : { workflowId: id };
}

export interface JobParts {
  readonly id: string;
  readonly execution: Execution;
  readonly record: CallRecord | undefined;
  /** Looked up for a single job only; a list does with what Temporal's visibility says. */
  readonly insight?: Insight;
}

/** One run of a workflow as the board wants it. */
export class WorkflowJob implements QueueJob {
  readonly opts = {};
  readonly id: string;

  constructor(
    private readonly parts: JobParts,
    private readonly orders: Orders,
  ) {
    this.id = parts.id;
  }

  getState(): Promise<JobState> {
    return Promise.resolve(stateOf(this.parts.execution));
  }

  /** «Ask for the recording again» of a call that waits for it. */
  promote(): Promise<void> {
    return this.orders.askForRecordings(this.parts.execution);
  }

  remove(): Promise<void> {
    return this.orders.terminate(this.parts.execution);
  }

  retry(): Promise<void> {
    return this.orders.retry(this.parts.execution);
  }

  toJSON(): QueueJobJson {
    const { id, execution, insight } = this.parts;
    return {
      id,
      name: wordFor(words().types, execution.type),
      progress: 0,
      attemptsMade: 1,
      timestamp: execution.startedAt,
      processedOn: execution.startedAt,
      finishedOn: execution.closedAt,
      failedReason: this.failure(),
      stacktrace: null,
      data: this.data(),
      returnvalue: insight?.result ?? null,
      opts: this.opts,
    };
  }

  private failure(): string {
    const failures: Readonly<Record<string, string>> = words().failures;
    const failure = failures[this.parts.execution.status];
    if (failure === undefined) return '';
    const why = this.parts.insight?.failure;
    return why ? `${failure}: ${why}` : failure;
  }

  private data() {
    const { execution, record, insight } = this.parts;
    const { workflowId, runId, type, status, historyLength, attributes } = execution;
    return {
      // Of a run that goes on, a list does not know it.
      workflow: { ...{ workflowId, runId, type, status }, ...(historyLength > 0 ? { historyLength } : {}), ...attributes },
      call: record ?? null,
      ...(insight ? { state: insight.state ?? insight.result } : {}),
    };
  }
}
