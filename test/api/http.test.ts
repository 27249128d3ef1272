import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../api/app.ts';
import { createPool } from '../../db/pool.ts';
import { Caller, as, codeOf, fieldsOf, startTestApi, type Answer, type TestApi } from '../support/api.ts';
import { policyFaults } from '../support/page-policy.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

const count = async (): Promise<unknown> => api.db('customers').count('* as n');
const post = (
  body: string | Buffer,
  headers: Record<string, string> = { 'content-type': 'application/json' },
): Promise<Response> =>
  fetch(`${api.origin}/api/customers`, { method: 'POST', headers: { cookie: api.anna.cookie ?? '', ...headers }, body });

describe('A request that another site makes a browser send', () => {
  const good = { fullName: 'x' };
  it.each<[string, Record<string, string>]>([
    ['says it comes from another site', { 'sec-fetch-site': 'cross-site' }],
    ['says it comes from a neighbour of ours', { 'sec-fetch-site': 'same-site' }],
    ['has a foreign origin', { origin: 'https://evil.example' }],
    ['has an opaque origin', { origin: 'null' }],
    ['has our name on another port', { origin: 'http://127.0.0.1:1' }],
  ])('changes nothing if it %s', async (_name, headers) => {
    const before = await count();
    const answer = await api.anna.post('/api/customers', good, headers);
    expect([answer.status, codeOf(answer)]).toEqual([403, 'foreign_origin']);
    for (const method of ['PATCH', 'DELETE']) {
      expect((await api.anna.send(method, '/api/session', { headers })).status).toBe(403);
    }
    expect(await count()).toEqual(before);
    expect((await api.anna.get('/api/session')).status).toBe(200);
  });

  it.each<[string, Record<string, string>]>([
    ['a page of ours sends it', { 'sec-fetch-site': 'same-origin' }],
    ['somebody typed it', { 'sec-fetch-site': 'none' }],
    ['no browser sends it', {}],
  ])('is let through if %s', async (_name, headers) => {
    expect((await api.anna.post('/api/customers', good, { ...headers })).status).toBe(201);
  });

  it('is let through from the origin that PUBLIC_URL names', async () => {
    const other = await startTestApi({ PUBLIC_URL: 'https://trubka.example' });
    expect((await other.anna.post('/api/customers', good, { origin: 'https://trubka.example' })).status).toBe(201);
    expect((await other.anna.post('/api/customers', good, { origin: other.origin })).status).toBe(201);
    await other.close();
  });

  it.each([
    ['text/plain', '{"fullName":"x"}'],
    ['application/x-www-form-urlencoded', 'fullName=x'],
    ['multipart/form-data; boundary=x', '--x--'],
    ['application/xml', '<x/>'],
    ['', '{"fullName":"x"}'],
  ])('cannot be a form: %s is 415', async (type, body) => {
    const before = await count();
    expect((await post(Buffer.from(body), type ? { 'content-type': type } : {})).status).toBe(415);
    expect(await count()).toEqual(before);
  });

  it('gets no permission by CORS', async () => {
    const answer = await api.anna
      .send('OPTIONS', '/api/tickets', {
        headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
      })
      .catch((error: unknown) => error as Error);
    const response = await fetch(`${api.origin}/api/tickets`, { method: 'OPTIONS', headers: { origin: 'https://evil.example' } });
    expect(answer).toBeDefined();
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('A body', () => {
  it.each([
    ['{', 'malformed_json'],
    ['null', 'malformed_json'],
    ['"x"', 'malformed_json'],
    ['{"fullName":"x"', 'malformed_json'],
    ['[]', 'invalid_request'],
    ['{}', 'invalid_request'],
    ['', 'invalid_request'],
  ])('%j is %s', async (body, code) => {
    const answer = await api.anna.send('POST', '/api/customers', { body });
    expect([answer.status, codeOf(answer)]).toEqual([400, code]);
  });

  it('that is not UTF-8 is malformed', async () => {
    const response = await post(Buffer.concat([Buffer.from('{"fullName":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]));
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([400, 'malformed_json']);
  });

  it('that is too large is 413, with and without a length, also when it is packed', async () => {
    const big = JSON.stringify({ fullName: 'x', note: 'y'.repeat(1_000_000) });
    expect((await post(big)).status).toBe(413);
    const chunked = await new Promise<number>((resolve, reject) => {
      const headers = { cookie: api.anna.cookie ?? '', 'content-type': 'application/json', 'transfer-encoding': 'chunked' };
      const outgoing = request(`${api.origin}/api/customers`, { method: 'POST', headers }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      outgoing.on('error', reject);
      outgoing.end(big);
    });
    expect(chunked).toBe(413);
    const packed = await post(Buffer.from('x'), { 'content-type': 'application/json', 'content-encoding': 'gzip' });
    expect(packed.status).toBe(415);
  });

  it('cannot reach the prototype of anything', async () => {
    for (const body of ['{"fullName":"x","__proto__":{"admin":true}}', '{"fullName":"x","constructor":{"prototype":{}}}']) {
      expect((await api.anna.send('POST', '/api/customers', { body })).status).toBe(400);
    }
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  it('nested a thousand deep is refused like any other', async () => {
    const body = `{"fullName":${'['.repeat(1000)}${']'.repeat(1000)}}`;
    expect(fieldsOf(await api.anna.send('POST', '/api/customers', { body }))).toEqual(['fullName']);
  });
});

describe('An address', () => {
  it('with a name of its own is none of a thing by that id, whatever the method', async () => {
    for (const method of ['PATCH', 'DELETE']) {
      expect((await api.admin.send(method, '/api/fields/order')).status).toBe(405);
    }
  });

  it('that is not there is a problem too', async () => {
    for (const path of ['/api', '/api/', '/api/nothing', '/api/tickets/', '/API/tickets', '/admin/nothing']) {
      const answer = await api.anna.get(path);
      expect([answer.status, answer.headers.get('content-type')], path).toEqual([404, 'application/problem+json; charset=utf-8']);
    }
  });

  it('says which methods it knows', async () => {
    const answer = await api.anna.delete('/api/tickets');
    expect([answer.status, codeOf(answer), answer.headers.get('allow')]).toEqual([
      405,
      'method_not_allowed',
      'GET, HEAD, POST, OPTIONS',
    ]);
  });

  it('answers no TRACE', async () => {
    const status = await new Promise<number>((resolve) => {
      request(`${api.origin}/api/tickets`, { method: 'TRACE' }, (response) => resolve(response.statusCode ?? 0)).end();
    });
    expect(status).toBe(405);
  });

  it('with broken percent signs is refused', async () => {
    expect((await api.anna.get('/api/tickets/%E0%A4%A')).status).toBe(400);
  });
});

describe('Every answer', () => {
  it('carries the headers that keep browsers from harm', async () => {
    const pages = ['/', '/tickets/1', '/sign-in', '/invitation/x'];
    for (const path of ['/api/session', '/api/nothing', '/mango/nothing', '/metrics', '/health/live', ...pages]) {
      const { headers } = await api.anna.get(path);
      expect(headers.get('x-powered-by')).toBeNull();
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('x-frame-options')).toBe('DENY');
      expect(headers.get('strict-transport-security')).toBeNull();
      expect(policyFaults(path, headers.get('content-security-policy'))).toEqual([]);
    }
  });

  it('of the interface is kept by nobody on the way', async () => {
    for (const path of ['/api/session', '/api/tickets', '/api/nothing', '/api/tickets?page=x']) {
      expect((await api.anna.get(path)).headers.get('cache-control'), path).toBe('no-store');
    }
  });

  it('names the request under which the log knows more', async () => {
    const answer = await api.anna.get('/api/tickets/999999');
    expect(as<{ requestId: string }>(answer).requestId).toBe(answer.headers.get('x-request-id'));
  });
});

describe('A probe', () => {
  it('knows reading only', async () => {
    for (const path of ['/health/live', '/health/ready']) {
      const answer = await fetch(api.origin + path, { method: 'PUT' });
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    }
  });
});

describe('A failure of ours', () => {
  it('shows nothing but the id under which the log tells all', async () => {
    const broken = await startTestApi();
    await broken.db.raw('alter table customers rename to gone');
    const answer = await broken.anna.get('/api/customers');
    expect([answer.status, codeOf(answer)]).toEqual([500, 'internal_error']);
    const { requestId } = as<{ requestId: string }>(answer);
    expect(JSON.stringify(answer.body)).not.toMatch(/select|relation|gone|\.ts|node_modules|at /);
    const line = broken
      .logged()
      .split('\n')
      .find((text) => text.includes(requestId) && text.includes('request failed'));
    expect(line).toContain('does not exist');
    await broken.close();
  });

  it('of the database is 503 with Retry-After, and readiness says so while liveness does not', async () => {
    const db = createPool('postgres://nobody@127.0.0.1:1/nothing');
    const server = createServer(createApp({ ...api.deps, db }));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const anna = new Caller(origin, api.anna.cookie, api.anna.id);
    const answers: Answer[] = [await anna.get('/api/tickets'), await anna.get('/health/ready')];
    expect(answers.map((answer) => [answer.status, codeOf(answer)])).toEqual(answers.map(() => [503, 'storage_unavailable']));
    expect(answers.map(({ headers }) => headers.get('retry-after'))).toEqual(['2', '2']);
    expect((await anna.get('/health/live')).status).toBe(200);
    server.closeAllConnections();
    server.close();
    await db.destroy();
  });
});

describe('The log', () => {
  it('holds no number, no typed text, no password, no cookie, and no search', async () => {
    const canary = { phone: '+79037654321', text: 'канарейка', password: 'canary-password-1' };
    const { id } = as<{ id: string }>(await api.anna.post('/api/customers', { fullName: canary.text, phones: [canary.phone] }));
    await api.anna.get(`/api/customers?q=${encodeURIComponent(canary.phone)}`);
    await api.anna.get(`/api/tickets?q=${encodeURIComponent(canary.text)}`);
    await api.nobody.post('/api/session', { email: 'a@test.local', password: canary.password });
    await api.anna.patch(`/api/customers/${id}`, { phones: ['нет'], note: canary.text });
    await api.anna.get(`/api/${canary.text}`);
    await api.db.raw('alter table customer_phones rename to gone_phones');
    expect((await api.anna.post('/api/customers', { fullName: canary.text, phones: [canary.phone] })).status).toBe(500);
    await api.db.raw('alter table gone_phones rename to customer_phones');
    const log = api.logged();
    expect(log).toContain('/api/customers');
    const cookie = api.anna.cookie?.split('=')[1] ?? '';
    for (const secret of [
      canary.phone,
      canary.phone.slice(1),
      canary.text,
      encodeURIComponent(canary.text),
      canary.password,
      cookie,
    ]) {
      expect(log.includes(secret), secret).toBe(false);
    }
  });
});

describe('The description of the interface', () => {
  it('is valid OpenAPI 3.1, for everybody to read', async () => {
    const answer = await api.nobody.get('/api/openapi.json');
    expect(answer.status).toBe(200);
    const validator = new Validator();
    const { valid, errors } = await validator.validate(as<Record<string, unknown>>(answer));
    expect([valid, errors, validator.version]).toEqual([true, undefined, '3.1']);
  });

  it('names every call of the contract', async () => {
    const { paths } = as<{ paths: Record<string, Record<string, unknown>> }>(await api.nobody.get('/api/openapi.json'));
    const calls = Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`));
    expect(calls).toEqual(
      expect.arrayContaining([
        'post /mango/events/call',
        'post /api/session',
        'get /api/session',
        'delete /api/session',
        'get /api/tickets',
        'get /api/tickets/{id}',
        'patch /api/tickets/{id}',
        'post /api/tickets',
        'post /api/tickets/{id}/messages',
        'get /api/customers',
        'post /api/customers',
        'get /api/customers/{id}',
        'patch /api/customers/{id}',
        'post /api/agents',
        'get /api/agents',
        'patch /api/agents/{id}',
        'get /api/integrations',
        'post /api/integrations',
        'patch /api/integrations/{id}',
        'post /api/operators/refresh',
        'get /api/operators',
        'patch /api/operators/{id}',
        'get /api/calls',
        'post /api/calls/{callId}/actions',
        'get /api/calls/{callId}/actions/{actionId}',
        'post /api/tickets/{id}/callback',
        'get /api/recordings/{id}',
        'get /api/events',
        'get /api/statistics/{section}',
        'get /api/openapi.json',
        'get /health/live',
        'get /health/ready',
        'get /metrics',
      ]),
    );
  });
});

describe('The built interface', () => {
  it('is served with its page for every address of its own, and hashed files for ever', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'trubka-ui-'));
    await mkdir(join(directory, 'assets'));
    await writeFile(join(directory, 'index.html'), '<!doctype html><title>Trubka</title>');
    await writeFile(join(directory, 'assets', 'index-abc123.js'), `${'export const a = 1;\n'.repeat(200)}`);
    await writeFile(join(directory, '.env'), 'SECRET=1');
    const server = createServer(createApp({ ...api.deps, uiDirectory: directory }));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    for (const path of ['/', '/tickets', '/tickets/1?x=1', '/invitation/abc_-DEF']) {
      const page = await fetch(origin + path);
      expect([page.status, page.headers.get('cache-control')], path).toEqual([200, 'no-cache']);
      expect(await page.text()).toContain('<title>Trubka</title>');
    }
    const script = await fetch(`${origin}/assets/index-abc123.js`);
    expect(script.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(script.headers.get('content-encoding')).toBe('gzip');
    const brotli = await fetch(`${origin}/assets/index-abc123.js`, { headers: { 'accept-encoding': 'gzip, br' } });
    expect(brotli.headers.get('content-encoding')).toBe('br');
    const plain = await fetch(`${origin}/assets/index-abc123.js`, { headers: { 'accept-encoding': 'identity' } });
    expect([plain.headers.get('content-encoding'), plain.headers.get('cache-control')]).toEqual([
      null,
      expect.stringContaining('immutable'),
    ]);
    expect(await script.text()).toContain('export const a');
    for (const path of ['/assets/missing.js', '/favicon.png', '/.env', '/api/x', '/mango']) {
      const answer = await fetch(origin + path, { redirect: 'manual' });
      expect([404, 400], path).toContain(answer.status);
      expect(await answer.text()).not.toContain('SECRET');
    }
    for (const path of [
      '/%00',
      '/..%2f..%2f..%2f..%2fetc%2fpasswd',
      '/assets/..%2f.env',
      '/assets%2f..%2f.env',
      '/assets/..%5c.env',
    ]) {
      expect(await (await fetch(origin + path)).text(), path).not.toMatch(/SECRET|root:/);
    }
    expect((await fetch(`${origin}/tickets`, { method: 'POST' })).status).toBe(404);
    server.closeAllConnections();
    server.close();
    await rm(directory, { recursive: true });
  });
});
