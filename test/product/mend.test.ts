import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Client, Connection } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';
import { fileURLToPath } from 'node:url';
import { callbackWorkflowId, callWorkflowId, lateWorkflowId } from '../../workflows/messages.ts';
import { eventually, QUICK } from '../support/live-call.ts';
import type { RecordingPlan } from '../support/pbx.ts';
import { startProduct, type Product } from '../support/product.ts';
import { temporalAddress, uniqueTaskQueue, workflowBundle } from '../support/temporal.ts';
import type { MendResult } from '../../workflows/steps.ts';

let product: Product;
let connection: Connection;
let client: Client;
let taskQueue = '';
beforeAll(async () => {
  product = await startProduct({ env: { CALL_SETTLE_SECONDS: '5', RECORDING_WAIT_SECONDS: '600' } });
  connection = await Connection.connect({ address: temporalAddress() });
  client = new Client({ connection });
}, 120_000);
afterAll(async () => {
  await connection.close();
  await product.stop();
});

const { db } = { db: (name: string) => product.database.db(name) };
interface Row {
  readonly id: string;
  readonly integration_id: string;
  readonly entry_id: string;
  readonly state: string;
  readonly stopped_at: Date | null;
}
let runs = 0;
async function mend(callId: string): Promise<MendResult> {
  runs += 1;
  const workflowId = `mend-test-${process.pid}-${runs}`;
  return (await client.workflow.execute('mend', { workflowId, taskQueue, args: [{ callId }] })) as MendResult;
}
/** A call that Анна talks in, as the PBX tells it. */
async function talk(from: string, recording: RecordingPlan = 'stored') {
  const pbx = product.pbx.incoming({ from, record: recording });
  await pbx.ring('101');
  await pbx.answer('101');
  await eventually(
    () => db('call_cards').where({ agent_id: product.anna.agentId, state: 'talking' }),
    (cards) => cards.length === 1,
  );
  const row = (await db('calls').where({ phone: from }).first()) as Row;
  const workflowId = callWorkflowId(row.integration_id, row.entry_id);
  const handle = client.workflow.getHandle(workflowId);
  taskQueue = (await handle.describe()).taskQueue;
  await eventually(
    () => db('inbox').where({ entry: row.entry_id }).whereNull('delivered_at'),
    (waiting) => waiting.length === 0,
  );
  return { pbx, callId: row.id, workflowId, handle };
}
/** Whatever the PBX has sent has reached its workflow. */
const settled = (callId: string) =>
  eventually(
    () =>
      db('inbox')
        .whereIn('entry', product.database.db('calls').where({ id: callId }).select('entry_id'))
        .whereNull('delivered_at'),
    (waiting) => waiting.length === 0,
  );
const cards = (callId: string): Promise<unknown[]> => db('call_cards').where({ call_id: callId });
const stateOf = async (callId: string): Promise<string> =>
  ((await db('calls').where({ id: callId }).first('state')) as Row).state;
const decisions = async (callId: string): Promise<string[]> =>
  ((await db('call_decisions').where({ call_id: callId }).orderBy('id')) as { what: string }[]).map(({ what }) => what);
const isOver = (callId: string) =>
  eventually(
    () => stateOf(callId),
    (state) => state === 'over',
    30_000,
  );

/** A talk whose workflow fails at its task again and again, as its history does not replay. */
async function stuckTalk(from: string) {
  const { callId, workflowId, handle, pbx } = await talk(from);
  await handle.terminate('test');
  // Another story under the same name, of which the workflows that there are know nothing.
  const elsewhere = uniqueTaskQueue('stuck');
  const other = { connection: await NativeConnection.connect({ address: temporalAddress() }), taskQueue: elsewhere };
  const workflowsPath = fileURLToPath(new URL('../support/other-story.ts', import.meta.url));
  const code = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('ERROR') });
  const before = await Worker.create({ ...other, workflowBundle: code });
  await before.runUntil(async () => {
    const args = [{ callId, limits: QUICK }];
    await client.workflow.start('call', { workflowId, taskQueue: elsewhere, args, workflowIdReusePolicy: 'ALLOW_DUPLICATE' });
    await eventually(
      async () => (await client.workflow.getHandle(workflowId).fetchHistory()).events ?? [],
      (events) => events.some((event) => event.timerStartedEventAttributes),
    );
  });
  const now = client.workflow.getHandle(workflowId);
  const after = await Worker.create({ ...other, workflowBundle: await workflowBundle() });
  await after.runUntil(async () => {
    await now.signal('received', []);
    await eventually(
      async () => (await now.describe()).raw.pendingWorkflowTask?.attempt ?? 0,
      (attempt) => attempt >= 3,
      60_000,
    );
  });
  await other.connection.close();
  return { callId, workflowId, pbx, now };
}

describe('a call without a workflow', () => {
  test('that somebody stopped is closed by what is known of it, and its ticket says so', async () => {
    const { callId, handle, workflowId, pbx } = await talk('+79031110001');
    await handle.terminate('test');
    expect(await mend(callId)).toEqual({ restarted: 0, stopped: 1, cards: 0 });
    await isOver(callId);
    expect(await cards(callId)).toEqual([]);
    const tickets = (await product.admin.get<{ items: { id: string; status: string }[] }>('/api/tickets?q=9031110001')).items;
    expect(tickets).toMatchObject([{ status: 'open' }]);
    const ticket = await product.admin.get<{ messages: { code: string | null }[] }>(`/api/tickets/${tickets[0]?.id ?? ''}`);
    expect(ticket.messages.map(({ code }) => code).filter((code) => code === 'call_stopped')).toHaveLength(1);
    expect(await decisions(callId)).toContain('stopped');
    const timeline = await product.admin.get<{ flags: string[] }>(`/api/calls/${callId}/timeline`);
    expect(timeline.flags).toContain('stopped');
    // What the PBX says afterwards changes nothing any more, but for the recording.
    await pbx.hangUp();
    await pbx.finish();
    await eventually(
      () => db('recordings').where({ call_id: callId, state: 'ready' }),
      (ready) => ready.length === 1,
      30_000,
    );
    await client.workflow.getHandle(lateWorkflowId(workflowId)).result();
    expect(await mend(callId)).toEqual({ restarted: 0, stopped: 0, cards: 0 });
  });

  test('that Temporal has forgotten is made anew from the inbox, and goes on as if nothing had been', async () => {
    const { callId, workflowId, pbx } = await talk('+79031110002');
    await client.workflowService.deleteWorkflowExecution({ namespace: 'default', workflowExecution: { workflowId } });
    await eventually(
      () =>
        client.workflow
          .getHandle(workflowId)
          .describe()
          .then(
            () => true,
            () => false,
          ),
      (known) => !known,
    );
    expect(await mend(callId)).toEqual({ restarted: 1, stopped: 0, cards: 0 });
    const again = client.workflow.getHandle(workflowId);
    await eventually(
      () =>
        again.query<{ state: string }>('state').then(
          ({ state }) => state,
          () => '',
        ),
      (state) => state === 'talking',
    );
    expect(await cards(callId)).toHaveLength(1);
    await pbx.hangUp();
    await pbx.finish();
    await isOver(callId);
    await again.result();
    expect(await db('conversations').where({ call_id: callId })).toMatchObject([{ outcome: 'talked' }]);
    const { items } = await product.admin.get<{ items: { status: string }[] }>('/api/tickets?q=9031110002');
    expect(items).toMatchObject([{ status: 'open' }]);
    expect(await decisions(callId)).toContain('restarted');
  });

  test('that will never get further, as its history does not replay, is made anew from the inbox', async () => {
    const { callId, workflowId, pbx, now } = await stuckTalk('+79031110006');
    expect(await mend(callId)).toEqual({ restarted: 1, stopped: 0, cards: 0 });
    expect((await now.describe()).status.name).toBe('TERMINATED');
    expect(await mend(callId)).toEqual({ restarted: 0, stopped: 0, cards: 0 });
    await eventually(
      () => cards(callId),
      (shown) => shown.length === 1,
    );
    await settled(callId);
    await pbx.hangUp();
    await pbx.finish();
    await isOver(callId);
    await client.workflow.getHandle(lateWorkflowId(workflowId)).result();
    expect(await db('conversations').where({ call_id: callId })).toMatchObject([{ outcome: 'talked' }]);
    const { items } = await product.admin.get<{ items: { status: string }[] }>('/api/tickets?q=9031110006');
    expect(items).toMatchObject([{ status: 'open' }]);
    expect(await decisions(callId)).toContain('restarted');
    expect(await decisions(callId)).not.toContain('stopped');
  });

  test('that only owed a recording gets word of why there is none', async () => {
    const { callId, handle, pbx } = await talk('+79031110003', 'none');
    await pbx.hangUp();
    await pbx.finish();
    await isOver(callId);
    await settled(callId);
    await handle.terminate('test');
    expect(await mend(callId)).toMatchObject({ stopped: 1 });
    expect(await db('recordings').where({ call_id: callId })).toMatchObject([{ state: 'unavailable', reason: 'interrupted' }]);
    expect(await mend(callId)).toMatchObject({ stopped: 0 });
  });

  test('one that is talked in is left alone', async () => {
    const { callId, handle, pbx } = await talk('+79031110004');
    expect(await mend(callId)).toEqual({ restarted: 0, stopped: 0, cards: 0 });
    expect((await handle.describe()).status.name).toBe('RUNNING');
    await pbx.hangUp();
    await pbx.finish();
    await isOver(callId);
  });
});

test('an order to dial whose workflow was stopped is called off, never repeated, and the agent told', async () => {
  const { id: customerId } = await product.admin.post<{ id: string }>('/api/customers', {
    fullName: 'Илья Мечников',
    phones: ['+79031110005'],
  });
  const ticket = await product.admin.post<{ id: string }>('/api/tickets', {
    subject: 'Перезвонить',
    channel: 'email',
    customerId,
  });
  const commandId = `mend-${process.pid}`;
  // Once a phone rings the call has a workflow of its own, and nothing is to be mended.
  product.pbx.setFaults({ deliveries: [{ withhold: true }] });
  const { callId } = await product.anna.post<{ callId: string }>(`/api/tickets/${ticket.id}/callback`, { commandId });
  const handle = client.workflow.getHandle(callbackWorkflowId(commandId));
  await eventually(
    () =>
      handle.describe().then(
        () => true,
        () => false,
      ),
    (known) => known,
  );
  await eventually(
    () =>
      db('inbox')
        .where({ entry: `callback:${commandId}` })
        .whereNull('delivered_at'),
    (waiting) => waiting.length === 0,
  );
  await handle.terminate('test');
  // The PBX's answer to the command may still be on its way: whoever looks again finds it.
  await eventually(
    () => mend(callId),
    ({ stopped }) => stopped === 1,
  );
  expect(await stateOf(callId)).toBe('over');
  expect(await cards(callId)).toEqual([]);
  const told = (await db('stream_events').where({ type: 'callback.failed', agent_id: product.anna.agentId })) as {
    payload: object;
  }[];
  expect(told.map(({ payload }) => payload)).toContainEqual(expect.objectContaining({ commandId, code: 'interrupted' }));
});

test('a card that outlived its call is taken away, and its owner told', async () => {
  const call = (await db('calls').where({ state: 'over' }).first('id')) as Row;
  await db('call_cards').insert({
    call_id: call.id,
    agent_id: product.boris.agentId,
    state: 'ringing',
    direction: 'incoming',
    started_at: new Date(),
  });
  expect(await mend(call.id)).toMatchObject({ cards: 1 });
  expect(await cards(call.id)).toEqual([]);
  expect(await db('stream_events').where({ type: 'call.ended', agent_id: product.boris.agentId })).toHaveLength(1);
});
