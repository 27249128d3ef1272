import type { RequestHandler } from 'express';
import { networkOf } from './caller-address.ts';
import type { ApiDeps } from './deps.ts';
import { ProblemError } from './problems.ts';
import { sessionTokenOf, signedInOf } from './session-cookie.ts';

/** Requests under way at one time; beyond it the answer is 503 at once, while webhooks go on being taken in. */
const MAX_AT_ONCE = 200;
/**
 * So few are let in whatever the pressure: where they are all there is, it is not requests that make this process late, and to refuse
 * them relieves nobody.
 */
const ALWAYS_LET_IN = 8;
/** Per session, or per address of those who have none: a page full of lists, and then enough is enough. */
const BURST = 1000;
const PER_SECOND = 300;
const MAX_BUCKETS = 10_000;

/** A process whose event loop turns so late has more to do than it can: what it still takes on, everybody waits for. */
const LATE_MS = 400;
const LOOK_EVERY_MS = 50;
/** So many requests waiting for a connection of the pool will not get one soon. */
const MAX_WAITING_FOR_DATABASE = 64;

export interface Pressure {
  /** By how much the event loop was late of late, in milliseconds. */
  lateMs(): number;
  /** Queries that wait for a connection. */
  waiting(): number;
}

/** Late is what was late in two looks in a row: one long turn alone, such as a garbage collection, is over when it is seen. */
export function measurePressure(db: Pick<ApiDeps['db'], 'client'>): Pressure {
  let [before, last] = [0, 0];
  let due = performance.now() + LOOK_EVERY_MS;
  setInterval(() => {
    const now = performance.now();
    [before, last] = [last, now - due];
    due = now + LOOK_EVERY_MS;
  }, LOOK_EVERY_MS).unref();
  const { pool } = db.client as { pool?: { numPendingAcquires(): number } };
  return { lateMs: () => Math.min(before, last), waiting: () => pool?.numPendingAcquires() ?? 0 };
}

const isHigh = (pressure: Pressure): boolean => pressure.lateMs() > LATE_MS || pressure.waiting() > MAX_WAITING_FOR_DATABASE;

/** Sheds load before it becomes waiting. Event streams are counted by the hub and not here; webhooks do not pass here at all. */
export function shedLoad(pressure: Pressure): RequestHandler {
  let running = 0;
  return (request, response, next) => {
    if (request.path === '/events') return next();
    if (running >= MAX_AT_ONCE || (running >= ALWAYS_LET_IN && isHigh(pressure)))
      return next(new ProblemError('overloaded', { retryAfterSeconds: 1 }));
    running += 1;
    response.once('close', () => (running -= 1));
    next();
  };
}

interface Bucket {
  tokens: number;
  at: number;
}

/** The last used keys; the one not used for longest makes room. */
class Recent<T> {
  readonly #entries = new Map<string, T>();

  get(key: string): T | undefined {
    return this.#entries.get(key);
  }

  put(key: string, value: T): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > MAX_BUCKETS && oldest !== undefined) this.#entries.delete(oldest);
  }
}

/**
 * A bucket of requests per caller that fills again by itself. Many people may share an address (a router, a proxy in front), nobody
 * shares a session: but a session counts only once a request with it was let in, so that made-up cookies are no way round the limit.
 */
export function limitRate(deps: ApiDeps, now: () => number = () => performance.now()): RequestHandler {
  const buckets = new Recent<Bucket>();
  const proven = new Recent<true>();

  function take(caller: string): boolean {
    const at = now();
    const bucket = buckets.get(caller) ?? { tokens: BURST, at };
    bucket.tokens = Math.min(BURST, bucket.tokens + ((at - bucket.at) / 1000) * PER_SECOND);
    bucket.at = at;
    buckets.put(caller, bucket);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  return (request, response, next) => {
    const token = sessionTokenOf(deps, request);
    const isProven = token !== undefined && proven.get(token) !== undefined;
    if (!take(isProven ? token : networkOf(request.ip ?? ''))) {
      return next(new ProblemError('too_many_requests', { retryAfterSeconds: 1 }));
    }
    if (token !== undefined) response.once('close', () => signedInOf(response) && proven.put(token, true));
    next();
  };
}
