import { Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCallSteps } from '../../activities/decisions/index.ts';
import { newCallState, withCallMessage } from '../../domain/decisions.ts';
import type { CallMessage } from '../../domain/messages.ts';
import { printOf } from '../../domain/projection.ts';
import { ringingOf } from '../../domain/ringing.ts';
import { agent, CallRunner, seedCast } from '../support/call-runner.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createTestWorker, eventually, LiveCall, QUICK } from '../support/live-call.ts';
import { connectTemporal, uniqueTaskQueue, workflowBundle, type TestTemporal } from '../support/temporal.ts';

let database: TestDatabase;
let temporal: TestTemporal;
let cast: Awaited<ReturnType<typeof seedCast>>;
const taskQueue = uniqueTaskQueue('call');
const fetched: string[] = [];
/** What is said of recordings within seconds, and what of that the usual way was told. */
const quick = { rows: [] as string[], answer: 'not_at_once' as 'not_at_once' | 'settled' | 'refused', told: [] as unknown[] };
let worker: { stop(): Promise<void> };

beforeAll(async () => {
  database = await createTestDatabase();
  temporal = await connectTemporal();
  cast = await seedCast(database.db);
  worker = await createTestWorker({
    db: database.db,
    connection: temporal.nativeConnection,
    taskQueue,
    // Nothing stays in memory between two tasks: every one of them replays the whole history.
    maxCachedWorkflows: 0,
    pbx: {
      fetchRecording: async ({ recordingRowId, refused }) => {
        fetched.push(recordingRowId);
        if (refused) quick.told.push({ recordingRowId, refused });
        return { state: 'settled' };
      },
      fetchRecordingAtOnce: async ({ recordingRowId }) => {
        quick.rows.push(recordingRowId);
        return quick.answer === 'refused' ? { state: 'refused', final: false, reason: 'not_found' } : { state: quick.answer };
      },
    },
  });
});
afterAll(async () => {
  await worker.stop();
  await temporal.close();
  await database.drop();
});

let counter = 0;
/** Events are made by the runner, and told to the workflow. */
async function newCall(limits = QUICK): Promise<{ events: CallRunner; call: LiveCall }> {
  counter += 1;
  const events = await CallRunner.start(database.db, cast.integrationId, {
    phone: `+7903${1_000_000 + counter}`,
    at: Date.now(),
  });
  return { events, call: new LiveCall(temporal.client, taskQueue, events.callId, limits) };
}

const ticketsOf = async (callId: string): Promise<{ id: string; status: string; kind: string }[]> =>
  database
    .db('tickets')
    .whereIn('id', database.db('conversations').where({ call_id: callId }).select('ticket_id'))
    .orderBy('id')
    .select('id', 'status', 'kind');

interface HistoryEvent {
  readonly eventId?: unknown;
  readonly workflowExecutionSignaledEventAttributes?: object | null;
  readonly workflowTaskStartedEventAttributes?: object | null;
  readonly workflowTaskCompletedEventAttributes?: object | null;
  readonly timerFiredEventAttributes?: object | null;
  readonly markerRecordedEventAttributes?: { readonly markerName?: string | null } | null;
}
const isStep = ({ markerRecordedEventAttributes: marker }: HistoryEvent): boolean => marker?.markerName === 'core_local_activity';

/** The talk ends, and its recording is there. */
async function hangUpWithRecording(call: LiveCall, events: CallRunner): Promise<void> {
  const recording = {
    type: 'recording',
    recordingId: 'R1',
    seq: 1,
    legId: 'A',
    party: agent(cast.anna),
    completionCode: null,
    recipient: null,
  } as const;
  const envelope = () => ({ inboxId: 2_000_000 + ++counter, receivedAt: Date.now() });
  await call.send({ ...recording, ...envelope(), state: 'started' });
  await call.send(events.leg('A', 'disconnected'), events.summary({ talkedAt: Date.now() }));
  await call.send({ ...recording, ...envelope(), state: 'completed', seq: 2, completionCode: 1000, recipient: 'cloud' });
  await call.send({ ...recording, ...envelope(), state: 'stored', seq: 0, legId: null, party: null });
}

const activitiesOf = async (call: LiveCall): Promise<number> =>
  ((await call.handle.fetchHistory()).events ?? []).filter((event) => event.activityTaskScheduledEventAttributes).length;

/** A worker of its own, that does as `options` say; it hears of calls on `taskQueue` only. */
async function ownWorker(name: string, options: Pick<Parameters<typeof createTestWorker>[0], 'database' | 'pbx'>) {
  const ownQueue = uniqueTaskQueue(name);
  const started = await createTestWorker({
    ...{ db: database.db, connection: temporal.nativeConnection, taskQueue: ownQueue },
    ...options,
  });
  return { ...started, taskQueue: ownQueue };
}

/** An action that an agent has ordered, as the workflow hears of it. */
async function movesCall(callId: string, conversationId: string, actionId: string): Promise<CallMessage> {
  await database
    .db('actions')
    .insert({ agent_id: cast.boris, action_id: actionId, call_id: callId, type: 'move_call', body: '{}' });
  return {
    ...{ type: 'action', action: 'move_call', actionId, agentId: cast.boris, conversationId },
    ...{ inboxId: 4_000_000 + ++counter, receivedAt: Date.now() },
    ...{ ticketId: null, customerId: null, recordingId: null, hasText: false },
  };
}

/** Nothing of what was sent waits for the worker any more. */
const taskDone = (call: LiveCall) =>
  eventually(
    async () => (await call.handle.describe()).raw.pendingWorkflowTask,
    (task) => !task,
  );

describe('the call workflow', () => {
  test('a call from ring to recording: card, ticket, recording fetched, and the workflow ends', async () => {
    const { events, call } = await newCall();
    await call.send(events.leg('A', 'appeared', { to: agent(cast.anna) }));
    await eventually(
      () => database.db('call_cards').where({ call_id: call.callId }),
      (cards) => cards.length === 1,
    );
    await call.send(events.leg('A', 'connected'));
    const state = await eventually(
      () => call.handle.query<{ state: string }>('state'),
      (value) => value.state === 'talking',
    );
    expect(state).toMatchObject({ direction: 'incoming' });
    await hangUpWithRecording(call, events);
    const result = (await call.handle.result()) as { state: string };
    expect(result.state).toBe('over');
    expect(await ticketsOf(call.callId)).toMatchObject([{ status: 'open', kind: 'incoming' }]);
    const row = await database.db('recordings').where({ call_id: call.callId, recording_id: 'R1' }).first();
    expect(fetched.filter((id) => id === row.id)).toHaveLength(1);
    expect(quick.rows.filter((id) => id === row.id)).toHaveLength(1);
    expect(await activitiesOf(call)).toBe(1);
  });

  test.each([
    ['is there within seconds after the end is fetched without a task of its own', 'settled', []],
    ['is refused is not asked for again at once', 'refused', [{ final: false, reason: 'not_found' }]],
  ] as const)('S20 a recording that %s', async (_what, answer, told) => {
    const { events, call } = await newCall();
    await call.send(events.leg('A', 'appeared', { to: agent(cast.anna) }), events.leg('A', 'connected'));
    quick.answer = answer;
    try {
      await hangUpWithRecording(call, events);
      expect(await call.handle.result()).toMatchObject({ state: 'over', recordings: [{ state: 'settled' }] });
    } finally {
      quick.answer = 'not_at_once';
    }
    const { id: recordingRowId } = await database.db('recordings').where({ call_id: call.callId, recording_id: 'R1' }).first();
    expect(quick.rows).toContain(recordingRowId);
    expect(quick.told.filter((one) => (one as { recordingRowId: string }).recordingRowId === recordingRowId)).toEqual(
      told.map((refused) => ({ recordingRowId, refused })),
    );
    expect(await activitiesOf(call)).toBe(told.length);
    await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, await call.handle.fetchHistory());
  });

  test('S1 what was shown before it heard is not shown again, and set right if it was something else', async () => {
    const cardsOf = ({ callId }: LiveCall) => database.db('call_cards').where({ call_id: callId });
    const markersOf = async ({ handle }: LiveCall): Promise<number> => {
      const { events } = await handle.fetchHistory();
      return (events ?? []).filter(isStep).length;
    };
    const ring = async (right: boolean): Promise<LiveCall> => {
      const { events, call } = await newCall();
      const rings = events.leg('A', 'appeared', { to: agent(cast.anna) });
      const look = ringingOf(withCallMessage(newCallState(''), rings, rings.receivedAt));
      await call.sendShown([rings], right && look ? printOf(look.projection) : 'something else');
      return call;
    };
    const [right, wrong] = [await ring(true), await ring(false)];
    await eventually(
      () => cardsOf(wrong),
      (cards) => cards.length === 1,
    );
    await eventually(
      () => right.handle.query<{ state: string }>('state'),
      ({ state }) => state === 'ringing',
    );
    expect([await markersOf(right), await cardsOf(right)]).toEqual([0, []]);
    await eventually(
      () => markersOf(wrong),
      (markers) => markers === 1,
    );
  });

  test('events repeated, reordered and told in one batch come to the same', async () => {
    const { events, call } = await newCall();
    const script = [
      events.leg('A', 'appeared', { to: agent(cast.anna) }),
      events.leg('A', 'connected'),
      events.leg('A', 'disconnected'),
      events.summary({ talkedAt: Date.now() }),
    ];
    await call.send(...[...script].reverse(), ...script);
    await call.handle.result();
    expect(await ticketsOf(call.callId)).toMatchObject([{ status: 'open', kind: 'incoming' }]);
  });

  test('a call without a summary ends when nothing has come for the settling time', async () => {
    const { events, call } = await newCall();
    await call.send(events.leg('A', 'appeared', { to: agent(cast.anna) }), events.leg('A', 'disconnected'));
    await call.handle.result();
    expect(await ticketsOf(call.callId)).toMatchObject([{ kind: 'missed', status: 'open' }]);
    const row = await database.db('calls').where({ id: call.callId }).first('flags', 'state');
    expect(row).toMatchObject({ state: 'over', flags: { noSummary: true } });
  });

  test('a leg whose end never comes is closed by the timer, which says so', async () => {
    const { events, call } = await newCall({ ...QUICK, legMaxMs: 500 });
    await call.send(events.leg('A', 'appeared', { to: agent(cast.anna) }), events.leg('A', 'connected'));
    await call.handle.result();
    expect(await ticketsOf(call.callId)).toMatchObject([{ kind: 'incoming' }]);
    const row = await database.db('calls').where({ id: call.callId }).first('flags');
    expect(row.flags).toMatchObject({ closedByTimer: true });
  });

  test('without any recording event the message says that it was not recorded', async () => {
    const { events, call } = await newCall();
    await call.send(
      events.leg('A', 'appeared', { to: agent(cast.anna) }),
      events.leg('A', 'connected'),
      events.leg('A', 'disconnected'),
      events.summary({ talkedAt: Date.now() }),
    );
    await call.handle.result();
    expect(await database.db('recordings').where({ call_id: call.callId }).first()).toMatchObject({
      state: 'unavailable',
      reason: 'not_recorded',
    });
  });

  test('S15: a call is moved while its workflow runs, and again when only the late one is left to hear of it', async () => {
    const { events, call } = await newCall();
    const conversationId = events.conversationId();
    const settled = (actionId: string) =>
      eventually(
        () => database.db('actions').where({ action_id: actionId }).first('state', 'ticket_id'),
        (row: { state: string }) => row.state !== 'accepted',
      ) as Promise<{ state: string; ticket_id: string }>;
    await call.send(
      events.leg('A', 'appeared', { to: agent(cast.anna) }),
      events.leg('A', 'connected'),
      events.leg('A', 'disconnected'),
      events.summary({ talkedAt: Date.now() }),
    );
    await eventually(
      () => ticketsOf(call.callId),
      (tickets) => tickets.length === 1,
    );
    await call.send(await movesCall(call.callId, conversationId, 'while-it-runs'));
    const first = await settled('while-it-runs');
    expect(first.state).toBe('done');
    await call.handle.result();
    const workflowId = `${call.workflowId}:late`;
    await temporal.client.workflow.signalWithStart('call', {
      workflowId,
      taskQueue,
      args: [{ callId: call.callId, limits: QUICK, late: true }],
      signal: 'moved',
      signalArgs: [[await movesCall(call.callId, conversationId, 'late')]],
    });
    await temporal.client.workflow.getHandle(workflowId).result();
    const second = await settled('late');
    expect(second.state).toBe('done');
    expect(second.ticket_id).not.toBe(first.ticket_id);
    expect(await ticketsOf(call.callId)).toMatchObject([{ id: second.ticket_id, status: 'pending' }]);
    expect(await database.db('tickets').where({ id: first.ticket_id }).first('status')).toEqual({ status: 'closed' });
  });

  test('what comes for a call that is over finds its state in Postgres', async () => {
    const { events, call } = await newCall();
    await call.send(
      events.leg('A', 'appeared', { to: agent(cast.anna) }),
      events.leg('A', 'connected'),
      events.leg('A', 'disconnected'),
      events.summary({ talkedAt: Date.now() }),
    );
    await call.handle.result();
    await temporal.client.workflow.signalWithStart('call', {
      workflowId: `${call.workflowId}:late`,
      taskQueue,
      args: [{ callId: call.callId, limits: QUICK, late: true }],
      signal: 'recorded',
      signalArgs: [
        [
          {
            type: 'recording',
            recordingId: 'LATE',
            seq: 0,
            state: 'stored',
            legId: null,
            party: null,
            completionCode: null,
            recipient: null,
            inboxId: 3_000_000,
            receivedAt: Date.now(),
          },
        ],
      ],
    });
    await temporal.client.workflow.getHandle(`${call.workflowId}:late`).result();
    const rows = await database.db('recordings').where({ call_id: call.callId });
    expect(rows).toMatchObject([{ recording_id: 'LATE' }]);
    expect(fetched).toContain(rows[0].id);
    expect(await ticketsOf(call.callId)).toHaveLength(1);
  });

  test('never 1, 2: a call does not end while the inbox still holds something for it, however late the timer', async () => {
    const { events, call } = await newCall();
    const { entry_id: entry } = await database.db('calls').where({ id: call.callId }).first('entry_id');
    const kept = { source: 'pbx', integration_id: cast.integrationId, key: `kept:${entry}`, entry, body: '{}' };
    await database.db('inbox').insert(kept);
    await call.send(events.leg('A', 'appeared', { to: agent(cast.anna) }), events.leg('A', 'disconnected'));
    const asked = async () => (await call.handle.fetchHistory()).events?.filter(isStep).length ?? 0;
    // Beside what it shows while it goes on, it has asked twice whether it may end.
    await eventually(asked, (times) => times >= 4);
    expect(await ticketsOf(call.callId)).toEqual([]);
    await call.send(
      events.leg('B', 'appeared', { to: agent(cast.boris), takenFrom: 'A' }),
      events.leg('B', 'connected'),
      events.leg('B', 'disconnected'),
    );
    await database.db('inbox').where({ key: kept.key }).update({ delivered_at: new Date() });
    await call.handle.result();
    expect(await ticketsOf(call.callId)).toMatchObject([{ kind: 'incoming', status: 'open' }]);
  });

  test.each([
    ['the first', []],
    ['one after a task that decided nothing', ['appeared', 'connected', 'held']],
  ] as const)(
    'never 1: a database away for longer than a workflow task lasts, %s, leaves nothing for a new worker to stumble over',
    async (_which, before) => {
      const { events } = await newCall();
      const steps = createCallSteps({ db: database.db });
      let failures = 0;
      const slow = await ownWorker('slow', {
        database: {
          ...steps,
          async applyDecisions(input) {
            if (failures-- > 0) throw new Error('no database');
            return steps.applyDecisions(input);
          },
        },
      });
      const call = new LiveCall(temporal.client, slow.taskQueue, events.callId, QUICK, '1s');
      const tasks = async (): Promise<number> =>
        (await call.handle.fetchHistory()).events?.filter((event) => event.workflowTaskCompletedEventAttributes).length ?? 0;
      for (const state of before) {
        const sofar = state === 'appeared' ? 0 : await tasks();
        await call.send(events.leg('A', state, { to: agent(cast.anna) }));
        await eventually(tasks, (done) => done > sofar);
      }
      failures = 4;
      await call.send(events.leg('A', 'disconnected', { to: agent(cast.anna) }));
      await call.handle.result();
      await slow.stop();
      expect(await ticketsOf(call.callId)).toMatchObject([{ kind: before.length ? 'incoming' : 'missed', status: 'open' }]);
      await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, await call.handle.fetchHistory());
    },
  );

  describe('never 1: a recording that is slow in coming leaves nothing for a new worker to stumble over', () => {
    const kindsSince = async (call: LiveCall, isIt: (event: HistoryEvent) => unknown): Promise<HistoryEvent[]> => {
      const told = ((await call.handle.fetchHistory()).events ?? []) as HistoryEvent[];
      const at = told.findLastIndex(isIt);
      return at < 0 ? [] : told.slice(at);
    };
    const act = async (call: LiveCall, events: CallRunner): Promise<() => Promise<boolean>> => {
      const actionId = `meanwhile-${++counter}`;
      await call.send(await movesCall(call.callId, events.conversationId(), actionId));
      return async () => (await database.db('actions').where({ action_id: actionId }).first('state')).state === 'done';
    };

    test.each([
      ['an agent acts', 'not_at_once'],
      ['an agent acts', 'refused'],
      ['an agent acts', 'settled'],
      ['a timer rings', 'not_at_once'],
      ['a timer rings', 'settled'],
    ] as const)('while %s, at last %s', async (meanwhile, answer) => {
      const { events } = await newCall();
      let release: (() => void) | undefined;
      const released = new Promise<void>((resolve) => (release = resolve));
      let asked = 0;
      const slow = await ownWorker('slow-recording', {
        pbx: {
          fetchRecordingAtOnce: async () => {
            asked += 1;
            await released;
            return answer === 'refused' ? { state: answer, final: false, reason: 'not_found' } : { state: answer };
          },
        },
      });
      const call = new LiveCall(temporal.client, slow.taskQueue, events.callId, { ...QUICK, legMaxMs: 2_000 }, '1s');
      await call.send(events.leg('A', 'appeared', { to: agent(cast.anna) }), events.leg('A', 'connected'));
      await hangUpWithRecording(call, events);
      await eventually(
        async () => asked,
        (times) => times === 1,
      );
      const askedAt = ((await call.handle.fetchHistory()).events ?? []).at(-1)?.eventId;
      // The task that waits for the recording is renewed before it is too old, and hears then what has happened meanwhile.
      if (meanwhile === 'an agent acts') {
        const isActed = await act(call, events);
        const renewed = async () => kindsSince(call, (event) => event.workflowExecutionSignaledEventAttributes);
        const completed = async () => (await renewed()).filter((event) => event.workflowTaskCompletedEventAttributes).length;
        await eventually(async () => (await isActed()) || (await completed()) >= 2, Boolean);
        release?.();
        await eventually(isActed, Boolean);
      } else {
        const isRinging = (event: HistoryEvent): boolean =>
          Boolean(event.timerFiredEventAttributes) && Number(event.eventId) > Number(askedAt);
        const rang = async () => kindsSince(call, isRinging);
        await eventually(async () => (await rang()).some((event) => event.workflowTaskStartedEventAttributes), Boolean);
        release?.();
      }
      await call.handle.result();
      await slow.stop();
      await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, await call.handle.fetchHistory());
    });
  });

  describe('never 2, 3: an ending step done again, as the answer to its first attempt is lost, is told that more is coming', () => {
    /** Tells the call all but what is told last, which the inbox takes in while the first attempt's answer is on its way. */
    async function endTwice(events: CallRunner, told: readonly CallMessage[], toldLast: CallMessage): Promise<void> {
      const { entry_id: entry } = await database.db('calls').where({ id: events.callId }).first('entry_id');
      const kept = { source: 'pbx', integration_id: cast.integrationId, key: `kept:${entry}`, entry, body: '{}' };
      const steps = createCallSteps({ db: database.db });
      const answers: string[][] = [];
      const losing = await ownWorker('lost', {
        database: {
          ...steps,
          async applyDecisions(input) {
            const results = await steps.applyDecisions(input);
            if (input.endsHaving === undefined) return results;
            answers.push(results.map(({ type }) => type));
            if (answers.length > 1) return results;
            await database.db('inbox').insert(kept);
            throw new Error('the answer is lost');
          },
        },
      });
      const call = new LiveCall(temporal.client, losing.taskQueue, events.callId);
      await call.send(...told);
      await eventually(
        async () => answers.length,
        (times) => times >= 2,
      );
      expect(answers.slice(0, 2)).toEqual([expect.arrayContaining(['ticketed']), ['more_is_coming']]);
      await call.send(toldLast);
      await database.db('inbox').where({ key: kept.key }).update({ delivered_at: new Date() });
      await call.handle.result();
      await losing.stop();
    }

    const found = async (callId: string) => {
      const { phone } = await database.db('calls').where({ id: callId }).first('phone');
      return database.db('tickets').where({ phone }).orderBy('id').select('kind', 'status', 'missed_count');
    };

    test.each([
      ['a missed call is none if the answer comes', 'answer', { kind: 'incoming', status: 'open', missed_count: 0 }],
      ['a missed call is none if the summary tells of a talk', 'summary', { kind: 'incoming', status: 'open', missed_count: 0 }],
      ['a missed call is counted once if nothing new comes', 'nothing', { kind: 'missed', status: 'open', missed_count: 1 }],
    ] as const)('%s', async (_title, last, ticket) => {
      const { events } = await newCall();
      const times = { startedAt: events.now, talkedAt: events.now + 1_000, endedAt: events.now + 9_000 };
      const rings = events.leg('A', 'appeared', { to: agent(cast.anna) });
      const answered = events.leg('A', 'connected');
      const told = [rings, events.leg('A', 'disconnected')];
      const summary = (talk: object): CallMessage => events.summary({ to: agent(cast.anna), ...talk });
      await endTwice(events, told, { answer: answered, summary: summary(times), nothing: summary({}) }[last]);
      expect(await found(events.callId)).toEqual([ticket]);
    });

    test('an attempt in the ticket of missed calls is a talk with a ticket of its own if the answer comes', async () => {
      const { events } = await newCall();
      await events.send(events.leg('A', 'appeared', { to: agent(cast.anna) }));
      await events.send(events.leg('A', 'disconnected'));
      await events.pass(60_000);
      const { phone } = await database.db('calls').where({ id: events.callId }).first('phone');
      const back = await CallRunner.start(database.db, cast.integrationId, { phone, at: Date.now() });
      const dials = back.leg('A', 'appeared', { from: agent(cast.boris), to: { kind: 'outside', number: 1 } });
      const answered = back.leg('A', 'connected');
      await endTwice(back, [dials, back.leg('A', 'disconnected')], answered);
      expect(await found(back.callId)).toEqual([
        { kind: 'missed', status: 'open', missed_count: 1 },
        { kind: 'outgoing', status: 'closed', missed_count: 0 },
      ]);
      expect(await database.db('messages').where({ conversation_id: back.conversationId(), code: 'call_attempt' })).toEqual([]);
    });
  });

  test('goes on in a new run before its history grows too long, and forgets nothing', async () => {
    const { events, call } = await newCall({ ...QUICK, legMaxMs: 60_000 });
    await call.send(events.leg('A', 'appeared', { to: agent(cast.anna) }));
    await call.send(events.leg('A', 'connected'));
    const first = (await call.handle.describe()).runId;
    // Temporal suggests it at four megabytes; and breaks a task off, the answer to which the worker does not take back, for two that wait for it.
    for (const letter of 'abc') {
      await taskDone(call);
      await call.sendShown([events.leg('A', 'connected')], letter.repeat(1_500_000));
    }
    const second = await eventually(
      async () => await call.handle.describe(),
      ({ runId }) => runId !== first,
    );
    expect(second).toMatchObject({ status: { name: 'RUNNING' } });
    expect(await call.handle.query('state')).toMatchObject({ state: 'talking', conversations: [{ agent: cast.anna }] });
    await call.send(events.leg('A', 'disconnected'), events.summary({ talkedAt: Date.now() }));
    await call.handle.result();
    expect(await ticketsOf(events.callId)).toMatchObject([{ kind: 'incoming', status: 'open' }]);
    await Worker.runReplayHistory({ workflowBundle: await workflowBundle() }, await call.handle.fetchHistory());
  });

  test('histories, ids and attributes hold no phone number', async () => {
    const { events, call } = await newCall();
    const { phone } = await database.db('calls').where({ id: events.callId }).first('phone');
    await call.send(events.leg('A', 'appeared', { to: agent(cast.anna) }), events.leg('A', 'disconnected'), events.summary());
    await call.handle.result();
    const history = await call.handle.fetchHistory();
    const payloads = JSON.stringify(history).replace(/"data":"([^"]*)"/g, (_match, data: string) =>
      Buffer.from(data, 'base64').toString('utf8'),
    );
    expect(payloads).toContain(cast.anna);
    expect(payloads).not.toContain(String(phone).slice(1));
  });
});
