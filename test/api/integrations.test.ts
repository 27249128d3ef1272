import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Integration, Operator } from '../../api/contract/integrations.ts';
import type { AuditEntry } from '../../api/contract/settings.ts';
import { as, codeOf, fieldsOf, startTestApi, type TestApi } from '../support/api.ts';

/** What names mean here: nothing is asked of the network. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  'pbx.example': ['93.184.216.34'],
  'office.example': ['10.20.30.40'],
  'both.example': ['93.184.216.34', '10.20.30.40'],
  localhost: ['127.0.0.1'],
};
const lookup = async (host: string): Promise<{ address: string }[]> => {
  const addresses = NAMES[host];
  if (!addresses) throw new Error(`ENOTFOUND ${host}`);
  return addresses.map((address) => ({ address }));
};

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({}, { lookup });
});
afterAll(() => api.close());

const audit = async (action: string, subject?: string): Promise<AuditEntry[]> =>
  as<{ items: AuditEntry[] }>(await api.admin.get(`/api/audit?action=${action}&pageSize=200`)).items.filter(
    (entry) => subject === undefined || entry.subject === subject,
  );
async function seedOperator(values: object = {}): Promise<string> {
  const [account] = (await api.db('integrations').whereNull('removed_at').select('id').limit(1)) as { id: string }[];
  const integrationId = account?.id ?? (await connect()).id;
  const [row] = (await api
    .db('operators')
    .insert({ integration_id: integrationId, extension: randomUUID().slice(0, 8), ...values })
    .returning('id')) as { id: string }[];
  return row?.id ?? '';
}

const connect = async (values: object = {}): Promise<Integration> => {
  const answer = await api.admin.post('/api/integrations', {
    name: 'Mango',
    apiKey: randomUUID(),
    apiSalt: 'salt-of-the-earth',
    ...values,
  });
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return as<Integration>(answer);
};

describe('Integrations', () => {
  it('never show key or salt again, and store them encrypted', async () => {
    const apiKey = 'the-key-of-this-account';
    const made = await connect({ apiKey });
    expect(made).toMatchObject({
      kind: 'mango',
      apiUrl: 'https://app.mango-office.ru',
      hasSecret: true,
      fromEnvironment: false,
      webhookUrl: `${api.origin}/mango`,
      operators: { total: 0, mapped: 0, ignored: 0, unmapped: 0 },
    });
    const shown = JSON.stringify([made, (await api.admin.get('/api/integrations')).body, await audit('integration.created')]);
    expect(shown).not.toMatch(/salt-of-the-earth|the-key-of-this-account/);
    const [row] = (await api.db('integrations').where({ id: made.id })) as {
      api_key_encrypted: Buffer;
      api_salt_encrypted: Buffer;
    }[];
    expect(JSON.stringify(row)).not.toContain(apiKey);
    expect(row && api.deps.secrets.decrypt(row.api_key_encrypted)).toBe(apiKey);
  });

  const FORBIDDEN = [
    ['http://pbx.example.com', 'https_only'],
    ['http://169.254.169.254', 'https_only'],
    ['https://169.254.169.254', 'private_address'],
    ['https://127.0.0.1', 'private_address'],
    ['https://127.0.0.1:5432', 'port_not_allowed'],
    ['https://[::1]', 'private_address'],
    ['https://[::ffff:10.0.0.1]', 'private_address'],
    ['https://[::ffff:a9fe:a9fe]', 'private_address'],
    ['https://2130706433', 'private_address'],
    ['https://0x7f.1', 'private_address'],
    ['https://localhost', 'private_address'],
    ['https://office.example', 'private_address'],
    ['https://both.example/vpbx', 'private_address'],
    ['file:///etc/passwd', 'https_only'],
    ['https://user:pw@example.com', 'invalid_address'],
    ['https://example.com/?x', 'invalid_address'],
    ['nonsense', 'invalid_address'],
  ] as const;

  it.each(FORBIDDEN)('do not point to %s', async (apiUrl, code) => {
    const answer = await api.admin.post('/api/integrations', { name: 'x', apiKey: 'k', apiSalt: 's', apiUrl });
    expect([answer.status, fieldsOf(answer)]).toEqual([400, ['apiUrl']]);
    expect(as<{ errors: { code: string }[] }>(answer).errors[0]?.code).toBe(code);
  });

  it('are not turned to any of these afterwards', async () => {
    const { id } = await connect({ apiUrl: 'https://pbx.example' });
    for (const [apiUrl, code] of FORBIDDEN) {
      const answer = await api.admin.patch(`/api/integrations/${id}`, { apiUrl });
      expect([apiUrl, answer.status, fieldsOf(answer)]).toEqual([apiUrl, 400, ['apiUrl']]);
      expect(as<{ errors: { code: string }[] }>(answer).errors[0]?.code).toBe(code);
    }
    expect(await api.db('integrations').where({ id }).first('api_url')).toEqual({ api_url: 'https://pbx.example' });
    expect((await api.admin.patch(`/api/integrations/${id}`, { apiUrl: 'https://unknown.example' })).status).toBe(200);
  });

  it('may stand at the address that the environment names', async () => {
    const other = await startTestApi({ MANGO_API_URL: 'http://127.0.0.1:9' });
    const named = await other.admin.post('/api/integrations', {
      name: 'x',
      apiKey: 'k',
      apiSalt: 's',
      apiUrl: 'http://127.0.0.1:9/',
    });
    expect(named.body).toMatchObject({ apiUrl: 'http://127.0.0.1:9' });
    expect((await other.admin.post('/api/integrations', { name: 'y', apiKey: 'l', apiSalt: 's' })).body).toMatchObject({
      apiUrl: 'http://127.0.0.1:9',
    });
    await other.close();
  });

  it('have keys of their own', async () => {
    const made = await connect();
    const [row] = (await api.db('integrations').where({ id: made.id })) as { api_key_encrypted: Buffer }[];
    const apiKey = row ? api.deps.secrets.decrypt(row.api_key_encrypted) : '';
    const again = await api.admin.post('/api/integrations', { name: 'x', apiKey, apiSalt: 's' });
    expect([again.status, codeOf(again), fieldsOf(again)]).toEqual([409, 'key_taken', ['apiKey']]);
  });

  it('are changed, but not where the environment gives them', async () => {
    const made = await connect();
    expect((await api.admin.patch(`/api/integrations/${made.id}`, { name: 'Второй', apiSalt: 'new' })).body).toMatchObject({
      name: 'Второй',
    });
    await api.db('integrations').where({ id: made.id }).update({ from_environment: true });
    const refused = await api.admin.patch(`/api/integrations/${made.id}`, { apiKey: 'x' });
    expect([refused.status, codeOf(refused)]).toEqual([409, 'from_environment']);
    expect((await api.admin.patch(`/api/integrations/${made.id}`, { name: 'Третий' })).status).toBe(200);
    expect(codeOf(await api.admin.delete(`/api/integrations/${made.id}`))).toBe('from_environment');
  });

  it('that are removed keep their history and lose their key', async () => {
    const made = await connect();
    const operator = await seedOperator({ integration_id: made.id });
    expect((await api.admin.delete(`/api/integrations/${made.id}`)).status).toBe(204);
    expect((await api.admin.get('/api/integrations')).body).not.toMatchObject({
      items: expect.arrayContaining([{ id: made.id }]) as unknown,
    });
    expect((await api.admin.patch(`/api/integrations/${made.id}`, { name: 'x' })).status).toBe(404);
    const [row] = (await api.db('integrations').where({ id: made.id })) as { api_key_encrypted: Buffer }[];
    expect(row?.api_key_encrypted).toHaveLength(0);
    expect(await api.db('operators').where({ id: operator }).first('id')).toBeDefined();
  });
});

describe('Operators', () => {
  it('are read from the PBX, suggested by e-mail, mapped and ignored', async () => {
    const account = await connect();
    const agent = await api.addAgent({ email: 'operator@test.local' });
    api.telephony.operators = [
      { extension: '0101', fullName: 'Оператор', email: 'OPERATOR@test.local', devices: [] },
      { extension: '102', fullName: 'Другой', email: null, devices: [] },
    ];
    const refreshed = await api.admin.post('/api/operators/refresh', { integrationId: account.id });
    expect(refreshed.body).toEqual({ items: [{ integrationId: account.id, outcome: 'done', code: null, operators: 2 }] });
    const items = as<{ items: Operator[] }>(await api.admin.get(`/api/operators?integrationId=${account.id}`)).items;
    const [second, first] = [
      items.find(({ extension }) => extension === '102'),
      items.find(({ extension }) => extension === '0101'),
    ];
    expect(first).toMatchObject({ suggestedAgentId: agent.id, agentId: null, ignored: false, present: true });
    const path = `/api/operators/${first?.id}`;
    expect((await api.admin.patch(path, { agentId: agent.id })).body).toMatchObject({
      agentId: agent.id,
      suggestedAgentId: null,
    });
    expect((await api.admin.patch(path, { ignored: true })).body).toMatchObject({ agentId: null, ignored: true });
    expect((await api.admin.patch(path, { agentId: agent.id })).body).toMatchObject({ agentId: agent.id, ignored: false });
    expect(fieldsOf(await api.admin.patch(path, { agentId: agent.id, ignored: true }))).toEqual(['ignored']);
    expect(codeOf(await api.admin.patch(path, { agentId: randomUUID() }))).toBe('agent_not_found');
    expect((await api.admin.patch(`/api/operators/${randomUUID()}`, { ignored: true })).status).toBe(404);
    expect(second).toMatchObject({ agentId: null });
    const [shown] = as<{ items: Integration[] }>(await api.admin.get('/api/integrations')).items.filter(
      ({ id }) => id === account.id,
    );
    expect(shown?.operators).toEqual({ total: 2, mapped: 1, ignored: 0, unmapped: 1 });
    expect((await audit('operator.mapped', first?.id)).length).toBe(3);
  });

  it('say why the PBX did not tell them', async () => {
    const account = await connect();
    api.telephony.refuseNext('listOperators', { outcome: 'refused', code: 3102, word: 'bad_signature' });
    const answer = await api.admin.post('/api/operators/refresh', { integrationId: account.id });
    expect(answer.body).toEqual({
      items: [{ integrationId: account.id, outcome: 'failed', code: 'bad_signature', operators: null }],
    });
    expect(codeOf(await api.admin.post('/api/operators/refresh', { integrationId: randomUUID() }))).toBe('integration_not_found');
  });
});
