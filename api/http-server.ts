import { randomUUID } from 'node:crypto';
import { createServer, STATUS_CODES, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from '../db/log.ts';
import { problemBody, ProblemError, statusOf } from './problems.ts';

/** The longest search that a list names as too long fits in, percent-encoded, with the cookies of a browser. */
const MAX_HEAD_BYTES = 64 * 1024;
/** For a sender that is still sending: to read the answer first. */
const LINGER_MS = 1000;

/** What Node's parser says of a request that no application gets to see. */
function unreadable({ code }: { readonly code?: unknown }): ProblemError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new ProblemError('head_too_large');
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new ProblemError('too_large');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new ProblemError('request_timeout');
    default:
      return new ProblemError('invalid_request', { detail: 'This is not HTTP as it is understood here' });
  }
}

function written(problem: ProblemError, requestId: string): string {
  const status = statusOf(problem.code);
  const body = JSON.stringify(problemBody(problem, requestId));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Content-Type: application/problem+json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff',
    `X-Request-Id: ${requestId}`,
    `Date: ${new Date().toUTCString()}`,
    'Connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

/**
 * The server of an application. A half-sent request is not waited for long, and an idle connection is kept for the next request. What
 * cannot be read as a request is answered by a problem like any other, unless another answer is half out; either way the connection ends.
 */
export function createHttpServer(listener: RequestListener, logger: Logger): Server {
  const server = createServer({ connectionsCheckingInterval: 5000, maxHeaderSize: MAX_HEAD_BYTES }, listener);
  server.headersTimeout = 10_000;
  server.requestTimeout = 30_000;
  server.keepAliveTimeout = 65_000;
  server.maxRequestsPerSocket = 0;
  const answering = new WeakMap<Duplex, Set<ServerResponse>>();
  server.on('connection', (socket) => answering.set(socket, new Set()));
  // Before the application, which may answer at once.
  server.prependListener('request', (request, response) => {
    const responses = answering.get(request.socket);
    responses?.add(response);
    response.once('close', () => responses?.delete(response));
  });
  server.on('clientError', (error: Error & { code?: unknown }, socket) => {
    const halfOut = [...(answering.get(socket) ?? [])].some(({ headersSent }) => headersSent);
    if (!socket.writable || halfOut) {
      socket.destroy();
      return;
    }
    const problem = unreadable(error);
    const requestId = randomUUID();
    logger.debug({ requestId, status: statusOf(problem.code), reason: error.code }, 'a request that cannot be read');
    socket.end(written(problem, requestId));
    const linger = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once('close', () => clearTimeout(linger));
  });
  return server;
}
