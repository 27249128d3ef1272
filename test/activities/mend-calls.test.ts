import { randomUUID } from 'node:crypto';
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMendSteps } from '../../activities/mend-calls.ts';
import { callWorkflowId } from '../../workflows/messages.ts';
import { seedCast } from '../support/call-runner.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { QUICK } from '../support/live-call.ts';

const { EventType, WorkflowTaskFailedCause } = proto.temporal.api.enums.v1;
const NO_REPLAY = {
  eventType: EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED,
  workflowTaskFailedEventAttributes: {
    cause: WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR,
  },
};

let database: TestDatabase;
let integrationId: string;
beforeAll(async () => {
  database = await createTestDatabase();
  ({ integrationId } = await seedCast(database.db));
});
afterAll(() => database.drop());

async function activeCall(): Promise<{ readonly callId: string; readonly workflowId: string }> {
  const entry = randomUUID();
  const workflowId = callWorkflowId(integrationId, entry);
  const values = { integration_id: integrationId, entry_id: entry, workflow_id: workflowId };
  const [row] = (await database.db('calls').insert(values, ['id'])) as { id: string }[];
  return { callId: row?.id ?? '', workflowId };
}

type Described = { readonly status: { readonly name: string }; readonly raw: unknown };

/** What Temporal says of workflows; it knows of no others, and lets nobody end one that is closed. */
function mendWith(
  answers: ReadonlyMap<string, () => Described>,
  reasons: ReadonlyMap<string, string> = new Map(),
  afterStart: () => void | Promise<void> = () => undefined,
) {
  const started: string[] = [];
  const given: string[] = [];
  const unknown = (id: string): Error => new WorkflowNotFoundError('workflow execution already completed', id, undefined);
  const client = {
    options: { namespace: 'default' },
    withDeadline: (_deadline: number, work: () => Promise<unknown>) => work(),
    workflowService: {
      getWorkflowExecutionHistoryReverse: async (asked: { execution: { workflowId: string } }) => {
        const reason = reasons.get(asked.execution.workflowId);
        const ended = {
          eventType: EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
          workflowExecutionTerminatedEventAttributes: { reason },
        };
        return { history: { events: reason === undefined ? [NO_REPLAY] : [ended, NO_REPLAY] } };
      },
    },
    workflow: {
      getHandle: (id: string) => ({
        describe: async () => {
          const answer = answers.get(id);
          if (!answer) throw unknown(id);
          return answer();
        },
        terminate: async (reason: string) => {
          if (answers.get(id)?.().status.name !== 'RUNNING') throw unknown(id);
          given.push(reason);
        },
      }),
      start: async (_type: string, { workflowId }: { workflowId: string }) => {
        started.push(workflowId);
        await afterStart();
      },
    },
  } as unknown as Client;
  const log = pino({ level: 'silent' });
  const steps = createMendSteps({ db: database.db, log, client, taskQueue: 'none', limits: QUICK, deadlineMs: 1_000 });
  return { steps, started, given };
}

test('a workflow that was ended at a task which it never got through is not ended again', async () => {
  const { callId, workflowId } = await activeCall();
  // Temporal still tells of the task.
  const ended = { status: { name: 'TERMINATED' }, raw: { pendingWorkflowTask: { attempt: 6 } } };
  const { steps, started } = mendWith(new Map([[workflowId, () => ended]]), new Map([[workflowId, 'enough of it']]));
  expect(await steps.mendCalls({ callId })).toEqual({ restarted: 0, stopped: 1, cards: 0 });
  expect(started).toEqual([`${workflowId}:late`]);
});

test('one that it ended itself, and was killed before it made the call anew, is no one that an admin stopped: its recording is still waited for', async () => {
  const { callId, workflowId } = await activeCall();
  await database.db('calls').where({ id: callId }).update({ state: 'over' });
  await database.db('recordings').insert({ call_id: callId, recording_id: 'R', state: 'pending' });
  const stuck = { status: { name: 'RUNNING' }, raw: { pendingWorkflowTask: { attempt: 6 } } };
  const first = mendWith(new Map([[workflowId, () => stuck]]));
  expect(await first.steps.mendCalls({ callId })).toEqual({ restarted: 1, stopped: 0, cards: 0 });
  const [reason = ''] = first.given;
  const ended = { status: { name: 'TERMINATED' }, raw: {} };
  const { steps, started } = mendWith(new Map([[workflowId, () => ended]]), new Map([[workflowId, reason]]));
  expect(await steps.mendCalls({ callId })).toEqual({ restarted: 1, stopped: 0, cards: 0 });
  expect(started).toEqual([`${workflowId}:late`]);
  expect(await database.db('recordings').where({ call_id: callId }).first('state')).toEqual({ state: 'pending' });
});

describe('the events of a call that is begun anew', () => {
  const FAILED = { status: { name: 'FAILED' }, raw: {} };
  const WAITING = { delivered_at: null, verdict: 'accepted' };

  async function heardCall() {
    const call = await activeCall();
    const of = {
      source: 'pbx',
      integration_id: integrationId,
      entry: call.workflowId.split(':').at(-1),
      key: randomUUID(),
      body: {},
    };
    const event = { ...of, verdict: 'delivered', delivered_at: new Date(Date.now() - 60_000) };
    const [row] = (await database.db('inbox').insert(event, ['id'])) as { id: string }[];
    const inbox = () => database.db('inbox').where({ id: row?.id });
    return { ...call, inbox, told: () => inbox().first('delivered_at', 'verdict') };
  }

  test('are on their way to its workflow when the upkeep is killed as it has started that', async () => {
    const { callId, workflowId, told } = await heardCall();
    const killed = (): never => {
      throw new Error('killed');
    };
    const { steps, started } = mendWith(new Map([[workflowId, () => FAILED]]), new Map(), killed);
    await expect(steps.mendCalls({ callId })).rejects.toThrow('killed');
    expect(started).toEqual([`${workflowId}:late`]);
    expect(await told()).toEqual(WAITING);
  });

  test('come to its workflow also where something new had them delivered before that was there', async () => {
    const { callId, workflowId, inbox, told } = await heardCall();
    const tooSoon = async () => void (await inbox().update({ verdict: 'late', delivered_at: new Date() }));
    const { steps } = mendWith(new Map([[workflowId, () => FAILED]]), new Map(), tooSoon);
    expect(await steps.mendCalls({ callId })).toEqual({ restarted: 1, stopped: 0, cards: 0 });
    expect(await told()).toEqual(WAITING);
  });

  test('come to a workflow of a call that is over and that Temporal has forgotten', async () => {
    const { callId, workflowId, inbox, told } = await heardCall();
    await database.db('calls').where({ id: callId }).update({ state: 'over' });
    await database.db('recordings').insert({ call_id: callId, recording_id: 'R', state: 'pending' });
    const { steps, started } = mendWith(new Map());
    expect(await steps.mendCalls({ callId })).toEqual({ restarted: 1, stopped: 0, cards: 0 });
    expect(started).toEqual([`${workflowId}:late`]);
    expect(await told()).toEqual(WAITING);
    expect(await inbox().where('next_attempt_at', '<=', database.db.fn.now())).toHaveLength(1);
  });
});

test('a call that cannot be mended keeps no other waiting, and is told of', async () => {
  const [broken, ...others] = await Promise.all(Array.from({ length: 13 }, activeCall));
  const fails = (): never => {
    throw new Error('no answer');
  };
  const { steps } = mendWith(new Map([[broken?.workflowId ?? '', fails]]));
  await expect(steps.mendCalls()).rejects.toThrow('no answer');
  const mended = (await database.db('call_decisions').where({ what: 'restarted' })) as { call_id: string }[];
  const ids = others.map(({ callId }) => callId);
  expect(mended.map(({ call_id }) => call_id)).toEqual(expect.arrayContaining(ids));
});
