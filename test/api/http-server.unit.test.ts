import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHttpServer } from '../../api/http-server.ts';
import { createLogger } from '../../db/log.ts';

let server: Server;
let log = '';
beforeAll(async () => {
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      log += chunk.toString();
      done();
    },
  });
  server = createHttpServer(
    (request, response) => {
      if (request.url === '/stream') response.write('begun');
      else request.resume().on('end', () => response.end('served'));
    },
    createLogger('api', { level: 'debug', destination }),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => server.close());

const GET = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;

/** All that the server says until it closes for good. Each part is sent once it has said so much. */
async function hear(parts: (readonly [after: RegExp, text: string])[], { closing = true } = {}): Promise<string> {
  let heard = '';
  const { port } = server.address() as AddressInfo;
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: !closing });
  socket.on('error', () => undefined);
  const next = (): void => {
    while (parts[0]?.[0].test(heard)) socket.write(parts.shift()?.[1] ?? '');
  };
  socket.on('data', (chunk: Buffer) => {
    heard += chunk.toString();
    next();
  });
  socket.once('connect', next);
  const [theirs] = (await once(server, 'connection')) as [Socket];
  if (!theirs.destroyed) await once(theirs, 'close');
  if (!socket.readableEnded && !socket.destroyed) await Promise.race([once(socket, 'end'), once(socket, 'close')]);
  socket.destroy();
  return heard;
}

interface Said {
  readonly status: string | undefined;
  readonly headers: Headers;
  readonly body: unknown;
}
function read(answer: string): Said {
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  const [first = '', ...lines] = head.split('\r\n');
  const headers = new Headers(lines.map((line) => line.split(': ') as [string, string]));
  expect(headers.get('content-length')).toBe(String(Buffer.byteLength(body)));
  return { status: first.split(' ')[1], headers, body: JSON.parse(body) };
}

const chunked = `POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`;
const UNREADABLE: readonly [what: string, sent: string, status: number, code: string][] = [
  ['what is not HTTP', 'canary +79161234567\r\n\r\n', 400, 'invalid_request'],
  ['a header without a name', 'GET / HTTP/1.1\r\nHost: x\r\n: canary\r\n\r\n', 400, 'invalid_request'],
  ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', 400, 'invalid_request'],
  ['a length and chunks', `${chunked.slice(0, -2)}Content-Length: 2\r\n\r\nab`, 400, 'invalid_request'],
  ['an address of 70 kB', GET(`/?q=${'canary'.repeat(12_000)}`), 431, 'head_too_large'],
  ['headers of 70 kB', GET('/').replace('\r\n\r\n', `\r\nCookie: ${'canary'.repeat(12_000)}\r\n\r\n`), 431, 'head_too_large'],
  [
    'headers of a megabyte',
    GET('/').replace('\r\n\r\n', `\r\nCookie: ${'canary'.repeat(180_000)}\r\n\r\n`),
    431,
    'head_too_large',
  ],
  ['notes on a chunk of 20 kB', `${chunked}1;${'canary'.repeat(3_400)}\r\na\r\n0\r\n\r\n`, 413, 'too_large'],
];

describe('What cannot be read as a request', () => {
  it.each(UNREADABLE)(
    'is a problem that repeats nothing, and the end of the connection: %s',
    async (_what, sent, status, code) => {
      const answer = await hear([[/^$/, sent]]);
      const said = read(answer);
      const requestId = said.headers.get('x-request-id') ?? '';
      expect(requestId).toMatch(/^[\da-f-]{36}$/);
      expect(said).toMatchObject({
        status: String(status),
        body: { type: `urn:trubka:problem:${code}`, status, code, requestId },
      });
      expect([...said.headers]).toEqual(
        expect.arrayContaining([
          ['connection', 'close'],
          ['content-type', 'application/problem+json; charset=utf-8'],
          ['cache-control', 'no-store'],
          ['x-content-type-options', 'nosniff'],
        ]),
      );
      expect(answer).not.toMatch(/canary|HPE_|7916|\.ts\b/);
      expect(log).toContain(requestId);
      expect(log).not.toMatch(/canary|79161234567/);
    },
  );

  it('after a request that was served is refused the same way', async () => {
    const answers = await hear([
      [/^$/, GET('/')],
      [/served/, 'not HTTP\r\n\r\n'],
    ]);
    expect(answers).toMatch(/^HTTP\/1\.1 200 [^]*servedHTTP\/1\.1 400 [^]*"code":"invalid_request"/);
  });

  it('is the end also where the other side keeps its half open', async () => {
    expect(read(await hear([[/^$/, 'not HTTP\r\n\r\n']], { closing: false })).status).toBe('400');
  });

  it('while an answer is half out ends the connection, and is no part of that answer', async () => {
    const answers = await hear([
      [/^$/, GET('/stream')],
      [/begun/, 'not HTTP\r\n\r\n'],
    ]);
    expect(answers).toMatch(/^HTTP\/1\.1 200 [^]*begun\r\n$/);
  });

  it('is none of sixty kilobytes', async () => {
    const answer = await hear([
      [/^$/, GET(`/?q=${'%25'.repeat(20_000)}`)],
      [/served/, 'not HTTP\r\n\r\n'],
    ]);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  });
});
