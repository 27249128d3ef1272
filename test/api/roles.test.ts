import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Express } from 'express';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describedRoutes } from '../../api/routes/described.ts';
import { allRoutes } from '../../api/routes/index.ts';
import type { Route } from '../../api/route.ts';
import { assemble } from '../../api/server.ts';
import { createEventCounts } from '../../api/event-counts.ts';
import { createIntakePool } from '../../db/intake.ts';
import { startTestApi, type Caller, type TestApi } from '../support/api.ts';
import { ADMIN_MOUNTS, LAYERS, ROLE_TABLE } from './role-table.ts';

let api: TestApi;
let uiDirectory: string;
let app: Express;
let origin: string;
let stop: () => Promise<void>;
/** The whole surface as `startServer` puts it together, over the database and the people of a test. */
beforeAll(async () => {
  api = await startTestApi();
  uiDirectory = await mkdtemp(join(tmpdir(), 'trubka-ui-'));
  await writeFile(join(uiDirectory, 'index.html'), '<!doctype html><title>Trubka</title>');
  const intake = createIntakePool(api.databaseUrl);
  const whole = assemble({ ...api.deps, uiDirectory, eventCounts: createEventCounts() }, intake);
  app = whole.app;
  const server: Server = createServer(app).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  stop = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await Promise.all([whole.close(), intake.end()]);
  };
});
afterAll(async () => {
  await stop();
  await api.close();
  await rm(uiDirectory, { recursive: true, force: true });
});

/** What Express keeps of a layer. */
interface Layer {
  readonly rawPath: string | RegExp | readonly (string | RegExp)[];
  readonly name: string;
  readonly route?: { readonly methods: Readonly<Record<string, true>> };
  readonly handle: { readonly stack?: readonly Layer[]; readonly router?: { readonly stack: readonly Layer[] } };
}
interface Found {
  /** Null: it stands in the way of every method. */
  readonly method: string | null;
  readonly path: string;
}

/** All that is mounted in an Express application, in order. */
function surface(stack: readonly Layer[], under = ''): Found[] {
  return stack.flatMap(({ rawPath, route, handle }): Found[] =>
    [rawPath].flat().flatMap((own) => {
      const path = `${under}${String(own)}`.replace(/(?<=.)\/$/, '').replaceAll(/:(\w+)/g, '{$1}');
      if (route) return Object.keys(route.methods).map((method) => ({ method: method.replace('_', '').toUpperCase(), path }));
      const inner = handle.stack ?? handle.router?.stack;
      return inner ? surface(inner, path === '/' ? '' : path) : [{ method: null, path }];
    }),
  );
}
const mounted = (): Found[] => surface((app as unknown as { router: { stack: readonly Layer[] } }).router.stack);
const isUnderMount = ({ path }: { readonly path: string }): boolean =>
  ADMIN_MOUNTS.some((mount) => path === mount || path.startsWith(`${mount}/`));
/** One router takes these, and tells them apart itself. */
const isWebhook = (row: string): boolean => row.includes(' /mango/');

type Role = 'nobody' | 'agent' | 'admin';
const ROLES = Object.keys(ROLE_TABLE) as Role[];
const ROLE_OF = { public: 'nobody', agent: 'agent', admin: 'admin' } as const satisfies Record<Route['access'], Role>;
const name = (route: Route): string => `${route.method.toUpperCase()} ${route.path}`;
const rowsOf = (role: Role): readonly string[] => ROLE_TABLE[role];

/** An address of this path, of things that do not exist. */
const addressOf = (path: string): string =>
  path.replace(/\{(\w+)\}/g, (_whole, variable: string) => {
    if (variable === 'channel') return 'call';
    if (variable === 'token') return 'x'.repeat(32);
    if (variable === 'section') return 'load';
    return variable === 'id' && path.startsWith('/api/tickets') ? '999999' : randomUUID();
  });

/** The metrics are for whoever is on the machine itself, too. */
const FROM_ELSEWHERE = { 'x-forwarded-for': '203.0.113.5' };

/** Without a body: whoever is let through is refused for that at the latest, so that nothing changes. */
async function ask(cookie: string | null, method: string, path: string): Promise<{ status: number; code: string | undefined }> {
  const giveUp = new AbortController();
  const response = await fetch(origin + addressOf(path), {
    method,
    redirect: 'manual',
    signal: giveUp.signal,
    headers: { ...FROM_ELSEWHERE, ...(cookie === null ? {} : { cookie }) },
  });
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json') === true;
  const code = isProblem && method !== 'HEAD' ? ((await response.json()) as { code: string }).code : undefined;
  // The event stream never ends.
  giveUp.abort();
  return { status: response.status, code };
}
/** Somebody of this role who is nobody else's: some routes end the session they are asked in. */
const freshPerson = (role: 'agent' | 'admin'): Promise<Caller> => api.addAgent({ role });
const answerTo = async (role: Role, row: string) => {
  const [method = '', path = ''] = row.split(' ');
  return ask(role === 'nobody' ? null : (await freshPerson(role)).cookie, method, path);
};
const expectThrough = ({ status, code }: { status: number; code: string | undefined }): void => {
  expect(status).not.toBe(500);
  expect(['not_signed_in', 'not_allowed', 'second_factor_required', 'method_not_allowed']).not.toContain(code);
};

describe('Roles', () => {
  it('are said for every route there is', () => {
    const declared = [...allRoutes, ...describedRoutes];
    const byRole = (role: Role) => declared.filter(({ access }) => ROLE_OF[access] === role).map(name);
    for (const role of ROLES) expect(byRole(role).sort(), role).toEqual([...rowsOf(role)].sort());
  });

  it('are said for all that the application serves, of whatever router', () => {
    const found = mounted().filter((one) => !isUnderMount(one));
    const served = found
      .filter(({ method }) => method !== null && method !== 'ALL')
      .map(({ method, path }) => `${method} ${path}`);
    const table = ROLES.flatMap(rowsOf).filter((row) => !isWebhook(row));
    expect(served.sort()).toEqual([...table].sort());
    expect(found.filter(({ method }) => method === null).map(({ path }) => path)).toEqual(LAYERS.map(([path]) => path));
    // What catches the other methods of a path stands at paths of the table only.
    const paths = new Set(table.map((row) => row.split(' ')[1]));
    expect(found.filter(({ method, path }) => method === 'ALL' && !paths.has(path))).toEqual([]);
  });

  it.each(rowsOf('nobody'))('%s lets everybody through', async (row) => {
    for (const role of ROLES) expectThrough(await answerTo(role, row));
  });

  it.each([...rowsOf('agent'), ...rowsOf('admin')])('%s answers 401 to nobody', async (row) => {
    expect(await answerTo('nobody', row)).toEqual({ status: 401, code: 'not_signed_in' });
    if (row.startsWith('GET ')) expect((await answerTo('nobody', row.replace('GET', 'HEAD'))).status).toBe(401);
  });

  it.each(rowsOf('agent'))('%s lets agents and admins through', async (row) => {
    for (const role of ['agent', 'admin'] as const) expectThrough(await answerTo(role, row));
  });

  it.each(rowsOf('admin'))('%s answers 403 to an agent', async (row) => {
    expect(await answerTo('agent', row)).toEqual({ status: 403, code: 'not_allowed' });
    if (row.startsWith('GET ')) expect((await answerTo('agent', row.replace('GET', 'HEAD'))).status).toBe(403);
  });

  it.each(rowsOf('admin'))('%s lets admins through', async (row) => {
    expectThrough(await answerTo('admin', row));
  });

  it('are the same for methods that a path does not have: none of them does anything', async () => {
    const table = ROLES.flatMap(rowsOf).map((row) => row.split(' ') as [string, string]);
    for (const path of new Set(table.map(([, at]) => at))) {
      const has = table.filter(([, at]) => at === path).map(([method]) => method);
      const lacks = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].filter((method) => !has.includes(method));
      for (const method of lacks) {
        const { status } = await ask(api.admin.cookie, method, path);
        // Of these another router says that there is nothing.
        expect(status, `${method} ${path}`).toBe(path === '/metrics' ? 404 : 405);
      }
    }
  });

  it.each(ADMIN_MOUNTS)('of all that lies under %s are those of admins', async (mount) => {
    const parts = mounted().filter((one) => one.path === mount || one.path.startsWith(`${mount}/`));
    // Who may come in is asked before all else.
    expect(parts.length).toBeGreaterThan(3);
    const agent = await freshPerson('agent');
    const routes = parts.filter(({ method }) => method !== null);
    const asked = [
      ...routes.map(({ method, path }) => [method === 'ALL' ? 'POST' : String(method), path.replaceAll(/\{\/.*?\}|\*\w+/g, '')]),
      ...['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].flatMap((method) =>
        ['', '/', '/x/y'].map((more) => [method, `${mount}${more}`]),
      ),
    ];
    for (const [method = '', path = ''] of asked) {
      expect(await ask(null, method, path), `${method} ${path}`).toEqual({ status: 401, code: 'not_signed_in' });
      expect(await ask(agent.cookie, method, path), `${method} ${path}`).toEqual({ status: 403, code: 'not_allowed' });
    }
    expectThrough(await ask(api.admin.cookie, 'GET', mount));
  });

  it('give nobody more than the page of the interface where nothing else is served', async () => {
    for (const path of ['/', '/tickets/1', '/settings/people', '/swagger', '/debug/pprof']) {
      const response = await fetch(origin + path);
      expect([response.status, await response.text()]).toEqual([200, '<!doctype html><title>Trubka</title>']);
    }
    for (const path of ['/api', '/api/', '/api/users', '/admin', '/admin/', '/mango', '/health', '/.env', '/assets/x.js'])
      expect((await ask(null, 'GET', path)).status, path).toBeGreaterThanOrEqual(400);
  });

  it('keep the metrics from everybody but this machine, a token, and admins', async () => {
    const fromElsewhere = { headers: FROM_ELSEWHERE };
    expect((await api.nobody.get('/metrics')).status).toBe(200);
    expect((await api.nobody.get('/metrics', fromElsewhere)).status).toBe(401);
    expect((await api.anna.get('/metrics', fromElsewhere)).status).toBe(403);
    expect((await api.admin.get('/metrics', fromElsewhere)).status).toBe(200);
  });
});
