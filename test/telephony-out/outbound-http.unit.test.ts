import type { RequestListener } from 'node:http';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { isPublicAddress } from '../../activities/outbound-addresses.ts';
import { DOWNLOAD_LIMITS } from '../../activities/telephony/mango/recordings.ts';
import { createOutbound, limitBody, readText, type OutboundAnswer } from '../../activities/outbound-http.ts';
import { closeListeners, serve } from '../support/listeners.ts';

afterEach(() => {
  closeListeners();
});

const get = (url: string) => ({ method: 'GET', url: new URL(url), answerWithinMs: 1_000 }) as const;

describe('Only hosts on the public internet count as such', () => {
  it.each(['93.184.216.34', '81.88.80.132', '100.63.255.255', '172.32.0.1', '2a00:1450:4010::8a'])('%s does', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });
  it.each([
    '127.0.0.1',
    '127.255.255.254',
    '0.0.0.0',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '100.127.255.255',
    '192.0.2.1',
    '198.18.0.1',
    '198.51.100.7',
    '203.0.113.9',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:10.0.0.1',
    '::ffff:93.184.216.34',
    '::7f00:1',
    '64:ff9b::a00:1',
    '64:ff9b:1::1',
    '2002:7f00:1::',
    '2001:0:5ef5:79fd::1',
    '2001:db8::1',
    'fe80::1',
    'fe80::1%eth0',
    'fc00::1',
    'fd00:ec2::254',
    'fec0::1',
    'ff02::1',
    'localhost',
    '',
  ])('%s does not', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});

describe('A request that leaves the product', () => {
  it.each([
    'http://127.0.0.1:5432/',
    'http://127.0.0.1/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://2130706433/',
    'http://0x7f.1/',
    'http://0177.0.0.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://localhost/',
    'file:///etc/passwd',
    'ftp://example.com/',
    'gopher://example.com/',
    'https://user:password@example.com/',
    'http://93.184.216.34:5432/',
    'https://93.184.216.34:22/',
  ])('does not go to %s', async (url) => {
    await expect(createOutbound().send(get(url))).rejects.toMatchObject({
      name: 'OutboundError',
      kind: 'forbidden',
      sent: false,
    });
  });

  it('does not go to a name of which one address is private', async () => {
    const outbound = createOutbound({
      resolve: async () => [
        { address: '93.184.216.34', family: 4 },
        { address: '10.0.0.8', family: 4 },
      ],
    });
    await expect(outbound.send(get('https://pbx.example/'))).rejects.toMatchObject({ kind: 'forbidden' });
  });

  it('goes to the address that was checked, whatever the name means a moment later', async () => {
    const origin = await serve((request, response) => void response.end(request.headers.host));
    const { port } = new URL(origin);
    let lookups = 0;
    const outbound = createOutbound({
      trustedOrigins: [`http://pbx.example:${port}`],
      resolve: async () => [{ address: lookups++ === 0 ? '127.0.0.1' : '127.0.0.99', family: 4 }],
    });
    const answer = await outbound.send(get(`http://pbx.example:${port}/`));
    expect(await readText(answer, { maxBytes: 100, withinMs: 1_000 })).toBe(`pbx.example:${port}`);
    expect(lookups).toBe(1);
  });

  it('may go to a private address that the environment names, and to no other port of it', async () => {
    const origin = await serve((_request, response) => void response.end('pong'));
    const outbound = createOutbound({ trustedOrigins: [origin] });
    expect((await outbound.send(get(`${origin}/ping`))).status).toBe(200);
    const other = await serve((_request, response) => void response.end('secret'));
    await expect(outbound.send(get(`${other}/`))).rejects.toMatchObject({ kind: 'forbidden' });
  });

  it('says of a refused connection that nothing was sent, and of a lost answer that something was', async () => {
    const outbound = (origin: string) => createOutbound({ trustedOrigins: [origin] });
    const silent = await serve((request) => request.socket.destroy());
    await expect(outbound(silent).send(get(silent))).rejects.toMatchObject({ kind: 'cut', sent: true });
    const slow = await serve(() => undefined);
    await expect(outbound(slow).send({ ...get(slow), answerWithinMs: 50 })).rejects.toMatchObject({
      kind: 'timeout',
      sent: true,
    });
    const closed = 'http://127.0.0.1:1';
    await expect(outbound(closed).send(get(closed))).rejects.toMatchObject({ kind: 'unreachable', sent: false });
  });

  it('says of an unknown name that nobody is there', async () => {
    const outbound = createOutbound({ resolve: () => Promise.reject(new Error('ENOTFOUND')) });
    await expect(outbound.send(get('https://nobody.example/'))).rejects.toMatchObject({ kind: 'unreachable', sent: false });
  });

  it('does not wait for ever for a name', async () => {
    const outbound = createOutbound({ resolve: () => new Promise(() => undefined) });
    await expect(outbound.send({ ...get('https://slow.example/'), answerWithinMs: 50 })).rejects.toMatchObject({
      kind: 'unreachable',
    });
  });
});

describe('A redirect', () => {
  const options = { answerWithinMs: 1_000 };
  const redirecting = (from: string, location: string | undefined, status = 302): OutboundAnswer => ({
    status,
    headers: location === undefined ? {} : { location },
    url: new URL(from),
    body: Readable.from(['']),
  });

  it('is followed with a bare GET: neither body nor headers of the first request go along', async () => {
    const seen: unknown[] = [];
    const origin = await serve((request, response) => {
      seen.push([
        request.method,
        request.url,
        request.headers['authorization'],
        request.headers['cookie'],
        request.headers['content-length'],
      ]);
      if (request.url === '/ask') response.writeHead(307, { location: '/one' }).end();
      else response.end('audio');
    });
    const outbound = createOutbound({ trustedOrigins: [origin] });
    const first = await outbound.send({
      method: 'POST',
      url: new URL(`${origin}/ask`),
      headers: { authorization: 'key', cookie: 'a=b' },
      body: 'vpbx_api_key=secret',
      answerWithinMs: 1_000,
    });
    const answer = await outbound.follow(first, options);
    expect(await readText(answer, { maxBytes: 100, withinMs: 1_000 })).toBe('audio');
    expect(seen).toEqual([
      ['POST', '/ask', 'key', 'a=b', '19'],
      ['GET', '/one', undefined, undefined, undefined],
    ]);
  });

  it.each([
    ['to loopback', 'https://files.example/', 'http://127.0.0.1/'],
    ['from https to http', 'https://files.example/', 'http://93.184.216.34/'],
    ['to another scheme', 'http://files.example/', 'file:///etc/passwd'],
    ['with a password in it', 'https://files.example/', 'https://a:b@93.184.216.34/'],
    ['to cloud metadata', 'http://files.example/', 'http://169.254.169.254/'],
    ['to nowhere', 'http://files.example/', undefined],
    ['to nonsense', 'http://files.example/', 'http://['],
  ])('%s is refused', async (_what, from, location) => {
    await expect(createOutbound().follow(redirecting(from, location), options)).rejects.toMatchObject({ kind: 'forbidden' });
  });

  it('is checked at every hop: the second one to another port of loopback is refused', async () => {
    const inner = await serve((_request, response) => void response.end('secret'));
    const origin = await serve((request, response) => {
      response.writeHead(302, { location: request.url === '/one' ? `${inner}/secret` : '/one' }).end();
    });
    const outbound = createOutbound({ trustedOrigins: [origin] });
    const first = await outbound.send(get(`${origin}/`));
    await expect(outbound.follow(first, options)).rejects.toMatchObject({ kind: 'forbidden' });
  });

  it('is looked up at every hop: a name that turns private in between is refused', async () => {
    let lookups = 0;
    const outbound = createOutbound({
      resolve: async () => [{ address: lookups++ === 0 ? '127.0.0.1' : '10.0.0.1', family: 4 }],
    });
    await expect(outbound.follow(redirecting('http://files.example/', 'http://files.example/2'), options)).rejects.toMatchObject({
      kind: 'forbidden',
    });
  });

  it('is followed five times and not a sixth', async () => {
    let hops = 0;
    const origin = await serve((_request, response) => void response.writeHead(302, { location: `/${++hops}` }).end());
    const outbound = createOutbound({ trustedOrigins: [origin] });
    await expect(outbound.follow(await outbound.send(get(origin)), options)).rejects.toMatchObject({ kind: 'forbidden' });
    expect(hops).toBe(6);
  });
});

describe('The body of an answer', () => {
  const limits = { maxBytes: 1_000, withinMs: 5_000 };
  async function open(listener: RequestListener): Promise<OutboundAnswer> {
    const origin = await serve(listener);
    return createOutbound({ trustedOrigins: [origin] }).send(get(origin));
  }

  it('is cut off when it is longer than allowed, also if its length was announced honestly or not at all', async () => {
    const announced = await open(
      (_request, response) => void response.writeHead(200, { 'content-length': 5_000_000 }).write('x'),
    );
    await expect(buffer(limitBody(announced, limits))).rejects.toMatchObject({ kind: 'too_large' });
    const endless = await open((_request, response) => {
      const pump = setInterval(() => response.write(Buffer.alloc(500)), 1);
      response.on('close', () => clearInterval(pump));
    });
    await expect(buffer(limitBody(endless, limits))).rejects.toMatchObject({ kind: 'too_large' });
  });

  it('is cut off when it drips or stops coming', async () => {
    const dripping = await open((_request, response) => {
      const drip = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(drip));
    });
    const slow = limitBody(dripping, { ...limits, minBytesPerWindow: 100, windowMs: 100 });
    await expect(buffer(slow)).rejects.toMatchObject({ kind: 'too_slow' });
    const stalled = await open((_request, response) => void response.write('half'));
    await expect(buffer(limitBody(stalled, { ...limits, withinMs: 100 }))).rejects.toMatchObject({ kind: 'too_slow' });
  });

  it('that comes byte by byte is given up within twenty seconds', async () => {
    vi.useFakeTimers();
    const body = new PassThrough();
    const limited = limitBody({ status: 200, headers: {}, url: new URL('https://files.example/'), body }, DOWNLOAD_LIMITS);
    limited.resume();
    const gone = new Promise((resolve) => limited.once('error', resolve));
    for (let second = 0; second < 20 && !body.destroyed; second += 1) {
      body.write('x');
      await vi.advanceTimersByTimeAsync(1000);
    }
    expect(await gone).toMatchObject({ kind: 'too_slow' });
    expect(body.destroyed).toBe(true);
    vi.useRealTimers();
  });

  it('that breaks off in the middle is no whole body', async () => {
    const broken = await open((_request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('half');
      setTimeout(() => response.destroy(), 20);
    });
    await expect(buffer(limitBody(broken, limits))).rejects.toMatchObject({ kind: 'cut' });
  });

  it('that breaks before anybody reads it is no uncaught error, and the reader is told', async () => {
    const broken = await open((_request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('half');
      setTimeout(() => response.destroy(), 20);
    });
    const body = limitBody(broken, limits);
    await new Promise((resolve) => body.once('close', resolve));
    await expect(buffer(body)).rejects.toMatchObject({ kind: 'cut' });
  });

  it('is not asked for any longer when the reader goes away', async () => {
    let closed = false;
    const answer = await open((_request, response) => {
      response.write('start');
      response.on('close', () => (closed = true));
    });
    const body = limitBody(answer, limits);
    body.destroy();
    while (!closed) await delay(5);
  });

  it('is asked for without compression, so that none can blow up', async () => {
    const answer = await open((request, response) => void response.end(request.headers['accept-encoding']));
    expect(await readText(answer, limits)).toBe('identity');
  });
});
