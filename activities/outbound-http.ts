import { lookup, type LookupAddress } from 'node:dns';
import http, { type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { Transform, type Readable } from 'node:stream';
import { promisify } from 'node:util';
import { isPublicAddress } from './outbound-addresses.ts';

const PORTS = new Set(['', '80', '443', '8443']);
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MAX_HOPS = 5;

export type OutboundFailure =
  /** The address, port or scheme is none we go to. */
  | 'forbidden'
  /** Nobody there: name unknown, connection refused, certificate wrong. */
  | 'unreachable'
  | 'timeout'
  /** The connection broke. */
  | 'cut'
  | 'too_slow'
  | 'too_large';

/** A request that got no whole answer. `sent` tells whether the other side may have acted upon it. */
export class OutboundError extends Error {
  override readonly name = 'OutboundError';
  readonly kind: OutboundFailure;
  readonly sent: boolean;
  constructor(kind: OutboundFailure, message: string, options: { readonly sent: boolean; readonly cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.sent = options.sent;
  }
}

export interface OutboundRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** From the look-up of the name to the answer's headers. */
  readonly answerWithinMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface OutboundAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly url: URL;
  /** Must be read or destroyed. */
  readonly body: Readable;
}

export interface Outbound {
  /** One request to one address; redirects come back as they are. */
  send(request: OutboundRequest): Promise<OutboundAnswer>;
  /** Follows redirects with bare GETs: no body, no header of the first request goes along. */
  follow(
    answer: OutboundAnswer,
    options: { readonly answerWithinMs: number; readonly signal?: AbortSignal | undefined },
  ): Promise<OutboundAnswer>;
}

export interface OutboundOptions {
  /** Origins that may be private: the PBX named in the environment, the demo PBX. Nothing else is, also not by redirect. */
  readonly trustedOrigins?: readonly string[];
  readonly resolve?: (hostname: string) => Promise<readonly LookupAddress[]>;
}

const resolveAll = promisify(lookup);

/**
 * Every request that leaves the product leaves here. A name is resolved once, all its addresses are checked, and the connection
 * goes to the address that was checked: a name that changes between check and connection changes nothing.
 */
export function createOutbound(options: OutboundOptions = {}): Outbound {
  const trusted = new Set(options.trustedOrigins);
  const resolve = options.resolve ?? ((hostname: string) => resolveAll(hostname, { all: true, verbatim: true }));

  async function send(request: OutboundRequest): Promise<OutboundAnswer> {
    const { url } = request;
    const isTrusted = trusted.has(url.origin);
    checkUrl(url, isTrusted);
    const deadline = Date.now() + request.answerWithinMs;
    const addresses = await resolveHost(url, resolve, request.answerWithinMs);
    const forbidden = addresses.find(({ address }) => !isPublicAddress(address));
    if (forbidden && !isTrusted) {
      throw new OutboundError('forbidden', `${url.host} is not a public address`, { sent: false });
    }
    const [target] = addresses;
    if (!target) throw new OutboundError('unreachable', `${url.host} has no address`, { sent: false });
    return exchange({ ...request, answerWithinMs: Math.max(1, deadline - Date.now()) }, target);
  }

  return {
    send,
    async follow(first, { answerWithinMs, signal }) {
      let answer = first;
      for (let hop = 0; REDIRECTS.has(answer.status); hop += 1) {
        answer.body.destroy();
        if (hop === MAX_HOPS) throw new OutboundError('forbidden', `More than ${MAX_HOPS} redirects`, { sent: true });
        answer = await send({ method: 'GET', url: redirectTarget(answer), answerWithinMs, signal });
      }
      return answer;
    },
  };
}

function checkUrl(url: URL, isTrusted: boolean): void {
  const wrong = (what: string): OutboundError =>
    new OutboundError('forbidden', `${url.protocol}//${url.host}: ${what}`, { sent: false });
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw wrong('neither http nor https');
  if (url.username !== '' || url.password !== '') throw wrong('an address may not hold a user name');
  if (!isTrusted && !PORTS.has(url.port)) throw wrong('not a port of the web');
}

function redirectTarget(answer: OutboundAnswer): URL {
  const location = answer.headers.location;
  if (location === undefined || !URL.canParse(location, answer.url.href)) {
    throw new OutboundError('forbidden', `${answer.url.host} redirects to nowhere`, { sent: true });
  }
  const next = new URL(location, answer.url);
  if (answer.url.protocol === 'https:' && next.protocol !== 'https:') {
    throw new OutboundError('forbidden', `${answer.url.host} redirects from https to ${next.protocol}`, { sent: true });
  }
  return next;
}

async function resolveHost(
  url: URL,
  resolve: (hostname: string) => Promise<readonly LookupAddress[]>,
  withinMs: number,
): Promise<readonly LookupAddress[]> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const family = isIP(host);
  if (family !== 0) return [{ address: host, family }];
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the look-up of the name took too long')), withinMs);
  });
  try {
    return await Promise.race([resolve(host), tooLate]);
  } catch (cause) {
    throw new OutboundError('unreachable', `${url.host} cannot be found`, { sent: false, cause });
  } finally {
    clearTimeout(timer);
  }
}

/** `http` asks for one address or for all, depending on its happy-eyeballs setting; it gets the one that was checked. */
function pinnedTo(target: LookupAddress): LookupFunction {
  return (_hostname, options, callback) => {
    if (options.all) (callback as (error: null, addresses: LookupAddress[]) => void)(null, [target]);
    else callback(null, target.address, target.family);
  };
}

function exchange(request: OutboundRequest, target: LookupAddress): Promise<OutboundAnswer> {
  const { url, body } = request;
  const isTls = url.protocol === 'https:';
  return new Promise((resolve, reject) => {
    let sent = false;
    const outgoing = (isTls ? https : http).request(url, {
      method: request.method,
      agent: false,
      lookup: pinnedTo(target),
      ...(request.signal ? { signal: request.signal } : {}),
      headers: {
        ...request.headers,
        'accept-encoding': 'identity',
        connection: 'close',
        ...(body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }),
      },
    });
    const timer = setTimeout(() => {
      outgoing.destroy(new OutboundError('timeout', `${url.host} did not answer within ${request.answerWithinMs} ms`, { sent }));
    }, request.answerWithinMs);
    outgoing.on('socket', (socket) => socket.once(isTls ? 'secureConnect' : 'connect', () => (sent = true)));
    outgoing.on('response', (incoming: IncomingMessage) => {
      clearTimeout(timer);
      resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, url, body: incoming });
    });
    outgoing.on('error', (cause) => {
      clearTimeout(timer);
      reject(asOutboundError(cause, url, sent));
    });
    outgoing.end(body);
  });
}

function asOutboundError(cause: unknown, url: URL, sent: boolean): OutboundError {
  if (cause instanceof OutboundError) return cause;
  return sent
    ? new OutboundError('cut', `The connection to ${url.host} broke`, { sent, cause })
    : new OutboundError('unreachable', `${url.host} cannot be reached`, { sent, cause });
}

export interface BodyLimits {
  readonly maxBytes: number;
  /** The whole body must be there by then. */
  readonly withinMs: number;
  /** Over every window of `windowMs` at least so many bytes must come. */
  readonly minBytesPerWindow?: number;
  readonly windowMs?: number;
}

/** The body of an answer, cut off by an `OutboundError` as soon as it is too long, too slow or broken. */
export function limitBody(answer: OutboundAnswer, limits: BodyLimits): Readable {
  let total = 0;
  let inWindow = 0;
  const fail = (kind: OutboundFailure, message: string, cause?: unknown): OutboundError =>
    new OutboundError(kind, `${answer.url.host}: ${message}`, { sent: true, cause });
  const limited = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      total += chunk.length;
      inWindow += chunk.length;
      if (total > limits.maxBytes) done(fail('too_large', `more than ${limits.maxBytes} bytes`));
      else done(null, chunk);
    },
  });
  const stop = (error: OutboundError): void => void answer.body.destroy(error);
  const overall = setTimeout(() => stop(fail('too_slow', `not complete after ${limits.withinMs} ms`)), limits.withinMs);
  const pace = setInterval(() => {
    if (inWindow < (limits.minBytesPerWindow ?? 1)) stop(fail('too_slow', `${inWindow} bytes in ${limits.windowMs} ms`));
    inWindow = 0;
  }, limits.windowMs ?? limits.withinMs);
  answer.body.once('error', (cause) => limited.destroy(asOutboundError(cause, answer.url, true)));
  answer.body.once('close', () => {
    if (!answer.body.readableEnded) limited.destroy(fail('cut', 'the body ended early'));
  });
  limited.once('close', () => {
    clearTimeout(overall);
    clearInterval(pace);
    answer.body.destroy();
  });
  const announced = Number(answer.headers['content-length'] ?? 0);
  if (announced > limits.maxBytes) stop(fail('too_large', `${announced} bytes announced`));
  // Whoever reads later still finds the error on the stream; until then it must not count as uncaught.
  limited.on('error', () => undefined);
  return answer.body.pipe(limited);
}

/** The whole body as text, for answers that are small by nature. */
export async function readText(answer: OutboundAnswer, limits: BodyLimits): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of limitBody(answer, limits)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
