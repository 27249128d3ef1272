import express from 'express';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { ApiDeps } from '../../api/deps.ts';
import { limitRate, shedLoad } from '../../api/limits.ts';
import { answerFailures, logRequests } from '../../api/request-log.ts';
import { createLogger } from '../../db/log.ts';

const logger = createLogger('test', { level: 'silent' });
const deps = { config: { publicUrl: undefined } } as unknown as ApiDeps;
let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serve(configure: (app: express.Express) => void): Promise<string> {
  const app = express();
  app.use(logRequests(logger, () => undefined));
  configure(app);
  app.use(answerFailures(logger));
  server = createServer(app);
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('Requests', () => {
  it('beyond what can be done at one time are shed at once, but for event streams, until there is room', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const origin = await serve((app) => {
      app.use(shedLoad());
      app.use(async (request, response) => {
        if (request.path === '/slow') await held;
        response.send('ok');
      });
    });
    const slow = Array.from({ length: 200 }, () => fetch(`${origin}/slow`));
    const deadline = Date.now() + 10_000;
    let shed = await fetch(`${origin}/quick`);
    while (shed.status === 200 && Date.now() < deadline) shed = await fetch(`${origin}/quick`);
    expect([shed.status, shed.headers.get('retry-after')]).toEqual([503, '1']);
    expect((await fetch(`${origin}/events`)).status).toBe(200);
    release();
    expect((await Promise.all(slow)).map(({ status }) => status)).toEqual(slow.map(() => 200));
    expect((await fetch(`${origin}/quick`)).status).toBe(200);
  });

  it('of one caller are limited by the second, and others are not', async () => {
    let now = 0;
    const origin = await serve((app) => {
      app.use(limitRate(deps, () => now));
      app.use((_request, response) => void response.send('ok'));
    });
    const ask = async (session = ''): Promise<number> => {
      const cookie = session && `trubka_session=${session.repeat(43)}`;
      const response = await fetch(origin, { headers: { cookie } });
      await response.body?.cancel();
      return response.status;
    };
    const many = await Promise.all(Array.from({ length: 1001 }, () => ask('a')));
    expect(many.filter((status) => status === 429)).toHaveLength(1);
    expect([await ask('a'), await ask('b'), await ask()]).toEqual([429, 200, 200]);
    now += 100;
    expect(await ask('a')).toBe(200);
  });
});
