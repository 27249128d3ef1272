import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { prepareDeliveries } from '../../activities/dispatcher/prepare.ts';
import { createReconcileSteps, nextPeriod, RECONCILE_TIMING } from '../../activities/reconcile.ts';
import type { PastCall } from '../../activities/telephony/port.ts';
import type { InboxRow } from '../../db/inbox.ts';
import { createLogger } from '../../db/log.ts';
import { inTransaction } from '../../db/pool.ts';
import { seedCast } from '../support/call-runner.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { createFakeTelephony, type FakeTelephony } from '../support/fake-telephony.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
let database: TestDatabase;
let cast: Awaited<ReturnType<typeof seedCast>>;
let pbx: FakeTelephony;
let now: number;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  await database.db('integrations').update({ removed_at: new Date() });
  cast = await seedCast(database.db);
  await database.db('operators').insert({ integration_id: cast.integrationId, extension: '101', agent_id: cast.anna });
  pbx = createFakeTelephony();
  now = Math.floor(Date.now() / 1000) * 1000;
  await database
    .db('integrations')
    .where({ id: cast.integrationId })
    .update({ created_at: new Date(now - 20 * HOUR) });
});

/** An incoming call that ended so long ago, answered by 101 and recorded. */
function pastCall(endedAgoMs: number, more: Partial<PastCall> = {}): PastCall {
  const end = now - endedAgoMs;
  const entryId = randomUUID();
  return {
    entryId,
    direction: 'incoming',
    outsideNumber: '79161234567',
    line: '74950000000',
    isCallback: false,
    startedAt: new Date(end - 60_000),
    endedAt: new Date(end),
    legs: [
      {
        legId: `leg-${entryId}`,
        kind: 'operator',
        extension: '101',
        number: null,
        startedAt: new Date(end - 60_000),
        answeredAt: new Date(end - 50_000),
        endedAt: new Date(end),
        reason: 1110,
        recordingIds: [`rec-${entryId}`],
      },
    ],
    ...more,
  };
}

const reconcile = () =>
  createReconcileSteps({
    db: database.db,
    log: createLogger('test', { level: 'silent' }),
    telephony: { forIntegration: () => pbx },
    now: () => now,
  }).reconcileCalls();
const inboxOf = async (entry: string): Promise<InboxRow[]> =>
  (await database.db('inbox').where({ integration_id: cast.integrationId, entry }).orderBy('id')) as InboxRow[];
const run = async (): Promise<Record<string, unknown>> =>
  (await database.db('pbx_reconciliations').where({ integration_id: cast.integrationId }).first()) as Record<string, unknown>;
const hear = (entry: string, path: string, body: object, receivedAgoMs = HOUR) =>
  database.db('inbox').insert({
    source: 'pbx',
    integration_id: cast.integrationId,
    key: randomUUID(),
    entry,
    path,
    body: JSON.stringify(body),
    verdict: 'delivered',
    received_at: new Date(Date.now() - receivedAgoMs),
    delivered_at: new Date(Date.now() - receivedAgoMs),
  });

describe('A call that no event told of', () => {
  it('comes in by the one door, marked, once however often statistics are read', async () => {
    const call = pastCall(10 * MINUTE);
    pbx.calls = [call];
    expect(await reconcile()).toEqual({ eventsAdded: 6, caughtUp: true });
    expect(await reconcile()).toEqual({ eventsAdded: 0, caughtUp: true });
    const rows = await inboxOf(call.entryId);
    expect(rows.map((row) => [row.source, row.path])).toEqual([
      ['reconcile', '/events/call'],
      ['reconcile', '/events/call'],
      ['reconcile', '/events/call'],
      ['reconcile', '/events/recording'],
      ['reconcile', '/events/record/added'],
      ['reconcile', '/events/summary'],
    ]);
    expect(rows.every((row) => row.key.startsWith(`reconcile:${call.entryId}:`))).toBe(true);
  });

  it('is read by the dispatcher like any other, and every message says where it is from', async () => {
    const call = pastCall(10 * MINUTE);
    pbx.calls = [call];
    await reconcile();
    const rows = await inboxOf(call.entryId);
    const deliveries = await inTransaction(database.db, (trx) => prepareDeliveries(trx, rows, 'RU'));
    const messages = deliveries.flatMap((delivery) =>
      delivery.kind === 'call' ? delivery.parcels.map((parcel) => parcel.message) : [],
    );
    expect(messages.map((message) => message.type)).toEqual(['leg', 'leg', 'leg', 'recording', 'recording', 'summary']);
    expect(messages.every((message) => message.reconciled === true)).toBe(true);
    expect(messages[1]).toMatchObject({
      state: 'connected',
      to: { kind: 'agent', agentId: cast.anna },
      from: { kind: 'outside' },
    });
    expect(await database.db('calls').where({ entry_id: call.entryId }).first('phone', 'line')).toEqual({
      phone: '+79161234567',
      line: '+74950000000',
    });
  });

  it('is left alone for three minutes: it may still be on its way', async () => {
    const call = pastCall(2 * MINUTE);
    pbx.calls = [call];
    expect((await reconcile()).eventsAdded).toBe(0);
    now += 2 * MINUTE;
    expect((await reconcile()).eventsAdded).toBe(6);
  });

  it('that is found by two workers at once comes in once', async () => {
    pbx.calls = [pastCall(10 * MINUTE)];
    const results = await Promise.all([reconcile(), reconcile()]);
    expect(results.reduce((sum, result) => sum + result.eventsAdded, 0)).toBe(6);
  });
});

describe('A call that events told of', () => {
  const leg = (call: PastCall, seq: number, state: string, more: object = {}) => ({
    entry_id: call.entryId,
    call_id: `leg-${call.entryId}`,
    seq,
    call_state: state,
    timestamp: call.startedAt.getTime() / 1000,
    location: 'abonent',
    from: { number: '79161234567' },
    to: { extension: '101' },
    ...more,
  });

  it('in part is completed by the rest', async () => {
    const call = pastCall(10 * MINUTE);
    pbx.calls = [call];
    await hear(call.entryId, '/events/call', leg(call, 1, 'Appeared'));
    expect((await reconcile()).eventsAdded).toBe(5);
    const rows = await inboxOf(call.entryId);
    expect(rows.map((row) => (row.body as { call_state?: string }).call_state)).toEqual([
      'Appeared',
      'Connected',
      'Disconnected',
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('is not touched while any of it is on its way or came a moment ago, and looked at again however long that takes', async () => {
    const call = pastCall(6 * HOUR);
    pbx.calls = [call];
    await hear(call.entryId, '/events/call', leg(call, 1, 'Appeared'));
    await database.db('inbox').where({ entry: call.entryId }).update({ delivered_at: null });
    expect((await reconcile()).eventsAdded).toBe(0);
    now += 8 * HOUR;
    expect((await reconcile()).eventsAdded).toBe(0);
    await database.db('inbox').where({ entry: call.entryId }).update({ delivered_at: new Date() });
    expect((await reconcile()).eventsAdded).toBe(5);
  });

  it('and is over gets only its recording', async () => {
    const call = pastCall(10 * MINUTE);
    pbx.calls = [call];
    await database
      .db('calls')
      .insert({ integration_id: cast.integrationId, entry_id: call.entryId, state: 'over', direction: 'incoming' });
    expect((await reconcile()).eventsAdded).toBe(2);
    expect((await inboxOf(call.entryId)).map((row) => row.path)).toEqual(['/events/recording', '/events/record/added']);
  });

  it('and is over, with its recording kept, gets nothing, even if its raw events are gone', async () => {
    const call = pastCall(10 * MINUTE);
    pbx.calls = [call];
    const [row] = (await database
      .db('calls')
      .insert({ integration_id: cast.integrationId, entry_id: call.entryId, state: 'over', direction: 'incoming' }, ['id'])) as {
      id: string;
    }[];
    await database.db('recordings').insert({ call_id: row?.id, recording_id: `rec-${call.entryId}`, state: 'ready' });
    expect((await reconcile()).eventsAdded).toBe(0);
  });

  it('whole gets nothing', async () => {
    const call = pastCall(10 * MINUTE);
    pbx.calls = [call];
    await reconcile();
    await database
      .db('inbox')
      .where({ entry: call.entryId })
      .update({ source: 'pbx', delivered_at: new Date(), received_at: new Date(now - HOUR) });
    expect((await reconcile()).eventsAdded).toBe(0);
  });
});

describe('A callback of ours of which no event came', () => {
  async function ordered(phone: string, startedAgoMs: number): Promise<string> {
    const commandId = randomUUID();
    await database.db('calls').insert({
      integration_id: cast.integrationId,
      command_id: commandId,
      command_state: 'accepted',
      ordered_by: cast.anna,
      phone,
      direction: 'outgoing',
      state: 'dialling',
      started_at: new Date(now - startedAgoMs),
      workflow_id: `callback:${commandId}`,
    });
    return commandId;
  }

  it('is recognised by who called whom and when', async () => {
    await ordered('+79160000000', 11 * MINUTE);
    await ordered('+79161234567', 30 * MINUTE);
    const commandId = await ordered('+79161234567', 11 * MINUTE);
    const call = pastCall(10 * MINUTE, { direction: 'outgoing', line: null });
    pbx.calls = [call];
    await reconcile();
    const legs = (await inboxOf(call.entryId)).filter((row) => row.path === '/events/call');
    expect(legs.map((row) => (row.body as { command_id?: string }).command_id)).toEqual([commandId, commandId, commandId]);
  });

  it('is not taken for one of another number or another time', async () => {
    await ordered('+79160000000', 11 * MINUTE);
    await ordered('+79161234567', 30 * MINUTE);
    const call = pastCall(10 * MINUTE, { direction: 'outgoing', line: null });
    pbx.calls = [call];
    await reconcile();
    const bodies = (await inboxOf(call.entryId)).map((row) => row.body as object);
    expect(bodies.some((body) => 'command_id' in body)).toBe(false);
  });
});

describe('The period that is compared', () => {
  const account = { connectedAt: new Date(0), reconciledUntil: null as Date | null };
  const at = (ms: number): Date => new Date(ms);
  const NOW = 100 * 24 * HOUR;

  it('begins with the connection of the account: what was before is none of ours', () => {
    const period = nextPeriod({ ...account, connectedAt: at(NOW - HOUR) }, RECONCILE_TIMING, NOW);
    expect(period).toEqual({ from: at(NOW - HOUR), to: at(NOW - 3 * MINUTE), isLast: true });
  });

  it('overlaps the last one by the longest call, as calls are dated by their beginning and told at their end', () => {
    const period = nextPeriod({ ...account, reconciledUntil: at(NOW - 10 * MINUTE) }, RECONCILE_TIMING, NOW);
    expect(period.from).toEqual(at(NOW - 10 * MINUTE - 4 * HOUR));
  });

  it('after a long outage goes forward a day at a time, from a fortnight back at most', () => {
    const first = nextPeriod({ ...account, reconciledUntil: at(NOW - 60 * 24 * HOUR) }, RECONCILE_TIMING, NOW);
    expect(first).toEqual({
      from: at(NOW - 3 * MINUTE - 14 * 24 * HOUR),
      to: at(NOW - 3 * MINUTE - 13 * 24 * HOUR),
      isLast: false,
    });
  });

  it('is told, with how far it has come, and says when there is more', async () => {
    await database
      .db('integrations')
      .where({ id: cast.integrationId })
      .update({ created_at: new Date(now - 40 * HOUR) });
    pbx.calls = [pastCall(39 * HOUR), pastCall(10 * MINUTE)];
    expect(await reconcile()).toEqual({ eventsAdded: 6, caughtUp: false });
    expect(await run()).toMatchObject({
      reconciled_until: new Date(now - 16 * HOUR),
      calls_seen: 1,
      events_added: 6,
      code: null,
    });
    expect(await reconcile()).toEqual({ eventsAdded: 6, caughtUp: true });
    expect(pbx.sent.map((request) => request.method)).toEqual(['fetchCalls', 'fetchCalls']);
  });

  it('is asked for again when the PBX did not tell, and an admin can read why', async () => {
    pbx.calls = [pastCall(10 * MINUTE)];
    pbx.refuseNext('fetchCalls', { outcome: 'refused', code: 2240, word: 'not_enough_money' });
    expect(await reconcile()).toEqual({ eventsAdded: 0, caughtUp: true });
    expect(await run()).toMatchObject({ code: 'not_enough_money', events_added: 0 });
    expect((await reconcile()).eventsAdded).toBe(6);
    expect(await run()).toMatchObject({ code: null, events_added: 6 });
  });

  it('is none of an account that was removed', async () => {
    await database.db('integrations').where({ id: cast.integrationId }).update({ removed_at: new Date() });
    expect(await reconcile()).toEqual({ eventsAdded: 0, caughtUp: true });
    expect(pbx.sent).toEqual([]);
  });
});
