import helmet from 'helmet';
import { Router, type ErrorRequestHandler, type RequestHandler } from 'express';
import { TASK_QUEUE } from '../../workflows/task-queue.ts';
import { BOARD_PATH, QUEUE_NAMES } from '../admin-paths.ts';
import type { ApiDeps } from '../deps.ts';
import { ProblemError } from '../problems.ts';
import { requireAgent } from '../session-cookie.ts';
import { rememberAdmin } from './acting-admin.ts';
import { createBoard } from './board.ts';
import { createOrders } from './orders.ts';
import { openTemporal } from './temporal-access.ts';
import { createTemporalUi, UI_PATH } from './temporal-ui.ts';
import { WorkflowQueue, type QueueDefinition } from './workflow-queue.ts';

export { BOARD_PATH };

type Directives = Readonly<Record<string, readonly string[]>>;
const OWN_HOST: Directives = {
  'default-src': ["'self'"],
  'script-src': ["'self'"],
  'style-src': ["'self'", "'unsafe-inline'"],
  'img-src': ["'self'", 'data:'],
  'font-src': ["'self'", 'data:'],
  'connect-src': ["'self'"],
  'worker-src': ["'self'", 'blob:'],
  'object-src': ["'none'"],
  'base-uri': ["'self'"],
  'form-action': ["'self'"],
  'frame-ancestors': ["'none'"],
};
/** Temporal's page begins with a script of its own that no header can name beforehand: it differs with each version. */
const TEMPORAL_UI: Directives = { ...OWN_HOST, 'script-src': ["'self'", "'unsafe-inline'"] };

const policy = (directives: Directives): RequestHandler =>
  helmet.contentSecurityPolicy({
    useDefaults: false,
    directives: Object.fromEntries(Object.entries(directives).map(([name, sources]) => [name, [...sources]])),
  });

export const queueDefinitions = (taskQueue: string): readonly QueueDefinition[] => [
  {
    name: QUEUE_NAMES.call,
    key: 'call',
    scope: { types: ['call'], taskQueue, areCalls: true },
    allowRetries: true,
  },
  {
    name: QUEUE_NAMES.callback,
    key: 'callback',
    scope: { types: ['callback'], taskQueue, areCalls: false },
    allowRetries: false,
  },
  {
    name: QUEUE_NAMES.maintenance,
    key: 'maintenance',
    scope: { types: ['reconcile', 'upkeep', 'mend', 'retention', 'erasure'], taskQueue, areCalls: false },
    allowRetries: true,
  },
];

/**
 * Of these pages no script leads to the sign-in and back: whoever comes by a bookmark would read a problem's JSON. To agents a page of ours
 * says that there is nothing.
 */
const toSignIn: ErrorRequestHandler = (error: unknown, request, response, next) => {
  const isPage = request.method === 'GET' && request.accepts(['json', 'html']) === 'html';
  const code = isPage && error instanceof ProblemError ? error.code : null;
  if (code === 'second_factor_required') return response.redirect('/account');
  if (code === 'not_allowed') return response.redirect('/settings');
  if (code !== 'not_signed_in') return next(error);
  response.redirect(`/sign-in?next=${encodeURIComponent(request.originalUrl)}`);
};

export interface Admin {
  readonly router: Router;
  readonly queues: readonly WorkflowQueue[];
  close(): Promise<void>;
}

/** What admins see of the machinery: the board over the workflows, and Temporal's own Web UI. */
export function createAdmin(deps: ApiDeps, { taskQueue = TASK_QUEUE }: { readonly taskQueue?: string } = {}): Admin {
  const temporal = openTemporal(deps.config.temporal);
  const orders = createOrders({ db: deps.db, config: deps.config, temporal, taskQueue });
  const hasTemporalUi = deps.config.temporalUiUrl !== undefined;
  const queues = queueDefinitions(taskQueue).map(
    (definition) => new WorkflowQueue(definition, { db: deps.db, temporal, orders, hasTemporalUi }),
  );
  const router = Router();
  const adminsOnly = [requireAgent(deps, 'admin'), rememberAdmin];
  router.use(BOARD_PATH, ...adminsOnly, policy(OWN_HOST), createBoard(BOARD_PATH, queues, deps.logger));
  router.use(UI_PATH, ...adminsOnly, policy(TEMPORAL_UI), createTemporalUi(deps));
  router.use([BOARD_PATH, UI_PATH], toSignIn);
  return { router, queues, close: () => temporal.close() };
}
