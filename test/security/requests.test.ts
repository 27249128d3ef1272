import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../api/app.ts';
import { hashPassword } from '../../api/passwords.ts';
import type { Route } from '../../api/route.ts';
import { allRoutes } from '../../api/routes/index.ts';
import { createPool } from '../../db/pool.ts';
import { as, Caller, codeOf, startTestApi, type Answer, type TestApi } from '../support/api.ts';
import { EventStream } from '../support/event-stream.ts';

const PASSWORD = 'correct horse battery';
let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ TRUST_PROXY: '127.0.0.1' });
});
afterAll(() => api.close());

let people = 0;
async function account(values: { role?: string } = {}): Promise<{ readonly email: string; readonly id: string }> {
  const email = `secure${++people}@test.local`;
  const { id } = await api.addAgent({ email, ...values, password_hash: await hashPassword(PASSWORD) });
  return { email, id };
}
const signIn = (email: string, password: string, address: string, at = api): Promise<Answer> =>
  at.nobody.post('/api/session', { email, password }, { 'x-forwarded-for': address });
const cookieOf = (answer: Answer): string => (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
const holder = (answer: Answer, at = api): Caller => new Caller(at.origin, cookieOf(answer), as<{ id: string }>(answer).id);

describe('Check 9: guessing from many addresses of one network', () => {
  it('is guessing from one address: a /64 of IPv6 has ten attempts in all', async () => {
    const { email } = await account();
    for (let host = 1; host <= 10; host += 1) expect((await signIn(email, 'wrong', `2001:db8:1:2::${host}`)).status).toBe(401);
    expect((await signIn(email, PASSWORD, '2001:db8:1:2:aaaa::1')).status).toBe(429);
    expect((await signIn(email, PASSWORD, '2001:db8:1:3::1')).status).toBe(200);
  });
});

describe('Check 9: guessing with headers that claim other addresses', () => {
  /** Ten wrong passwords, then the right one. */
  async function guess(at: TestApi, headersOf: (attempt: number) => Record<string, string>): Promise<readonly number[]> {
    const email = `guessed${++people}@test.local`;
    await at.addAgent({ email, password_hash: await hashPassword(PASSWORD) });
    const attempt = async (index: number, password: string): Promise<number> =>
      (await at.nobody.post('/api/session', { email, password }, headersOf(index))).status;
    const wrong = [];
    for (let index = 1; index <= 10; index += 1) wrong.push(await attempt(index, 'wrong'));
    return [...new Set(wrong), await attempt(11, PASSWORD)];
  }
  const STOPPED = [401, 429];

  it('what stands before the trusted proxy’s own entry is only the caller’s word', async () => {
    expect(await guess(api, (index) => ({ 'x-forwarded-for': `203.0.113.${index}, 192.0.2.60` }))).toEqual(STOPPED);
    expect(await guess(api, (index) => ({ 'x-forwarded-for': `203.0.113.${index}, 127.0.0.1, 192.0.2.61` }))).toEqual(STOPPED);
    // Behind a proxy that really has many callers they are told apart.
    expect(await guess(api, (index) => ({ 'x-forwarded-for': `203.0.113.1, 192.0.2.${70 + index}` }))).toEqual([401, 200]);
  });

  it('an address with a port is the same address', async () => {
    expect(await guess(api, (index) => ({ 'x-forwarded-for': `192.0.2.62:${4000 + index}` }))).toEqual(STOPPED);
    expect(await guess(api, (index) => ({ 'x-forwarded-for': `[2001:db8:9::${index}]:${4000 + index}` }))).toEqual(STOPPED);
  });

  it('other headers mean nothing, also where a proxy is trusted', async () => {
    const others = (address: string) =>
      Object.fromEntries(['x-real-ip', 'x-client-ip', 'true-client-ip', 'cf-connecting-ip'].map((name) => [name, address]));
    const claims = (index: number) => ({ ...others(`203.0.113.${index}`), forwarded: `for=203.0.113.${index}` });
    expect(await guess(api, (index) => ({ ...claims(index), 'x-forwarded-for': '192.0.2.64' }))).toEqual(STOPPED);
  });

  it('a caller that is not the trusted proxy says nothing by them', async () => {
    const other = await startTestApi({ TRUST_PROXY: '10.0.0.0/8' });
    const claims = (index: number) => ({
      'x-forwarded-for': `203.0.113.${index}, 10.0.0.1`,
      forwarded: `for=203.0.113.${index}`,
    });
    expect(await guess(other, claims)).toEqual(STOPPED);
    await other.close();
  });

  it('with one proxy trusted by number the entry that counts is the last', async () => {
    const other = await startTestApi({ TRUST_PROXY: '1' });
    expect(await guess(other, (index) => ({ 'x-forwarded-for': `203.0.113.${index}, 192.0.2.63` }))).toEqual(STOPPED);
    await other.close();
  });
});

describe('Check 11: the cookie where the service is reached by https', () => {
  it('is bound to the host and to https, and never stands in a body or an address', async () => {
    const other = await startTestApi({ PUBLIC_URL: 'https://trubka.example' });
    await other.addAgent({ email: 'tls@test.local', password_hash: await hashPassword(PASSWORD) });
    const answer = await signIn('tls@test.local', PASSWORD, '192.0.2.1', other);
    const [cookie = ''] = answer.headers.getSetCookie();
    expect(cookie).toMatch(/^__Host-trubka_session=[\w-]{43}; .*Path=\/; .*HttpOnly; Secure; SameSite=Lax$/);
    expect(cookie).not.toContain('Domain');
    expect(answer.headers.get('strict-transport-security')).toMatch(/max-age=\d{7,}/);
    const token = cookie.split(';')[0]?.split('=')[1] ?? '';
    expect(JSON.stringify(answer.body)).not.toContain(token);
    expect((await new Caller(other.origin, `trubka_session=${token}`, '').get('/api/session')).status).toBe(401);
    await other.close();
  });
});

describe('Check 13: what ends sessions ends their streams', () => {
  type End = (here: Caller) => Promise<Answer>;
  const byAdmin =
    (change: object): End =>
    ({ id }) =>
      api.admin.patch(`/api/agents/${id}`, change);
  it.each<[string, End]>([
    ['deactivation', byAdmin({ active: false })],
    ['a role that is taken away', byAdmin({ role: 'agent' })],
    ['sign-out everywhere', (here) => here.delete('/api/sessions')],
    ['a second factor that another admin resets', ({ id }) => api.admin.delete(`/api/agents/${id}/second-factor`)],
  ])('%s ends all of that agent’s, at once, and nobody else’s', async (_what, end) => {
    const { email, id } = await account({ role: 'admin' });
    const mine = [holder(await signIn(email, PASSWORD, '192.0.2.21')), holder(await signIn(email, PASSWORD, '192.0.2.22'))];
    await api.db('agents').where({ id }).update({ second_factor_at: new Date() });
    const streams = await Promise.all(mine.map((session) => EventStream.open(session)));
    const other = await EventStream.open(api.anna);
    await Promise.all([...streams, other].map((stream) => stream.until(({ retry }) => retry !== '')));
    expect((await end(mine[0] as Caller)).status).toBeLessThan(300);
    // By notice, before the look at all sessions that comes every few seconds.
    await Promise.all(streams.map((stream) => stream.until(({ ended }) => ended, 2000)));
    for (const stream of streams) expect(stream.ofType('session.ended')).toHaveLength(1);
    for (const session of mine) {
      expect((await session.get('/api/session')).status).toBe(401);
      expect((await EventStream.open(session)).status).toBe(401);
    }
    expect([other.ended, (await api.anna.get('/api/session')).status]).toEqual([false, 200]);
    other.close();
  });

  it('more rights, another name, another team do not', async () => {
    const { email, id } = await account();
    const them = holder(await signIn(email, PASSWORD, '192.0.2.23'));
    for (const change of [{ role: 'admin' }, { fullName: 'Другое имя' }, { team: 'Первая' }])
      expect((await api.admin.patch(`/api/agents/${id}`, change)).status).toBe(200);
    expect((await them.get('/api/audit')).status).toBe(200);
  });

  it('a changed password: all others and their streams, at once', async () => {
    const { email } = await account();
    const [here, there] = [
      holder(await signIn(email, PASSWORD, '192.0.2.3')),
      holder(await signIn(email, PASSWORD, '192.0.2.4')),
    ];
    const [mine, theirs] = [await EventStream.open(here), await EventStream.open(there)];
    await Promise.all([mine, theirs].map((stream) => stream.until(({ retry }) => retry !== '')));
    const changed = await here.patch('/api/session', { password: { current: PASSWORD, new: 'another good one' } });
    expect(changed.status).toBe(200);
    await theirs.until(({ ended }) => ended, 5000);
    expect(mine.ended).toBe(false);
    expect([(await here.get('/api/session')).status, (await there.get('/api/session')).status]).toEqual([200, 401]);
    mine.close();
  });

  it('a role that is gone without any notice counts from the next request on', async () => {
    const { email, id } = await account({ role: 'admin' });
    const them = holder(await signIn(email, PASSWORD, '192.0.2.5'));
    expect((await them.get('/api/audit')).status).toBe(200);
    await api.db('agents').where({ id }).update({ role: 'agent' });
    expect((await them.get('/api/audit')).status).toBe(403);
  });
});

describe('Check 19: ids of recordings and calls', () => {
  it('are random, not counted and not dated', async () => {
    const { rows } = await api.db.raw<{ rows: { table_name: string; column_default: string | null }[] }>(
      `select table_name, column_default from information_schema.columns where table_schema = 'public' and column_name = 'id'
       and table_name in ('recordings', 'calls', 'customers', 'agents', 'integrations') order by 1`,
    );
    expect(rows.map(({ table_name: table, column_default: value }) => [table, value])).toEqual(
      ['agents', 'calls', 'customers', 'integrations', 'recordings'].map((table) => [table, 'gen_random_uuid()']),
    );
  });
});

describe('Check 27: properties that are not the caller’s to set', () => {
  it.each([
    ['PATCH', '/api/session', { role: 'admin' }, 'role'],
    ['PATCH', '/api/session', { preferences: {}, access: 'all' }, 'access'],
    ['POST', '/api/customers', { fullName: 'x', id: randomUUID() }, 'id'],
    ['POST', '/api/tickets', { subject: 'x', channel: 'email', number: 7 }, 'number'],
    ['POST', '/api/tickets', { subject: 'x', channel: 'email', handset: 'green' }, 'handset'],
    ['POST', '/api/tickets', { subject: 'x', channel: 'email', createdAt: '2020-01-01T00:00:00Z' }, 'createdAt'],
  ])('%s %s with %j is refused by name', async (method, path, body, field) => {
    const answer = await api.anna.send(method, path, { body });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ errors: expect.arrayContaining([expect.objectContaining({ field })]) as unknown });
  });

  it('nor are those of a ticket that is there', async () => {
    const { id } = as<{ id: string }>(await api.anna.post('/api/tickets', { subject: 'x', channel: 'email' }));
    const before = (await api.anna.get(`/api/tickets/${id}`)).body;
    for (const change of [{ number: 1 }, { createdAt: '2020-01-01T00:00:00Z' }, { handset: 'red' }, { closedAt: null }]) {
      expect((await api.anna.patch(`/api/tickets/${id}`, change)).status).toBe(400);
    }
    expect((await api.anna.get(`/api/tickets/${id}`)).body).toEqual(before);
  });
});

describe('Check 37: failures of ours on every path', () => {
  const addressOf = (route: Route): string =>
    route.path.replace(/\{(\w+)\}/g, (_whole, name: string) => {
      if (name === 'channel') return 'call';
      if (name === 'token') return 'x'.repeat(32);
      if (name === 'section') return 'load';
      return name === 'id' && route.path.startsWith('/api/tickets') ? '1' : randomUUID();
    });
  const served = allRoutes.filter(({ handle, path }) => handle && path !== '/api/openapi.json');
  const revealing = /\bselect\b|relation |\bat \w|node_modules|\.ts\b|ECONNREFUSED|127\.0\.0\.1|postgres|stack/i;
  /** What each route that takes a body accepts, so that the request gets as far as the database. */
  const id = randomUUID();
  const bodies: Readonly<Record<string, object>> = {
    'post /api/session': { email: 'somebody@test.local', password: PASSWORD },
    'patch /api/session': { preferences: { theme: 'dark' } },
    'post /api/session/second-factor': { password: PASSWORD },
    'put /api/session/second-factor': { code: '123456' },
    'post /api/session/second-factor/recovery-codes': { password: PASSWORD },
    'post /api/session/second-factor/removal': { password: PASSWORD },
    'post /api/invitations/{token}': { password: 'another good one' },
    'patch /api/tickets/{id}': { subject: 'x' },
    'post /api/tickets': { subject: 'x', channel: 'email' },
    'post /api/tickets/{id}/messages': { type: 'note', body: 'x' },
    'post /api/tickets/{id}/callback': {},
    'post /api/customers': { fullName: 'x' },
    'patch /api/customers/{id}': { note: 'x' },
    'post /api/customers/{id}/erasure': { reason: 'customer_request' },
    'post /api/calls/{callId}/actions': { actionId: 'x', type: 'hang_up' },
    'post /api/agents': { fullName: 'x', email: 'failing@test.local', role: 'agent' },
    'patch /api/agents/{id}': { fullName: 'x' },
    'post /api/fields': { label: 'x', type: 'text' },
    'post /api/fields/order': { ids: [id] },
    'patch /api/fields/{id}': { label: 'x' },
    'patch /api/settings': { timezone: 'Europe/Moscow' },
    'patch /api/sla-targets/{channel}': { firstReplySeconds: 60 },
    'post /api/integrations': { name: 'x', apiKey: 'k', apiSalt: 's' },
    'patch /api/integrations/{id}': { name: 'x' },
    'post /api/operators/refresh': {},
    'patch /api/operators/{id}': { ignored: true },
    'post /api/demo/calls': {},
    'post /api/demo/calls/{id}/actions': {},
    'patch /api/demo/switches': {},
    'post /api/integrations/{id}/test-calls': {},
  };
  const nameOf = ({ method, path }: Route): string => `${method} ${path}`;
  interface Failure {
    readonly name: string;
    readonly status: number;
    readonly type: string | null;
    readonly text: string;
    readonly requestId: string;
  }
  const ask = async (at: TestApi, origin: string, route: Route): Promise<Failure> => {
    const body = bodies[nameOf(route)];
    const answer = await fetch(origin + addressOf(route), {
      method: route.method.toUpperCase(),
      headers: { cookie: at.admin.cookie ?? '', ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const [type, requestId] = ['content-type', 'x-request-id'].map((header) => answer.headers.get(header) ?? '');
    return {
      name: nameOf(route),
      status: answer.status,
      type: type ?? '',
      text: await answer.text(),
      requestId: requestId ?? '',
    };
  };
  /** The answer says nothing but its id; the log says under that id what went wrong. */
  const expectDiscreet = ({ name, status, type, text, requestId }: Failure, log: string, details: RegExp): void => {
    expect(type, name).toMatch(/^application\/problem\+json/);
    expect(text, name).not.toMatch(revealing);
    expect(JSON.parse(text), name).toMatchObject({ status, requestId });
    const lines = log.split('\n').filter((line) => line.includes(requestId) && line.includes('request failed'));
    expect(lines, name).toEqual([expect.stringMatching(details)]);
  };

  it('every route that takes a body is tried with one', () => {
    expect(Object.keys(bodies).sort()).toEqual(
      served
        .filter(({ body }) => body !== undefined)
        .map(nameOf)
        .sort(),
    );
  });

  it('without a database all are problems that say nothing of the inside', async () => {
    const db = createPool('postgres://nobody@127.0.0.1:1/nothing');
    const server = createServer(createApp({ ...api.deps, db }));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    for (const route of served) {
      const failure = await ask(api, origin, route);
      expect([failure.name, failure.status]).toEqual([failure.name, 503]);
      expectDiscreet(failure, api.logged(), /ECONNREFUSED 127\.0\.0\.1:1/);
    }
    server.closeAllConnections();
    server.close();
    await db.destroy();
  });

  it('with a database that lacks everything but the session, too, whatever the method', async () => {
    const broken = await startTestApi();
    const { rows } = await broken.db.raw<{ rows: { name: string }[] }>(
      `select tablename as name from pg_tables where schemaname = 'public' and tablename not in ('sessions', 'agents')`,
    );
    for (const { name } of rows) await broken.db.raw('alter table ?? rename to ??', [name, `${name}_gone`]);
    const others: string[] = [];
    // The session goes with the last of them.
    const endsSession = ({ path, method }: Route): boolean => /^\/api\/sessions?$/.test(path) && method === 'delete';
    for (const route of [...served.filter((one) => !endsSession(one)), ...served.filter(endsSession)]) {
      if (route.path === '/api/events') continue;
      const failure = await ask(broken, broken.origin, route);
      if (failure.status === 500) expectDiscreet(failure, broken.logged(), /does not exist/);
      else others.push(`${failure.name} ${failure.status}`);
      if (failure.status >= 400) expect(failure.text, failure.name).not.toMatch(revealing);
    }
    expect(others).toEqual([]);
    await broken.close();
  });
});

describe('Check 40: the audit log', () => {
  it('is not changed and not emptied by the role the service works as', async () => {
    await signIn((await account()).email, PASSWORD, '192.0.2.9');
    const count = async () => (await api.db('audit_log').count('* as n')) as unknown;
    const before = await count();
    await expect(api.db('audit_log').update({ action: 'nothing.happened' })).rejects.toThrow(/append-only/);
    await expect(api.db('audit_log').delete()).rejects.toThrow(/append-only/);
    await expect(api.db.raw('truncate audit_log')).rejects.toThrow(/append-only/);
    expect(await count()).toEqual(before);
  });

  it('lets go of what is older than three years', async () => {
    const at = new Date(Date.now() - 4 * 365 * 86_400_000);
    await api.db('audit_log').insert({ at, action: 'session.started' });
    expect(
      await api
        .db('audit_log')
        .where('at', '<', new Date(Date.now() - 3.5 * 365 * 86_400_000))
        .delete(),
    ).toBe(1);
  });

  it('tells of sign-in, refused sign-in, sign-out, settings and staff', async () => {
    const { email, id } = await account({ role: 'admin' });
    await signIn(email, 'wrong', '192.0.2.11');
    const them = holder(await signIn(email, PASSWORD, '192.0.2.11'));
    await them.patch('/api/settings', { timezone: 'Europe/Moscow' });
    await them.delete('/api/session');
    const rows = (await api.db('audit_log').where({ agent_id: id }).orderBy('id')) as { action: string }[];
    expect(rows.map(({ action }) => action)).toEqual(['session.refused', 'session.started', 'settings.changed', 'session.ended']);
    expect(codeOf(await api.anna.get('/api/audit'))).toBe('not_allowed');
  });
});
