import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Agent, AgentCreated } from '../../api/contract/agents.ts';
import type { AuditEntry, Field, Settings } from '../../api/contract/settings.ts';
import { Caller, as, codeOf, fieldsOf, startTestApi, type TestApi } from '../support/api.ts';
import { recordAudit } from '../../db/audit.ts';
import { seedPbx, seedTalk } from '../support/api-calls.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

const email = (): string => `${randomUUID()}@test.local`;
const audit = async (action: string, subject?: string): Promise<AuditEntry[]> =>
  as<{ items: AuditEntry[] }>(await api.admin.get(`/api/audit?action=${action}&pageSize=200`)).items.filter(
    (entry) => subject === undefined || entry.subject === subject,
  );
const invite = async (values: object = {}): Promise<AgentCreated> => {
  const answer = await api.admin.post('/api/agents', { fullName: 'Новый', email: email(), role: 'agent', ...values });
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return as<AgentCreated>(answer);
};
const tokenOf = (url: string | null): string => url?.split('/').at(-1) ?? '';

describe('Agents', () => {
  it('are listed for everybody, without a password hash', async () => {
    const answer = await api.anna.get('/api/agents');
    expect(as<{ items: Agent[] }>(answer).items.map(({ id }) => id)).toEqual(
      expect.arrayContaining([api.admin.id, api.boris.id]),
    );
    expect(JSON.stringify(answer.body)).not.toMatch(/hash|argon/);
  });

  it('belong to a team by its name, until they belong to none', async () => {
    const made = await invite({ team: ' Первая линия ' });
    expect(made.team).toBe('Первая линия');
    expect((await invite()).team).toBeNull();
    const change = (team: unknown) => api.admin.patch(`/api/agents/${made.id}`, { team });
    expect((await change('Вторая линия')).body).toMatchObject({ team: 'Вторая линия' });
    expect(fieldsOf(await change(' '))).toEqual(['team']);
    expect(fieldsOf(await change('я'.repeat(101)))).toEqual(['team']);
    expect((await change(null)).body).toMatchObject({ team: null });
    expect((await audit('agent.changed', made.id)).map(({ detail }) => detail)).toContainEqual({ properties: ['team'] });
  });

  it('made with a password can sign in at once', async () => {
    const address = email();
    const made = await invite({ email: address, password: 'correct horse' });
    expect(made).toMatchObject({ hasPassword: true, invitationUrl: null, active: true, access: 'all' });
    expect((await api.nobody.post('/api/session', { email: address, password: 'correct horse' })).status).toBe(200);
  });

  it('made without one get a link that works once', async () => {
    const made = await invite();
    expect(made.hasPassword).toBe(false);
    expect(made.invitationUrl).toBe(`${api.origin}/invitation/${tokenOf(made.invitationUrl)}`);
    const path = `/api/invitations/${tokenOf(made.invitationUrl)}`;
    expect((await api.nobody.get(path)).body).toMatchObject({ fullName: 'Новый', email: made.email });
    expect(fieldsOf(await api.nobody.post(path, { password: 'short' }))).toEqual(['password']);
    expect(fieldsOf(await api.nobody.post(path, { password: made.email }))).toEqual(['password']);
    const used = await api.nobody.post(path, { password: 'correct horse' });
    expect(used.body).toMatchObject({ id: made.id });
    const cookie = (used.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    expect((await new Caller(api.origin, cookie, made.id).get('/api/session')).status).toBe(200);
    expect((await api.nobody.post(path, { password: 'another horse' })).status).toBe(410);
    expect((await api.nobody.get(path)).status).toBe(410);
    expect((await api.nobody.post('/api/session', { email: made.email, password: 'correct horse' })).status).toBe(200);
  });

  it('use one link at the same time only once', async () => {
    const made = await invite();
    const path = `/api/invitations/${tokenOf(made.invitationUrl)}`;
    const answers = await Promise.all(['first horse', 'second horse'].map((password) => api.nobody.post(path, { password })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 410]);
  });

  it('cannot use a link that has expired or was followed by another', async () => {
    const made = await invite();
    const newer = as<{ invitationUrl: string }>(await api.admin.post(`/api/agents/${made.id}/invitation`));
    expect((await api.nobody.get(`/api/invitations/${tokenOf(made.invitationUrl)}`)).status).toBe(410);
    await api
      .db('invitations')
      .where({ agent_id: made.id })
      .update({ expires_at: new Date(Date.now() - 1000) });
    expect(
      (await api.nobody.post(`/api/invitations/${tokenOf(newer.invitationUrl)}`, { password: 'correct horse' })).status,
    ).toBe(410);
    expect((await api.nobody.get(`/api/invitations/${'x'.repeat(32)}`)).status).toBe(404);
    expect(JSON.stringify(await api.db('invitations'))).not.toContain(tokenOf(newer.invitationUrl));
  });

  it('have e-mails of their own, whatever the case', async () => {
    const address = email();
    await invite({ email: address });
    const answer = await api.admin.post('/api/agents', { fullName: 'x', email: address.toUpperCase(), role: 'agent' });
    expect([answer.status, codeOf(answer), fieldsOf(answer)]).toEqual([409, 'email_taken', ['email']]);
    const other = await invite();
    expect(codeOf(await api.admin.patch(`/api/agents/${other.id}`, { email: address }))).toBe('email_taken');
  });

  it.each([
    [{ fullName: ' ' }, ['fullName']],
    [{ email: 'x' }, ['email']],
    [{ email: `${'a'.repeat(65)}@test.local` }, ['email']],
    [{ role: 'root' }, ['role']],
    [{ access: 'none' }, ['access']],
    [{ password: 'admin' }, ['password']],
    [{ password: 'password' }, ['password']],
    [{ id: '1', passwordHash: 'x' }, ['id', 'passwordHash']],
  ])('are refused by name: %j', async (values, fields) => {
    const answer = await api.admin.post('/api/agents', { fullName: 'x', email: email(), role: 'agent', ...values });
    expect([answer.status, fieldsOf(answer)]).toEqual([400, fields]);
  });

  it('that are deactivated lose sessions, links and operators at once, and keep their tickets', async () => {
    const gone = await api.addAgent();
    const ticket = as<{ id: string }>(
      await api.anna.post('/api/tickets', { subject: 'x', channel: 'email', assigneeId: gone.id }),
    );
    await seedPbx(api.db, [{ extension: '101', agentId: gone.id }]);
    const { id: operator } = (await api.db('operators').where({ agent_id: gone.id }).first('id')) as { id: string };
    const link = as<{ invitationUrl: string }>(await api.admin.post(`/api/agents/${gone.id}/invitation`));
    const answer = await api.admin.patch(`/api/agents/${gone.id}`, { active: false });
    expect(answer.body).toMatchObject({ active: false });
    expect((await gone.get('/api/session')).status).toBe(401);
    expect((await api.nobody.get(`/api/invitations/${tokenOf(link.invitationUrl)}`)).status).toBe(410);
    expect(await api.db('operators').where({ id: operator }).first('agent_id')).toEqual({ agent_id: null });
    expect((await api.anna.get(`/api/tickets/${ticket.id}`)).body).toMatchObject({ assignee: { id: gone.id } });
    expect(codeOf(await api.admin.post(`/api/agents/${gone.id}/invitation`))).toBe('deactivated');
    expect((await audit('agent.deactivated', gone.id))[0]).toMatchObject({
      agent: { id: api.admin.id },
      detail: { operatorsReleased: [operator] },
    });
    expect((await api.admin.patch(`/api/agents/${gone.id}`, { active: true })).body).toMatchObject({
      active: true,
      deactivatedAt: null,
    });
  });

  it('leave at least one admin, also when two dismiss each other at once', async () => {
    const other = await startTestApi();
    const second = await other.addAgent({ role: 'admin' });
    const dismiss = (who: Caller, whom: Caller) => who.patch(`/api/agents/${whom.id}`, { role: 'agent' });
    const answers = await Promise.all([dismiss(other.admin, second), dismiss(second, other.admin)]);
    const left = (await other.db('agents').where({ role: 'admin' })) as { id: string }[];
    expect(left).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const last = left[0]?.id === second.id ? second : other.admin;
    expect(codeOf(await last.patch(`/api/agents/${last.id}`, { active: false }))).toBe('last_admin');
    await other.close();
  });

  it('take effect in what they may see from the next request on', async () => {
    const agent = await api.addAgent();
    const ticket = as<{ id: string }>(
      await api.anna.post('/api/tickets', { subject: 'x', channel: 'email', assigneeId: api.boris.id }),
    );
    expect((await agent.get(`/api/tickets/${ticket.id}`)).status).toBe(200);
    await api.admin.patch(`/api/agents/${agent.id}`, { access: 'own' });
    expect((await agent.get(`/api/tickets/${ticket.id}`)).status).toBe(404);
  });
});

describe('Fields', () => {
  const list = async (): Promise<Field[]> => as<{ items: Field[] }>(await api.anna.get('/api/fields')).items;

  it('begin with the built-in ones, three of them shown on the card of a call', async () => {
    const fields = (await list()).filter(({ builtIn }) => builtIn);
    expect(fields.map(({ key, showOnCall }) => [key, showOnCall])).toEqual([
      ['fullName', true],
      ['emails', true],
      ['phones', false],
      ['company', true],
      ['note', false],
    ]);
  });

  it('can be added, changed, ordered and removed, with what customers had in them', async () => {
    const made = as<Field>(await api.admin.post('/api/fields', { label: 'Contract number', type: 'text', showOnCall: true }));
    expect(made).toMatchObject({ key: 'contractNumber', builtIn: false, showOnCall: true, options: [] });
    const second = as<Field>(
      await api.admin.post('/api/fields', { label: 'Город', type: 'select', options: ['Тверь', 'Москва'] }),
    );
    expect(second.key).toBe('field1');
    const changed = await api.admin.patch(`/api/fields/${second.id}`, {
      label: 'Город клиента',
      options: ['Тверь'],
      showOnCall: true,
    });
    expect(changed.body).toMatchObject({ label: 'Город клиента', options: ['Тверь'], showOnCall: true });
    const ids = (await list()).map(({ id }) => id).reverse();
    expect(as<{ items: Field[] }>(await api.admin.post('/api/fields/order', { ids })).items.map(({ id }) => id)).toEqual(ids);
    const customer = as<{ id: string }>(
      await api.anna.post('/api/customers', { fullName: 'x', customFields: { contractNumber: 'уникальный', field1: 'Тверь' } }),
    );
    expect((await api.admin.delete(`/api/fields/${made.id}`)).status).toBe(204);
    expect((await api.anna.get(`/api/customers/${customer.id}`)).body).toMatchObject({ customFields: { field1: 'Тверь' } });
    expect(as<{ total: number }>(await api.anna.get(`/api/customers?q=${encodeURIComponent('уникальный')}`)).total).toBe(0);
  });

  it('that are built in are shown or not, and never removed', async () => {
    const [first] = await list().then((fields) => fields.filter(({ key }) => key === 'note'));
    expect((await api.admin.patch(`/api/fields/${first?.id}`, { showOnCall: true })).body).toMatchObject({ showOnCall: true });
    expect(codeOf(await api.admin.delete(`/api/fields/${first?.id}`))).toBe('built_in_field');
  });

  it.each([
    [{ type: 'colour' }, 400, ['type']],
    [{ label: '' }, 400, ['label']],
    [{ key: 'Ключ' }, 400, ['key']],
    [{ key: 'fullName' }, 409, ['key']],
    [{ type: 'select' }, 400, ['options']],
    [{ type: 'select', options: ['a', 'a'] }, 400, ['options']],
    [{ options: ['a'] }, 400, ['options']],
    [{ builtIn: true }, 400, ['builtIn']],
  ])('are refused by name: %j', async (values, status, fields) => {
    const answer = await api.admin.post('/api/fields', { label: 'x', type: 'text', ...values });
    expect([answer.status, fieldsOf(answer)]).toEqual([status, fields]);
  });

  it('are ordered all together or not at all', async () => {
    const ids = (await list()).map(({ id }) => id);
    for (const wrong of [ids.slice(1), [...ids, randomUUID()], [ids[0], ids[0], ...ids.slice(2)]]) {
      expect(fieldsOf(await api.admin.post('/api/fields/order', { ids: wrong }))).toEqual(['ids']);
    }
    expect((await list()).map(({ id }) => id)).toEqual(ids);
  });
});

describe('Settings', () => {
  it('have values before anybody sets them', async () => {
    expect((await api.anna.get('/api/settings')).body).toEqual({
      phoneCountry: 'RU',
      timezone: 'Europe/Moscow',
      recordingRetentionDays: 365,
      adminSecondFactorRequired: false,
      rawEventRetentionDays: 30,
      fromEnvironment: [],
    });
  });

  it('are changed one by one, take effect, and stand in the audit log', async () => {
    const answer = await api.admin.patch('/api/settings', {
      phoneCountry: 'KZ',
      timezone: 'Asia/Almaty',
      recordingRetentionDays: null,
    });
    expect(as<Settings>(answer)).toMatchObject({ phoneCountry: 'KZ', timezone: 'Asia/Almaty', recordingRetentionDays: null });
    await api.admin.patch('/api/settings', { phoneCountry: 'GB' });
    const customer = await api.anna.post('/api/customers', { fullName: 'x', phones: ['020 7946 0958'] });
    expect(customer.body).toMatchObject({ phones: ['+442079460958'] });
    await api.admin.patch('/api/settings', { phoneCountry: 'RU' });
    expect((await audit('settings.changed')).length).toBe(3);
  });

  it.each([
    [{ phoneCountry: 'XX' }, ['phoneCountry']],
    [{ phoneCountry: 'ru' }, ['phoneCountry']],
    [{ timezone: 'Mars/Olympus' }, ['timezone']],
    [{ timezone: '+03:00' }, ['timezone']],
    [{ recordingRetentionDays: 0 }, ['recordingRetentionDays']],
    [{ rawEventRetentionDays: 1.5 }, ['rawEventRetentionDays']],
    [{ apiSalt: 'x' }, ['apiSalt']],
  ])('are refused by name: %j', async (values, fields) => {
    const answer = await api.admin.patch('/api/settings', values);
    expect([answer.status, fieldsOf(answer)]).toEqual([400, fields]);
  });

  it('that the environment gives are not changed here', async () => {
    const other = await startTestApi({ PHONE_COUNTRY: 'BY' });
    expect((await other.admin.get('/api/settings')).body).toMatchObject({
      phoneCountry: 'BY',
      fromEnvironment: ['phoneCountry'],
    });
    const answer = await other.admin.patch('/api/settings', { phoneCountry: 'RU' });
    expect([answer.status, codeOf(answer), fieldsOf(answer)]).toEqual([409, 'from_environment', ['phoneCountry']]);
    await other.close();
  });

  it('have targets for each channel', async () => {
    const { items } = as<{ items: { channel: string }[] }>(await api.anna.get('/api/sla-targets'));
    expect(items.map(({ channel }) => channel)).toEqual(['call', 'email', 'chat', 'web', 'messenger', 'social']);
    const answer = await api.admin.patch('/api/sla-targets/email', { firstReplySeconds: 60, closeSeconds: null });
    expect(answer.body).toEqual({ channel: 'email', firstReplySeconds: 60, anyReplySeconds: 14_400, closeSeconds: null });
    expect(fieldsOf(await api.admin.patch('/api/sla-targets/email', { closeSeconds: 0 }))).toEqual(['closeSeconds']);
    expect((await api.admin.patch('/api/sla-targets/fax', { closeSeconds: 1 })).status).toBe(404);
  });
});

/** A talk with its ticket and its recording, and the operator who talked. */
async function recordedCall(): Promise<{ operatorId: string; recordingId: string; ticketId: string; number: string }> {
  const integrationId = await seedPbx(api.db, [{ extension: '101', agentId: api.anna.id }]);
  const own = api.db('operators').where({ integration_id: integrationId });
  await own.clone().update({ full_name: 'Анна' });
  const operator = (await own.first('id')) as { id: string };
  const { callId, conversationId } = await seedTalk(api.db, { integrationId, agentId: api.anna.id });
  const ticket = { subject: 'Входящий звонок', status: 'open', channel: 'call', kind: 'incoming', handset: 'green' };
  const [made] = (await api.db('tickets').insert(ticket).returning(['id', 'number'])) as { id: string; number: string }[];
  await api.db('conversations').where({ id: conversationId }).update({ ticket_id: made?.id });
  const recording = { call_id: callId, conversation_id: conversationId, state: 'pending' };
  const [row] = (await api.db('recordings').insert(recording).returning('id')) as { id: string }[];
  return { operatorId: operator.id, recordingId: row?.id ?? '', ticketId: made?.id ?? '', number: made?.number ?? '' };
}

describe('The audit log', () => {
  it('is paged, filtered, newest first, and has no way to be changed', async () => {
    await invite();
    await invite();
    const page = as<{ items: AuditEntry[]; total: number }>(await api.admin.get('/api/audit?pageSize=2&action=agent.created'));
    expect(page.items).toHaveLength(2);
    expect(page.total).toBeGreaterThan(2);
    expect(Number(page.items[0]?.id)).toBeGreaterThan(Number(page.items[1]?.id));
    const later = new Date(Date.now() + 60_000).toISOString();
    expect(as<{ total: number }>(await api.admin.get(`/api/audit?from=${later}`)).total).toBe(0);
    expect(as<{ total: number }>(await api.admin.get(`/api/audit?agentId=${api.boris.id}`)).total).toBe(0);
    expect(fieldsOf(await api.admin.get('/api/audit?from=yesterday'))).toEqual(['from']);
    for (const method of ['POST', 'PATCH', 'PUT', 'DELETE'])
      expect((await api.admin.send(method, '/api/audit')).status).toBe(405);
  });

  it('stands in itself as soon as it was taken away as a file, and not for a look', async () => {
    await api.admin.get('/api/audit');
    expect(await audit('audit.exported')).toEqual([]);
    const { body } = await api.admin.get('/api/audit?action=agent.created&format=csv');
    const rows = (body as string).trim().split('\r\n').length - 1;
    expect(await audit('audit.exported')).toMatchObject([{ agent: { id: api.admin.id }, detail: { rows } }]);
  });

  it('says what each line is about by the name it has now, and from where people came as they write addresses', async () => {
    const who = await invite({ fullName: 'Пётр Чайковский' });
    expect((await audit('agent.created', who.id))[0]).toMatchObject({
      about: { kind: 'agent', id: who.id, name: 'Пётр Чайковский' },
      address: '127.0.0.1',
    });
    const field = as<Field>(await api.admin.post('/api/fields', { label: 'Скидка', type: 'number' }));
    expect((await audit('field.created', field.key))[0]?.about).toEqual({ kind: 'field', id: field.key, name: 'Скидка' });
    await api.admin.delete(`/api/fields/${field.id}`);
    expect((await audit('field.created', field.key))[0]?.about).toEqual({ kind: 'field', id: field.key, name: null });

    const { operatorId, recordingId, ticketId, number } = await recordedCall();
    await api.admin.patch(`/api/operators/${operatorId}`, { ignored: true });
    expect((await audit('operator.mapped', operatorId))[0]?.about).toMatchObject({ kind: 'operator', name: '101 · Анна' });
    await recordAudit(api.db, { agentId: null, address: '::ffff:10.0.0.7', action: 'recording.heard', subject: recordingId });
    expect((await audit('recording.heard', recordingId))[0]).toMatchObject({
      about: { kind: 'ticket', id: ticketId, name: number },
      address: '10.0.0.7',
    });
    for (const [action, subject] of [
      ['sla.changed', 'email'],
      ['recording.heard', 'no id at all'],
      ['workflow.retried', 'call:x:y'],
      ['timeline.opened', randomUUID()],
    ] as const) {
      await recordAudit(api.db, { agentId: null, address: null, action, subject });
      expect((await audit(action, subject))[0]?.about).toMatchObject({ id: subject, name: null });
    }
    await recordAudit(api.db, { agentId: null, address: null, action: 'session.started' });
    expect((await audit('session.started'))[0]?.about).toBeNull();
  });
});
