import type { JobState, JobStatus } from '@bull-board/api/typings/app';
import proto from '@temporalio/proto';

type Info = proto.temporal.api.workflow.v1.IWorkflowExecutionInfo;
type Payload = proto.temporal.api.common.v1.IPayload;
type Moment = proto.google.protobuf.ITimestamp;

const { WorkflowExecutionStatus } = proto.temporal.api.enums.v1;
export type Ending = 'completed' | 'failed' | 'timed_out' | 'terminated' | 'cancelled' | 'continued';
export type ExecutionStatus = 'running' | Ending;

const STATUSES: ReadonlyMap<number | undefined | null, ExecutionStatus> = new Map([
  [WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED, 'completed'],
  [WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_FAILED, 'failed'],
  [WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TIMED_OUT, 'timed_out'],
  [WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TERMINATED, 'terminated'],
  [WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_CANCELED, 'cancelled'],
  [WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW, 'continued'],
]);

/** One run of a workflow, as Temporal's visibility knows it. */
export interface Execution {
  readonly workflowId: string;
  readonly runId: string;
  readonly type: string;
  readonly taskQueue: string;
  readonly status: ExecutionStatus;
  readonly startedAt: number;
  readonly closedAt: number | null;
  readonly historyLength: number;
  /** The search attributes of a call; empty for others. */
  readonly attributes: Readonly<Record<string, unknown>>;
}

export const millisecondsOf = (moment: Moment | null | undefined): number | null =>
  moment ? Number(moment.seconds ?? 0) * 1000 + Math.floor((moment.nanos ?? 0) / 1e6) : null;

/** JSON is all that this service puts into payloads. */
export function decodePayload(payload: Payload | null | undefined): unknown {
  const text = payload?.data ? Buffer.from(payload.data).toString('utf8') : '';
  try {
    return text === '' ? null : (JSON.parse(text) as unknown);
  } catch {
    return null;
  }
}

export function executionOf(info: Info): Execution {
  const fields = info.searchAttributes?.indexedFields ?? {};
  const ours = Object.entries(fields).filter(([name]) => name.startsWith('Call'));
  return {
    workflowId: info.execution?.workflowId ?? '',
    runId: info.execution?.runId ?? '',
    type: info.type?.name ?? '',
    taskQueue: info.taskQueue ?? '',
    status: STATUSES.get(info.status) ?? 'running',
    startedAt: millisecondsOf(info.startTime) ?? 0,
    closedAt: millisecondsOf(info.closeTime),
    historyLength: Number(info.historyLength ?? 0),
    attributes: Object.fromEntries(ours.map(([name, payload]) => [name, decodePayload(payload)])),
  };
}

/** What the board shows: a call that only waits for its recording stands apart from those that talk. */
export type Shown = Extract<JobStatus, 'active' | 'delayed' | 'completed' | 'failed'>;

const isWaiting = ({ attributes }: Execution): boolean => attributes['CallState'] === 'waiting_for_recording';

/** Every state but `continued`, whose next run stands for it, is one of `Shown`. */
export function stateOf(execution: Execution): Shown & JobState {
  switch (execution.status) {
    case 'running':
    case 'continued':
      return isWaiting(execution) ? 'delayed' : 'active';
    case 'completed':
      return 'completed';
    case 'failed':
    case 'timed_out':
    case 'terminated':
    case 'cancelled':
      return 'failed';
  }
}

/** One queue of the board: which workflows stand in it. */
export interface Scope {
  readonly types: readonly string[];
  readonly taskQueue: string;
  /** Whether they carry `CallState`. */
  readonly areCalls: boolean;
}

const WAITING = `CallState = 'waiting_for_recording'`;
const quoted = (text: string): string => `'${text.replaceAll(/['\\]/g, '')}'`;

export const scopeQuery = ({ types, taskQueue }: Scope): string =>
  `TaskQueue = ${quoted(taskQueue)} AND WorkflowType IN (${types.map(quoted).join(', ')})`;

export const waitingQuery = (scope: Scope): string => `${scopeQuery(scope)} AND ExecutionStatus = 'Running' AND ${WAITING}`;

export function stateQuery(scope: Scope, state: Shown): string {
  const all = scopeQuery(scope);
  switch (state) {
    case 'active':
      return `${all} AND ExecutionStatus = 'Running'${scope.areCalls ? ` AND (CallState IS NULL OR CallState != 'waiting_for_recording')` : ''}`;
    case 'delayed':
      return waitingQuery(scope);
    case 'completed':
      return `${all} AND ExecutionStatus = 'Completed'`;
    case 'failed':
      return `${all} AND ExecutionStatus IN ('Failed', 'TimedOut', 'Terminated', 'Canceled')`;
  }
}
