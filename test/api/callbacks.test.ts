import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CallbackOrdered, LiveCall } from '../../api/contract/calls.ts';
import { as, codeOf, fieldsOf, startTestApi, type Answer, type Caller, type TestApi } from '../support/api.ts';
import { seedPbx } from '../support/api-calls.ts';

let api: TestApi;
/** Somebody with an operator, and a ticket of a customer with two numbers. */
let me: Caller;
let integrationId: string;
let ticketId: string;
const PHONES = ['+79161112201', '+79161112202'];

beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());
beforeEach(async () => {
  me = await api.addAgent();
  integrationId = await seedPbx(api.db, [{ extension: '101', agentId: me.id }]);
  const { id: customerId } = as<{ id: string }>(await me.post('/api/customers', { fullName: 'Клиент', phones: PHONES }));
  ticketId = as<{ id: string }>(await me.post('/api/tickets', { subject: 'x', channel: 'call', kind: 'missed', customerId })).id;
});

const order = (body: object = {}, by: Caller = me, ticket = ticketId): Promise<Answer> =>
  by.post(`/api/tickets/${ticket}/callback`, body);
const hangUp = (callId: string, by: Caller = me): Promise<Answer> =>
  by.post(`/api/calls/${callId}/actions`, { actionId: randomUUID(), type: 'hang_up' });
const ordersOf = async (agentId: string): Promise<number> => (await api.db('calls').where({ ordered_by: agentId })).length;

describe('A callback from a ticket', () => {
  it('is stored before anything is asked of the PBX: call, card, stream and the row that starts it', async () => {
    const answer = await order({ phone: '8 (916) 111-22-02', commandId: 'my-command' });
    expect([answer.status, as<CallbackOrdered>(answer).commandId]).toEqual([202, 'my-command']);
    const { callId } = as<CallbackOrdered>(answer);
    expect(await api.db('calls').where({ id: callId }).first()).toMatchObject({
      integration_id: integrationId,
      command_id: 'my-command',
      command_state: 'stored',
      workflow_id: 'callback:my-command',
      ordered_by: me.id,
      ticket_id: ticketId,
      phone: PHONES[1],
      direction: 'outgoing',
      state: 'dialling',
      entry_id: null,
    });
    expect(await api.db('inbox').where({ key: 'callback:my-command' }).first()).toMatchObject({
      source: 'system',
      entry: 'callback:my-command',
      integration_id: integrationId,
      body: { type: 'callback' },
      delivered_at: null,
    });
    const [card] = as<{ items: LiveCall[] }>(await me.get('/api/calls')).items;
    expect(card).toMatchObject({
      callId,
      state: 'dialling',
      direction: 'outgoing',
      phone: PHONES[1],
      ticketId,
      commandId: 'my-command',
    });
    const [event] = (await api.db('stream_events').where({ agent_id: me.id, type: 'call.dialling' })) as { payload: LiveCall }[];
    expect(event?.payload).toEqual(card);
    expect(api.telephony.callbacks).toEqual([]);
  });

  it('without a body calls the ticket\u2019s number, else the customer\u2019s first', async () => {
    const { callId } = as<CallbackOrdered>(await me.post(`/api/tickets/${ticketId}/callback`));
    expect(await api.db('calls').where({ id: callId }).first('phone')).toEqual({ phone: PHONES[0] });
    const other = await api.addAgent();
    await seedPbx(api.db, [{ extension: '102', agentId: other.id }]);
    await api.db('tickets').where({ id: ticketId }).update({ phone: '+79169999999' });
    const second = as<CallbackOrdered>(await order({}, other));
    expect(await api.db('calls').where({ id: second.callId }).first('phone')).toEqual({ phone: '+79169999999' });
  });

  it('that is repeated under its id, also at the same time, is one call', async () => {
    const commandId = randomUUID();
    const answers = await Promise.all(Array.from({ length: 6 }, () => order({ commandId })));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
    expect(new Set(answers.map((answer) => as<CallbackOrdered>(answer).callId)).size).toBe(1);
    expect(await ordersOf(me.id)).toBe(1);
  });

  it('under an id of another call is refused', async () => {
    const commandId = randomUUID();
    await order({ commandId });
    const other = await api.addAgent();
    await seedPbx(api.db, [{ extension: '103', agentId: other.id }]);
    expect(codeOf(await order({ commandId }, other))).toBe('command_id_reused');
    expect(codeOf(await order({ commandId, phone: PHONES[1] }))).toBe('command_id_reused');
  });

  it('is ordered once by two clicks without an id', async () => {
    const answers = await Promise.all([order(), order(), order()]);
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409, 409]);
    expect(answers.map(codeOf).filter((code) => code === 'busy')).toHaveLength(2);
    expect(await ordersOf(me.id)).toBe(1);
  });

  it.each([
    ['talking', 'busy'],
    ['dialling', 'busy'],
    ['ringing', undefined],
  ])('while something is %s is answered with %s', async (state, code) => {
    const [call] = (await api.db('calls').insert({ integration_id: integrationId, entry_id: randomUUID() }).returning('id')) as {
      id: string;
    }[];
    const card = { call_id: call?.id, agent_id: me.id, state, direction: 'incoming', started_at: new Date() };
    await api.db('call_cards').insert(card);
    expect(codeOf(await order())).toBe(code);
  });

  it.each<[string, (id: string) => Promise<unknown>]>([
    ['not mapped', (id) => api.db('operators').where({ agent_id: id }).update({ agent_id: null })],
    ['gone from the PBX', (id) => api.db('operators').where({ agent_id: id }).update({ present: false })],
    ['without an extension', (id) => api.db('operators').where({ agent_id: id }).update({ extension: '' })],
    [
      'of an account that was removed',
      () => api.db('integrations').where({ id: integrationId }).update({ removed_at: new Date() }),
    ],
  ])('is refused to an agent whose operator is %s', async (_name, change) => {
    await change(me.id);
    const answer = await order();
    expect([answer.status, codeOf(answer)]).toEqual([409, 'no_operator']);
    expect(await ordersOf(me.id)).toBe(0);
  });

  it('goes through the PBX account of the ticket\u2019s last call where the agent has several', async () => {
    const second = await seedPbx(api.db, [{ extension: '201', agentId: me.id }]);
    const [call] = (await api.db('calls').insert({ integration_id: second, entry_id: randomUUID() }).returning('id')) as {
      id: string;
    }[];
    await api.db('conversations').insert({
      id: randomUUID(),
      call_id: call?.id,
      ordinal: 1,
      direction: 'incoming',
      outcome: 'missed',
      ticket_id: ticketId,
      started_at: new Date(),
    });
    const { callId } = as<CallbackOrdered>(await order());
    expect(await api.db('calls').where({ id: callId }).first('integration_id')).toEqual({ integration_id: second });
  });

  it.each([
    [{ phone: '+79160000000' }, 409, 'phone_not_of_customer', ['phone']],
    [{ phone: 'позвони' }, 400, 'invalid_request', ['phone']],
    [{ commandId: 'a b' }, 400, 'invalid_request', ['commandId']],
    [{ commandId: 'x'.repeat(65) }, 400, 'invalid_request', ['commandId']],
    [{ extension: '102' }, 400, 'invalid_request', ['extension']],
  ])('is refused by name: %j', async (body, status, code, fields) => {
    const answer = await order(body);
    expect([answer.status, codeOf(answer), fieldsOf(answer)]).toEqual([status, code, fields]);
    expect(await ordersOf(me.id)).toBe(0);
  });

  it('needs a number', async () => {
    const { id } = as<{ id: string }>(await me.post('/api/tickets', { subject: 'x', channel: 'email' }));
    expect(codeOf(await order({}, me, id))).toBe('no_phone');
    expect(codeOf(await order({}, me, '999999'))).toBe('ticket_not_found');
  });

  it('that is dialling is called off by hanging up, and by nothing else', async () => {
    const commandId = randomUUID();
    const { callId } = as<CallbackOrdered>(await order({ commandId }));
    expect((await hangUp(callId)).status).toBe(202);
    expect(await api.db('inbox').where({ source: 'agent', entry: `callback:${commandId}` })).toHaveLength(1);
    const other = await me.post(`/api/calls/${callId}/actions`, { actionId: randomUUID(), type: 'create_customer' });
    expect([other.status, codeOf(other)]).toEqual([409, 'call_not_begun']);
    expect((await hangUp(callId, api.anna)).status).toBe(404);
  });
});
