import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { storeCallback } from '../../db/callbacks.ts';
import { callbackWorkflowId } from '../../workflows/messages.ts';
import { legEvent, newEntry, openOffice, type InboxFacts, type Office } from './office.ts';
import { heardByCallback, type HeardByCallback } from './stub-workflows.ts';

let office: Office;
let agentId: string;
let ticketId: string;
let commandId: string;
let callId: string;
let entry: string;
beforeAll(async () => {
  office = await openOffice();
});
afterAll(() => office.tearDown());
beforeEach(async () => {
  entry = newEntry();
  commandId = randomUUID();
  agentId = await office.addAgent();
  await office.db('operators').delete();
  await office.addOperator('101', { agentId });
  const [ticket] = (await office
    .db('tickets')
    .insert({ subject: 'x', status: 'open', channel: 'call', kind: 'missed', handset: 'red', phone: '+79990000001' }, [
      'id',
    ])) as { id: string }[];
  ticketId = ticket?.id ?? '';
  const order = { commandId, agentId, ticketId, customerId: null, phone: '+79990000001', integrationId: office.integrationId };
  callId = await office.db.transaction((trx) => storeCallback(trx, order));
});

const deliver = (): Promise<void> => office.dispatcher().drainOnce();
const heardAtCallback = (): Promise<HeardByCallback> =>
  office.client.workflow.getHandle(callbackWorkflowId(commandId)).query(heardByCallback);
const callOf = (id: string): Promise<Record<string, unknown>> =>
  office.db('calls').where({ id }).first() as Promise<Record<string, unknown>>;
const rowsOf = async (name: string): Promise<InboxFacts[]> =>
  (await office.db('inbox').where({ entry: name }).orderBy('id')) as InboxFacts[];

/** The first leg of a callback: it rings the agent and looks like a call from the customer. */
const firstLeg = (more: Record<string, unknown> = {}): object =>
  legEvent(entry, `${entry}-l1`, 1, 'Appeared', {
    to: { extension: '101', number: 'sip:user1@vpbx400000000.mangosip.ru' },
    command_id: commandId,
    callback_initiator: 'API',
    ...more,
  });

async function act(action: string, at: string): Promise<string> {
  const actionId = randomUUID();
  await office.db('actions').insert({ agent_id: agentId, action_id: actionId, call_id: callId, type: action, body: '{}' });
  await office.db('inbox').insert({
    source: 'agent',
    integration_id: office.integrationId,
    key: `${agentId}:${actionId}`,
    entry: at,
    body: JSON.stringify({ type: 'action', actionId, agentId, action, conversationId: null, hasText: false }),
  });
  return actionId;
}

test('an order stored by the API starts the callback, once', async () => {
  await deliver();
  expect((await heardAtCallback()).input).toEqual({ callId, commandId, firstRingMs: 60_000, commandPatienceMs: 5_000 });
  await office
    .db('inbox')
    .where({ entry: `callback:${commandId}` })
    .update({ delivered_at: null, verdict: 'accepted' });
  await deliver();
  expect(await rowsOf(`callback:${commandId}`)).toMatchObject([
    { verdict: 'delivered', workflow_id: callbackWorkflowId(commandId) },
  ]);
});

test("the PBX's answer to the command reaches the callback; an answer to somebody else's command is ignored", async () => {
  await office.receive('/result/callback', { command_id: commandId, result: '1000' });
  await office.receive('/result/callback', { command_id: 'not-ours', result: 1000 });
  await deliver();
  expect((await heardAtCallback()).messages).toEqual([{ type: 'result', code: 1000 }]);
  expect(await rowsOf('callback:not-ours')).toMatchObject([{ verdict: 'ignored', why: 'foreign_command' }]);
});

test('the first leg with our command makes the order the row of that PBX entry, and the callback is told once', async () => {
  await deliver();
  await office.receive('/events/call', firstLeg());
  await office.receive('/events/call', legEvent(entry, `${entry}-l1`, 2, 'Connected', { command_id: commandId }));
  await deliver();
  await office.receive('/events/call', legEvent(entry, `${entry}-l1`, 3, 'Disconnected', { command_id: commandId }));
  await deliver();
  expect(await callOf(callId)).toMatchObject({
    entry_id: entry,
    workflow_id: office.workflowIdOf(entry),
    command_state: 'bound',
    merged_into: null,
  });
  const { input, messages } = await office.heard(entry);
  expect(input.callId).toBe(callId);
  expect(messages).toHaveLength(3);
  for (const message of messages) expect(message).toMatchObject({ command: { commandId, ours: { agentId, ticketId } } });
  expect((await heardAtCallback()).messages).toEqual([{ type: 'bound', callId }]);
});

test('an entry that already had a row takes the order over; the old row points to it and its card is gone', async () => {
  await deliver();
  await office.receive('/events/recording', {
    entry_id: entry,
    recording_id: `${entry}-r`,
    recording_state: 'Started',
    seq: 1,
    call_id: 'x',
  });
  await deliver();
  const other = (await office.db('calls').where({ entry_id: entry }).first()) as { id: string };
  expect(other.id).not.toBe(callId);

  await office.receive('/events/call', firstLeg());
  await deliver();
  expect(await callOf(callId)).toMatchObject({ merged_into: other.id, entry_id: null, command_id: null, state: 'over' });
  expect(await callOf(other.id)).toMatchObject({
    command_id: commandId,
    ordered_by: agentId,
    ticket_id: ticketId,
    phone: '+79990000001',
    command_state: 'bound',
  });
  expect(await office.db('call_cards').where({ call_id: callId })).toEqual([]);
  expect(await office.db('stream_events').where({ agent_id: agentId, type: 'call.ended' })).toHaveLength(1);
  expect((await office.heard(entry)).messages.at(-1)).toMatchObject({ command: { commandId, ours: { agentId, ticketId } } });
  expect((await heardAtCallback()).messages).toEqual([{ type: 'bound', callId: other.id }]);

  await office.receive('/events/call', legEvent(entry, `${entry}-l1`, 2, 'Connected', { command_id: commandId }));
  await deliver();
  expect((await office.heard(entry)).messages.at(-1)).toMatchObject({ command: { ours: { agentId, ticketId } } });
});

test("a command that is not ours, or another account's, binds nothing", async () => {
  await office.receive('/events/call', firstLeg({ command_id: 'theirs' }));
  await deliver();
  expect((await office.heard(entry)).messages).toMatchObject([{ command: { commandId: 'foreign', ours: null } }]);
  expect(await callOf(callId)).toMatchObject({ entry_id: null });
});

test('«отменить» before the PBX has begun goes to the callback, afterwards to the call', async () => {
  await deliver();
  const before = await act('hang_up', `callback:${commandId}`);
  await deliver();
  expect((await heardAtCallback()).messages).toEqual([{ type: 'cancel', actionId: before, agentId }]);

  await office.receive('/events/call', firstLeg());
  await deliver();
  // Accepted by the API before the leg came, dispatched after it.
  const after = await act('hang_up', `callback:${commandId}`);
  await deliver();
  expect((await office.heard(entry)).messages.at(-1)).toMatchObject({ type: 'action', action: 'hang_up', actionId: after });
});

test('that an order was called off stays known when its call appears', async () => {
  await deliver();
  await office.db('calls').where({ id: callId }).update({ command_state: 'cancelled' });
  await office.receive('/events/call', firstLeg());
  await deliver();
  expect(await callOf(callId)).toMatchObject({ entry_id: entry, command_state: 'cancelled' });
  expect((await heardAtCallback()).messages).toEqual([{ type: 'bound', callId }]);
});

test('an order given up as failed whose call appears after all is that call', async () => {
  await deliver();
  await office.db('calls').where({ id: callId }).update({ command_state: 'refused', state: 'over', ended_at: new Date() });
  await office.close(callbackWorkflowId(commandId));
  await office.receive('/events/call', firstLeg());
  await deliver();
  expect(await callOf(callId)).toMatchObject({ entry_id: entry, state: 'active', ended_at: null });
  expect((await office.heard(entry)).messages).toHaveLength(1);
});

test('an action that no workflow is there for is refused, and the agent told', async () => {
  await deliver();
  const early = await act('save_draft', `callback:${commandId}`);
  await deliver();
  expect(await office.db('actions').where({ action_id: early }).first()).toMatchObject({
    state: 'refused',
    code: 'call_not_begun',
  });
  await office.close(callbackWorkflowId(commandId));
  const late = await act('hang_up', `callback:${commandId}`);
  await deliver();
  expect(await office.db('actions').where({ action_id: late }).first()).toMatchObject({ state: 'refused', code: 'call_over' });
  const told = await office.db('stream_events').where({ agent_id: agentId, type: 'action.refused' }).orderBy('id');
  expect(told.map((event: { payload: unknown }) => event.payload)).toEqual([
    { actionId: early, code: 'call_not_begun' },
    { actionId: late, code: 'call_over' },
  ]);
});
