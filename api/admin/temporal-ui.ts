import { request as requestHttp, type IncomingHttpHeaders, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { request as requestHttps } from 'node:https';
import { pipeline } from 'node:stream';
import { Router, type Request, type RequestHandler, type Response } from 'express';
import { recordAudit } from '../../db/audit.ts';
import { TEMPORAL_UI_PATH } from '../admin-paths.ts';
import type { ApiDeps } from '../deps.ts';
import { ProblemError } from '../problems.ts';
import { actingAdmin } from './acting-admin.ts';

/** Where Temporal's Web UI appears. It must know this itself (`--ui-public-path`), as its links begin with it. */
export const UI_PATH = TEMPORAL_UI_PATH;
/** Longer than the UI's own long polls. */
const ANSWER_MS = 70_000;
const CONNECT_MS = 3000;

export const workflowUrl = (
  namespace: string,
  { workflowId, runId }: { readonly workflowId: string; readonly runId: string },
): string =>
  `${UI_PATH}/namespaces/${encodeURIComponent(namespace)}/workflows/${encodeURIComponent(workflowId)}/${encodeURIComponent(runId)}/history`;

const TO_UI = new Set([
  ...['accept', 'accept-language', 'content-type', 'content-length', 'user-agent'],
  ...['if-none-match', 'if-modified-since', 'range', 'caller-type', 'x-csrf-token'],
]);
const FROM_UI = new Set([
  ...['content-type', 'content-length', 'content-encoding', 'content-range', 'accept-ranges'],
  ...['cache-control', 'etag', 'last-modified', 'vary', 'location'],
]);
/** The UI's own; no other cookie goes either way. */
const UI_COOKIE = /^_csrf=/;

const chosen = (headers: IncomingHttpHeaders, names: ReadonlySet<string>): OutgoingHttpHeaders =>
  Object.fromEntries(Object.entries(headers).filter(([name, value]) => names.has(name) && value !== undefined));

function headersTo({ headers }: Request): OutgoingHttpHeaders {
  const cookies = (headers.cookie ?? '').split(';').map((cookie) => cookie.trim());
  const own = cookies.filter((cookie) => UI_COOKIE.test(cookie)).join('; ');
  return { ...chosen(headers, TO_UI), 'accept-encoding': 'identity', ...(own ? { cookie: own } : {}) };
}

function headersFrom(headers: IncomingHttpHeaders, ui: URL): OutgoingHttpHeaders {
  const kept = chosen(headers, FROM_UI);
  const location = headers.location;
  if (location?.startsWith(ui.origin)) kept['location'] = location.slice(ui.origin.length) || UI_PATH;
  const cookies = (headers['set-cookie'] ?? []).filter((cookie) => UI_COOKIE.test(cookie));
  if (cookies.length > 0) kept['set-cookie'] = cookies.map((cookie) => cookie.replace(/path=[^;]*/i, `Path=${UI_PATH}`));
  return kept;
}

/** One address, whatever the path says: dots in it lead nowhere else. */
function addressOf(ui: URL, path: string): URL {
  const target = new URL(ui);
  const [pathname = '', query] = path.split(/\?(.*)/s);
  target.pathname = `${ui.pathname.replace(/\/$/, '')}${pathname}`;
  target.search = query ?? '';
  if (!target.pathname.startsWith(ui.pathname.replace(/\/$/, ''))) throw new ProblemError('not_found');
  return target;
}

function forward(ui: URL, request: Request, response: Response): Promise<void> {
  return new Promise((resolve, reject) => {
    const away = (error: Error): void => reject(new ProblemError('temporal_unavailable', { retryAfterSeconds: 3 }, error));
    const target = addressOf(ui, request.url);
    const send = target.protocol === 'https:' ? requestHttps : requestHttp;
    const outgoing = send(target, { method: request.method, headers: headersTo(request), timeout: ANSWER_MS });
    const connecting = setTimeout(() => outgoing.destroy(new Error('No connection in time')), CONNECT_MS);
    outgoing.once('socket', (socket) => {
      if (!socket.connecting) clearTimeout(connecting);
      else socket.once('connect', () => clearTimeout(connecting));
    });
    outgoing.once('timeout', () => outgoing.destroy(new Error('No answer in time')));
    outgoing.once('error', away);
    outgoing.once('close', () => clearTimeout(connecting));
    outgoing.once('response', (incoming: IncomingMessage) => {
      response.writeHead(incoming.statusCode ?? 502, headersFrom(incoming.headers, ui));
      pipeline(incoming, response, () => resolve());
    });
    response.once('close', () => outgoing.destroy());
    pipeline(request, outgoing, (error) => error && away(error));
  });
}

/** The UI can do what the board can, and more: whatever it is asked to change is written down first. */
const auditChanges =
  (deps: ApiDeps): RequestHandler =>
  async (request, _response, next) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      const { agentId, address } = actingAdmin();
      const path = request.path.slice(0, 500);
      await recordAudit(deps.db, { agentId, address, action: 'temporal_ui.changed', detail: { method: request.method, path } });
    }
    next();
  };

/** Temporal's Web UI, which knows no sign-in of its own, behind the admin's. */
export function createTemporalUi(deps: ApiDeps): Router {
  const router = Router();
  const ui = deps.config.temporalUiUrl === undefined ? undefined : new URL(deps.config.temporalUiUrl);
  router.use(auditChanges(deps), async (request, response) => {
    if (!ui) throw new ProblemError('temporal_ui_not_configured', { detail: 'Set TEMPORAL_UI_URL' });
    await forward(ui, request, response);
  });
  return router;
}
