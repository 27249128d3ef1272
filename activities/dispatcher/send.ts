import type { Client } from '@temporalio/client';
import type { CallLimits } from '../../domain/call.ts';
import { newCallState, withCallMessage } from '../../domain/decisions.ts';
import type { CallMessage } from '../../domain/messages.ts';
import { searchKeysOf, type SearchKeys } from '../../domain/search-keys.ts';
import { hasOutcome, markBound } from '../../db/dispatch.ts';
import type { Settled } from '../../db/inbox.ts';
import { inTransaction, type Db } from '../../db/pool.ts';
import {
  callbackSignal,
  callbackWorkflowId,
  callSignals,
  erasureWorkflowId,
  lateWorkflowId,
  signalNameOf,
  type CallbackInput,
  type CallInput,
  type CallSignalArgs,
} from '../../workflows/messages.ts';
import type { CallbackDelivery, CallbackStart, CallDelivery, Delivery, ErasureStart, Parcel } from './deliveries.ts';
import { erasureInputOf } from '../call-limits.ts';
import { searchAttributePairs } from '../../workflows/search-attributes.ts';
import { refuseAction } from './refuse-action.ts';
import { isClosed, SendingFailed } from './temporal-errors.ts';

export interface SendingDeps {
  readonly db: Db;
  readonly client: Client;
  readonly taskQueue: string;
  readonly limits: CallLimits;
  readonly callback: Pick<CallbackInput, 'firstRingMs' | 'commandPatienceMs'>;
  /** Of each call to Temporal. */
  readonly deadlineMs: number;
}

/** Hands one delivery to Temporal and says what became of its rows. Throws `SendingFailed` where nobody can say. */
export async function send(deps: SendingDeps, delivery: Delivery): Promise<readonly Settled[]> {
  switch (delivery.kind) {
    case 'none':
      return [delivery.settled];
    case 'call':
      return sendToCall(deps, delivery);
    case 'start_callback':
      return startCallback(deps, delivery);
    case 'start_erasure':
      return startErasure(deps, delivery);
    case 'callback':
      return sendToCallback(deps, delivery);
  }
}

async function sendToCall(deps: SendingDeps, delivery: CallDelivery): Promise<readonly Settled[]> {
  const taken = delivery.over ? await signalRunning(deps, delivery) : await signalOrStart(deps, delivery);
  const settled = taken
    ? delivery.parcels.map((parcel) => delivered(parcel, delivery.workflowId))
    : await deliverLate(deps, delivery);
  await tellCallbacks(deps, delivery);
  return settled;
}

/** True if the call's workflow has the messages now; false if it has closed. */
async function signalOrStart(deps: SendingDeps, delivery: CallDelivery): Promise<boolean> {
  const messages = delivery.parcels.map((parcel) => parcel.message);
  const searchKeys = firstKeysOf(delivery.callId, messages);
  const input: CallInput = { callId: delivery.callId, limits: deps.limits, searchKeys };
  return unlessClosed(deps, () =>
    deps.client.workflow.signalWithStart('call', {
      workflowId: delivery.workflowId,
      taskQueue: deps.taskQueue,
      args: [input],
      typedSearchAttributes: searchAttributePairs(searchKeys),
      signal: callSignals[signalNameOf(messages)],
      signalArgs: signalArgsOf(messages, delivery),
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
    }),
  );
}

const signalArgsOf = (messages: readonly CallMessage[], { shown }: CallDelivery): CallSignalArgs =>
  shown === undefined ? [messages] : [messages, shown];

/** A workflow that is started with them need not tell Temporal of them itself. */
function firstKeysOf(callId: string, messages: readonly CallMessage[]): SearchKeys {
  const heard = messages.reduce((state, message) => withCallMessage(state, message, message.receivedAt), newCallState(callId));
  return searchKeysOf(heard);
}

/** Of a call that is over nothing is started: Temporal forgets closed workflows after a while and would begin it anew. */
async function signalRunning(deps: SendingDeps, delivery: CallDelivery): Promise<boolean> {
  const messages = delivery.parcels.map((parcel) => parcel.message);
  const handle = deps.client.workflow.getHandle(delivery.workflowId);
  return unlessClosed(deps, () => handle.signal(callSignals[signalNameOf(messages)], messages));
}

/**
 * What comes after a call's workflow has closed. Recordings and agents' actions wake it once more, under an id of its own; what the
 * PBX says late about legs changes nothing, unless nothing has come of the call so far or it is awake anyway.
 */
export async function deliverLate(deps: SendingDeps, delivery: CallDelivery): Promise<readonly Settled[]> {
  const workflowId = lateWorkflowId(delivery.workflowId);
  if (await signalRunning(deps, { ...delivery, workflowId }))
    return delivery.parcels.map((parcel) => delivered(parcel, workflowId));
  const changesNothing = await hasOutcome(deps.db, delivery.callId);
  const waking = delivery.parcels.filter(({ message }) => !changesNothing || isAlwaysHeard(message));
  if (waking.length > 0) await wakeLate(deps, delivery.callId, workflowId, waking);
  return delivery.parcels.map((parcel) =>
    waking.includes(parcel)
      ? delivered(parcel, workflowId)
      : { ...delivered(parcel, delivery.workflowId), verdict: 'late' as const },
  );
}

const isAlwaysHeard = (message: CallMessage): boolean => message.type === 'recording' || message.type === 'action';

async function wakeLate(
  deps: SendingDeps,
  callId: string,
  workflowId: string,
  parcels: readonly Parcel<CallMessage>[],
): Promise<void> {
  const messages = parcels.map((parcel) => parcel.message);
  const input: CallInput = { callId, limits: deps.limits, late: true };
  await ask(deps, () =>
    deps.client.workflow.signalWithStart('call', {
      workflowId,
      taskQueue: deps.taskQueue,
      args: [input],
      signal: callSignals[signalNameOf(messages)],
      signalArgs: [messages],
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      workflowIdConflictPolicy: 'USE_EXISTING',
    }),
  );
}

async function tellCallbacks(deps: SendingDeps, delivery: CallDelivery): Promise<void> {
  for (const { commandId, callId } of delivery.bound) {
    const handle = deps.client.workflow.getHandle(callbackWorkflowId(commandId));
    await unlessClosed(deps, () => handle.signal(callbackSignal, { type: 'bound', callId }));
    await markBound(deps.db, commandId);
  }
}

async function startCallback(deps: SendingDeps, delivery: CallbackStart): Promise<readonly Settled[]> {
  const workflowId = callbackWorkflowId(delivery.commandId);
  const input: CallbackInput = { callId: delivery.callId, commandId: delivery.commandId, ...deps.callback };
  await unlessClosed(deps, () =>
    deps.client.workflow.start('callback', {
      workflowId,
      taskQueue: deps.taskQueue,
      args: [input],
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
    }),
  );
  return [{ id: delivery.rowId, verdict: 'delivered', why: null, workflowId }];
}

async function startErasure(deps: SendingDeps, { rowId, erasureId }: ErasureStart): Promise<readonly Settled[]> {
  const workflowId = erasureWorkflowId(erasureId);
  await unlessClosed(deps, () =>
    deps.client.workflow.start('erasure', {
      workflowId,
      taskQueue: deps.taskQueue,
      args: [erasureInputOf(deps.limits, erasureId)],
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
    }),
  );
  return [{ id: rowId, verdict: 'delivered', why: null, workflowId }];
}

async function sendToCallback(deps: SendingDeps, { callId, commandId, parcel }: CallbackDelivery): Promise<readonly Settled[]> {
  const workflowId = callbackWorkflowId(commandId);
  const { message } = parcel;
  const taken = await unlessClosed(deps, () => deps.client.workflow.getHandle(workflowId).signal(callbackSignal, message));
  if (taken) return [delivered(parcel, workflowId)];
  if (message.type === 'cancel') await inTransaction(deps.db, (trx) => refuseAction(trx, callId, message, 'call_over'));
  return [{ ...delivered(parcel, workflowId), verdict: 'late' }];
}

function delivered(parcel: Parcel<unknown>, workflowId: string): Settled {
  return { id: parcel.rowId, verdict: 'delivered', why: parcel.why, workflowId };
}

async function unlessClosed(deps: SendingDeps, request: () => Promise<unknown>): Promise<boolean> {
  try {
    await ask(deps, request);
    return true;
  } catch (error) {
    if (error instanceof SendingFailed && isClosed(error.cause)) return false;
    throw error;
  }
}

async function ask(deps: SendingDeps, request: () => Promise<unknown>): Promise<void> {
  try {
    await deps.client.withDeadline(Date.now() + deps.deadlineMs, request);
  } catch (cause) {
    throw new SendingFailed('Temporal did not take a message', { cause });
  }
}
