import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { callAction, type ActionState, type LiveCall } from '../../api/contract/calls.ts';
import { as, codeOf, fieldsOf, startTestApi, type Answer, type Caller, type TestApi } from '../support/api.ts';
import { seedPbx, seedTalk, type SeededCall } from '../support/api-calls.ts';

let api: TestApi;
let integrationId: string;
let talk: SeededCall;

beforeAll(async () => {
  api = await startTestApi();
  integrationId = await seedPbx(api.db);
});
afterAll(() => api.close());
beforeEach(async () => {
  talk = await seedTalk(api.db, { integrationId, agentId: api.anna.id });
});

const act = (action: object, by: Caller = api.anna, callId = talk.callId): Promise<Answer> =>
  by.post(`/api/calls/${callId}/actions`, { actionId: randomUUID(), ...action });
const draftOf = (conversationId = talk.conversationId) =>
  api.db('drafts').where({ conversation_id: conversationId }).first('subject', 'gist');
const inboxOf = async (agentId: string, actionId: string) =>
  (await api.db('inbox').where({ key: `${agentId}:${actionId}` })) as {
    source: string;
    entry: string;
    body: object;
    integration_id: string;
  }[];
const recordingOf = async ({ callId: call_id, conversationId: conversation_id }: SeededCall): Promise<string> => {
  const row = { call_id, conversation_id, state: 'unavailable', reason: 'not_recorded' };
  return ((await api.db('recordings').insert(row).returning('id')) as { id: string }[])[0]?.id ?? '';
};
const newTicket = async (values: object = {}): Promise<string> =>
  as<{ id: string }>(await api.admin.post('/api/tickets', { subject: 'x', channel: 'call', kind: 'incoming', ...values })).id;

/** Five tables, as they would be compared before and after a request that must change nothing. */
const traces = async () => ({
  actions: await api.db('actions').count('* as n'),
  drafts: await api.db('drafts').orderBy('conversation_id'),
  inbox: await api.db('inbox').count('* as n'),
  calls: await api.db('calls').count('* as n'),
  cards: await api.db('call_cards').count('* as n'),
});

describe('Live calls', () => {
  it('are one\u2019s own and nobody else\u2019s', async () => {
    const mine = as<{ items: LiveCall[] }>(await api.anna.get('/api/calls?state=active')).items;
    expect(mine.find(({ callId }) => callId === talk.callId)).toMatchObject({
      conversationId: talk.conversationId,
      direction: 'incoming',
      state: 'talking',
      phone: '+79160001122',
      line: '+74950000000',
      customer: null,
      candidates: [],
      ticketId: null,
      commandId: null,
      draft: null,
    });
    for (const other of [api.boris, api.admin]) expect((await other.get('/api/calls')).body).toEqual({ items: [] });
    expect(fieldsOf(await api.anna.get('/api/calls?state=over'))).toEqual(['state']);
  });

  it('show the customer with every field, or those among whom to choose', async () => {
    const create = async (fullName: string, phone: string) =>
      as<{ id: string }>(await api.anna.post('/api/customers', { fullName, phones: [phone] })).id;
    const known = await create('Один', '+79990000001');
    const twins = [await create('Два', '+79990000002'), await create('Три', '+79990000002')];
    const [first, second] = [
      await seedTalk(api.db, { integrationId, agentId: api.boris.id, phone: '+79990000001', customerId: known }),
      await seedTalk(api.db, { integrationId, agentId: api.boris.id, phone: '+79990000002' }),
    ];
    const { items } = as<{ items: LiveCall[] }>(await api.boris.get('/api/calls'));
    expect(items.find(({ callId }) => callId === first.callId)?.customer).toMatchObject({ id: known, phones: ['+79990000001'] });
    expect(
      items
        .find(({ callId }) => callId === second.callId)
        ?.candidates.map(({ id }) => id)
        .sort(),
    ).toEqual(twins.sort());
    await api.db('call_cards').where({ agent_id: api.boris.id }).delete();
  });
});

describe('An action', () => {
  it('is stored with its text and posted to the call\u2019s workflow, without the text', async () => {
    const actionId = randomUUID();
    const action = {
      type: 'create_ticket',
      conversationId: talk.conversationId,
      subject: 'Возврат',
      gist: 'Просит вернуть деньги',
    };
    const answer = await act({ actionId, ...action });
    expect(answer.status).toBe(202);
    expect(answer.body).toEqual({ actionId, type: 'create_ticket', state: 'accepted', code: null, ticketId: null });
    expect(await draftOf()).toEqual({ subject: 'Возврат', gist: 'Просит вернуть деньги' });
    expect(await inboxOf(api.anna.id, actionId)).toMatchObject([
      {
        source: 'agent',
        integration_id: integrationId,
        entry: talk.entryId,
        verdict: 'accepted',
        body: {
          type: 'action',
          actionId,
          agentId: api.anna.id,
          action: 'create_ticket',
          conversationId: talk.conversationId,
          ticketId: null,
          customerId: null,
          recordingId: null,
          hasText: true,
        },
      },
    ]);
    const [row] = await inboxOf(api.anna.id, actionId);
    expect(JSON.stringify(row?.body)).not.toContain('деньги');
    expect(await api.db('actions').where({ action_id: actionId }).first('body')).toEqual({ body: { actionId, ...action } });
  });

  it('that is repeated, also at the same time, is the same action', async () => {
    const actionId = randomUUID();
    const action = { actionId, type: 'save_draft', conversationId: talk.conversationId, subject: 'a', gist: 'b' };
    const answers = await Promise.all(Array.from({ length: 8 }, () => act(action)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
    expect(answers.map(({ body }) => body)).toEqual(answers.map(() => answers[0]?.body));
    expect(await inboxOf(api.anna.id, actionId)).toHaveLength(1);
    await act({ type: 'save_draft', conversationId: talk.conversationId, subject: 'later', gist: 'later' });
    await act(action);
    expect(await draftOf()).toEqual({ subject: 'later', gist: 'later' });
  });

  it('that is repeated after the call is over shows what came of it', async () => {
    const actionId = randomUUID();
    const ticketId = await newTicket();
    const action = { actionId, type: 'link_ticket', conversationId: talk.conversationId, ticketId, gist: '' };
    await act(action);
    await api
      .db('actions')
      .where({ action_id: actionId })
      .update({ state: 'refused', code: 'ticket_exists', ticket_id: ticketId });
    await api.db('call_cards').where({ call_id: talk.callId }).delete();
    const settled = { actionId, type: 'link_ticket', state: 'refused', code: 'ticket_exists', ticketId };
    expect((await act(action)).body).toEqual(settled);
    expect((await api.anna.get(`/api/calls/${talk.callId}/actions/${actionId}`)).body).toEqual(settled);
  });

  it('under an id that another action has is refused', async () => {
    const actionId = randomUUID();
    await act({ actionId, type: 'save_draft', conversationId: talk.conversationId, subject: 'a', gist: 'b' });
    const before = await traces();
    const other = await act({ actionId, type: 'save_draft', conversationId: talk.conversationId, subject: 'a', gist: 'c' });
    expect([other.status, codeOf(other), fieldsOf(other)]).toEqual([409, 'action_id_reused', ['actionId']]);
    const elsewhere = await seedTalk(api.db, { integrationId, agentId: api.anna.id });
    expect(codeOf(await act({ actionId, type: 'hang_up' }, api.anna, elsewhere.callId))).toBe('action_id_reused');
    expect({ ...(await traces()), calls: before.calls, cards: before.cards }).toEqual(before);
  });

  it('keeps what was typed before where it brings no text, and empties a draft that was emptied', async () => {
    const { conversationId } = talk;
    await act({ type: 'save_draft', conversationId, subject: 'Тема', gist: 'Суть' });
    await act({ type: 'link_ticket', conversationId, ticketId: await newTicket(), gist: '' });
    expect(await draftOf()).toEqual({ subject: 'Тема', gist: 'Суть' });
    await act({ type: 'link_ticket', conversationId, ticketId: await newTicket(), gist: 'Новая' });
    expect(await draftOf()).toEqual({ subject: 'Тема', gist: 'Новая' });
    await act({ type: 'save_draft', conversationId, subject: '', gist: '' });
    expect(await draftOf()).toEqual({ subject: '', gist: '' });
  });

  it.each([
    ['  \n\t', false],
    ['\u200b\u2060\ufeff\u00a0', false],
    ['.', true],
    ['😀', true],
  ])('with the gist %j has text: %s', async (gist, hasText) => {
    const actionId = randomUUID();
    await act({ actionId, type: 'save_draft', conversationId: talk.conversationId, subject: '', gist });
    expect(await inboxOf(api.anna.id, actionId)).toMatchObject([{ body: { hasText } }]);
  });

  it('on somebody else\u2019s call is 404 and leaves no trace, whatever it is', async () => {
    const customerId = as<{ id: string }>(await api.anna.post('/api/customers', { fullName: 'x' })).id;
    const { conversationId } = talk;
    const actions = [
      { type: 'create_ticket', conversationId },
      { type: 'link_ticket', conversationId, ticketId: await newTicket() },
      { type: 'save_draft', conversationId, gist: 'подделка' },
      { type: 'identify_customer', customerId },
      { type: 'create_customer' },
      { type: 'hang_up' },
      { type: 'hang_up', conversationId },
      { type: 'move_call', conversationId, ticketId: await newTicket() },
      { type: 'move_call', conversationId, ticketId: null, subject: 'Вон' },
      { type: 'fetch_recording_again', recordingId: await recordingOf(talk) },
    ];
    // None is left out.
    const known = callAction.options.map((option) => option.shape.type.value);
    expect(new Set(actions.map(({ type }) => type))).toEqual(new Set(known));
    const mine = randomUUID();
    await act({ actionId: mine, type: 'save_draft', conversationId, subject: 'Моё', gist: 'Моё' });
    const before = await traces();
    for (const action of actions) {
      for (const actionId of [randomUUID(), mine]) {
        const answer = await act({ ...action, actionId }, api.boris);
        expect([answer.status, codeOf(answer)], action.type).toEqual([404, 'not_found']);
      }
    }
    expect(await traces()).toEqual(before);
  });

  it('on somebody else\u2019s live call is not to be read either, in whatever way', async () => {
    const actionId = randomUUID();
    await act({ actionId, type: 'save_draft', conversationId: talk.conversationId, subject: 'тайна', gist: 'тайна' });
    const own = await api.addAgent({ access: 'own' });
    const recordingId = await recordingOf(talk);
    for (const other of [api.boris, own]) {
      expect((await other.get(`/api/calls/${talk.callId}/actions/${actionId}`)).status).toBe(404);
      expect((await other.get(`/api/calls/${talk.callId}/timeline`)).status).toBe(403);
      expect((await other.get(`/api/recordings/${recordingId}`)).status).toBe(404);
      for (const path of ['/api/calls', '/api/tickets', '/api/missed-calls', '/api/customers']) {
        const answer = await other.get(path);
        expect(JSON.stringify(answer.body), path).not.toMatch(new RegExp(`тайна|${talk.callId}|${talk.conversationId}`));
      }
    }
  });

  it('on a conversation of another agent of the same call is refused', async () => {
    const second = `${talk.callId}:2`;
    await api.db('conversations').insert({
      id: second,
      call_id: talk.callId,
      ordinal: 2,
      agent_id: api.boris.id,
      direction: 'incoming',
      outcome: 'in_progress',
      started_at: new Date(),
    });
    const foreign = await act({ type: 'save_draft', conversationId: second, gist: 'x' });
    expect([foreign.status, codeOf(foreign), fieldsOf(foreign)]).toEqual([404, 'conversation_not_found', ['conversationId']]);
    expect((await act({ type: 'save_draft', conversationId: second, gist: 'x' }, api.boris)).status).toBe(202);
    expect((await act({ type: 'save_draft', conversationId: second, gist: 'x' }, api.admin)).status).toBe(202);
  });

  it('is still allowed to the agent of a conversation that is over', async () => {
    await api.db('call_cards').where({ call_id: talk.callId }).delete();
    await api.db('calls').where({ id: talk.callId }).update({ state: 'over' });
    expect((await act({ type: 'create_ticket', conversationId: talk.conversationId, gist: 'поздно' })).status).toBe(202);
  });

  it('goes to the call that a callback was merged into', async () => {
    const [merged] = (await api
      .db('calls')
      .insert({ integration_id: integrationId, command_id: randomUUID(), ordered_by: api.anna.id, merged_into: talk.callId })
      .returning('id')) as { id: string }[];
    const actionId = randomUUID();
    const action = { actionId, type: 'save_draft', conversationId: talk.conversationId, gist: 'x' };
    expect((await act(action, api.anna, merged?.id)).status).toBe(202);
    expect(await inboxOf(api.anna.id, actionId)).toMatchObject([{ entry: talk.entryId }]);
    expect((await api.anna.get(`/api/calls/${merged?.id}/actions/${actionId}`)).status).toBe(200);
  });

  it.each([
    [{ type: 'link_ticket', ticketId: '999999', gist: '' }, 'ticket_not_found', 'ticketId'],
    [{ type: 'identify_customer', customerId: randomUUID() }, 'customer_not_found', 'customerId'],
    [{ type: 'save_draft', conversationId: 'nobody', gist: 'x' }, 'conversation_not_found', 'conversationId'],
  ])('that names what is not there is refused: %j', async (action, code, field) => {
    const conversation = 'ticketId' in action ? { conversationId: talk.conversationId } : {};
    const before = await traces();
    const answer = await act({ ...conversation, ...action });
    expect([answer.status, codeOf(answer), fieldsOf(answer)]).toEqual([404, code, [field]]);
    expect(await traces()).toEqual(before);
  });

  it('links no ticket that its agent may not see', async () => {
    const own = await api.addAgent({ access: 'own' });
    const theirs = await seedTalk(api.db, { integrationId, agentId: own.id });
    const foreign = await newTicket({ assigneeId: api.boris.id });
    const action = { type: 'link_ticket', conversationId: theirs.conversationId, ticketId: foreign };
    expect(codeOf(await act(action, own, theirs.callId))).toBe('ticket_not_found');
  });

  it.each([
    [{ type: 'explode' }, ['type']],
    [{}, ['type']],
    [{ type: 'save_draft', conversationId: 'x', gist: 'x'.repeat(20_001) }, ['gist']],
    [{ type: 'save_draft', conversationId: 'x', subject: 'x'.repeat(301) }, ['subject']],
    [{ type: 'save_draft', conversationId: 'x', gist: 'a\u0000b' }, ['gist']],
    [{ type: 'save_draft', conversationId: 'x', gist: 'a\ud800b' }, ['gist']],
    [{ type: 'save_draft', gist: 'x' }, ['conversationId']],
    [{ type: 'save_draft', conversationId: 'x', ticketId: '1' }, ['ticketId']],
    [{ type: 'link_ticket', conversationId: 'x', ticketId: 'one' }, ['ticketId']],
    [{ type: 'identify_customer', customerId: '1' }, ['customerId']],
    [{ type: 'hang_up', actionId: '' }, ['actionId']],
    [{ type: 'hang_up', actionId: 'x'.repeat(129) }, ['actionId']],
    [{ type: 'hang_up', actionId: 'a b' }, ['actionId']],
    [{ type: 'hang_up', agentId: randomUUID() }, ['agentId']],
  ])('is refused by name: %.80j', async (action, fields) => {
    const before = await traces();
    const answer = await act(action);
    expect([answer.status, fieldsOf(answer)]).toEqual([400, fields]);
    expect(await traces()).toEqual(before);
  });

  it('moves a call for whoever may see the ticket it stands in, and nobody else', async () => {
    const own = await api.addAgent({ full_name: 'Свои', access: 'own' });
    const [from, to] = [await newTicket({ assigneeId: api.anna.id }), await newTicket({ assigneeId: api.anna.id })];
    await api.db('conversations').where({ id: talk.conversationId }).update({ ticket_id: from });
    const action = { type: 'move_call', conversationId: talk.conversationId, ticketId: to };
    const actionId = randomUUID();
    expect((await act({ ...action, actionId }, api.boris)).status).toBe(202);
    expect((await act({ ...action, actionId }, api.boris)).status).toBe(202);
    expect(await inboxOf(api.boris.id, actionId)).toMatchObject([
      { body: { action: 'move_call', conversationId: talk.conversationId, ticketId: to } },
    ]);
    expect((await act({ ...action, ticketId: null, subject: 'Новая тема' }, api.boris)).status).toBe(202);
    expect((await act(action, own)).status).toBe(404);
    expect(codeOf(await act({ ...action, ticketId: '99999999' }, api.boris))).toBe('ticket_not_found');
    expect((await act({ ...action, conversationId: 'nobody' }, api.boris)).status).toBe(404);
    expect(fieldsOf(await act({ type: 'move_call', conversationId: talk.conversationId }, api.boris))).toEqual(['ticketId']);
    await api.db('tickets').where({ id: from }).update({ assignee_id: null });
    expect(codeOf(await act(action, own))).toBe('ticket_not_found');
  });

  it('asks for a recording again for admins only', async () => {
    const action = { type: 'fetch_recording_again', recordingId: await recordingOf(talk) };
    expect((await act(action)).status).toBe(403);
    expect((await act(action, api.admin)).status).toBe(202);
    expect(codeOf(await act({ ...action, recordingId: randomUUID() }, api.admin))).toBe('recording_not_found');
  });

  it('is nobody else\u2019s to look at', async () => {
    const actionId = randomUUID();
    await act({ actionId, type: 'hang_up' });
    expect((await api.anna.get(`/api/calls/${talk.callId}/actions/${actionId}`)).status).toBe(200);
    expect((await api.boris.get(`/api/calls/${talk.callId}/actions/${actionId}`)).status).toBe(404);
    expect((await api.anna.get(`/api/calls/${randomUUID()}/actions/${actionId}`)).status).toBe(404);
    const state = as<ActionState>(await api.anna.get(`/api/calls/${talk.callId}/actions/${actionId}`));
    expect(state.state).toBe('accepted');
  });
});
