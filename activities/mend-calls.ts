import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import { endCard } from '../db/calls.ts';
import { unfinishedErasures } from '../db/erasures.ts';
import type { Logger } from '../db/log.ts';
import {
  hastenRedelivery,
  lockUnfinished,
  redeliverCall,
  staleCards,
  unfinishedCalls,
  type UnfinishedCall,
} from '../db/mending.ts';
import { inTransaction, type Db, type Transaction } from '../db/pool.ts';
import { settleRecording } from '../db/recordings.ts';
import type { CallLimits } from '../domain/call.ts';
import { callbackWorkflowId, callWorkflowId, erasureWorkflowId, lateWorkflowId, type CallInput } from '../workflows/messages.ts';
import type { MendResult, MendSteps } from '../workflows/steps.ts';
import { erasureInputOf } from './call-limits.ts';
import { createCallbackSteps } from './decisions/callbacks.ts';
import { contextOf } from './decisions/context.ts';
import { noteDecision } from './decisions/noted.ts';

export interface MendDeps {
  readonly db: Db;
  readonly log: Logger;
  readonly client: Client;
  readonly taskQueue: string;
  readonly limits: CallLimits;
  /** Of each question to Temporal. */
  readonly deadlineMs: number;
}

/** Of a stopped call nobody waits for what may never come: a leg without an end is taken for ended. */
const STOPPED: Pick<CallLimits, 'legMaxMs' | 'settleMs'> = { legMaxMs: 3_000, settleMs: 3_000 };

/** So long the events of a call wait for its new workflow to be started. */
const START_SECONDS = 10;

type Fate =
  | 'running'
  /** It runs, and gets no further: its history does not replay any more. */
  | 'stuck'
  /** Temporal does not know it: an empty database, or its retention is over. */
  | 'unknown'
  /** Somebody ended it on purpose. */
  | 'stopped'
  /** It ended by itself without finishing what it was there for; or it was given up here, and the call was not made anew before the worker was killed. */
  | 'broken';

/**
 * Compares what Postgres holds for unfinished with the workflows there are. A lost one is made anew from the inbox, one that somebody
 * stopped is brought to the end that is known of it, and the ticket says so. One whose history does not replay any more (as after tasks that ran out of
 * time on a machine that stood still) is ended and made anew like a lost one. Done twice it does nothing twice.
 */
export function createMendSteps(deps: MendDeps): MendSteps {
  return {
    async mendCalls({ callId } = {}) {
      const done = { restarted: 0, stopped: 0, cards: 0 };
      const failures: unknown[] = [];
      for (const call of await unfinishedCalls(deps.db, callId)) {
        try {
          const outcome = await mendOne(deps, call);
          if (outcome === null) continue;
          done[outcome] += 1;
          deps.log.warn({ callId: call.id, outcome }, 'Mended a call without a workflow');
        } catch (error) {
          // The others do not wait for it.
          deps.log.error({ callId: call.id, err: error }, 'A call without a workflow could not be mended');
          failures.push(error);
        }
      }
      if (callId === undefined) await resumeErasures(deps);
      const cards = await clearCards(deps.db);
      if (failures.length > 0) throw failures[0];
      return { ...done, cards };
    },
  };
}

type Outcome = Exclude<keyof MendResult, 'cards'>;

async function mendOne(deps: MendDeps, call: UnfinishedCall): Promise<Outcome | null> {
  if (call.entry_id === null) return mendCallback(deps, call);
  const workflowId = callWorkflowId(call.integration_id, call.entry_id);
  const late = await fateOf(deps, lateWorkflowId(workflowId));
  if (late === 'running') return null;
  const main = await fateOf(deps, workflowId);
  if (main === 'running') return null;
  const fate = late === 'unknown' || main === 'stuck' ? main : late;
  const plan = await inTransaction(deps.db, async (trx) => {
    if (!(await lockUnfinished(trx, call))) return null;
    if (late === 'stuck') await giveUp(deps, lateWorkflowId(workflowId));
    if (main === 'stuck') await giveUp(deps, workflowId);
    const limits = fate === 'stopped' ? await stop(trx, call, deps.limits) : deps.limits;
    const outcome = fate === 'stopped' ? 'stopped' : 'restarted';
    await note(trx, call.id, outcome);
    // Of a workflow that Temporal does not know the dispatcher makes another under the same name, unless the call is over.
    const starts = limits !== null && (fate !== 'unknown' || call.has_state || call.state === 'over');
    if (limits !== null) await redeliverCall(trx, call.id, starts ? START_SECONDS : 0);
    return { outcome, late: starts ? { callId: call.id, limits, late: true } : null } as const;
  });
  if (plan?.late) await startThenRedeliver(deps, workflowId, plan.late);
  return plan?.outcome ?? null;
}

/**
 * After the commit, so that who is killed here leaves events that are still to be delivered, never a workflow that waits for such as do not come. What
 * was delivered before that workflow was there, and changed nothing therefore, is delivered to it as well.
 */
async function startThenRedeliver(deps: MendDeps, workflowId: string, input: CallInput): Promise<void> {
  await startLate(deps, workflowId, input);
  await inTransaction(deps.db, (trx) => redeliverCall(trx, input.callId));
  await hastenRedelivery(deps.db, input.callId);
}

/** What its workflow shall wait for; null if it needs none. */
async function stop(trx: Transaction, call: UnfinishedCall, limits: CallLimits): Promise<CallLimits | null> {
  if (call.state === 'over') {
    // Whoever stopped it wanted nobody to wait for its recording; the message says so, and it can be asked for again.
    const pending = (await trx('recordings').where({ call_id: call.id, state: 'pending' }).select('id')) as { id: string }[];
    for (const { id } of pending) await settleRecording(trx, { id, state: 'unavailable', reason: 'interrupted' });
    return null;
  }
  await trx('calls').where({ id: call.id }).update({ stopped_at: trx.fn.now() });
  return { ...limits, ...STOPPED };
}

const note = (trx: Transaction, callId: string, what: 'restarted' | 'stopped'): Promise<void> =>
  noteDecision(contextOf(trx, callId), what);

/** The order to dial is never given twice: the agent hears that there will be no call, and may order another. */
async function mendCallback(deps: MendDeps, call: UnfinishedCall): Promise<Outcome | null> {
  if (call.command_id === null) return null;
  if (isOpen(await fateOf(deps, callbackWorkflowId(call.command_id)))) return null;
  const isOurs = await inTransaction(deps.db, async (trx) => {
    if (!(await lockUnfinished(trx, call))) return false;
    await note(trx, call.id, 'stopped');
    return true;
  });
  if (!isOurs) return null;
  await createCallbackSteps(deps).settleCallback({ callId: call.id, commandId: call.command_id, code: 'interrupted' });
  return 'stopped';
}

/** What was ordered to go must go: of a Temporal that has forgotten it, too. One that an admin stopped waits for an admin. */
async function resumeErasures(deps: MendDeps): Promise<void> {
  for (const erasureId of await unfinishedErasures(deps.db)) {
    const workflowId = erasureWorkflowId(erasureId);
    const fate = await fateOf(deps, workflowId);
    if (isOpen(fate) || fate === 'stopped') continue;
    const options = {
      workflowId,
      taskQueue: deps.taskQueue,
      args: [erasureInputOf(deps.limits, erasureId)],
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      workflowIdConflictPolicy: 'USE_EXISTING',
    } as const;
    await deps.client.withDeadline(Date.now() + deps.deadlineMs, () => deps.client.workflow.start('erasure', options));
    deps.log.warn({ erasureId }, 'Resumed an erasure without a workflow');
  }
}

/** Temporal has it under way, and starts no other in its place. */
const isOpen = (fate: Fate): boolean => fate === 'running' || fate === 'stuck';

async function fateOf(deps: MendDeps, workflowId: string): Promise<Fate> {
  try {
    const describe = () => deps.client.workflow.getHandle(workflowId).describe();
    const { status, raw } = await deps.client.withDeadline(Date.now() + deps.deadlineMs, describe);
    // One that is closed still has the task at which it was.
    const attempt = status.name === 'RUNNING' ? (raw.pendingWorkflowTask?.attempt ?? 0) : 0;
    if (attempt >= ATTEMPTS.failed && (await isStuck(deps, workflowId, attempt))) return 'stuck';
    if (status.name === 'RUNNING' || status.name === 'CONTINUED_AS_NEW') return 'running';
    const isEnded = status.name === 'TERMINATED' || status.name === 'CANCELLED';
    return isEnded && !(await wasGivenUp(deps, workflowId)) ? 'stopped' : 'broken';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'unknown';
    throw error;
  }
}

/**
 * So many attempts at a task in a row, and it is taken for one that never succeeds. Of a row the history holds the first only. If that one did not replay,
 * none will. If it ran out of time, as with a worker that died, the later ones may have failed for any reason, unseen: it is given more of them. Each
 * waits longer than the one before: six take two minutes and more.
 */
const ATTEMPTS = { failed: 3, timedOut: 6 } as const;
const { EventType, WorkflowTaskFailedCause } = proto.temporal.api.enums.v1;

/** By the latest events of its history, the last one first. */
export function neverSucceeds(attempt: number, latest: readonly proto.temporal.api.history.v1.IHistoryEvent[]): boolean {
  for (const { eventType, workflowTaskFailedEventAttributes: failure } of latest) {
    if (eventType === EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT) return attempt >= ATTEMPTS.timedOut;
    if (eventType === EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED)
      return (
        attempt >= ATTEMPTS.failed &&
        failure?.cause === WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR
      );
  }
  return false;
}

async function latestEvents({ client, deadlineMs }: MendDeps, workflowId: string) {
  const { namespace } = client.options;
  const asked = { namespace, execution: { workflowId }, maximumPageSize: 10 };
  const ask = () => client.workflowService.getWorkflowExecutionHistoryReverse(asked);
  const { history } = await client.withDeadline(Date.now() + deadlineMs, ask);
  return history?.events ?? [];
}

async function isStuck(deps: MendDeps, workflowId: string, attempt: number): Promise<boolean> {
  return neverSucceeds(attempt, await latestEvents(deps, workflowId));
}

const GIVEN_UP = 'Its history does not replay any more: begun anew from the inbox';

async function wasGivenUp(deps: MendDeps, workflowId: string): Promise<boolean> {
  const events = await latestEvents(deps, workflowId);
  return events.some((event) => event.workflowExecutionTerminatedEventAttributes?.reason === GIVEN_UP);
}

/** Somebody else may have ended it meanwhile. */
async function giveUp({ client, deadlineMs }: MendDeps, workflowId: string): Promise<void> {
  const terminate = () => client.workflow.getHandle(workflowId).terminate(GIVEN_UP);
  await client.withDeadline(Date.now() + deadlineMs, terminate).catch((error: unknown) => {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  });
}

/** Before its events are on their way again: they are signalled to whoever is awake. */
async function startLate(deps: MendDeps, workflowId: string, input: CallInput): Promise<void> {
  const options = {
    workflowId: lateWorkflowId(workflowId),
    taskQueue: deps.taskQueue,
    args: [input],
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    workflowIdConflictPolicy: 'USE_EXISTING',
  } as const;
  await deps.client.withDeadline(Date.now() + deps.deadlineMs, () => deps.client.workflow.start('call', options));
}

async function clearCards(db: Db): Promise<number> {
  const stale = await staleCards(db);
  for (const { call_id, agent_id } of stale) {
    await inTransaction(db, (trx) => endCard(trx, call_id, agent_id));
  }
  return stale.length;
}
