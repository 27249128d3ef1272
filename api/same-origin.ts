import type { RequestHandler } from 'express';
import { ProblemError } from './problems.ts';

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

const hostOf = (origin: string): string | undefined => {
  try {
    return new URL(origin).host;
  } catch {
    return undefined;
  }
};

/**
 * Refuses to change anything on another site's behalf. Browsers say where a request comes from (`Sec-Fetch-Site`, older ones `Origin`);
 * programs that are no browser say nothing and bring no cookie that was not given to them.
 */
export function refuseForeignOrigins(publicUrl: string | undefined): RequestHandler {
  const own = publicUrl === undefined ? undefined : hostOf(publicUrl);
  return (request, _response, next) => {
    if (SAFE.has(request.method)) return next();
    const site = request.get('sec-fetch-site');
    const origin = request.get('origin');
    const host = origin === undefined ? undefined : hostOf(origin);
    const foreignSite = site !== undefined && site !== 'same-origin' && site !== 'none';
    const foreignOrigin = origin !== undefined && (host === undefined || (host !== request.get('host') && host !== own));
    next(foreignSite || foreignOrigin ? new ProblemError('foreign_origin') : undefined);
  };
}
