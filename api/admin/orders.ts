import { randomUUID } from 'node:crypto';
import { WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import { callForAction, insertAction, postAction, type CallForAction } from '../../db/actions.ts';
import type { AuditAction } from '../../db/audit-actions.ts';
import { recordAudit } from '../../db/audit.ts';
import type { Config } from '../../db/config.ts';
import { redeliverCall } from '../../db/mending.ts';
import { inTransaction, type Db, type Transaction } from '../../db/pool.ts';
import type { CallLimits } from '../../domain/call.ts';
import type { CallInput } from '../../workflows/messages.ts';
import { ProblemError } from '../problems.ts';
import { actingAdmin } from './acting-admin.ts';
import { callRecordsOf, lateWorkflowIdOf } from './call-records.ts';
import { stateOf, type Execution } from './executions.ts';
import { lastGoodTask } from './history.ts';
import type { TemporalAccess } from './temporal-access.ts';
import { findExecution, readHistory } from './workflow-runs.ts';

export interface OrderDeps {
  readonly db: Db;
  readonly config: Config;
  readonly temporal: TemporalAccess;
  readonly taskQueue: string;
}

/** What an admin may have done to a workflow. Each of them stands in the audit log or did not happen. */
export interface Orders {
  terminate(execution: Execution): Promise<void>;
  /** Takes a failed run up again; of a completed call, asks for its recordings once more. */
  retry(execution: Execution): Promise<void>;
  askForRecordings(execution: Execution): Promise<void>;
}

const refuse = (detail: string): ProblemError => new ProblemError('not_for_workflows', { detail });

const limitsOf = (config: Config): CallLimits => ({
  draftGraceMs: config.draftGraceSeconds * 1000,
  settleMs: config.callSettleSeconds * 1000,
  legMaxMs: config.legMaxSeconds * 1000,
  recordingWaitMs: config.recordingWaitSeconds * 1000,
});

export function createOrders(deps: OrderDeps): Orders {
  return {
    terminate: (execution) => terminate(deps, execution),
    retry: (execution) => retry(deps, execution),
    askForRecordings: (execution) => askForRecordings(deps, execution),
  };
}

type Write = (detail?: Readonly<Record<string, unknown>>) => Promise<void>;

/** The row is written before the deed and stays only if that succeeds: without a database nothing is done unseen. */
async function audited(
  deps: OrderDeps,
  action: AuditAction,
  { workflowId, runId, type }: Execution,
  deed: (write: Write, trx: Transaction) => Promise<void>,
): Promise<void> {
  const { agentId, address } = actingAdmin();
  await inTransaction(deps.db, async (trx) => {
    const write: Write = (detail = {}) =>
      recordAudit(trx, { agentId, address, action, subject: workflowId, detail: { runId, type, ...detail } });
    await deed(write, trx);
  });
}

async function terminate(deps: OrderDeps, { workflowId, runId }: Execution): Promise<void> {
  const execution = await latest(deps, workflowId, runId);
  if (execution.status !== 'running') throw refuse('Этот процесс уже завершён; его история удалится сама');
  await audited(deps, 'workflow.terminated', execution, async (write) => {
    await write();
    const reason = `Прервано администратором ${actingAdmin().agentId}`;
    await deps.temporal.ask((client) => client.workflow.getHandle(workflowId, runId).terminate(reason));
  });
  await mendSoon(deps, execution);
}

/** Cards and the open call are put right at once; should that not begin, the schedule finds them within minutes. */
async function mendSoon(deps: OrderDeps, execution: Execution): Promise<void> {
  const [record] = (await callRecordsOf(deps.db, [execution])).values();
  if (!record) return;
  const { callId } = record;
  await deps.temporal
    .ask((client) =>
      client.workflow.start('mend', {
        workflowId: `mend:${callId}`,
        taskQueue: deps.taskQueue,
        args: [{ callId }],
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        workflowIdConflictPolicy: 'USE_EXISTING',
      }),
    )
    .catch(() => undefined);
}

/** Only the latest run of an id can be acted upon: what older ones left undone, it has taken over. */
async function latest(deps: OrderDeps, workflowId: string, runId: string): Promise<Execution> {
  const execution = await findExecution(deps.temporal, workflowId);
  if (!execution) throw new ProblemError('not_found');
  if (execution.runId !== runId) throw refuse('У этого процесса есть более новый запуск');
  return execution;
}

async function retry(deps: OrderDeps, { workflowId, runId }: Execution): Promise<void> {
  const execution = await latest(deps, workflowId, runId);
  if (execution.type === 'callback') {
    throw refuse('Команда «позвонить» не повторяется: закажите новый звонок из обращения');
  }
  if (execution.type === 'erasure') return resumeErasure(deps, execution);
  if (execution.type !== 'call') return startMaintenance(deps, execution);
  if (stateOf(execution) === 'completed') return askForRecordings(deps, execution);
  if (stateOf(execution) !== 'failed') throw refuse('Этот процесс ещё идёт');
  const late = await findExecution(deps.temporal, lateWorkflowIdOf(workflowId));
  if (late?.status === 'running' && late.workflowId !== workflowId) throw refuse('Звонок уже собирается заново из своих событий');
  const task = lastGoodTask(await readHistory(deps.temporal, execution));
  if (task === undefined) await startLate(deps, execution);
  else await reset(deps, execution, task);
}

/** Signals that came after the place are kept; steps done since are done again, and find their results already there. */
async function reset(deps: OrderDeps, execution: Execution, task: bigint): Promise<void> {
  const { workflowId, runId } = execution;
  const request = {
    namespace: deps.temporal.namespace,
    workflowExecution: { workflowId, runId },
    reason: `Повторено администратором ${actingAdmin().agentId}`,
    workflowTaskFinishEventId: Number(task) as never,
    requestId: randomUUID(),
  };
  await audited(deps, 'workflow.retried', execution, async (write) => {
    await write({ how: 'reset', fromEvent: Number(task) });
    await deps.temporal.ask((client) => client.workflowService.resetWorkflowExecution(request));
  });
}

/** Where no step ever went well there is no place to go back to: the call begins anew, from its state in Postgres. */
async function startLate(deps: OrderDeps, execution: Execution): Promise<void> {
  await audited(deps, 'workflow.retried', execution, async (write, trx) => {
    const callId = await callIdOf(deps, execution);
    const messages = await redeliverCall(trx, callId);
    await write({ how: 'late', callId, newWorkflowId: lateWorkflowIdOf(execution.workflowId), messages });
    await startLateRun(deps, execution, callId);
  });
}

async function startLateRun(deps: OrderDeps, execution: Execution, callId: string): Promise<void> {
  const input: CallInput = { callId, limits: limitsOf(deps.config), late: true };
  await startUnlessRunning(deps, (client) =>
    client.workflow.start('call', {
      workflowId: lateWorkflowIdOf(execution.workflowId),
      taskQueue: deps.taskQueue,
      args: [input],
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    }),
  );
}

/** Not anew like other upkeep: whose data it is stands in its own input alone. */
async function resumeErasure(deps: OrderDeps, execution: Execution): Promise<void> {
  if (stateOf(execution) !== 'failed') throw refuse('Этот процесс не прерван: повторять нечего');
  const task = lastGoodTask(await readHistory(deps.temporal, execution));
  if (task === undefined) throw refuse('Процесс прерван раньше первого шага');
  await reset(deps, execution, task);
}

async function startMaintenance(deps: OrderDeps, execution: Execution): Promise<void> {
  if (execution.status === 'running') throw refuse('Этот процесс ещё идёт');
  const workflowId = `${execution.type}:again`;
  await audited(deps, 'workflow.retried', execution, async (write) => {
    await write({ how: 'anew', newWorkflowId: workflowId });
    await startUnlessRunning(deps, (client) =>
      client.workflow.start(execution.type, {
        workflowId,
        taskQueue: deps.taskQueue,
        args: [],
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      }),
    );
  });
}

async function startUnlessRunning(deps: OrderDeps, start: (client: Client) => Promise<unknown>): Promise<void> {
  try {
    await deps.temporal.ask(start);
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) throw refuse('Повторный запуск уже идёт');
    throw error;
  }
}

async function callIdOf(deps: OrderDeps, execution: Execution): Promise<string> {
  const records = await callRecordsOf(deps.db, [execution]);
  const [record] = records.values();
  if (!record) throw refuse('В базе нет звонка этого процесса');
  return record.callId;
}

async function askForRecordings(deps: OrderDeps, execution: Execution): Promise<void> {
  if (execution.type !== 'call') throw refuse('Записи есть только у звонков');
  const callId = await callIdOf(deps, execution);
  await audited(deps, 'recording.asked_again', execution, async (write, trx) => {
    const { agentId } = actingAdmin();
    const call = await callForAction(trx, callId, { agentId, role: 'admin' });
    if (!call?.entry_id) throw refuse('АТС ещё не начала этот звонок');
    const recordings = await missingRecordings(trx, call.id);
    if (recordings.length === 0) throw refuse('У этого звонка нет записи, о которой можно попросить АТС ещё раз');
    await write({ callId: call.id, recordings });
    // A call that was stopped has left no state: without its events nothing would know which recording is meant.
    if (stateOf(execution) === 'failed' && (await redeliverCall(trx, call.id)) > 0) await startLateRun(deps, execution, call.id);
    for (const recordingId of recordings) await askForRecording(trx, call, agentId, recordingId);
  });
}

/** Announced by the PBX, not there, and not removed by us. */
async function missingRecordings(trx: Transaction, callId: string): Promise<string[]> {
  const rows = (await trx('recordings')
    .where({ call_id: callId })
    .whereIn('state', ['unavailable', 'pending'])
    .whereNotNull('recording_id')
    .whereNull('removed_at')
    .orderBy('created_at')
    .select('id')) as { id: string }[];
  return rows.map(({ id }) => id);
}

/** The same way an agent's wish goes: a row in `actions` and one in the inbox, which the dispatcher carries to the workflow. */
async function askForRecording(trx: Transaction, call: CallForAction, agentId: string, recordingId: string): Promise<void> {
  const type = 'fetch_recording_again' as const;
  const actionId = randomUUID();
  await insertAction(trx, call.id, { agentId, actionId, type, body: { actionId, type, recordingId } });
  await postAction(trx, call, {
    type: 'action',
    actionId,
    agentId,
    action: type,
    conversationId: null,
    ticketId: null,
    customerId: null,
    recordingId,
    hasText: false,
  });
}
