import { randomUUID } from 'node:crypto';
import type { Client, WorkflowHandle } from '@temporalio/client';
import { Worker, type NativeConnection } from '@temporalio/worker';
import { createCallSteps } from '../../activities/decisions/index.ts';
import type { CallLimits } from '../../domain/call.ts';
import type { CallMessage } from '../../domain/messages.ts';
import type { Db } from '../../db/pool.ts';
import type { DatabaseSteps, PbxSteps } from '../../workflows/steps.ts';
import { callWorkflowId, signalNameOf, type CallInput, type CallSignalArgs } from '../../workflows/messages.ts';
import { workflowBundle } from './temporal.ts';

/** Waits in milliseconds instead of seconds, minutes and hours. */
export const QUICK: CallLimits = { draftGraceMs: 60, settleMs: 400, legMaxMs: 3_000, recordingWaitMs: 300 };

/** The real workflows and the real database steps; the PBX is whatever the test says. */
export async function createTestWorker(options: {
  readonly db: Db;
  readonly connection: NativeConnection;
  readonly taskQueue: string;
  readonly pbx?: Partial<PbxSteps>;
  /** In place of the real ones. */
  readonly database?: DatabaseSteps;
  readonly maxCachedWorkflows?: number;
}): Promise<{ stop(): Promise<void> }> {
  const pbx: PbxSteps = {
    placeCallback: async () => ({ state: 'accepted' }),
    hangUpLeg: async () => ({ state: 'accepted' }),
    fetchRecording: async () => ({ state: 'settled' }),
    fetchRecordingAtOnce: async () => ({ state: 'not_at_once' }),
    ...options.pbx,
  };
  const worker = await Worker.create({
    connection: options.connection,
    namespace: 'default',
    taskQueue: options.taskQueue,
    workflowBundle: await workflowBundle(),
    activities: { ...(options.database ?? createCallSteps({ db: options.db })), ...pbx },
    ...(options.maxCachedWorkflows === undefined ? {} : { maxCachedWorkflows: options.maxCachedWorkflows }),
  });
  const running = worker.run();
  return {
    async stop() {
      worker.shutdown();
      await running;
    },
  };
}

/** One call's workflow, signalled as the dispatcher does it. */
export class LiveCall {
  readonly workflowId: string;

  constructor(
    private readonly client: Client,
    private readonly taskQueue: string,
    readonly callId: string,
    private readonly limits: CallLimits = QUICK,
    private readonly workflowTaskTimeout?: '1s',
  ) {
    this.workflowId = callWorkflowId(randomUUID(), callId);
  }

  async send(...messages: CallMessage[]): Promise<void> {
    await this.signal([messages]);
  }

  /** With word of what has been shown already. */
  async sendShown(messages: readonly CallMessage[], shown: string): Promise<void> {
    await this.signal([messages, shown]);
  }

  private async signal(signalArgs: CallSignalArgs): Promise<void> {
    const input: CallInput = { callId: this.callId, limits: this.limits };
    await this.client.workflow.signalWithStart('call', {
      workflowId: this.workflowId,
      taskQueue: this.taskQueue,
      args: [input],
      signal: signalNameOf(signalArgs[0]),
      signalArgs,
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      ...(this.workflowTaskTimeout ? { workflowTaskTimeout: this.workflowTaskTimeout } : {}),
    });
  }

  get handle(): WorkflowHandle {
    return this.client.workflow.getHandle(this.workflowId);
  }
}

/** Waits until `look` finds what it looks for, and fails with what it last saw. */
export async function eventually<T>(look: () => Promise<T>, found: (value: T) => boolean, ms = 15_000): Promise<T> {
  const deadline = Date.now() + ms;
  for (;;) {
    const value = await look();
    if (found(value)) return value;
    if (Date.now() > deadline) throw new Error(`It did not come about within ${ms} ms; last seen: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
