import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Route } from '../../api/route.ts';
import { allRoutes } from '../../api/routes/index.ts';
import { codeOf, fieldsOf, startTestApi, type TestApi } from '../support/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

const SLEEP_MS = 5_000;
const served = allRoutes.filter(({ handle, path }) => handle && path !== '/api/events');
const parametersOf = ({ query }: Route): string[] => Object.keys(query?.shape ?? {});
const addressOf = (route: Route, id = '1'): string =>
  route.path.replace(/\{(\w+)\}/g, (_whole, name: string) => (name === 'section' ? 'load' : encodeURIComponent(id)));
/** What a route must be given to get as far as the database. */
const given = (route: Route): Record<string, string> =>
  route.path.startsWith('/api/statistics') ? { from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z' } : {};

/** What sqlmap begins with, put into whatever can be said: blind by time, by truth, stacked, a union. */
const INJECTIONS = [
  `1;select pg_sleep(${SLEEP_MS / 1000})--`,
  `' or (select 1 from pg_sleep(${SLEEP_MS / 1000})) is not null --`,
  `1) and 1=(select 1 from pg_sleep(${SLEEP_MS / 1000}))--`,
  `id,(select pg_sleep(${SLEEP_MS / 1000}))`,
  `') union select null,version(),null--`,
];
const FROM_THE_DATABASE = /PostgreSQL \d|syntax error|unterminated|relation |invalid input syntax/i;

describe('Check 25: SQL in whatever a request may say', () => {
  const places = served
    .filter(({ method, query }) => method === 'get' && query !== undefined)
    .flatMap((route) => parametersOf(route).map((parameter) => ({ route, parameter })));

  it('as each parameter of each list, export and figure is refused by name or searched for, and nothing waits', async () => {
    expect(places.length).toBeGreaterThan(40);
    for (const [index, { route, parameter }] of places.entries()) {
      const two = [index, index + 2].map((at) => INJECTIONS[at % INJECTIONS.length] ?? '');
      for (const injection of ['sort', 'q'].includes(parameter) ? INJECTIONS : two) {
        const query = new URLSearchParams({ ...given(route), [parameter]: injection });
        const startedAt = Date.now();
        const answer = await api.admin.get(`${addressOf(route)}?${query.toString()}`);
        const what = `${route.path} ${parameter}=${injection}: ${answer.status}`;
        expect([200, 400, 404], what).toContain(answer.status);
        expect(JSON.stringify(answer.body), what).not.toMatch(FROM_THE_DATABASE);
        expect(Date.now() - startedAt, what).toBeLessThan(SLEEP_MS);
      }
    }
  });

  it('as an id in each path names nothing, whatever the method', async () => {
    const named = served.filter(({ path, access }) => path.includes('{') && !path.includes('{section}') && access !== 'public');
    for (const route of named) {
      for (const injection of INJECTIONS.slice(0, 2)) {
        const startedAt = Date.now();
        const answer = await api.admin.send(route.method.toUpperCase(), addressOf(route, injection));
        const what = `${route.method} ${route.path} ${injection}: ${answer.status}`;
        expect([400, 404], what).toContain(answer.status);
        expect(JSON.stringify(answer.body), what).not.toMatch(FROM_THE_DATABASE);
        expect(Date.now() - startedAt, what).toBeLessThan(SLEEP_MS);
      }
    }
  });
});

describe('Check 26: questions that ask for too much', () => {
  /** The best of three: a busy machine is slow once. */
  async function within(ms: number, what: string, ask: () => Promise<void>): Promise<void> {
    const took: number[] = [];
    for (let time = 0; time < 3 && !took.some((one) => one < ms); time += 1) {
      const startedAt = performance.now();
      await ask();
      took.push(performance.now() - startedAt);
    }
    expect(Math.min(...took), what).toBeLessThan(ms);
  }
  const having = (...names: string[]): Route[] =>
    served.filter((route) => route.method === 'get' && names.every((name) => parametersOf(route).includes(name)));

  it('by the page are refused by name in every list', async () => {
    expect(having('pageSize').length).toBeGreaterThan(3);
    for (const route of having('pageSize')) {
      const ask = async (): Promise<void> => {
        const answer = await api.admin.get(`${addressOf(route)}?pageSize=1000000000`);
        expect([route.path, answer.status, fieldsOf(answer)]).toEqual([route.path, 400, ['pageSize']]);
      };
      await within(1000, route.path, ask);
    }
  });

  it('by ten thousand signs that fit everything are refused by name in every search', async () => {
    expect(having('q').length).toBeGreaterThan(1);
    for (const route of having('q')) {
      const ask = async (): Promise<void> => {
        const answer = await api.admin.get(`${addressOf(route)}?q=${'%25'.repeat(10_000)}`);
        expect([route.path, answer.status, codeOf(answer), fieldsOf(answer)]).toEqual([
          route.path,
          400,
          'invalid_request',
          ['q'],
        ]);
      };
      await within(1000, route.path, ask);
    }
  });

  it('by a period of a hundred years are refused or answered at once', async () => {
    expect(having('from', 'to').length).toBeGreaterThan(2);
    for (const route of having('from', 'to')) {
      const query = new URLSearchParams({ from: '1950-01-01T00:00:00Z', to: '2050-01-01T00:00:00Z' });
      await within(1000, route.path, async () => {
        expect([200, 400]).toContain((await api.admin.get(`${addressOf(route)}?${query.toString()}`)).status);
      });
    }
  });
});

describe('Check 24: garbage at the event stream', () => {
  const session = (value: string) => ({ cookie: `trubka_session=${value}` });
  it.each<[string, string, RequestInit, number]>([
    ['a session made up', '', { headers: session('a'.repeat(43)) }, 401],
    ['a session that is an object', '', { headers: session('{"$gt":""}') }, 401],
    ['a session that is SQL', '', { headers: session("' or 1=1 --") }, 401],
    ['no session and a position', '', { headers: { cookie: 'x=1', 'last-event-id': '{"a":[]}' } }, 401],
    ['parameters that are objects', '?lastEventId[a]=1&__proto__[x]=1', { headers: {} }, 400],
    ['a NUL', '?lastEventId=%00', { headers: {} }, 400],
    ['another method', '', { method: 'POST', body: '{"sessions":', headers: { 'content-type': 'application/json' } }, 405],
    ['a longer path', '/..%2f..%2fsessions', { headers: {} }, 404],
    ['broken percent signs', '/%E0%A4%A', { headers: {} }, 404],
  ])('is answered by a problem that shows nothing of the inside: %s', async (_what, more, init, status) => {
    const cookie = { cookie: api.anna.cookie ?? '' };
    const answer = await fetch(`${api.origin}/api/events${more}`, { ...init, headers: { ...cookie, ...init.headers } });
    const text = await answer.text();
    expect([answer.status, answer.headers.get('content-type')]).toEqual([status, 'application/problem+json; charset=utf-8']);
    const { errors = [], ...rest } = JSON.parse(text) as { errors?: object[] };
    const known = ['type', 'title', 'status', 'code', 'detail', 'requestId'];
    expect(Object.keys(rest).filter((key) => !known.includes(key))).toEqual([]);
    for (const error of errors) expect(Object.keys(error).sort()).toEqual(['code', 'field', 'message']);
    const token = api.anna.cookie?.split('=')[1] ?? randomUUID();
    for (const secret of [token, api.anna.id, api.boris.id, '@test.local']) expect(text).not.toContain(secret);
    expect(text).not.toMatch(/\bat \w+ |\.ts\b|node_modules|select |session_id|Map\(|Set\(/i);
  });
});
