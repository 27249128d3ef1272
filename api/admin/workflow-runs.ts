import { WorkflowFailedError } from '@temporalio/client';
import { maskNumbersIn } from '../../db/log.ts';
import { executionOf, type Execution } from './executions.ts';
import type { HistoryEvent } from './history.ts';
import { isNotFound, type TemporalAccess } from './temporal-access.ts';
import { words } from './words.ts';

/** A query is answered by a worker: one that is away is not waited for long. */
const QUERY_MS = 1500;
const EVENTS_PER_PAGE = 1000;
/** Calls have some dozens of events and continue as new long before this. */
const MOST_EVENT_PAGES = 12;

/** The latest run of this id, or the one named. Undefined if Temporal knows none (any more). */
export async function findExecution(temporal: TemporalAccess, workflowId: string, runId = ''): Promise<Execution | undefined> {
  const request = { namespace: temporal.namespace, execution: { workflowId, runId } };
  try {
    const answer = await temporal.ask((client) => client.workflowService.describeWorkflowExecution(request));
    return answer.workflowExecutionInfo ? executionOf(answer.workflowExecutionInfo) : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

export async function readHistory(
  temporal: TemporalAccess,
  { workflowId, runId }: Pick<Execution, 'workflowId' | 'runId'>,
): Promise<readonly HistoryEvent[]> {
  const events: HistoryEvent[] = [];
  let nextPageToken: Uint8Array | undefined;
  for (let page = 0; page < MOST_EVENT_PAGES; page += 1) {
    const request = {
      namespace: temporal.namespace,
      execution: { workflowId, runId },
      maximumPageSize: EVENTS_PER_PAGE,
      ...(nextPageToken ? { nextPageToken } : {}),
    };
    const answer = await temporal.ask((client) => client.workflowService.getWorkflowExecutionHistory(request));
    events.push(...(answer.history?.events ?? []));
    if (answer.nextPageToken.length === 0) break;
    nextPageToken = answer.nextPageToken;
  }
  return events;
}

export interface Insight {
  /** What the workflow says of itself; a sentence where no worker answers. */
  readonly state: unknown;
  readonly result: unknown;
  /** Why it failed; empty if it did not. */
  readonly failure: string;
}

function deepestMessage(error: Error): string {
  return error.cause instanceof Error ? deepestMessage(error.cause) : error.message;
}

async function queried(temporal: TemporalAccess, { workflowId, runId }: Execution): Promise<unknown> {
  try {
    return await temporal.ask((client) => client.workflow.getHandle(workflowId, runId).query('state'), QUERY_MS);
  } catch {
    return words().problems.workerSilent;
  }
}

/** An open call is asked for its state, a closed one has left its result. */
export async function lookInto(temporal: TemporalAccess, execution: Execution): Promise<Insight> {
  const { workflowId, runId, status } = execution;
  if (status === 'running') {
    return { state: execution.type === 'call' ? await queried(temporal, execution) : null, result: null, failure: '' };
  }
  try {
    const handle = (client: Parameters<Parameters<TemporalAccess['ask']>[0]>[0]) =>
      client.workflow.getHandle(workflowId, runId, { followRuns: false }).result();
    const result: unknown = await temporal.ask(handle);
    return { state: null, result, failure: '' };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    return { state: null, result: null, failure: maskNumbersIn(deepestMessage(error)) };
  }
}
