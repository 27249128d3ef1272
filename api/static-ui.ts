import express, { Router, type RequestHandler } from 'express';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { compressedAssets } from './compressed-assets.ts';
import { ProblemError } from './problems.ts';

/** Vite puts a hash into these names: what they hold never changes. */
const isHashed = (path: string): boolean => /[/\\]assets[/\\]/.test(path);
const BELONGS_TO_THE_SERVER = /^\/(api|mango|vpbx|health|metrics|admin)(\/|$)/i;

const notBuilt: RequestHandler = (_request, response) => {
  response.status(503).type('text/plain').send('The interface is not built yet: npm run build:ui\n');
};

/** The built interface; every address that is not somebody else's gets its page, and the page finds its way. */
export function createUiRouter(directory: string | undefined): Router {
  const router = Router();
  router.use((request, _response, next) => {
    const wanted = request.method === 'GET' || request.method === 'HEAD';
    next(wanted && !BELONGS_TO_THE_SERVER.test(request.path) ? undefined : new ProblemError('not_found'));
  });
  if (directory === undefined || !existsSync(join(directory, 'index.html'))) return router.use(notBuilt);
  router.use(compressedAssets(directory));
  router.use(
    express.static(directory, {
      index: false,
      redirect: false,
      dotfiles: 'ignore',
      setHeaders(response, path) {
        response.setHeader('Cache-Control', isHashed(path) ? 'public, max-age=31536000, immutable' : 'no-cache');
      },
    }),
  );
  return router.use((request, response) => {
    if (/\/assets\/|\.[a-z0-9]{1,8}$/i.test(request.path)) throw new ProblemError('not_found');
    response.setHeader('Cache-Control', 'no-cache');
    response.sendFile('index.html', { root: directory, cacheControl: false });
  });
}
