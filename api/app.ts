import express, { type Express, type RequestHandler, type Router } from 'express';
import helmet from 'helmet';
import type { ApiDeps } from './deps.ts';
import { createHealthRouter } from './health.ts';
import { limitRate, measurePressure, shedLoad } from './limits.ts';
import { createMetrics } from './metrics.ts';
import { ProblemError } from './problems.ts';
import { answerFailures, logRequests } from './request-log.ts';
import { createRouter } from './route.ts';
import { refuseForeignOrigins } from './same-origin.ts';
import { createUiRouter } from './static-ui.ts';
import { allRoutes } from './routes/index.ts';

const METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE']);

const knownMethodsOnly: RequestHandler = (request, _response, next) => {
  next(
    METHODS.has(request.method)
      ? undefined
      : new ProblemError('method_not_allowed', { headers: { Allow: [...METHODS].join(', ') } }),
  );
};

/** `unsafe-inline` for styles only: the component library sets positions of popups that way. */
const securityHeaders = (https: boolean): RequestHandler =>
  helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'self'"],
        'script-src': ["'self'"],
        'style-src': ["'self'", "'unsafe-inline'"],
        'img-src': ["'self'", 'data:', 'blob:'],
        'media-src': ["'self'", 'blob:'],
        'font-src': ["'self'"],
        'connect-src': ["'self'"],
        'object-src': ["'none'"],
        'base-uri': ["'none'"],
        'form-action': ["'self'"],
        'frame-ancestors': ["'none'"],
      },
    },
    referrerPolicy: { policy: 'no-referrer' },
    strictTransportSecurity: https ? { maxAge: 31_536_000, includeSubDomains: false } : false,
    xFrameOptions: { action: 'deny' },
  });

/** Routers of their own (webhooks, recordings, statistics, administration), each at the path it serves. */
export interface Mounts {
  /** Before anything that could shed or refuse: the PBX's webhooks. */
  readonly webhooks?: Router;
  /** Behind the checks that all of `/api` and `/admin` share. */
  readonly routers?: readonly Router[];
}

/** The whole HTTP surface. The same for production and tests. */
export function createApp(deps: ApiDeps, mounts: Mounts = {}): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('query parser', 'simple');
  app.set('trust proxy', deps.config.trustProxy);
  const metrics = createMetrics(deps);
  app.use(logRequests(deps.logger, metrics.observe));
  app.use(securityHeaders(deps.config.publicUrl?.startsWith('https:') === true));
  app.use(knownMethodsOnly);
  app.use((_request, response, next) => {
    if (deps.isStopping?.()) response.setHeader('Connection', 'close');
    next();
  });
  app.use(createHealthRouter(deps));
  if (mounts.webhooks) app.use(['/mango', '/vpbx'], mounts.webhooks);
  app.use(metrics.router);
  app.use(['/api', '/admin'], limitRate(deps), shedLoad(measurePressure(deps.db)), refuseForeignOrigins(deps.config.publicUrl));
  for (const router of mounts.routers ?? []) app.use(router);
  app.use(createRouter(deps, allRoutes));
  app.use(createUiRouter(deps.uiDirectory));
  app.use(answerFailures(deps.logger));
  return app;
}
