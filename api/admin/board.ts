import { createBullBoard } from '@bull-board/api';
import type { BaseAdapter } from '@bull-board/api/dist/queueAdapters/base.js';
import type { AppViewRoute, IServerAdapter } from '@bull-board/api/typings/app';
import { ExpressAdapter } from '@bull-board/express';
import { Router, type ErrorRequestHandler, type RequestHandler, type Response } from 'express';
import type { Logger } from '../../db/log.ts';
import { problemBody, ProblemError, statusOf, toProblem } from '../problems.ts';
import { createBoardFiles, withoutForeignHosts, withWaysOut } from './board-files.ts';
import { createFindPage } from './find-page.ts';
import { words } from './words.ts';

/** As the library's, but for its page, which asks nobody else for anything, and its failures, which become problems like all others. */
class BoardAdapter extends ExpressAdapter {
  override setEntryRoute({ route, handler }: AppViewRoute): this {
    this.app.get(route, (_request, response, next) => {
      const { title: boardTitle, locale: lng } = words();
      const uiConfig = { ...this.uiConfig, boardTitle, locale: { lng } };
      const { name, params } = handler({ basePath: this.basePath, uiConfig });
      response.render(name, params, (error: Error | null, html?: string) => {
        if (error) return next(error);
        response.type('html').send(withWaysOut(withoutForeignHosts(html ?? ''), this.basePath));
      });
    });
    return this;
  }

  override setErrorHandler(): this {
    this.errorHandler = (error) => {
      throw error;
    };
    return this;
  }
}

/** Of all that a board may change, only what is done to one workflow at a time. */
const KNOWN_CHANGE = /^\/api\/queues\/[^/]+\/[^/]+\/(retry|clean|promote)$/;

const refuseUnfit: RequestHandler = (request, _response, next) => {
  const safe = request.method === 'GET' || request.method === 'HEAD';
  if (safe || KNOWN_CHANGE.test(request.path)) return next();
  next(new ProblemError('not_for_workflows', { detail: words().problems.oneByOne }));
};

const noStore: RequestHandler = (request, response, next) => {
  if (!request.path.startsWith('/static/')) response.setHeader('Cache-Control', 'no-store');
  next();
};

/** A problem, with the two words by which the board's own page shows it to the admin. */
const answerFailures =
  (logger: Logger): ErrorRequestHandler =>
  (error: unknown, _request, response: Response, next) => {
    if (response.headersSent) return next(error);
    const problem = toProblem(error);
    if (problem.code === 'internal_error') return next(error);
    if (problem.cause !== undefined) logger.warn({ code: problem.code, err: problem.cause }, 'the board could not do it');
    const { retryAfterSeconds } = problem.details;
    if (retryAfterSeconds !== undefined) response.setHeader('Retry-After', String(retryAfterSeconds));
    const body = problemBody(problem, response.locals['requestId'] as string | undefined);
    response
      .status(statusOf(problem.code))
      .type('application/problem+json')
      .send(
        JSON.stringify({
          ...body,
          error: { key: 'ERRORS.INTERNAL_SERVER_ERROR' },
          message: shown(problem.code) ?? problem.details.detail ?? problem.message,
        }),
      );
  };

function shown(code: ProblemError['code']): string | undefined {
  const { temporalUnavailable, storageUnavailable } = words().problems;
  return { temporal_unavailable: temporalUnavailable, storage_unavailable: storageUnavailable }[code as string];
}

export function createBoard(basePath: string, queues: readonly BaseAdapter[], logger: Logger): Router {
  const serverAdapter = new BoardAdapter();
  serverAdapter.setBasePath(basePath);
  createBullBoard({
    queues,
    // The Express package brings an older release of the same types along.
    serverAdapter: serverAdapter as unknown as IServerAdapter,
    options: {
      uiConfig: {
        hideRedisDetails: true,
        hideDocsLink: true,
        showMetrics: false,
        sortQueues: false,
        jobDetails: { defaultTab: 'Data' },
      },
    },
  });
  const router = Router();
  router.use(noStore, refuseUnfit, createBoardFiles(), createFindPage(basePath, queues));
  router.use(serverAdapter.getRouter() as Router);
  router.use(answerFailures(logger));
  return router;
}
