import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { InspectedEvent, InspectedEventDetail, InspectedEvents, InspectorChoices } from '../../api/contract/inspector.ts';
import { createIntakePool, createRefusalRecord, storeEvent } from '../../db/intake.ts';
import type { CallTimeline, TimelineEntry } from '../../api/contract/timeline.ts';
import { as, codeOf, fieldsOf, startTestApi, type TestApi } from '../support/api.ts';
import { seedPbx } from '../support/api-calls.ts';
import { EventStream } from '../support/event-stream.ts';

let api: TestApi;
let account: string;
let intake: ReturnType<typeof createIntakePool>;
beforeAll(async () => {
  api = await startTestApi();
  account = await seedPbx(api.db);
  intake = createIntakePool(api.databaseUrl);
});
afterEach(async () => {
  await api.db('inbox').delete();
  await api.db('refused_events').delete();
});
afterAll(async () => {
  await intake.end();
  await api.close();
});

let minute = 0;
const MIDNIGHT = Date.parse('2026-03-01T00:00:00Z');
/** A row of the inbox, each a minute later than the one before. */
async function store(values: Record<string, unknown> = {}): Promise<string> {
  minute += 1;
  const { body = { call_state: 'Appeared', seq: 1, from: { number: '79161234567' }, to: { extension: '101' } }, ...more } =
    values;
  const [row] = (await api
    .db('inbox')
    .insert({
      source: 'pbx',
      integration_id: account,
      key: randomUUID(),
      entry: `entry-${minute}`,
      path: '/events/call',
      raw: '{}',
      verdict: 'delivered',
      received_at: new Date(MIDNIGHT + minute * 60_000),
      delivered_at: new Date(MIDNIGHT + minute * 60_000 + 120),
      body: JSON.stringify(body),
      ...more,
    })
    .returning('id')) as { id: string }[];
  return `i${row?.id ?? ''}`;
}
async function refuse(values: Record<string, unknown> = {}): Promise<string> {
  minute += 1;
  const [row] = (await api
    .db('refused_events')
    .insert({ at: new Date(MIDNIGHT + minute * 60_000), path: '/events/call', reason: 'bad_signature', ...values })
    .returning('id')) as { id: string }[];
  return `r${row?.id ?? ''}`;
}

const list = async (query = ''): Promise<InspectedEvents> => {
  const answer = await api.admin.get(`/api/inspector/events${query}`);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return as<InspectedEvents>(answer);
};
const idsOf = async (query = ''): Promise<string[]> => (await list(query)).items.map(({ id }) => id);
const one = async (query = ''): Promise<InspectedEvent | undefined> => (await list(query)).items[0];

describe('the list', () => {
  it('holds every event and every refusal, newest first, with when it came and how long it took', async () => {
    const first = await store();
    const refused = await refuse({ integration_id: account, detail: { why: 'salt_or_body' } });
    const last = await store({ path: '/events/summary', body: { entry_id: 'e' } });
    const { items, before } = await list();
    expect(items.map(({ id }) => id)).toEqual([last, refused, first]);
    expect(before).toBeNull();
    expect(items[2]).toMatchObject({
      verdict: 'delivered',
      account: { id: account },
      path: '/events/call',
      state: 'Appeared',
      sequence: 1,
      from: { extension: null, number: '7••••••4567' },
      to: { extension: '101', number: null },
      lagMs: 120,
    });
    expect(items[1]).toMatchObject({
      verdict: 'bad_signature',
      why: 'salt_or_body',
      account: { id: account },
      deliveredAt: null,
    });
  });

  it('calls what has just come accepted, and waiting once Temporal refused it', async () => {
    await store({ delivered_at: null, verdict: 'accepted', received_at: new Date() });
    const accepted = { verdict: 'accepted', lagMs: null };
    expect(await one()).toMatchObject(accepted);
    expect(await one('?verdict=accepted')).toMatchObject(accepted);
    expect(await list('?verdict=waiting')).toMatchObject({ items: [] });
    await api.db('inbox').update({ last_error: 'Temporal: unavailable' });
    expect(await one('?verdict=waiting')).toMatchObject({ verdict: 'waiting', error: 'Temporal: unavailable' });
    expect(await list('?verdict=accepted')).toMatchObject({ items: [] });
  });

  it('says what became of each', async () => {
    const waiting = { delivered_at: null, verdict: 'accepted' };
    const cases: [Record<string, unknown>, Partial<InspectedEvent>][] = [
      // Nobody is there who would try: the worker is down, or is still at what came before.
      [waiting, { verdict: 'waiting', error: null }],
      [
        { ...waiting, attempts: 3, last_error: 'Temporal: unavailable' },
        { verdict: 'waiting', error: 'Temporal: unavailable' },
      ],
      [{ why: 'operator_unknown' }, { verdict: 'unknown_operator', why: 'operator_unknown' }],
      [{ why: 'operator_unmapped' }, { verdict: 'unknown_operator', why: 'operator_unmapped' }],
      [{ why: 'operator_ignored' }, { verdict: 'ignored', why: 'operator_ignored' }],
      [
        { verdict: 'ignored', why: 'unknown_state' },
        { verdict: 'ignored', why: 'unknown_state' },
      ],
      [{ verdict: 'late' }, { verdict: 'late' }],
      [
        { verdict: 'kept', entry: null },
        { verdict: 'kept', why: 'unused_kind', deliveredAt: null },
      ],
      [
        { verdict: 'kept', entry: null, why: 'differs_from_first' },
        { verdict: 'kept', why: 'differs_from_first' },
      ],
      [
        { verdict: 'failed', why: 'untranslatable', last_error: 'seq: bad' },
        { verdict: 'failed', error: 'seq: bad' },
      ],
      [{ repeats: 2 }, { verdict: 'delivered', repeats: 2 }],
    ];
    for (const [values, shown] of cases) {
      await store(values);
      expect(await one()).toMatchObject(shown);
      expect(await one(`?verdict=${shown.verdict ?? ''}`)).toMatchObject(shown);
    }
    expect((await list('?verdict=repeated')).items).toMatchObject([{ repeats: 2 }]);
  });

  it('leafs through everything once, in order, even where moments coincide', async () => {
    const at = new Date('2026-04-01T00:00:00Z');
    const stored: string[] = [];
    for (let n = 0; n < 7; n++) stored.unshift(await store(n < 4 ? { received_at: at } : {}));
    const refused = [await refuse({ at }), await refuse({ at })];
    const pages: string[][] = [];
    for (let before: string | null = ''; before !== null;) {
      const page: InspectedEvents = await list(`?limit=2${before ? `&before=${before}` : ''}`);
      pages.push(page.items.map(({ id }) => id));
      before = page.before;
    }
    expect(pages.flat()).toHaveLength(9);
    expect(new Set(pages.flat())).toEqual(new Set([...stored, ...refused]));
    expect(pages.flat()).toEqual(await idsOf());
  });

  it('is narrowed by verdict, kind, account, operator, call, period and digits, and by all at once', async () => {
    const entry = `entry-${randomUUID()}`;
    const [call] = (await api
      .db('calls')
      .insert({ integration_id: account, entry_id: entry, line: '+74950000001' })
      .returning('id')) as { id: string }[];
    const callId = call?.id ?? '';
    await api.db('call_numbers').insert({ call_id: callId, ref: 0, number: '+79031112233' });
    await store();
    const ofCall = await store({
      entry,
      why: 'operator_ignored',
      body: { from: { number: '79031112233' }, to: { extension: '777' } },
    });
    const summary = await store({ entry, path: '/events/summary', body: { entry_id: entry } });
    const fromIt = await store({
      body: { from: { extension: '777' }, to: { number: '79990001122' } },
      delivered_at: null,
      verdict: 'accepted',
    });
    const recording = await store({ path: '/events/recording', body: { extension: '777', recording_state: 'Started' } });
    const action = await store({ source: 'agent', path: null, body: { action: 'create_ticket', agentId: api.anna.id } });
    const refused = await refuse({ reason: 'malformed' });

    expect(await idsOf('?verdict=ignored')).toEqual([ofCall]);
    expect(await idsOf('?verdict=refused')).toEqual([refused]);
    expect(await idsOf('?verdict=malformed')).toEqual([refused]);
    expect(await idsOf('?verdict=bad_signature')).toEqual([]);
    expect(await idsOf('?kind=/events/summary')).toEqual([summary]);
    expect(await idsOf('?kind=agent')).toEqual([action]);
    expect(await idsOf('?extension=777')).toEqual([recording, fromIt, ofCall]);
    expect(await idsOf(`?call=${callId}`)).toEqual([summary, ofCall]);
    expect(await idsOf(`?call=${entry}`)).toEqual([summary, ofCall]);
    expect(await idsOf(`?call=${randomUUID()}`)).toEqual([]);
    expect(await idsOf('?digits=1112233')).toEqual([summary, ofCall]);
    expect(await idsOf('?digits=74950000001')).toEqual([summary, ofCall]);
    expect(await idsOf('?digits=0001122')).toEqual([fromIt]);
    expect(await idsOf('?digits=1112233&extension=777')).toEqual([ofCall]);
    expect(await idsOf(`?accountId=${randomUUID()}`)).toEqual([]);
    expect(
      await idsOf(`?accountId=${account}&kind=/events/call&extension=777&verdict=ignored&digits=7903&call=${callId}`),
    ).toEqual([ofCall]);
    const at = (await list(`?kind=/events/summary`)).items[0]?.receivedAt ?? '';
    expect(await idsOf(`?from=${at}&to=${new Date(Date.parse(at) + 1).toISOString()}`)).toEqual([summary]);
    expect(await one('?kind=agent')).toMatchObject({
      state: 'create_ticket',
      agent: { id: api.anna.id, fullName: 'Анна Смирнова' },
    });
    expect(await one(`?call=${callId}`)).toMatchObject({ callId });
  });

  it.each([
    ['verdict=nothing', 'verdict'],
    ['digits=12', 'digits'],
    ['before=x', 'before'],
    ['extension=a b', 'extension'],
    ['limit=0', 'limit'],
    ['kind=nothing', 'kind'],
  ])('refuses %s, and names it', async (query, field) => {
    const answer = await api.admin.get(`/api/inspector/events?${query}`);
    expect([answer.status, codeOf(answer), fieldsOf(answer)]).toEqual([400, 'invalid_request', [field]]);
  });

  it('tells by which accounts and kinds it can be narrowed', async () => {
    await store({ path: '/events/summary' });
    await store({ path: '/result/callback' });
    await store();
    const choices = as<InspectorChoices>(await api.admin.get('/api/inspector/choices'));
    expect(choices.kinds).toEqual(['/events/call', '/events/summary', '/result/callback']);
    expect(choices.accounts.map(({ id }) => id)).toEqual([account]);
  });
});

describe('one event', () => {
  const body = { entry_id: 'e', call_id: '79161234567', from: { number: '79161234567' }, vpbx_api_key: 'key', sign: 'sign' };

  it('shows its body with four digits of each number and no secret', async () => {
    const id = await store({ body });
    const answer = await api.admin.get(`/api/inspector/events/${id}`);
    expect(as<InspectedEventDetail>(answer)).toMatchObject({
      id,
      numbersShown: false,
      body: { entry_id: 'e', call_id: '79161234567', from: { number: '7••••••4567' }, vpbx_api_key: '[…]', sign: '[…]' },
    });
  });

  it('shows its numbers on demand, which stands in the audit log', async () => {
    const id = await store({ body });
    expect(await api.db('audit_log').where({ action: 'inspector.unmasked' })).toEqual([]);
    const answer = await api.admin.post(`/api/inspector/events/${id}/unmask`);
    expect(as<InspectedEventDetail>(answer)).toMatchObject({
      numbersShown: true,
      body: { from: { number: '79161234567' }, sign: '[…]' },
    });
    expect(await api.db('audit_log').where({ action: 'inspector.unmasked' })).toMatchObject([
      { agent_id: api.admin.id, subject: id, address: expect.any(String) as string },
    ]);
  });

  it('of a refused request tells why, and holds nothing that was sent', async () => {
    const id = await refuse({ path: '/events/79161234567', address: '203.0.113.9', detail: { why: 'no_salt', errors: [] } });
    const shown = as<InspectedEventDetail>(await api.admin.get(`/api/inspector/events/${id}`));
    expect(shown).toMatchObject({ why: 'no_salt', address: '203.0.113.9', body: null, path: '/events/7••••••4567' });
  });

  it.each(['i999999', 'r999999', 'x1', '1'])('%s is not found', async (id) => {
    expect((await api.admin.get(`/api/inspector/events/${id}`)).status).toBe(404);
  });
});

it('opening the inspector stands in the audit log once per look, however often the page asks', async () => {
  const [one, other] = [await api.addAgent({ role: 'admin' }), await api.addAgent({ role: 'admin' })];
  for (let n = 0; n < 3; n++) await one.get('/api/inspector/events');
  await other.get('/api/inspector/events');
  const opened = api.db('audit_log').where({ action: 'inspector.opened' }).whereIn('agent_id', [one.id, other.id]);
  const rows = (await opened.orderBy('id')) as { agent_id: string }[];
  expect(rows.map(({ agent_id }) => agent_id)).toEqual([one.id, other.id]);
});

it('admins are told of every event, repeat and refusal as it comes, and agents are not', async () => {
  const [stream, annas] = await Promise.all([EventStream.open(api.admin), EventStream.open(api.anna)]);
  const told = (): number => stream.ofType('inbox.changed').length;
  const event = { integrationId: account, key: 'k', entry: 'e', path: '/events/call', body: { a: 1 }, raw: '{"a":1}' };
  await storeEvent(intake, event);
  await stream.until(() => told() === 1);
  await storeEvent(intake, event);
  await stream.until(() => told() === 2);
  expect(await one('?verdict=repeated')).toMatchObject({ repeats: 1, repeatedAt: expect.any(String) as string });
  createRefusalRecord(intake, 5)({ path: '/', reason: 'malformed', integrationId: null, address: null, detail: {} });
  await stream.until(() => told() === 3);
  await storeEvent(intake, { ...event, body: { a: 2 }, raw: '{"a":2}' });
  await stream.until(() => told() === 4);
  expect(await one()).toMatchObject({ verdict: 'kept', why: 'differs_from_first' });
  expect(annas.ofType('inbox.changed')).toEqual([]);
  stream.close();
  annas.close();
});

describe('the timeline of a call', () => {
  type Command = Extract<TimelineEntry, { type: 'command' }>;
  const timelineOf = async (callId: string): Promise<CallTimeline> =>
    as<CallTimeline>(await api.admin.get(`/api/calls/${callId}/timeline`));
  const commandsIn = ({ entries }: CallTimeline): Command[] => entries.filter((entry) => entry.type === 'command');
  const addCall = async (values: Record<string, unknown> = {}): Promise<{ id: string; entry: string }> => {
    const entry = randomUUID();
    const [row] = (await api
      .db('calls')
      .insert({ integration_id: account, entry_id: entry, ...values })
      .returning('id')) as { id: string }[];
    return { id: row?.id ?? '', entry };
  };
  const command = (callId: string, values: Record<string, unknown>) =>
    api.db('call_commands').insert({ call_id: callId, command_id: randomUUID(), what: 'hang_up', ...values });

  it('shows each command with when, by whom, and what came of it', async () => {
    const { id } = await addCall();
    const start = Date.now() - 3_600_000;
    const at = (second: number): Date => new Date(start + second * 1000);
    await command(id, {
      what: 'callback',
      agent_id: api.anna.id,
      ordered_at: at(0),
      answered_at: at(1),
      state: 'accepted',
      code: 1000,
    });
    await command(id, { ordered_at: at(2), answered_at: at(3), state: 'refused', word: 'call_over', code: 4101 });
    await command(id, { ordered_at: at(4), answered_at: at(5), state: 'not_sent', word: 'locked_out' });
    await command(id, { ordered_at: at(6) });
    await command(id, { ordered_at: new Date() });
    const commands = commandsIn(await timelineOf(id));
    expect(commands.map(({ what, state, word, code }) => [what, state, word, code])).toEqual([
      ['callback', 'accepted', null, 1000],
      ['hang_up', 'refused', 'call_over', 4101],
      ['hang_up', 'not_sent', 'locked_out', null],
      // Whoever sent it died before the answer came.
      ['hang_up', 'unknown', 'answer_lost', null],
      ['hang_up', null, null, null],
    ]);
    expect(commands[0]).toMatchObject({
      at: at(0).toISOString(),
      answeredAt: at(1).toISOString(),
      agent: { fullName: 'Анна Смирнова' },
    });
  });

  it('of a callback that came to nothing says so, with the PBX’s code in a word', async () => {
    const over = { command_state: 'refused', state: 'over', ended_at: new Date() };
    const { id } = await addCall({ entry_id: null, command_id: randomUUID(), command_code: 'pbx_2240', ...over });
    expect(commandsIn(await timelineOf(id))).toMatchObject([{ what: 'no_call', word: 'not_enough_money', code: 2240 }]);
    const other = await addCall({ entry_id: null, command_id: randomUUID(), command_code: 'no_answer_from_pbx', ...over });
    expect(commandsIn(await timelineOf(other.id))).toMatchObject([{ what: 'no_call', word: 'no_answer_from_pbx', code: null }]);
  });

  it('of a test call shows the command and the PBX’s later answer to it', async () => {
    const { id, entry } = await addCall();
    const commandId = `test-${randomUUID()}`;
    const order = { integration_id: account, command_id: commandId, extension: '101', ordered_by: api.admin.id };
    await api.db('test_calls').insert({ ...order, outcome: 'accepted', answered_at: new Date() });
    await store({ entry, body: { call_state: 'Appeared', command_id: commandId } });
    await store({ entry: `callback:${commandId}`, path: '/result/callback', body: { command_id: commandId, result: 2240 } });
    const timeline = await timelineOf(id);
    expect(commandsIn(timeline)).toMatchObject([
      { what: 'test_call', state: 'accepted', commandId, agent: { id: api.admin.id } },
    ]);
    const events = timeline.entries.filter((each) => each.type === 'event');
    expect(events.map(({ event, outcome }) => [event.path, outcome?.code ?? null])).toEqual([
      ['/events/call', null],
      ['/result/callback', 'not_enough_money'],
    ]);
  });
});
