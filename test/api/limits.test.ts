import express from 'express';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ApiDeps } from '../../api/deps.ts';
import { networkOf } from '../../api/caller-address.ts';
import { limitRate, measurePressure, shedLoad } from '../../api/limits.ts';
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
      app.use(shedLoad({ lateMs: () => 0, waiting: () => 0 }));
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

  it('are shed while the event loop is late or the database’s connections are all waited for, but for the first few', async () => {
    const pressure = { late: 0, queue: 0 };
    let [release, running] = [(): void => undefined, 0];
    const held = new Promise<void>((resolve) => (release = resolve));
    const origin = await serve((app) => {
      app.use(shedLoad({ lateMs: () => pressure.late, waiting: () => pressure.queue }));
      app.use(async (request, response) => {
        running += 1;
        if (request.path === '/slow') await held;
        response.send('ok');
      });
    });
    const ask = async (): Promise<number> => (await fetch(`${origin}/quick`)).status;
    pressure.late = 500;
    expect(await ask()).toBe(200);
    const slow = Array.from({ length: 8 }, () => fetch(`${origin}/slow`));
    await vi.waitFor(() => expect(running).toBe(9));
    expect(await ask()).toBe(503);
    Object.assign(pressure, { late: 0, queue: 100 });
    expect(await ask()).toBe(503);
    pressure.queue = 3;
    expect(await ask()).toBe(200);
    release();
    expect((await Promise.all(slow)).map(({ status }) => status)).toEqual(slow.map(() => 200));
  });

  it('are not shed for one long turn of the event loop, but for one after another', async () => {
    const pressure = measurePressure({ client: {} } as unknown as ApiDeps['db']);
    const busy = (ms: number): void => {
      const until = performance.now() + ms;
      while (performance.now() < until);
    };
    await delay(600);
    busy(900);
    await delay(1);
    expect(pressure.lateMs()).toBeLessThan(400);
    for (let turn = 0; turn < 6; turn += 1) {
      busy(600);
      await delay(1);
    }
    expect(pressure.lateMs()).toBeGreaterThan(400);
  });

  async function serveLimited() {
    const clock = { now: 0 };
    const origin = await serve((app) => {
      app.use(limitRate(deps, () => clock.now));
      app.use((request, response) => {
        if (request.path === '/in') response.locals['signedIn'] = {};
        response.send('ok');
      });
    });
    const ask = async (session = '', path = '/in'): Promise<number> => {
      const cookie = session && `trubka_session=${session.padEnd(43, 'x')}`;
      const response = await fetch(origin + path, { headers: { cookie } });
      await response.body?.cancel();
      return response.status;
    };
    const times = (count: number, one: (index: number) => Promise<number>) =>
      Promise.all(Array.from({ length: count }, (_, index) => one(index)));
    return { clock, ask, times };
  }

  it('of one session are limited by the second, and others are not', async () => {
    const { clock, ask, times } = await serveLimited();
    expect([await ask('a'), await ask('b')]).toEqual([200, 200]);
    const many = await times(1001, () => ask('a'));
    expect(many.filter((status) => status === 429)).toHaveLength(1);
    expect([await ask('a'), await ask('b'), await ask()]).toEqual([429, 200, 200]);
    clock.now += 100;
    expect(await ask('a')).toBe(200);
  });

  it('with made-up cookies are all of one address, whose signed-in people go on', async () => {
    const { ask, times } = await serveLimited();
    expect(await ask('a')).toBe(200);
    const many = await times(1001, (index) => ask(`made-up-${index}`, '/out'));
    expect(many.filter((status) => status === 429).length).toBeGreaterThan(0);
    expect([await ask('made-up-again', '/out'), await ask('a')]).toEqual([429, 200]);
  });
});

describe('An address, for a limit', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['203.0.113.7:4711', '203.0.113.7'],
    ['[2001:db8:1:2::6]:4711', '2001:db8:1:2::/64'],
    ['[::ffff:203.0.113.7]:4711', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::6', '2001:db8:1:2::/64'],
    ['2001:0DB8:1:2:ffff::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['', ''],
  ])('%s counts as %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});
