import type { Client } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { showRinging } from '../../activities/decisions/project.ts';
import { newCallState, withCallMessage } from '../../domain/decisions.ts';
import { ringingOf } from '../../domain/ringing.ts';
import type { Wire } from '../support/wire.ts';
import { eventually, legEvent, newEntry, openOffice, openWiredClient, type Office } from './office.ts';

let office: Office;
let wired: Awaited<ReturnType<typeof openWiredClient>>;
let wire: Wire;
let client: Client;
const agents: string[] = [];
beforeAll(async () => {
  office = await openOffice();
  wired = await openWiredClient();
  ({ wire, client } = wired);
  for (const extension of ['101', '102', '103']) {
    const agentId = await office.addAgent(extension);
    agents.push(agentId);
    await office.addOperator(extension, { agentId });
  }
});
afterAll(async () => {
  await office.tearDown();
  await wired.close();
});
afterEach(async () => {
  await wire.heal();
  await office.stopDispatchers();
  await office.db('inbox').whereNull('delivered_at').delete();
});

const ring = (entry: string, extension: string): Promise<unknown> => {
  const to = { extension, number: `sip:user${extension}@vpbx400000000.mangosip.ru`, line_number: '74950000000' };
  return office.receive('/events/call', legEvent(entry, `${entry}-${extension}`, 1, 'Appeared', { to }));
};
const callOf = async (entry: string) => (await office.db('calls').where({ entry_id: entry }).first('id')) as { id: string };
const cardsOf = async (entry: string): Promise<string[]> => {
  const rows = (await office
    .db('call_cards as k')
    .join('calls as c', 'c.id', 'k.call_id')
    .where({ 'c.entry_id': entry })
    .select('k.agent_id')) as { agent_id: string }[];
  return rows.map(({ agent_id }) => agent_id).sort();
};
const firstAgents = (count: number): string[] => agents.slice(0, count).sort();
const toldTo = async (entry: string): Promise<string[]> =>
  (
    (await office
      .db('stream_events')
      .whereRaw(`payload ->> 'callId' = ?`, [(await callOf(entry)).id])
      .orderBy('id')
      .select('type')) as { type: string }[]
  ).map(({ type }) => type);

const rankOf = async (entry: string): Promise<unknown> =>
  ((await office.db('calls').where({ entry_id: entry }).first('projection_rank')) as { projection_rank: unknown })
    .projection_rank;

test('S1 while Temporal is away the phone that rings is on the screen all the same, and the workflow hears what was shown', async () => {
  const dispatcher = office.dispatcher({ deadlineMs: 500, pollMs: 100 }, client);
  await dispatcher.start();
  await wire.cut();
  const [first, second] = [newEntry(), newEntry()];
  await ring(first, '101');
  await eventually(async () => expect(await cardsOf(first)).toEqual(firstAgents(1)));
  await eventually(async () => {
    const rows = await office.db('inbox').where({ entry: first }).select('attempts');
    expect(rows).toEqual([{ attempts: expect.any(Number) }]);
    expect((rows as { attempts: number }[])[0]?.attempts).toBeGreaterThan(0);
  });
  await ring(second, '101');
  await eventually(async () => expect(await cardsOf(second)).toEqual(firstAgents(1)));
  expect(await office.db('inbox').whereIn('entry', [first, second]).whereNotNull('delivered_at')).toEqual([]);
  await wire.heal();
  for (const entry of [first, second]) {
    await eventually(async () => expect((await office.heard(entry)).shown).toEqual([expect.any(String)]), 20_000);
    expect(await toldTo(entry)).toEqual(['call.ringing']);
  }
});

test('S1 a call for which Temporal has no room yet shows everybody whom it rings, once', async () => {
  const dispatcher = office.dispatcher({ sending: 0, pollMs: 60_000 });
  await dispatcher.start();
  const entry = newEntry();
  await ring(entry, '101');
  await eventually(async () => expect(await cardsOf(entry)).toEqual(firstAgents(1)));
  await ring(entry, '102');
  await eventually(async () => expect(await cardsOf(entry)).toEqual(firstAgents(2)));
  await ring(entry, '103');
  await eventually(async () => expect(await cardsOf(entry)).toEqual(firstAgents(3)));
  expect(await toldTo(entry)).toEqual(['call.ringing', 'call.ringing', 'call.ringing']);
  expect(await office.db('inbox').where({ entry }).whereNotNull('delivered_at')).toEqual([]);
});

test('S1 a call that comes through a menu rings as soon as it is passed on, though it was delivered before', async () => {
  const dispatcher = office.dispatcher();
  const entry = newEntry();
  const menu = { location: 'ivr', to: { extension: '', number: '', line_number: '74950000000' } };
  await office.receive('/events/call', legEvent(entry, `${entry}-menu`, 1, 'Appeared', menu));
  await dispatcher.drainOnce();
  await ring(entry, '101');
  await dispatcher.drainOnce();
  expect(await cardsOf(entry)).toEqual(firstAgents(1));
  expect((await office.heard(entry)).shown).toEqual([null, expect.any(String)]);
});

test('S1 while Temporal is away a card goes when it rings no longer, and the others of a group lose theirs when one answers', async () => {
  const dispatcher = office.dispatcher({ deadlineMs: 500, pollMs: 100 }, client);
  await dispatcher.start();
  await wire.cut();
  const [given, answered] = [newEntry(), newEntry()];
  const told = (entry: string, extension: string, seq: number, state: string) =>
    office.receive('/events/call', legEvent(entry, `${entry}-${extension}`, seq, state));
  await ring(given, '101');
  await eventually(async () => expect(await cardsOf(given)).toEqual(firstAgents(1)));
  await eventually(async () => {
    const { rows } = await office.db.raw<{ rows: unknown[] }>(`select 1 from inbox where attempts > 0 and delivered_at is null`);
    expect(rows.length).toBeGreaterThan(0);
  });
  await told(given, '101', 2, 'Disconnected');
  await eventually(async () => expect(await cardsOf(given)).toEqual([]));

  await ring(answered, '101');
  await ring(answered, '102');
  await eventually(async () => expect(await cardsOf(answered)).toEqual(firstAgents(2)));
  const rank = await rankOf(answered);
  await told(answered, '101', 2, 'Connected');
  await told(answered, '102', 2, 'Disconnected');
  await eventually(async () => expect(await cardsOf(answered)).toEqual(firstAgents(1)));
  await told(answered, '101', 3, 'Disconnected');
  await eventually(async () => expect(await cardsOf(answered)).toEqual([]));
  // The talk is still to be written: a workflow that hears of it in two parts must not find itself overtaken.
  expect(await rankOf(answered)).toBe(rank);
});

test('whoever has not heard all that was told of a call shows nothing of it', async () => {
  const [one, other] = [office.dispatcher(), office.dispatcher()];
  const entry = newEntry();
  await ring(entry, '101');
  await one.drainOnce();
  await ring(entry, '102');
  await other.drainOnce();
  await ring(entry, '103');
  await one.drainOnce();
  expect((await office.heard(entry)).shown).toEqual([expect.any(String), null, null]);
  expect(await cardsOf(entry)).toEqual(firstAgents(1));
});

test('once somebody has answered, only the workflow shows what follows', async () => {
  const dispatcher = office.dispatcher();
  const entry = newEntry();
  await ring(entry, '101');
  await dispatcher.drainOnce();
  await office.receive('/events/call', legEvent(entry, `${entry}-101`, 2, 'Connected'));
  await ring(entry, '102');
  await dispatcher.drainOnce();
  expect((await office.heard(entry)).shown).toEqual([expect.any(String), null]);
  expect(await cardsOf(entry)).toEqual(firstAgents(1));
});

test('a call that is over, one that we ordered, and one of which more was told are left to the workflow', async () => {
  const dispatcher = office.dispatcher();
  const entry = newEntry();
  await ring(entry, '101');
  await dispatcher.drainOnce();
  const { id: callId } = await callOf(entry);
  const [rings] = (await office.heard(entry)).messages;
  if (!rings) throw new Error('Nothing was heard');
  const look = ringingOf(withCallMessage(newCallState(callId), rings, rings.receivedAt));
  if (!look) throw new Error('Nothing rings');
  const connection = await office.db.client.acquireConnection();
  const show = (toldBy: number) => showRinging({ db: office.db, connection }, { callId, toldBy }, look.projection);
  try {
    expect(await show(1)).toBe(true);
    expect(await show(0)).toBe(false);
    await office.db('calls').where({ id: callId }).update({ projection_rank: 99 });
    expect(await show(1)).toBe(false);
    await office.db('calls').where({ id: callId }).update({ projection_rank: 0, command_id: callId, command_state: 'bound' });
    expect(await show(1)).toBe(false);
    await office.db('calls').where({ id: callId }).update({ command_id: null, command_state: null, state: 'over' });
    expect(await show(1)).toBe(false);
    expect(await office.db('calls').where({ id: callId }).first('state')).toEqual({ state: 'over' });
  } finally {
    await office.db.client.releaseConnection(connection);
  }
});
