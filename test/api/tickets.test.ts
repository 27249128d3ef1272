import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Message, Ticket, TicketListItem } from '../../api/contract/tickets.ts';
import { as, codeOf, fieldsOf, startTestApi, type Answer, type Caller, type TestApi } from '../support/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

interface Page {
  readonly items: TicketListItem[];
  readonly total: number;
}
const create = async (values: object = {}, by: Caller = api.anna): Promise<Ticket> => {
  const answer = await by.post('/api/tickets', { subject: 'Вопрос', channel: 'email', ...values });
  expect([answer.status, answer.body]).toEqual([201, expect.anything()]);
  return as<Ticket>(answer);
};
const list = async (query: string, by: Caller = api.anna): Promise<Page> => {
  const answer = await by.get(`/api/tickets?${query}`);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return as<Page>(answer);
};
const eventsOf = async (ticketId: string): Promise<{ type: string; is_work: boolean; actor_type: string }[]> =>
  (await api.db('ticket_events').where({ ticket_id: ticketId }).orderBy('id').select('type', 'is_work', 'actor_type')) as never;
const word = (): string => `слово${randomUUID().slice(0, 8)}`;

describe('A ticket made by hand', () => {
  it('has what was given, and a number of its own', async () => {
    const made = await create({ subject: 'Счёт', channel: 'web', assigneeId: api.boris.id, message: { body: 'Пришлите счёт' } });
    expect(made).toMatchObject({
      subject: 'Счёт',
      channel: 'web',
      status: 'open',
      kind: null,
      handset: null,
      assignee: { id: api.boris.id, fullName: 'Борис Кузнецов' },
      customer: null,
      missedCount: 0,
      closedAt: null,
      messages: [{ type: 'reply', body: 'Пришлите счёт', author: { type: 'agent', id: api.anna.id, fullName: 'Анна Смирнова' } }],
    });
    expect((await api.anna.get(`/api/tickets/${made.id}`)).body).toEqual(made);
    expect(await eventsOf(made.id)).toEqual([
      { type: 'created', is_work: true, actor_type: 'agent' },
      { type: 'reply', is_work: true, actor_type: 'agent' },
    ]);
  });

  it('of channel call has a kind, a handset and a number in E.164', async () => {
    const made = await create({ channel: 'call', kind: 'missed', phone: '8 (912) 345-67-89' });
    expect(made).toMatchObject({ channel: 'call', kind: 'missed', handset: 'red', phone: '+79123456789' });
  });

  it('made closed was closed when it was created', async () => {
    const made = await create({ status: 'closed' });
    expect(made.closedAt).toBe(made.createdAt);
  });

  it('that a customer wrote counts as the customer\u2019s and not as work', async () => {
    const made = await create({ message: { body: 'Где заказ?', author: 'customer' } });
    expect(made.messages[0]?.author.type).toBe('customer');
    expect(await eventsOf(made.id)).toEqual([
      { type: 'created', is_work: false, actor_type: 'customer' },
      { type: 'reply', is_work: false, actor_type: 'customer' },
    ]);
  });

  it.each([
    [{ channel: 'call' }, ['kind']],
    [{ channel: 'email', kind: 'incoming' }, ['kind']],
    [{ subject: '' }, ['subject']],
    [{ subject: ' \u200b\u00a0' }, ['subject']],
    [{ subject: 'x'.repeat(301) }, ['subject']],
    [{ subject: 'a\u0000b' }, ['subject']],
    [{ channel: 'fax' }, ['channel']],
    [{ status: 'done' }, ['status']],
    [{ phone: '12' }, ['phone']],
    [{ number: 7, createdAt: '2020-01-01T00:00:00Z', handset: 'red' }, ['number', 'createdAt', 'handset']],
    [{ message: { body: '' } }, ['message.body']],
    [{ message: { body: 'x', author: 'customer', type: 'note' } }, ['message.author']],
    [{ channel: 'call', kind: 'incoming', message: { body: 'x', author: 'customer' } }, ['message.author']],
    [{ message: { body: 'x', writingSeconds: -1 } }, ['message.writingSeconds']],
    [{ customerId: 'me' }, ['customerId']],
  ])('is refused by name where it makes no sense: %j', async (values, fields) => {
    const before = await api.db('tickets').count('* as n');
    const answer = await api.anna.post('/api/tickets', { subject: 'x', channel: 'email', ...values });
    expect([answer.status, fieldsOf(answer)]).toEqual([400, fields]);
    expect(await api.db('tickets').count('* as n')).toEqual(before);
  });

  it.each([
    ['customerId', 'customer_not_found'],
    ['assigneeId', 'agent_not_found'],
  ])('is refused where its %s is nobody', async (field, code) => {
    const answer = await api.anna.post('/api/tickets', { subject: 'x', channel: 'email', [field]: randomUUID() });
    expect([answer.status, codeOf(answer), fieldsOf(answer)]).toEqual([404, code, [field]]);
  });

  it('is not given to a deactivated agent', async () => {
    const gone = await api.addAgent();
    await api.db('agents').where({ id: gone.id }).update({ deactivated_at: new Date() });
    expect((await api.anna.post('/api/tickets', { subject: 'x', channel: 'email', assigneeId: gone.id })).status).toBe(404);
  });

  it('keeps 300 characters of any kind', async () => {
    const subject = '😀'.repeat(300);
    expect((await create({ subject })).subject).toBe(subject);
  });
});

describe('A change', () => {
  it('is stored, recorded as work, and told', async () => {
    const made = await create();
    const answer = await api.boris.patch(`/api/tickets/${made.id}`, {
      status: 'pending',
      assigneeId: api.boris.id,
      subject: 'Новая',
    });
    expect(answer.body).toMatchObject({ status: 'pending', subject: 'Новая', assignee: { id: api.boris.id } });
    expect((await eventsOf(made.id)).slice(1)).toEqual([
      { type: 'subject', is_work: true, actor_type: 'agent' },
      { type: 'status', is_work: true, actor_type: 'agent' },
      { type: 'assigned', is_work: true, actor_type: 'agent' },
    ]);
    const told = (await api.db('stream_events').where({ ticket_id: made.id, type: 'ticket.changed' })) as unknown[];
    expect(told.length).toBeGreaterThan(1);
  });

  it('to closed and back sets and clears closedAt', async () => {
    const { id } = await create();
    expect(as<Ticket>(await api.anna.patch(`/api/tickets/${id}`, { status: 'closed' })).closedAt).not.toBeNull();
    expect(as<Ticket>(await api.anna.patch(`/api/tickets/${id}`, { status: 'open' })).closedAt).toBeNull();
    expect((await eventsOf(id)).map(({ type }) => type)).toEqual(['created', 'closed', 'reopened']);
  });

  it('of nothing changes nothing', async () => {
    const made = await create();
    expect((await api.anna.patch(`/api/tickets/${made.id}`, {})).body).toEqual(made);
  });

  it.each([
    ['{"number":1}', ['number']],
    ['{"createdAt":"2020-01-01T00:00:00Z"}', ['createdAt']],
    ['{"handset":"green"}', ['handset']],
    ['{"__proto__":{"x":1}}', ['__proto__']],
    ['{"assigneeId":"none"}', ['assigneeId']],
  ])('of %s is refused by name', async (body, fields) => {
    const made = await create();
    const answer = await api.anna.send('PATCH', `/api/tickets/${made.id}`, { body });
    expect([answer.status, fieldsOf(answer)]).toEqual([400, fields]);
    expect((await api.anna.get(`/api/tickets/${made.id}`)).body).toEqual(made);
    expect(({} as { x?: number }).x).toBeUndefined();
  });

  it.each(['0', '-1', 'abc', '1e3', '99999999999999999999', '..%2f..%2fetc%2fpasswd', '%00', 'x'.repeat(4000), '1%20or%201=1'])(
    'of ticket %s is 404',
    async (id) => {
      expect((await api.anna.get(`/api/tickets/${id}`)).status).toBe(404);
    },
  );

  it('keeps the assignee that has left where it is not the assignee that changes', async () => {
    const gone = await api.addAgent();
    const made = await create({ assigneeId: gone.id });
    await api.db('agents').where({ id: gone.id }).update({ deactivated_at: new Date() });
    expect((await api.anna.patch(`/api/tickets/${made.id}`, { status: 'closed', assigneeId: gone.id })).status).toBe(200);
  });
});

describe('Messages', () => {
  it('are replies and notes of the agent who writes them', async () => {
    const { id } = await create();
    const reply = await api.boris.post(`/api/tickets/${id}/messages`, { body: 'Здравствуйте', writingSeconds: 42 });
    expect(reply.status).toBe(201);
    expect(reply.body).toMatchObject({ type: 'reply', author: { id: api.boris.id }, code: null, conversation: null });
    const note = as<Message>(await api.boris.post(`/api/tickets/${id}/messages`, { type: 'note', body: 'Перезвонить' }));
    const { messages } = as<Ticket>(await api.anna.get(`/api/tickets/${id}`));
    expect(messages.map(({ body }) => body)).toEqual(['Здравствуйте', 'Перезвонить']);
    expect(messages[1]).toEqual(note);
    expect(
      await api
        .db('messages')
        .where({ id: as<Message>(reply).id })
        .first('writing_seconds'),
    ).toEqual({ writing_seconds: 42 });
  });

  it('change the status in the same step where that is asked for', async () => {
    const { id } = await create();
    await api.anna.post(`/api/tickets/${id}/messages`, { body: 'Готово', status: 'closed' });
    expect((await api.anna.get(`/api/tickets/${id}`)).body).toMatchObject({ status: 'closed' });
  });

  it('of the customer open the ticket again', async () => {
    const { id } = await create({ status: 'closed' });
    await api.anna.post(`/api/tickets/${id}/messages`, { body: 'Опять не работает', author: 'customer' });
    expect((await api.anna.get(`/api/tickets/${id}`)).body).toMatchObject({ status: 'open' });
    expect((await eventsOf(id)).at(-1)).toEqual({ type: 'reopened', is_work: false, actor_type: 'customer' });
  });

  it.each([
    [{}, ['body']],
    [{ body: 'x'.repeat(50_001) }, ['body']],
    [{ body: 'x', type: 'system' }, ['type']],
    [{ body: 'x', automatic: true }, ['automatic']],
    [{ body: '\u0000' }, ['body']],
  ])('are refused by name: %j', async (body, fields) => {
    const { id } = await create();
    const answer = await api.anna.post(`/api/tickets/${id}/messages`, body);
    expect([answer.status, fieldsOf(answer)]).toEqual([400, fields]);
    expect(await eventsOf(id)).toHaveLength(1);
  });

  it('sent again because the answer was lost are there once; the ticket they are in, too', async () => {
    const requestId = randomUUID();
    const id = as<Ticket>(await api.anna.post('/api/tickets', { subject: 'Раз', channel: 'email', requestId })).id;
    const again = await api.anna.post('/api/tickets', { subject: 'Раз', channel: 'email', requestId });
    expect([again.status, as<Ticket>(again).id]).toEqual([201, id]);
    const others = await api.boris.post('/api/tickets', { subject: 'Раз', channel: 'email', requestId });
    expect(as<Ticket>(others).id).not.toBe(id);

    const write = () => api.anna.post(`/api/tickets/${id}/messages`, { body: 'Готово', requestId });
    const answers = await Promise.all([write(), write(), write()]);
    expect(new Set(answers.map((answer) => as<{ id: string }>(answer).id)).size).toBe(1);
    expect(as<Ticket>(await api.anna.get(`/api/tickets/${id}`)).messages).toHaveLength(1);
    await api.anna.post(`/api/tickets/${id}/messages`, { body: 'Готово', requestId: randomUUID() });
    expect(as<Ticket>(await api.anna.get(`/api/tickets/${id}`)).messages).toHaveLength(2);
  });

  it('to a ticket that is not there are 404', async () => {
    expect(codeOf(await api.anna.post('/api/tickets/999999/messages', { body: 'x' }))).toBe('ticket_not_found');
  });

  it('carry their conversation and its recordings', async () => {
    const { id } = await create({ channel: 'call', kind: 'incoming', phone: '+79160000001' });
    const conversationId = await seedConversation(id);
    const { messages } = as<Ticket>(await api.anna.get(`/api/tickets/${id}`));
    const [first] = messages;
    expect(first?.conversation).toMatchObject({
      id: conversationId,
      agent: { id: api.anna.id, fullName: 'Анна Смирнова' },
      direction: 'incoming',
      outcome: 'talked',
      talkSeconds: 30,
      startedAt: '2026-01-02T03:04:05.000Z',
      recordings: [
        { state: 'ready', durationSeconds: 29 },
        { state: 'unavailable', reason: 'too_short', url: null },
      ],
    });
    const recording = first?.conversation?.recording;
    expect(recording).toEqual(first?.conversation?.recordings[0]);
    expect(recording?.url).toBe(`/api/recordings/${recording?.id}`);
    expect(messages[1]).toMatchObject({
      type: 'system',
      code: 'attempt',
      params: { reason: 'busy' },
      author: { type: 'system', id: null },
    });
  });
});

async function seedConversation(ticketId: string): Promise<string> {
  const { db } = api;
  const secret = { api_key_encrypted: Buffer.from('x'), api_salt_encrypted: Buffer.from('x') };
  const integration = {
    kind: 'mango',
    name: 'PBX',
    api_url: 'https://pbx.example',
    ...secret,
    api_key_hash: Buffer.from(randomUUID()),
  };
  const [{ id: integration_id }] = (await db('integrations').insert(integration).returning('id')) as [{ id: string }];
  const [{ id: call_id }] = (await db('calls').insert({ integration_id, entry_id: randomUUID() }).returning('id')) as [
    { id: string },
  ];
  const id = `${call_id}:1`;
  const startedAt = '2026-01-02T03:04:05Z';
  await db('conversations').insert({
    id,
    call_id,
    ordinal: 1,
    agent_id: api.anna.id,
    direction: 'incoming',
    outcome: 'talked',
    ticket_id: ticketId,
    started_at: startedAt,
    talk_seconds: 30,
  });
  await db('messages').insert({
    ticket_id: ticketId,
    type: 'reply',
    author_type: 'agent',
    author_id: api.anna.id,
    conversation_id: id,
  });
  await db('messages').insert({
    ticket_id: ticketId,
    type: 'system',
    author_type: 'system',
    code: 'attempt',
    params: JSON.stringify({ reason: 'busy' }),
  });
  const recording = { call_id, conversation_id: id };
  await db('recordings').insert({ ...recording, recording_id: 'a', state: 'ready', duration_seconds: 29 });
  await db('recordings').insert({ ...recording, recording_id: 'b', state: 'unavailable', reason: 'too_short' });
  return id;
}

describe('An agent who sees only their own tickets', () => {
  it('finds, reads and changes theirs and nobody\u2019s, and no others', async () => {
    const own = await api.addAgent({ access: 'own' });
    const mark = word();
    const mine = await create({ subject: `${mark} моё`, assigneeId: own.id });
    const free = await create({ subject: `${mark} ничьё` });
    const foreign = await create({ subject: `${mark} чужое`, assigneeId: api.boris.id });
    expect((await list(`q=${mark}&sort=number`, own)).items.map(({ id }) => id)).toEqual([mine.id, free.id]);
    expect((await list(`q=${mark}&assigneeId=${api.boris.id}`, own)).total).toBe(0);
    const refused: Answer[] = [
      await own.get(`/api/tickets/${foreign.id}`),
      await own.patch(`/api/tickets/${foreign.id}`, { status: 'closed' }),
      await own.post(`/api/tickets/${foreign.id}/messages`, { body: 'x' }),
      await own.post(`/api/tickets/${foreign.id}/callback`),
    ];
    expect(refused.map((answer) => [answer.status, codeOf(answer)])).toEqual(refused.map(() => [404, 'ticket_not_found']));
    expect((await api.anna.get(`/api/tickets/${foreign.id}`)).body).toEqual(foreign);
    expect((await own.get(`/api/tickets/${mine.id}`)).status).toBe(200);
  });

  it('may hand a ticket over, and sees it no more', async () => {
    const own = await api.addAgent({ access: 'own' });
    const mine = await create({ assigneeId: own.id });
    const answer = await own.patch(`/api/tickets/${mine.id}`, { assigneeId: api.boris.id });
    expect([answer.status, as<Ticket>(answer).assignee?.id]).toEqual([200, api.boris.id]);
    expect((await own.get(`/api/tickets/${mine.id}`)).status).toBe(404);
  });
});
