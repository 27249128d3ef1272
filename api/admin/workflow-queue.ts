import { BaseAdapter } from '@bull-board/api/dist/queueAdapters/base.js';
import type {
  JobSchedulerUpdateResult,
  JobStatus,
  MetricsType,
  QueueMetrics,
  QueueWorker,
  Status,
} from '@bull-board/api/typings/app';
import proto from '@temporalio/proto';
import type { Db } from '../../db/pool.ts';
import { ProblemError } from '../problems.ts';
import { callRecordsOf, callWorkflowIdOf, workflowIdOfCall } from './call-records.ts';
import { ExecutionList } from './execution-list.ts';
import { millisecondsOf, type Execution, type Scope, type Shown } from './executions.ts';
import { historyLines } from './history.ts';
import type { Orders } from './orders.ts';
import type { TemporalAccess } from './temporal-access.ts';
import { workflowUrl } from './temporal-ui.ts';
import { words, type QueueKey } from './words.ts';
import { parseJobId, WorkflowJob } from './workflow-job.ts';
import { findExecution, lookInto, readHistory } from './workflow-runs.ts';

const { TASK_QUEUE_TYPE_WORKFLOW } = proto.temporal.api.enums.v1.TaskQueueType;
/** A worker asks for work about once a minute; Temporal remembers it for five. */
const WORKER_SEEN_MS = 90_000;

const isShown = (status: JobStatus): status is Shown => ['active', 'delayed', 'completed', 'failed'].includes(status);

export interface QueueDefinition {
  /** Stands in addresses; people read the words under its key. */
  readonly name: string;
  readonly key: QueueKey;
  readonly scope: Scope;
  readonly allowRetries: boolean;
}

export interface QueueDeps {
  readonly db: Db;
  readonly temporal: TemporalAccess;
  readonly orders: Orders;
  /** Whether there is a Web UI to link to. */
  readonly hasTemporalUi: boolean;
}

/** Workflows of some types, as one of the board's queues. What has no meaning for workflows is refused, never pretended. */
export class WorkflowQueue extends BaseAdapter {
  private readonly list: ExecutionList;

  constructor(
    private readonly definition: QueueDefinition,
    private readonly deps: QueueDeps,
  ) {
    const { namespace } = deps.temporal;
    super('bull', {
      allowRetries: definition.allowRetries,
      ...(deps.hasTemporalUi
        ? {
            externalJobUrl: ({ data }) => ({
              displayText: 'Temporal',
              href: workflowUrl(namespace, (data as { workflow: Execution }).workflow),
            }),
          }
        : {}),
    });
    this.list = new ExecutionList(deps.temporal, definition.scope);
  }

  getName(): string {
    return this.definition.name;
  }

  override getDisplayName(): string {
    return words().queues[this.definition.key].name;
  }

  override getDescription(): string {
    return words().queues[this.definition.key].description;
  }

  getStatuses(): Status[] {
    return ['latest', ...this.getJobStatuses()];
  }

  getJobStatuses(): JobStatus[] {
    return this.definition.scope.areCalls ? ['active', 'delayed', 'completed', 'failed'] : ['active', 'completed', 'failed'];
  }

  async getJobCounts(): Promise<Record<Status, number>> {
    const counts = await this.list.counts();
    const none = { latest: 0, waiting: 0, 'waiting-children': 0, prioritized: 0, paused: 0 };
    return { ...none, ...counts };
  }

  /** Of several states, each one's part from `start` to `end`, as Bull has it; the newest first. */
  async getJobs(jobStatuses: JobStatus[], start = 0, end = 9): Promise<WorkflowJob[]> {
    const pages = await Promise.all(jobStatuses.filter(isShown).map((state) => this.list.page(state, start, end)));
    const executions = pages.flat().sort((a, b) => b.startedAt - a.startedAt);
    const records = await callRecordsOf(this.deps.db, executions);
    const seen = new Set<string>();
    return executions.map((execution) => {
      const { workflowId, runId } = execution;
      const id = seen.has(workflowId) ? `${workflowId}@${runId}` : workflowId;
      seen.add(workflowId);
      return new WorkflowJob({ id, execution, record: recordFor(records, execution) }, this.deps.orders);
    });
  }

  async getJob(id: string): Promise<WorkflowJob | null> {
    const execution = await this.find(id);
    if (!execution) return null;
    const [records, insight] = await Promise.all([
      callRecordsOf(this.deps.db, [execution]),
      lookInto(this.deps.temporal, execution),
    ]);
    const { runId } = parseJobId(id);
    const own = runId === undefined ? execution.workflowId : id;
    return new WorkflowJob({ id: own, execution, record: recordFor(records, execution), insight }, this.deps.orders);
  }

  async getJobLogs(id: string): Promise<string[]> {
    const execution = await this.find(id);
    return execution ? historyLines(await readHistory(this.deps.temporal, execution)) : [];
  }

  async getMetrics(type: MetricsType): Promise<QueueMetrics> {
    const counts = await this.list.counts();
    return { meta: { count: counts[type], prevTS: 0, prevCount: 0 }, data: [], count: 0 };
  }

  /** Who takes up these workflows' steps. */
  override async getWorkers(): Promise<QueueWorker[]> {
    const { temporal } = this.deps;
    const request = {
      namespace: temporal.namespace,
      taskQueue: { name: this.definition.scope.taskQueue },
      taskQueueType: TASK_QUEUE_TYPE_WORKFLOW,
    };
    const { pollers } = await temporal.ask((client) => client.workflowService.describeTaskQueue(request));
    const now = Date.now();
    return pollers
      .map(({ identity, lastAccessTime }) => ({ name: identity ?? '', idleMs: now - (millisecondsOf(lastAccessTime) ?? 0) }))
      .filter(({ idleMs }) => idleMs < WORKER_SEEN_MS)
      .map(({ name, idleMs }) => ({ id: name, name, addr: name, age: Math.max(0, Math.round(idleMs / 1000)) }));
  }

  getRedisInfo(): Promise<null> {
    return Promise.resolve(null);
  }

  isPaused(): Promise<boolean> {
    return Promise.resolve(false);
  }

  getGlobalConcurrency(): Promise<null> {
    return Promise.resolve(null);
  }

  getJobSchedulers(): Promise<[]> {
    return Promise.resolve([]);
  }

  getJobSchedulersCount(): Promise<number> {
    return Promise.resolve(0);
  }

  clean = (): Promise<void> => unfit('Завершённое удаляет сам Temporal, идущее прерывают по одному');
  empty = (): Promise<void> => unfit('Идущее прерывают по одному');
  obliterate = (): Promise<void> => unfit('Идущее прерывают по одному');
  addJob = (): Promise<never> => unfit('Звонки начинает АТС');
  pause = (): Promise<void> => unfit('Звонки нельзя приостановить: АТС не ждёт');
  resume = (): Promise<void> => unfit('Звонки никогда не приостановлены');
  promoteAll = (): Promise<void> => unfit('Записи запрашивают по одному звонку');
  setGlobalConcurrency = (): Promise<void> => unfit('Сколько идёт сразу, решает АТС');
  removeJobScheduler = (): Promise<boolean> => unfit('Расписания меняют в Temporal');
  updateJobScheduler = (): Promise<JobSchedulerUpdateResult> => unfit('Расписания меняют в Temporal');
  runJobSchedulerNow = (): Promise<'not-found'> => unfit('Расписания меняют в Temporal');

  /** Whatever the id, only what belongs in this queue is found: a workflow by its own id, a call's by the call's too. */
  private async find(id: string): Promise<Execution | undefined> {
    const { workflowId, runId } = parseJobId(id.trim());
    if (workflowId === '') return undefined;
    const { types, taskQueue, areCalls } = this.definition.scope;
    const named = areCalls && !workflowId.includes(':') ? await workflowIdOfCall(this.deps.db, workflowId) : undefined;
    const execution = await findExecution(this.deps.temporal, named ?? workflowId, runId);
    return execution && types.includes(execution.type) && execution.taskQueue === taskQueue ? execution : undefined;
  }
}

const recordFor = (records: Awaited<ReturnType<typeof callRecordsOf>>, execution: Execution) =>
  records.get(callWorkflowIdOf(execution.workflowId));

const unfit = (detail: string): Promise<never> => Promise.reject(new ProblemError('not_for_workflows', { detail }));
