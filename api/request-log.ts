import { randomUUID } from 'node:crypto';
import type { ErrorRequestHandler, Request, RequestHandler, Response } from 'express';
import type { Logger } from '../db/log.ts';
import { sendProblem, statusOf, toProblem } from './problems.ts';
import { signedInOf } from './session-cookie.ts';

/** The pattern and not the address: what people search for stands in no log line. */
const patternOf = (request: Request): string => {
  const route = request.route as { path?: unknown } | undefined;
  return typeof route?.path === 'string' ? `${request.baseUrl}${route.path}` : `${request.baseUrl || ''}/*`;
};

const requestIdOf = (response: Response): string => response.locals['requestId'] as string;

export interface Observed {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

/** One line per request, and the same to whoever counts. No query, no body, no header. */
export function logRequests(logger: Logger, observe: (request: Observed) => void): RequestHandler {
  return (request, response, next) => {
    const startedAt = process.hrtime.bigint();
    const requestId = randomUUID();
    response.locals['requestId'] = requestId;
    response.setHeader('X-Request-Id', requestId);
    response.on('close', () => {
      const seconds = Number(process.hrtime.bigint() - startedAt) / 1e9;
      const line = { method: request.method, route: patternOf(request), status: response.statusCode, seconds };
      if (request.path !== '/api/events') observe(line);
      const level = response.statusCode >= 500 ? 'warn' : 'debug';
      logger[level]({ requestId, ...line, agentId: signedInOf(response)?.agentId }, 'request');
    });
    next();
  };
}

/** The one place where failures become answers. What is unknown is logged whole and answered with nothing but its id. */
export function answerFailures(logger: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    const problem = toProblem(error);
    const status = statusOf(problem.code);
    if (status >= 500 && (status === 500 || problem.cause !== undefined)) {
      const err = problem.cause ?? error;
      logger.error({ requestId: requestIdOf(response), route: patternOf(request), code: problem.code, err }, 'request failed');
    }
    if (response.headersSent) return next(error);
    if (!request.complete) response.setHeader('Connection', 'close');
    sendProblem(response, problem);
  };
}
