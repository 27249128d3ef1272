import type { Request, RequestHandler } from 'express';
import type { ApiDeps } from './deps.ts';
import { ProblemError } from './problems.ts';
import { sessionTokenOf } from './session-cookie.ts';

/** Requests under way at one time; beyond it the answer is 503 at once, while webhooks go on being taken in. */
const MAX_AT_ONCE = 200;
/** Per session, or per address of those who have none: a page full of lists, and then enough is enough. */
const BURST = 1000;
const PER_SECOND = 300;
const MAX_BUCKETS = 10_000;

/** Sheds load before it becomes waiting. Event streams are counted by the hub and not here. */
export function shedLoad(): RequestHandler {
  let running = 0;
  return (request, response, next) => {
    if (request.path === '/events') return next();
    if (running >= MAX_AT_ONCE) return next(new ProblemError('overloaded', { retryAfterSeconds: 1 }));
    running += 1;
    response.once('close', () => (running -= 1));
    next();
  };
}

interface Bucket {
  tokens: number;
  at: number;
}

/** Many people may share an address (a router, a proxy in front), nobody shares a session. */
const callerOf = (deps: ApiDeps, request: Request): string => sessionTokenOf(deps, request) ?? request.ip ?? '';

/** A bucket of requests per caller that fills again by itself. */
export function limitRate(deps: ApiDeps, now: () => number = () => performance.now()): RequestHandler {
  const buckets = new Map<string, Bucket>();
  return (request, _response, next) => {
    const caller = callerOf(deps, request);
    const at = now();
    const bucket = buckets.get(caller) ?? { tokens: BURST, at };
    bucket.tokens = Math.min(BURST, bucket.tokens + ((at - bucket.at) / 1000) * PER_SECOND);
    bucket.at = at;
    buckets.delete(caller);
    buckets.set(caller, bucket);
    const [oldest] = buckets.keys();
    if (buckets.size > MAX_BUCKETS && oldest !== undefined) buckets.delete(oldest);
    if (bucket.tokens < 1) return next(new ProblemError('too_many_requests', { retryAfterSeconds: 1 }));
    bucket.tokens -= 1;
    next();
  };
}
