import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { MissedCall } from '../../api/contract/missed.ts';
import { storeCallback } from '../../db/callbacks.ts';
import { agent, CallRunner, seedCast } from '../support/call-runner.ts';
import { as, startTestApi, type Caller, type TestApi } from '../support/api.ts';

const HOUR = 3_600_000;
let api: TestApi;
let cast: Awaited<ReturnType<typeof seedCast>>;
let phone: string;
let counter = 0;
let now = 0;
beforeAll(async () => {
  api = await startTestApi();
  cast = await seedCast(api.db);
});
afterAll(() => api.close());
beforeEach(async () => {
  counter += 1;
  now = Date.parse('2026-03-06T20:15:00Z') + counter * 1000;
  phone = `+7916${String(2_000_000 + counter)}`;
  await api.db('tickets').where({ status: 'open' }).update({ status: 'closed', closed_at: new Date() });
});

const list = async (query = '', by: Caller = api.anna): Promise<{ items: MissedCall[]; total: number }> =>
  as(await by.get(`/api/missed-calls?${query}`));
const iso = (ms: number): string => new Date(Math.floor(ms / 1000) * 1000).toISOString();

async function miss(at = now, who = [cast.anna]): Promise<void> {
  const call = await CallRunner.start(api.db, cast.integrationId, { phone, at });
  for (const id of who) await call.send(call.leg(`L${id}`, 'appeared', { to: agent(id) }));
  await call.pass(20_000);
  for (const id of who) await call.send(call.leg(`L${id}`, 'disconnected'));
  await call.send(call.summary({ talkedAt: null }));
  await call.pass(2_500);
}
async function talk(at: number, by = cast.boris): Promise<void> {
  const call = await CallRunner.start(api.db, cast.integrationId, { phone, at });
  await call.send(call.leg('A', 'appeared', { to: agent(by) }));
  await call.send(call.leg('A', 'connected'));
  await call.pass(60_000);
  await call.send(call.leg('A', 'disconnected'), call.summary({ talkedAt: call.now - 60_000 }));
  await call.pass(2_500);
}
/** Dialled on the softphone; nobody answers, so the attempt goes into the open missed-call ticket (S10). */
async function tryInVain(at: number, by = cast.vera): Promise<void> {
  const call = await CallRunner.start(api.db, cast.integrationId, { phone, at });
  await call.send(call.leg('O', 'appeared', { from: agent(by), to: { kind: 'outside', number: 1 } }));
  await call.pass(30_000);
  await call.send(call.leg('O', 'disconnected'));
  await call.send(call.summary({ direction: 'outgoing', from: agent(by), to: { kind: 'outside', number: 1 }, talkedAt: null }));
  await call.pass(2_500);
}

describe('The worklist of missed calls', () => {
  test('says how often, when last, and since when the customer waits: over a night and a weekend too', async () => {
    await miss();
    await miss(now + 14 * HOUR);
    await miss(now + 61 * HOUR);
    const { items, total } = await list();
    expect(total).toBe(1);
    expect(items).toMatchObject([{ missedCount: 3, phone, waitingSince: iso(now), tries: 0, attempts: [], calling: null }]);
    expect(Date.parse(items[0]!.lastMissedAt!)).toBeGreaterThan(now + 61 * HOUR);
  });

  test('names the number that called last, as long as it is the customer’s', async () => {
    const first = phone;
    await miss();
    const [{ customer }] = (await list()).items as [MissedCall];
    const second = first.replace('+7916', '+7917');
    await api.anna.patch(`/api/customers/${customer!.id}`, { phones: [first, second] });
    phone = second;
    await miss(now + HOUR);
    expect((await list()).items).toMatchObject([{ missedCount: 2, phone: second, subject: expect.stringContaining('+7 916') }]);
    await api.anna.patch(`/api/customers/${customer!.id}`, { phones: [first] });
    expect((await list()).items).toMatchObject([{ phone: first }]);
  });

  test('the wait begins anew after a talk', async () => {
    await miss();
    await talk(now + HOUR);
    await miss(now + 2 * HOUR);
    const { items } = await list();
    expect(items.map(({ waitingSince }) => waitingSince)).toEqual([iso(now), iso(now + 2 * HOUR)]);
  });

  test('whoever waits longest comes first, not whoever called least recently', async () => {
    await miss(now);
    const first = phone;
    phone = phone.replace('+7916', '+7917');
    await miss(now + HOUR);
    const second = phone;
    phone = first;
    await miss(now + 5 * HOUR);
    expect((await list()).items.map((item) => item.phone)).toEqual([first, second]);
  });

  test('tells what was tried since: by whom, when, and with what outcome', async () => {
    await miss();
    await tryInVain(now + HOUR);
    await tryInVain(now + 2 * HOUR, cast.boris);
    const [before] = (await list()).items;
    expect(before).toMatchObject({
      tries: 2,
      attempts: [
        { agent: { fullName: 'Борис' }, outcome: 'unanswered', direction: 'outgoing', at: iso(now + 2 * HOUR) },
        { agent: { fullName: 'Вера' }, outcome: 'unanswered', direction: 'outgoing', at: iso(now + HOUR) },
      ],
    });
    // A talk that nobody linked to the ticket leaves it open (S18); the list tells of it.
    await talk(now + 3 * HOUR, cast.anna);
    expect((await list()).items.find(({ kind }) => kind === 'missed')).toMatchObject({
      tries: 2,
      attempts: [{ agent: { fullName: 'Анна' }, outcome: 'talked', direction: 'incoming' }, {}, {}],
    });
  });

  test('what was tried before the first of these missed calls is not told', async () => {
    await talk(now - HOUR);
    await miss();
    expect((await list()).items).toMatchObject([{ tries: 0, attempts: [] }]);
  });

  test('a talk that leaves the ticket for another lets the customer wait again since the first call', async () => {
    await miss();
    await miss(now + HOUR);
    const [item] = (await list()).items;
    const since = async (): Promise<Date | null> =>
      ((await api.db('tickets').where({ id: item!.id }).first('waiting_since')) as { waiting_since: Date | null }).waiting_since;
    await talk(now + 2 * HOUR);
    const { id } = (await api.db('conversations').where({ phone, outcome: 'talked' }).first('id')) as { id: string };
    const [elsewhere] = (await api
      .db('tickets')
      .insert({ subject: 'x', status: 'pending', channel: 'call', kind: 'incoming', handset: 'green' }, ['id'])) as {
      id: string;
    }[];
    await api.db('conversations').where({ id }).update({ ticket_id: item!.id });
    expect(await since()).toBeNull();
    await api.db('conversations').where({ id }).update({ ticket_id: elsewhere!.id });
    expect((await since())?.toISOString()).toBe(iso(now));
  });

  test('says who is calling back at this moment', async () => {
    await miss();
    const [item] = (await list()).items;
    const order = { commandId: `c${counter}`, agentId: cast.boris, ticketId: item!.id, customerId: null, phone };
    const callId = await api.db.transaction((trx) => storeCallback(trx, { ...order, integrationId: cast.integrationId }));
    expect((await list()).items[0]!.calling).toEqual({ id: cast.boris, fullName: 'Борис' });
    await api.db('calls').where({ id: callId }).update({ state: 'over' });
    expect((await list()).items[0]!.calling).toBeNull();
  });

  test('mine, nobody’s, and what somebody may not see', async () => {
    await miss(now, [cast.anna, cast.boris]);
    const [item] = (await list()).items;
    expect((await list('assigneeId=none')).total).toBe(1);
    expect((await list('assigneeId=me')).total).toBe(0);
    await api.anna.patch(`/api/tickets/${item!.id}`, { assigneeId: api.anna.id });
    expect((await list('assigneeId=me')).items).toMatchObject([{ assignee: { id: api.anna.id } }]);
    await api.db('agents').where({ id: api.boris.id }).update({ access: 'own' });
    expect((await list('', api.boris)).total).toBe(0);
    await api.db('agents').where({ id: api.boris.id }).update({ access: 'all' });
  });

  test('reads its first page from an index, however many missed calls wait', async () => {
    await api.db.raw(
      `insert into tickets (subject, status, channel, kind, handset, waiting_since)
       select 'x', 'open', 'call', 'missed', 'red', now() - n * interval '1 minute' from generate_series(1, 20000) n`,
    );
    await api.db.raw('analyze tickets');
    const { rows } = await api.db.raw<{ rows: { 'QUERY PLAN': string }[] }>(
      `explain select t.id from tickets t where true and t.status in (?) and t.status <> 'closed' and t.kind in (?)
       order by t.waiting_since asc nulls last, t.id asc limit 50 offset 0`,
      ['open', 'missed'],
    );
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(plan).toContain('tickets_missed_waiting');
    expect(plan).not.toContain('Sort');
    expect((await list('pageSize=50')).items).toHaveLength(50);
  });
});
