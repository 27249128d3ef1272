import type { RequestHandler } from 'express';
import { ProblemError } from './problems.ts';

/** Requests under way at one time; beyond it the answer is 503 at once, while webhooks go on being taken in. */
const MAX_AT_ONCE = 200;
/** Per address: a page full of lists, many people behind one router, and then enough is enough. */
const BURST = 600;
const PER_SECOND = 150;
const MAX_ADDRESSES = 10_000;

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

/** A bucket of requests per address that fills again by itself. */
export function limitRate(now: () => number = () => performance.now()): RequestHandler {
  const buckets = new Map<string, Bucket>();
  return (request, _response, next) => {
    const address = request.ip ?? '';
    const at = now();
    const bucket = buckets.get(address) ?? { tokens: BURST, at };
    bucket.tokens = Math.min(BURST, bucket.tokens + ((at - bucket.at) / 1000) * PER_SECOND);
    bucket.at = at;
    buckets.delete(address);
    buckets.set(address, bucket);
    const [oldest] = buckets.keys();
    if (buckets.size > MAX_ADDRESSES && oldest !== undefined) buckets.delete(oldest);
    if (bucket.tokens < 1) return next(new ProblemError('too_many_requests', { retryAfterSeconds: 1 }));
    bucket.tokens -= 1;
    next();
  };
}
