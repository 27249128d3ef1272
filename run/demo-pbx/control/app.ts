import type { Express, NextFunction, Request, Response } from 'express';
import express from 'express';
import { z } from 'zod';
import type { Call } from '../call.ts';
import { CallOver, StepImpossible } from '../call.ts';
import type { Sent } from '../delivery.ts';
import type { DemoPbx } from '../pbx.ts';
import { SCENARIOS, scenarioNamed } from '../scenarios/index.ts';
import { digitsOf } from '../staff.ts';
import { act, possibleActs } from './actions.ts';
import { ActOnCall, SetCallbacks, SetFaults, StartByHand, StartCall } from './requests.ts';

/** Nothing of the kind is there. */
class NotThere extends Error {
  override readonly name = 'NotThere';
}

/** Lets a person (command line, web page) make and steer calls. Meant for this machine alone: it asks for no password. */
export function createControlApp(pbx: DemoPbx): Express {
  const app = express().disable('x-powered-by');
  app.use(onlyFromHere);
  app.use(express.json({ limit: '256kb' }));

  app.get('/control/health', (_request, response) => {
    response.json({ ok: true, url: pbx.url, target: pbx.targetUrl });
  });
  app.get('/control/account', (_request, response) => {
    response.json(pbx.account);
  });
  app.get('/control/scenarios', (_request, response) => {
    response.json({ items: SCENARIOS.map(({ name, title, sentence }) => ({ name, title, sentence })) });
  });
  app.get('/control/log', (request, response) => {
    const last = Math.min(Number(request.query['last'] ?? 100) || 100, 2000);
    const { calls, sent, received } = pbx.log;
    response.json({
      calls: calls.slice(-last),
      sent: sent.slice(-last),
      received: received.slice(-last),
      problems: pbx.problems.map(String),
    });
  });

  app.get('/control/calls', (_request, response) => {
    response.json({ items: [...pbx.calls.values()].map(presentCall) });
  });
  app.post('/control/calls', (request, response) => startScenario(pbx, request, response));
  app.post('/control/calls/by-hand', async (request, response) => {
    response.status(201).json(presentCall(await startByHand(pbx, request.body)));
  });
  app.post('/control/calls/:entryId/actions', async (request, response) => {
    const call = callNamed(pbx, String(request.params['entryId']));
    if (await act(call, parsed(ActOnCall, request.body))) pbx.inBackground(() => call.finish());
    response.json(presentCall(call));
  });

  app.get('/control/faults', (_request, response) => {
    response.json(pbx.faults.current);
  });
  app.put('/control/faults', (request, response) => {
    pbx.setFaults(parsed(SetFaults, request.body));
    response.json(pbx.faults.current);
  });
  app.post('/control/release', async (_request, response) => {
    await pbx.release();
    response.json({ ok: true });
  });
  app.get('/control/callbacks', (_request, response) => {
    response.json(pbx.callbacks.behaviour);
  });
  app.put('/control/callbacks', (request, response) => {
    pbx.callbacks.set(parsed(SetCallbacks, request.body));
    response.json(pbx.callbacks.behaviour);
  });

  app.use((_request, response) => void response.status(404).json({ error: 'no such path' }));
  app.use(onError);
  return app;
}

/** Keeps web pages of other sites out: they can neither name this host nor send JSON without asking first. */
function onlyFromHere(request: Request, response: Response, next: NextFunction): void {
  const host = (request.headers.host ?? '').replace(/:\d+$/, '');
  const asksForChange = request.method !== 'GET' && request.method !== 'HEAD';
  if (!['127.0.0.1', 'localhost', '[::1]'].includes(host))
    return void response.status(403).json({ error: 'only from this machine' });
  if (asksForChange && !request.is('application/json')) return void response.status(415).json({ error: 'send application/json' });
  next();
}

/** Answers with a line of JSON for every event as it is sent, and a last one when the call is finished. */
async function startScenario(pbx: DemoPbx, request: Request, response: Response): Promise<void> {
  const { scenario: name, options } = parsed(StartCall, request.body);
  const found = scenarioNamed(name);
  if (!found) throw new NotThere(`no scenario ${name}: GET /control/scenarios lists them`);
  const waiting: Sent[] = [];
  let write = (sent: Sent): void => void waiting.push(sent);
  let entryId: string | null = null;
  const unwatch = pbx.watch((sent) => {
    if (entryId === null || sent.entryId === entryId) write(sent);
  });
  const { call, done } = found.play(pbx, options);
  entryId = call.id;
  response.status(201).type('application/x-ndjson');
  response.write(`${JSON.stringify({ entryId })}\n`);
  write = (sent) => void response.write(`${JSON.stringify(sent)}\n`);
  for (const sent of waiting) if (sent.entryId === entryId) write(sent);
  try {
    await done;
    await pbx.settled();
    response.end(`${JSON.stringify({ finished: true, facts: call.facts })}\n`);
  } catch (error) {
    response.end(`${JSON.stringify({ finished: false, problem: String(error) })}\n`);
  } finally {
    unwatch();
  }
}

async function startByHand(pbx: DemoPbx, body: unknown): Promise<Call> {
  const { direction, from, to = [], line, menu, queue, record } = parsed(StartByHand, body);
  const common = { ...(line ? { line } : {}), ...(record ? { record } : {}) };
  if (direction === 'outgoing') {
    const call = pbx.outgoing({ from: from ?? '101', ...(to[0] ? { to: to[0] } : {}), ...common });
    await call.dial();
    return call;
  }
  if (direction === 'internal') {
    const call = pbx.internal({ from: from ?? '101', to: to[0] ?? '102', ...(record ? { record } : {}) });
    await call.dial();
    return call;
  }
  const call = pbx.incoming({ ...(from === undefined ? {} : { from: from === null ? null : digitsOf(from) }), ...common });
  if (menu) await call.menu();
  if (queue) await call.queue(queue);
  if (to.length > 0 || !menu) await call.ringAll(to.length > 0 ? to : ['101']);
  return call;
}

function presentCall(call: Call): Record<string, unknown> {
  const { facts } = call;
  return {
    entryId: call.id,
    direction: facts.direction,
    customer: facts.customer,
    line: facts.line,
    commandId: facts.commandId,
    startedAt: facts.startedAt,
    over: call.isOver,
    legs: facts.legs,
    recordings: facts.recordings,
    actions: possibleActs(call),
  };
}

function callNamed(pbx: DemoPbx, entryId: string): Call {
  const call = pbx.calls.get(entryId);
  if (!call) throw new NotThere(`no live call ${entryId}`);
  return call;
}

function parsed<T>(schema: z.ZodType<T>, body: unknown): T {
  return schema.parse(body ?? {});
}

function onError(error: unknown, _request: Request, response: Response, next: NextFunction): void {
  if (response.headersSent) return next(error);
  if (error instanceof z.ZodError) return void response.status(400).json({ error: z.prettifyError(error) });
  if (error instanceof NotThere) return void response.status(404).json({ error: error.message });
  if (error instanceof StepImpossible || error instanceof CallOver)
    return void response.status(409).json({ error: error.message });
  const status = error instanceof Error && 'status' in error && typeof error.status === 'number' ? error.status : 500;
  response.status(status).json({ error: error instanceof Error ? error.message : String(error) });
}
