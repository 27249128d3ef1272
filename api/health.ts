import { Router } from 'express';
import type { ApiDeps } from './deps.ts';
import { ProblemError } from './problems.ts';

const READY_WITHIN_MS = 1500;

async function withinDeadline(work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`Postgres did not answer within ${READY_WITHIN_MS} ms`)), READY_WITHIN_MS);
  });
  try {
    await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/** `live`: the process answers. `ready`: it can store what it is sent; Temporal plays no part in that. */
export function createHealthRouter(deps: ApiDeps): Router {
  const router = Router();
  router.get('/health/live', (_request, response) => {
    response.setHeader('Cache-Control', 'no-store').json({ status: 'ok' });
  });
  router.get('/health/ready', async (_request, response) => {
    if (deps.isStopping?.()) throw new ProblemError('shutting_down', { retryAfterSeconds: 5 });
    if (deps.isPrepared?.() === false) throw new ProblemError('storage_unavailable', { retryAfterSeconds: 2 });
    try {
      await withinDeadline(deps.db.raw('select 1'));
    } catch (cause) {
      throw new ProblemError('storage_unavailable', { retryAfterSeconds: 2 }, cause);
    }
    response.setHeader('Cache-Control', 'no-store').json({ status: 'ok' });
  });
  router.all(['/health/live', '/health/ready'], () => {
    throw new ProblemError('method_not_allowed', { headers: { Allow: 'GET, HEAD' } });
  });
  return router;
}
