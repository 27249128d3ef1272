import { setTimeout as sleep } from 'node:timers/promises';
import type { Express, Request, Response } from 'express';
import express from 'express';
import type { CommandFault } from '../faults.ts';
import type { Limits } from '../limits.ts';
import { sameSignature, sign } from '../signature.ts';
import type { Switchboard } from '../switchboard.ts';
import { balance, groups, incomingLines, users } from './account-queries.ts';
import type { CommandSite } from './call-commands.ts';
import * as commands from './call-commands.ts';
import { recordingByLink, recordingByPost } from './recordings.ts';
import type { Params, Reply } from './replies.ts';
import { LOCKED_OUT, NO_SUCH_PATH, RATE_LIMITED, Refused, readParams, refusal } from './replies.ts';
import type { Statistics } from './statistics.ts';

export interface ApiDeps extends CommandSite {
  readonly switchboard: Switchboard;
  readonly statistics: Statistics;
  /** Null: the documented limits are not enforced. */
  readonly limits: Limits | null;
  /** The signed GET link has to be switched on in the account (mango-api §4.6). */
  readonly signedLinks: boolean;
}

type Handler = (params: Params, request: Request) => Reply;

const LINK = '/vpbx/queries/recording/link/:recordingId/:action/:key/:timestamp/:sign';

/** The PBX's API: signed commands and queries in, and the host of the recordings' files. */
export function createApiApp(deps: ApiDeps): Express {
  const { switchboard } = deps;
  const handlers = handlersOf(deps);
  const app = express().disable('x-powered-by');
  app.use(express.urlencoded({ extended: false, limit: '1mb' }));

  app.get(LINK, (request, response) =>
    answer(request, response, deps, () => {
      const {
        recordingId = '',
        action = '',
        key = '',
        timestamp = '',
        sign: given = '',
      } = request.params as Record<string, string>;
      if (!deps.signedLinks) throw new Refused(4001, 'signed links are switched off');
      return recordingByLink({ recordingId, action, key, timestamp, sign: given }, switchboard, filesUrlOf(request));
    }),
  );
  app.get('/files/:token', (request, response) => handOut(String(request.params['token']), response, switchboard));
  app.use((request, response) => {
    const handler = handlers.get(request.path.replace(/\/$/, ''));
    return answer(request, response, deps, () => {
      if (!handler) return NO_SUCH_PATH;
      if (request.method !== 'POST') throw new Refused(3101, 'only POST is understood');
      return handler(verified(request, switchboard), request);
    });
  });
  return app;
}

function handlersOf(deps: ApiDeps): ReadonlyMap<string, Handler> {
  const { switchboard, statistics } = deps;
  const command =
    (handle: (params: Params, site: CommandSite) => Reply): Handler =>
    (params) =>
      handle(params, deps);
  return new Map<string, Handler>([
    ['/vpbx/commands/callback', command(commands.callback)],
    ['/vpbx/commands/callback_group', command(commands.callbackGroup)],
    ['/vpbx/commands/call/hangup', command(commands.hangUp)],
    ['/vpbx/commands/call/hold/on', command(commands.holdOn)],
    ['/vpbx/commands/transfer', command(commands.transfer)],
    ['/vpbx/commands/transfer_cancel', command(commands.cancelTransfer)],
    ['/vpbx/commands/route', command(commands.route)],
    ['/vpbx/commands/recording/start', command(commands.startRecording)],
    ['/vpbx/queries/recording/post', (params, request) => recordingByPost(params, switchboard, filesUrlOf(request))],
    ['/vpbx/config/users/request', (params) => users(params, switchboard.account)],
    ['/vpbx/groups', (params) => groups(params, switchboard.account)],
    ['/vpbx/incominglines', (params) => incomingLines(params, switchboard.account)],
    ['/vpbx/account/balance', () => balance()],
    ['/vpbx/stats/request', (params) => statistics.requestBasic(params)],
    ['/vpbx/stats/result', (params) => statistics.basicResult(params)],
    ['/vpbx/stats/calls/request', (params) => statistics.requestExtended(params)],
    ['/vpbx/stats/calls/result', (params) => statistics.extendedResult(params)],
  ]);
}

/** The signature is taken over the form-decoded text as it came, before anything reads it as JSON. */
function verified(request: Request, { credentials }: Switchboard): Params {
  const form = (request.body ?? {}) as Record<string, unknown>;
  const [key, given, text] = [form['vpbx_api_key'], form['sign'], form['json']];
  if (typeof key !== 'string' || typeof given !== 'string' || typeof text !== 'string') {
    throw new Refused(3103, 'vpbx_api_key, sign and json are required');
  }
  if (key !== credentials.key) throw new Refused(3105, 'unknown key');
  if (!sameSignature(given, sign(text, credentials))) throw new Refused(3102, 'the signature does not match');
  try {
    return readParams(JSON.parse(text));
  } catch {
    throw new Refused(3400, 'json cannot be read');
  }
}

async function answer(request: Request, response: Response, deps: ApiDeps, handle: () => Reply): Promise<void> {
  const path = request.path;
  const fault = deps.switchboard.faults.forCommand(path);
  const reply = decide(path, fault, deps, handle);
  note(request, reply, deps.switchboard);
  if (fault.loseAnswer) return void request.socket.destroy();
  if (fault.delayMs) await sleep(fault.delayMs);
  send(response, reply);
}

function decide(path: string, fault: CommandFault, { limits }: ApiDeps, handle: () => Reply): Reply {
  if (fault.lockedOut || limits?.isLockedOut()) return LOCKED_OUT;
  if (fault.rateLimited || limits?.admit(path) === false) return RATE_LIMITED;
  if (fault.code !== undefined)
    return afterInvalid(refusal(fault.code, 'refused by order', fault.httpStatus), fault.code, limits);
  try {
    return handle();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return afterInvalid(refusal(error.code, error.message), error.code, limits);
  }
}

function afterInvalid(reply: Reply, code: number, limits: Limits | null): Reply {
  return code >= 3000 && code < 4000 && limits?.noteInvalid() ? LOCKED_OUT : reply;
}

function note(request: Request, reply: Reply, switchboard: Switchboard): void {
  const form = (request.body ?? {}) as Record<string, unknown>;
  const result = reply.kind === 'json' ? reply.body['result'] : null;
  switchboard.noteReceived({
    path: request.path,
    json: typeof form['json'] === 'string' ? form['json'] : '',
    status: statusOf(reply),
    result: typeof result === 'number' ? result : null,
  });
}

function statusOf(reply: Reply): number {
  return reply.kind === 'redirect' ? 302 : reply.kind === 'csv' ? 200 : reply.status;
}

function send(response: Response, reply: Reply): void {
  switch (reply.kind) {
    case 'json':
      return void response.status(reply.status).json(reply.body);
    case 'redirect':
      return response.redirect(302, reply.location);
    case 'csv':
      return void response.type('text/csv').send(reply.text);
    case 'empty':
      return void response.status(reply.status).end();
  }
}

async function handOut(token: string, response: Response, switchboard: Switchboard): Promise<void> {
  const handout = switchboard.shelf.handOut(token);
  if (!handout) return void response.status(404).json({ result: 3340, message: 'no such file' });
  const { audio, cut, halfWay } = handout;
  response.set({ 'content-type': 'audio/mpeg', 'content-length': String(audio.length) });
  const half = Math.floor(audio.length / 2);
  await new Promise<void>((resolve) => void response.write(audio.subarray(0, half), () => resolve()));
  await halfWay();
  if (cut) response.destroy();
  else response.end(audio.subarray(half));
}

function filesUrlOf(request: Request): string {
  return `http://${request.headers.host ?? '127.0.0.1'}/files`;
}
