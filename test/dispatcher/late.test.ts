import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { eventually, legEvent, newEntry, openOffice, type InboxFacts, type Office } from './office.ts';

let office: Office;
let entry: string;
let agentId: string;
beforeAll(async () => {
  office = await openOffice();
});
afterAll(() => office.tearDown());
beforeEach(async () => {
  entry = newEntry();
  agentId = await office.addAgent();
});

const deliver = (): Promise<void> => office.dispatcher().drainOnce();
const lateId = (): string => `${office.workflowIdOf(entry)}:late`;
const callRow = () => office.db('calls').where({ entry_id: entry }).first() as Promise<{ id: string; state: string }>;
const lastRow = async (): Promise<InboxFacts> =>
  (await office.db('inbox').where({ entry }).orderBy('id', 'desc').first()) as InboxFacts;
const isUnknown = (workflowId: string): Promise<unknown> =>
  expect(office.client.workflow.getHandle(workflowId).describe()).rejects.toThrow(/not found/i);

/** A call whose workflow has ended, with or without an outcome. */
async function endedCall(outcome: boolean): Promise<void> {
  await office.receive('/events/call', legEvent(entry, `${entry}-leg`, 1, 'Appeared'));
  await deliver();
  const { id } = await callRow();
  if (outcome) {
    const talk = { id: randomUUID(), call_id: id, ordinal: 0, direction: 'incoming', outcome: 'talked', started_at: new Date() };
    await office.db('conversations').insert(talk);
  }
  await office.db('calls').where({ id }).update({ state: 'over' });
  await office.close(office.workflowIdOf(entry));
}

async function act(callId: string, action: string): Promise<string> {
  const actionId = randomUUID();
  await office.db('actions').insert({ agent_id: agentId, action_id: actionId, call_id: callId, type: action, body: '{}' });
  await office.db('inbox').insert({
    source: 'agent',
    integration_id: office.integrationId,
    key: `${agentId}:${actionId}`,
    entry,
    body: JSON.stringify({ type: 'action', actionId, agentId, action, conversationId: 'c', ticketId: null, hasText: true }),
  });
  return actionId;
}

test('a leg or summary that comes after the end changes nothing and says so', async () => {
  await endedCall(true);
  await office.receive('/events/call', legEvent(entry, `${entry}-leg`, 2, 'Disconnected'));
  await deliver();
  expect(await lastRow()).toMatchObject({ verdict: 'late', delivered_at: expect.any(Date) });
  await office.receive('/events/summary', { entry_id: entry, call_direction: 1, create_time: 1, talk_time: 0, end_time: 2 });
  await deliver();
  expect(await lastRow()).toMatchObject({ verdict: 'late' });
  await isUnknown(lateId());
});

test('nothing is started anew when Temporal has forgotten a call that Postgres knows to be over', async () => {
  await office.receive('/events/call', legEvent(entry, `${entry}-leg`, 1, 'Appeared'));
  const call = { integration_id: office.integrationId, entry_id: entry, workflow_id: office.workflowIdOf(entry), state: 'over' };
  const [made] = (await office.db('calls').insert(call, ['id'])) as { id: string }[];
  const talk = {
    id: randomUUID(),
    call_id: made?.id,
    ordinal: 0,
    direction: 'incoming',
    outcome: 'talked',
    started_at: new Date(),
  };
  await office.db('conversations').insert(talk);
  await deliver();
  expect(await lastRow()).toMatchObject({ verdict: 'late' });
  await isUnknown(office.workflowIdOf(entry));
  await isUnknown(lateId());
});

test('a call that Postgres calls over while its workflow still waits for the recording goes on hearing everything', async () => {
  await office.receive('/events/call', legEvent(entry, `${entry}-leg`, 1, 'Appeared'));
  await deliver();
  await office.db('calls').where({ entry_id: entry }).update({ state: 'over' });
  await office.receive('/events/call', legEvent(entry, `${entry}-leg`, 2, 'Disconnected'));
  await deliver();
  expect((await office.heard(entry)).messages).toHaveLength(2);
  expect(await lastRow()).toMatchObject({ verdict: 'delivered', workflow_id: office.workflowIdOf(entry) });
});

test('a recording that comes after the end wakes the call under another id', async () => {
  await endedCall(true);
  await office.receive('/events/record/added', {
    entry_id: entry,
    recording_id: `${entry}-r`,
    product_id: 1,
    user_id: 1,
    timestamp: 1,
  });
  await deliver();
  const { input, messages } = await office.heardAt(lateId());
  expect(input).toMatchObject({ callId: (await callRow()).id, late: true });
  expect(messages).toMatchObject([{ type: 'recording', state: 'stored', recordingId: `${entry}-r`, legId: null, party: null }]);
  expect(await lastRow()).toMatchObject({ verdict: 'delivered', workflow_id: lateId() });
});

test("an agent's action after the end wakes the call, as often as it comes", async () => {
  await endedCall(true);
  for (const action of ['create_ticket', 'fetch_recording_again']) {
    const actionId = await act((await callRow()).id, action);
    await deliver();
    const { input, messages } = await office.heardAt(lateId());
    expect(input.late).toBe(true);
    expect(messages).toMatchObject([{ type: 'action', actionId, agentId, action, conversationId: 'c', hasText: true }]);
    await office.close(lateId());
  }
});

test('while a call is awake again it hears what comes late about its legs too', async () => {
  await endedCall(true);
  await act((await callRow()).id, 'save_draft');
  await deliver();
  await office.receive('/events/call', legEvent(entry, `${entry}-leg`, 2, 'Disconnected'));
  await deliver();
  expect((await office.heardAt(lateId())).messages.map((message) => message.type)).toEqual(['action', 'leg']);
});

test('what comes late of a call that left nothing behind is heard: it may be the talk itself', async () => {
  await endedCall(false);
  await office.receive('/events/call', legEvent(entry, `${entry}-leg`, 2, 'Connected'));
  await deliver();
  expect(await office.heardAt(lateId())).toMatchObject({
    input: { late: true },
    messages: [{ type: 'leg', state: 'connected' }],
  });
});

test('of a late batch only what can still matter wakes the call', async () => {
  await endedCall(true);
  await office.receive('/events/call', legEvent(entry, `${entry}-leg`, 2, 'Disconnected'));
  await office.receive('/events/recording', {
    entry_id: entry,
    recording_id: `${entry}-r`,
    recording_state: 'Completed',
    seq: 2,
    call_id: `${entry}-leg`,
    completion_code: '1000',
    recipient: 'Cloud',
  });
  await deliver();
  const rows = (await office.db('inbox').where({ entry }).orderBy('id')) as InboxFacts[];
  expect(rows.map((row) => row.verdict)).toEqual(['delivered', 'late', 'delivered']);
  expect((await office.heardAt(lateId())).messages).toMatchObject([
    { type: 'recording', state: 'completed', recipient: 'cloud' },
  ]);
});

test('a repeat after the end is not even a row', async () => {
  await endedCall(true);
  expect(await office.receive('/events/call', legEvent(entry, `${entry}-leg`, 1, 'Appeared'))).toBe('repeated');
  await deliver();
  expect(await office.db('inbox').where({ entry })).toHaveLength(1);
});

test('a summary or recording that comes first of all starts the call all the same', async () => {
  await office.receive('/events/summary', {
    entry_id: entry,
    call_direction: 2,
    from: { extension: '101' },
    to: { number: '79990000001' },
    line_number: '74950000000',
    create_time: 1_700_000_000,
    talk_time: 1_700_000_010,
    end_time: 1_700_000_020,
  });
  await deliver();
  expect((await office.heard(entry)).messages).toMatchObject([
    { type: 'summary', direction: 'outgoing', talkedAt: 1_700_000_010_000 },
  ]);
  expect(await callRow()).toMatchObject({ phone: '+79990000001', line: '+74950000000', started_at: new Date(1_700_000_000_000) });

  entry = newEntry();
  await office.receive('/events/recording', {
    entry_id: entry,
    recording_id: `${entry}-r`,
    recording_state: 'Started',
    seq: 1,
    call_id: 'x',
  });
  await deliver();
  await eventually(async () =>
    expect((await office.heard(entry)).messages).toMatchObject([{ type: 'recording', state: 'started' }]),
  );
});
