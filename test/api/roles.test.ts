import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describedRoutes } from '../../api/routes/described.ts';
import { allRoutes } from '../../api/routes/index.ts';
import type { Route } from '../../api/route.ts';
import { codeOf, startTestApi, type TestApi } from '../support/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

/** An address of this route, of things that do not exist. */
const addressOf = (route: Route): string =>
  route.path.replace(/\{(\w+)\}/g, (_whole, name: string) => {
    if (name === 'channel') return 'call';
    if (name === 'token') return 'x'.repeat(32);
    if (name === 'section') return 'load';
    return name === 'id' && route.path.startsWith('/api/tickets') ? '999999' : randomUUID();
  });
const name = (route: Route): string => `${route.method.toUpperCase()} ${route.path}`;
/** Without a body: whoever is let through is refused for that at the latest, so that nothing changes. */
const ask = (caller: 'nobody' | 'anna' | 'admin', route: Route) => api[caller].send(route.method.toUpperCase(), addressOf(route));
/** These end what the other lines need, or never end. */
const SPECIAL = new Set(['DELETE /api/session', 'DELETE /api/sessions', 'GET /api/events']);

const served = allRoutes.filter((route) => route.handle);
const closed = served.filter(({ access }) => access !== 'public');
const forAdmins = served.filter(({ access }) => access === 'admin');

describe('Roles', () => {
  it('are said for every route there is', () => {
    expect(served.length).toBeGreaterThan(30);
    expect(
      served
        .filter(({ access }) => access === 'public')
        .map(name)
        .sort(),
    ).toEqual(['GET /api/invitations/{token}', 'GET /api/openapi.json', 'POST /api/invitations/{token}', 'POST /api/session']);
  });

  it.each(closed.map((route) => [name(route), route] as const))('%s answers 401 to nobody', async (_name, route) => {
    const answer = await ask('nobody', route);
    expect([answer.status, codeOf(answer)]).toEqual([401, 'not_signed_in']);
  });

  it.each(forAdmins.map((route) => [name(route), route] as const))('%s answers 403 to an agent', async (_name, route) => {
    const answer = await ask('anna', route);
    expect([answer.status, codeOf(answer)]).toEqual([403, 'not_allowed']);
  });

  it.each(forAdmins.map((route) => [name(route), route] as const))('%s lets an admin through', async (_name, route) => {
    expect([401, 403, 500]).not.toContain((await ask('admin', route)).status);
  });

  it.each(
    closed.filter((route) => route.access === 'agent' && !SPECIAL.has(name(route))).map((route) => [name(route), route] as const),
  )('%s lets an agent through', async (_name, route) => {
    expect([401, 403, 500]).not.toContain((await ask('anna', route)).status);
  });

  it('keep the metrics from everybody but this machine, a token, and admins', async () => {
    const fromElsewhere = { headers: { 'x-forwarded-for': '203.0.113.5' } };
    expect((await api.nobody.get('/metrics')).status).toBe(200);
    expect((await api.nobody.get('/metrics', fromElsewhere)).status).toBe(401);
    expect((await api.anna.get('/metrics', fromElsewhere)).status).toBe(403);
    expect((await api.admin.get('/metrics', fromElsewhere)).status).toBe(200);
  });

  it('name every route of the description that another router serves', () => {
    expect(describedRoutes.map(name)).toContain('POST /mango/events/call');
  });
});
