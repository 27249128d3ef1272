import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export const KEY = 'testkey0001';
export const SALT = 'testsalt0002';

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** The decoded `json` field; null for requests that carry none. */
  readonly json: Record<string, unknown> | null;
  readonly at: number;
}

type Handler = (request: SeenRequest, response: ServerResponse) => void;

export interface FakeMango {
  readonly url: string;
  readonly origin: string;
  readonly seen: SeenRequest[];
  /** Requests to one path. */
  seenAt(path: string): SeenRequest[];
  /** The next request to a path is answered so; several wait in line. */
  next(path: string, handler: Handler): void;
  /** Every request to a path from now on. */
  always(path: string, handler: Handler): void;
  operators: unknown[];
  readonly recordings: Map<string, Uint8Array>;
  readonly overLegs: Set<string>;
  report: unknown;
  close(): Promise<void>;
}

export const json =
  (status: number, body: unknown): Handler =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };

/** Takes the request and never says what came of it. */
export const loseAnswer: Handler = (_request, response) => {
  response.destroy();
};

/** Mango's side of the protocol as far as the product uses it, written against the documentation and nothing of the product. */
export async function startFakeMango(): Promise<FakeMango> {
  const queued = new Map<string, Handler[]>();
  const fixed = new Map<string, Handler>();
  const links = new Map<string, Uint8Array>();
  const server = createServer((request, response) => void handle(request, response));

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const path = (request.url ?? '').split('?')[0] ?? '';
    const form = new URLSearchParams(body);
    const raw = form.get('json');
    const seen: SeenRequest = {
      method: request.method ?? '',
      path,
      headers: request.headers,
      body,
      json: raw === null ? null : (JSON.parse(raw) as Record<string, unknown>),
      at: Date.now(),
    };
    mango.seen.push(seen);
    const special = queued.get(path)?.shift() ?? fixed.get(path);
    if (special) return special(seen, response);
    if (path.startsWith('/files/')) return sendFile(path, response);
    if (form.get('vpbx_api_key') !== KEY) return json(200, { result: 3105 })(seen, response);
    const wanted = createHash('sha256')
      .update(`${KEY}${raw ?? ''}${SALT}`, 'utf8')
      .digest('hex');
    if (form.get('sign') !== wanted) return json(200, { result: 3102 })(seen, response);
    answer(seen, response);
  }

  function sendFile(path: string, response: ServerResponse): void {
    const audio = links.get(path);
    links.delete(path);
    if (!audio) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': 'audio/mp3', 'content-length': audio.length }).end(audio);
  }

  function answer(request: SeenRequest, response: ServerResponse): void {
    switch (request.path) {
      case '/vpbx/config/users/request':
        return json(200, { users: mango.operators })(request, response);
      case '/vpbx/commands/callback':
        return json(200, { command_id: request.json?.['command_id'], result: 1000 })(request, response);
      case '/vpbx/commands/call/hangup':
        return json(200, { result: mango.overLegs.has(String(request.json?.['call_id'])) ? '4101' : '1000' })(request, response);
      case '/vpbx/queries/recording/post': {
        const id = String(request.json?.['recording_id']);
        const audio = mango.recordings.get(id);
        if (!audio) return json(200, { result: 3320 })(request, response);
        const path = `/files/${links.size}-${Date.now()}-${mango.seen.length}`;
        links.set(path, audio);
        return void response.writeHead(302, { location: mango.origin + path }).end();
      }
      case '/vpbx/stats/calls/request/':
        return json(200, { key: 'report/1+2==' })(request, response);
      case '/vpbx/stats/calls/result/':
        return json(200, { result: 1000, status: 'complete', data: mango.report })(request, response);
      default:
        response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>404</h1>');
    }
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const mango: FakeMango = {
    url: `${origin}/vpbx/`,
    origin,
    seen: [],
    seenAt: (path) => mango.seen.filter((request) => request.path === path),
    next: (path, handler) => void queued.set(path, [...(queued.get(path) ?? []), handler]),
    always: (path, handler) => void fixed.set(path, handler),
    operators: [],
    recordings: new Map(),
    overLegs: new Set(),
    report: [],
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return mango;
}
