import type { RequestListener } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTelephony } from '../../activities/telephony/telephony.ts';
import { createApp } from '../../api/app.ts';
import { dumpOf, linesWith } from '../privacy/dump.ts';
import { as, Caller, startTestApi, type TestApi } from '../support/api.ts';
import { closeListeners, serve } from '../support/listeners.ts';

/** What a service of the inside might say to whoever knocks at it. */
const INSIDE = 'canary-of-the-inside';
const json =
  (body: unknown): RequestListener =>
  (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
const ANSWERS: readonly (readonly [what: string, answer: RequestListener])[] = [
  ['a page', (_request, response) => void response.end(`<h1>${INSIDE}</h1>`)],
  ['an error', (_request, response) => void response.writeHead(500, `Oops ${INSIDE}`).end(`at ${INSIDE}.ts:1`)],
  ['a refusal', json({ result: 3102, code: 3102, name: INSIDE, message: INSIDE, status: INSIDE })],
  ['a code that nobody knows', json({ result: 4999, message: INSIDE })],
  ['JSON of something else', json({ cluster: INSIDE, secrets: [INSIDE] })],
  ['JSON that breaks off', (_request, response) => void response.end(`{"users":[{"general":{"name":"${INSIDE}"`)],
  ['a redirect', (_request, response) => void response.writeHead(302, { location: `http://10.0.0.8/${INSIDE}` }).end()],
];

let api: TestApi;
let admin: Caller;
let answer: RequestListener;
let asked: number;

beforeAll(async () => {
  asked = 0;
  const inside = await serve((request, response) => {
    asked += 1;
    answer(request, response);
  });
  // Also what answers at our own address is somebody else.
  api = await startTestApi({ MANGO_API_URL: inside, PUBLIC_URL: inside });
  const { db, logger: log, secrets } = api.deps;
  const decryptSecret = (stored: Buffer): string => secrets.decrypt(stored);
  const telephony = createTelephony({ db, log, decryptSecret, trustedApiUrl: inside });
  const origin = await serve(createApp({ ...api.deps, telephony }));
  admin = new Caller(origin, api.admin.cookie, api.admin.id);
});
afterAll(async () => {
  closeListeners();
  await api.close();
});

describe('Check 32: what answers at the address of the PBX', () => {
  it.each(ANSWERS)('is not shown by the self-test: %s', async (what, given) => {
    answer = given;
    const before = asked;
    const made = await admin.post('/api/integrations', { name: 'x', apiKey: what.replaceAll(' ', '-'), apiSalt: 's' });
    const { id } = as<{ id: string }>(made);
    const shown = [
      await admin.post(`/api/integrations/${id}/self-test`, {}),
      await admin.post('/api/operators/refresh', { integrationId: id }),
      ...(await Promise.all(['integrations', 'operators', 'audit'].map((path) => admin.get(`/api/${path}`)))),
    ];
    expect(shown.map(({ status, body }) => [status, (body as { code?: string }).code])).toEqual(
      shown.map(() => [200, undefined]),
    );
    const { checks } = as<{ checks: { check: string; verdict: string }[] }>(shown[0]!);
    const verdicts = Object.fromEntries(checks.map(({ check, verdict }) => [check, verdict]));
    expect([verdicts['credentials'], verdicts['address']]).not.toContain('ok');
    expect(asked - before).toBeGreaterThanOrEqual(2);
    for (const { status, headers, body } of shown) {
      expect(status).toBe(200);
      expect(JSON.stringify([body, [...headers]])).not.toContain(INSIDE);
    }
  });

  it('stands in no row and in no log afterwards', async () => {
    expect(linesWith(await dumpOf(api.db), INSIDE)).toEqual([]);
    expect(api.logged()).not.toContain(INSIDE);
    expect(api.logged()).toContain('the PBX said no');
  });
});
