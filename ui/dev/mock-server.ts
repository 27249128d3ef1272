/** The interface without the service: `node --import tsx ui/dev/mock-server.ts` serves ui/dist and plays the API from memory. */
import { randomUUID } from 'node:crypto';
import express, { type Request, type Response } from 'express';
import { fileURLToPath } from 'node:url';
import type { LiveCall, StreamEventName } from '../../api/contract/index.ts';
import { agents, ago, calls, customers, fields, integrations, message, operators, ready, ticket, tickets } from './mock-data.ts';

const port = Number(process.env['PORT'] ?? 4300);
const dist = fileURLToPath(new URL('../dist', import.meta.url));
const me = agents[0]!;
const app = express();
app.use(express.json());
app.use((_request, response, next) => {
  if (signedIn) response.cookie('trubka_signed_in', '1');
  else response.clearCookie('trubka_signed_in');
  next();
});

let signedIn = process.env['SIGNED_OUT'] !== '1';
const session = () => ({
  ...{ id: me.id, fullName: me.fullName, email: me.email, role: me.role, access: me.access },
  preferences,
  secondFactorMissing: false,
  expiresAt: ago(-24),
});
let preferences: Record<string, unknown> = {};
const streams = new Set<Response>();
let eventId = 0;
const publish = (type: StreamEventName, data: unknown): void => {
  for (const stream of streams) stream.write(`id: ${(eventId += 1)}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
};
const problem = (response: Response, status: number, code: string, more = {}): void =>
  void response
    .status(status)
    .type('application/problem+json')
    .send(JSON.stringify({ type: `urn:${code}`, title: code, status, code, ...more }));

app.post('/api/session', (request, response) => {
  const { password } = request.body as { password: string };
  if (password !== 'password') return problem(response, 401, 'wrong_credentials');
  signedIn = true;
  response.json(session());
});
app.get('/api/session', (_request, response) =>
  signedIn ? void response.json(session()) : problem(response, 401, 'not_signed_in'),
);
app.patch('/api/session', (request, response) => {
  preferences = { ...preferences, ...(request.body as { preferences: object }).preferences };
  response.json(session());
});
app.delete('/api/session', (_request, response) => {
  signedIn = false;
  response.status(204).end();
});
app.get(
  '/api/invitations/:token',
  (_request, response) => void response.json({ fullName: 'Пётр Васильев', email: 'petr@example.com', expiresAt: ago(-24) }),
);

const several = (value: unknown): string[] | null => (typeof value === 'string' && value ? value.split(',') : null);
function listTickets(query: Request['query']) {
  const { q, customerId, assigneeId } = query as Record<string, string | undefined>;
  const [statuses, channels, kinds] = [several(query['status']), several(query['channel']), several(query['kind'])];
  const sort = String(query['sort'] ?? '-updatedAt');
  const field = sort.replace('-', '') as 'updatedAt';
  const wanted = assigneeId === 'me' ? me.id : assigneeId;
  return tickets
    .filter((one) => !statuses || statuses.includes(one.status))
    .filter((one) => !channels || channels.includes(one.channel))
    .filter((one) => !kinds || (one.kind && kinds.includes(one.kind)))
    .filter((one) => !customerId || one.customer?.id === customerId)
    .filter((one) => !wanted || (wanted === 'none' ? !one.assignee : one.assignee?.id === wanted))
    .filter(
      (one) => !q || JSON.stringify([one.subject, one.number, one.phone, one.customer]).toLowerCase().includes(q.toLowerCase()),
    )
    .sort((a, b) => String(a[field] ?? '').localeCompare(String(b[field] ?? '')) * (sort.startsWith('-') ? -1 : 1));
}
app.get('/api/tickets', (request, response) => {
  const found = listTickets(request.query);
  const [page, size] = [Number(request.query['page'] ?? 1), Number(request.query['pageSize'] ?? 50)];
  response.json({
    items: found.slice((page - 1) * size, page * size).map(({ messages: _messages, ...item }) => item),
    total: found.length,
  });
});
const ticketOf = (request: Request) => tickets.find((one) => one.id === request.params['id']);
app.get('/api/tickets/:id', (request, response) => {
  const found = ticketOf(request);
  return found ? void response.json(found) : problem(response, 404, 'ticket_not_found');
});
app.post('/api/tickets', (request, response) => {
  const { message: first, customerId, assigneeId, ...rest } = request.body as Record<string, never>;
  const made = ticket({
    ...(rest as { subject: string }),
    kind: null,
    handset: null,
    customer: customers.find((one) => one.id === customerId) ?? null,
  });
  made.assignee = agents.find((one) => one.id === assigneeId) ?? null;
  if (first) made.messages.push(message(first));
  tickets.unshift(made);
  response.status(201).json(made);
});
app.patch('/api/tickets/:id', (request, response) => {
  const found = ticketOf(request)!;
  const { assigneeId, ...rest } = request.body as { assigneeId?: string | null };
  Object.assign(found, rest, { updatedAt: new Date().toISOString() });
  if (assigneeId !== undefined) found.assignee = agents.find((one) => one.id === assigneeId) ?? null;
  publish('ticket.changed', { ticketId: found.id });
  response.json(found);
});
app.post('/api/tickets/:id/messages', (request, response) => {
  const made = message(request.body as { body: string });
  ticketOf(request)!.messages.push(made);
  publish('ticket.changed', { ticketId: request.params.id });
  response.status(201).json(made);
});
app.post('/api/tickets/:id/callback', (request, response) => {
  const found = ticketOf(request)!;
  const { phone, commandId } = request.body as { phone?: string; commandId: string };
  if (phone === '+74951234567') return problem(response, 409, 'no_operator');
  const call = addCall({ direction: 'outgoing', state: 'dialling', phone: phone ?? found.phone, ticketId: found.id, commandId });
  call.customer = customers.find((one) => one.id === found.customer?.id) ?? null;
  publish('call.dialling', call);
  response.status(202).json({ commandId, callId: call.callId });
});

app.get('/api/customers', (request, response) => {
  const q = String(request.query['q'] ?? '').toLowerCase();
  const found = customers.filter((one) => !q || JSON.stringify(one).toLowerCase().includes(q));
  response.json({ items: found, total: found.length });
});
app.post('/api/customers', (request, response) => {
  const made = {
    id: randomUUID(),
    fullName: '',
    phones: [],
    emails: [],
    company: '',
    note: '',
    customFields: {},
    ...(request.body as object),
  };
  customers.unshift(made);
  response.status(201).json(made);
});
app.get('/api/customers/:id', (request, response) => {
  const found = customers.find((one) => one.id === request.params.id);
  return found ? void response.json(found) : problem(response, 404, 'customer_not_found');
});
app.patch('/api/customers/:id', (request, response) => {
  const found = customers.find((one) => one.id === request.params.id)!;
  const body = request.body as { phones?: string[] };
  if (body.phones?.some((phone) => phone.replace(/\D/g, '').length < 5))
    return problem(response, 400, 'invalid_request', { errors: [{ field: 'phones.0', code: 'invalid_phone', message: '' }] });
  response.json(
    Object.assign(found, body, { phones: body.phones?.map((phone) => phone.replace(/[^\d+]/g, '')) ?? found.phones }),
  );
});

const list = (path: string, items: readonly object[]) => app.get(path, (_request, response) => void response.json({ items }));
list('/api/agents', agents);
list('/api/fields', fields);
list('/api/integrations', integrations);
list('/api/operators', operators);
app.post('/api/agents', (request, response) => {
  const made = { ...agents[3]!, ...(request.body as object), id: randomUUID(), hasPassword: false };
  agents.push(made);
  response.status(201).json({ ...made, invitationUrl: 'https://help.example.com/invitation/abc', invitationExpiresAt: ago(-48) });
});
const patch = (path: string, items: readonly { id: string }[]) =>
  app.patch(
    `${path}/:id`,
    (request, response) =>
      void response.json(
        Object.assign(
          items.find((one) => one.id === request.params.id)!,
          request.body,
        ),
      ),
  );
patch('/api/agents', agents);
patch('/api/fields', fields);
patch('/api/operators', operators);
app.post(
  '/api/operators/refresh',
  (_request, response) =>
    void response.json({ items: [{ integrationId: integrations[0]!.id, outcome: 'done', code: null, operators: 4 }] }),
);

app.get(
  '/api/calls',
  (_request, response) => void response.json({ items: [...calls.values()].filter((call) => call.state !== 'ended') }),
);
function addCall(parts: Partial<LiveCall>): LiveCall {
  const call: LiveCall = {
    ...{ callId: randomUUID(), conversationId: null, direction: 'incoming', state: 'ringing', phone: null, line: '+74957654321' },
    ...{
      customer: null,
      candidates: [],
      ticketId: null,
      commandId: null,
      draft: null,
      startedAt: new Date().toISOString(),
      answeredAt: null,
    },
    ...parts,
  };
  calls.set(call.callId, call);
  return call;
}
const drafts = new Map<string, { subject: string; gist: string }>();
function linkTo(call: LiveCall, ticketId: string, gist: string): void {
  call.ticketId = ticketId;
  const found = tickets.find((one) => one.id === ticketId)!;
  const there = found.messages.find((one) => one.conversation?.id === call.conversationId);
  if (there) there.body = gist;
  else
    found.messages.push(
      message({
        body: gist,
        conversation: {
          id: call.conversationId!,
          callId: call.callId,
          direction: call.direction,
          outcome: 'in_progress',
          answeredAt: call.answeredAt,
          endedAt: null,
          talkSeconds: null,
        },
      }),
    );
  publish('ticket.changed', { ticketId });
}
function makeTicket(call: LiveCall, text: { subject: string; gist: string }): string {
  const made = ticket({
    subject: text.subject || `Входящий звонок с ${call.phone}`,
    phone: call.phone,
    kind: call.direction,
    customer: call.customer,
    assignee: me,
    updatedAt: ago(0),
  });
  tickets.unshift(made);
  linkTo(call, made.id, text.gist);
  return made.id;
}
app.post('/api/calls/:callId/actions', (request, response) => {
  const call = calls.get(request.params.callId);
  if (!call) return problem(response, 404, 'not_found');
  const body = request.body as {
    actionId: string;
    type: string;
    subject: string;
    gist: string;
    ticketId: string;
    customerId: string;
  };
  response.status(202).json({ actionId: body.actionId, type: body.type, state: 'accepted', code: null, ticketId: null });
  const done = (ticketId?: string): void =>
    publish('action.done', { actionId: body.actionId, ...(ticketId ? { ticketId } : {}) });
  setTimeout(() => {
    if (body.type === 'save_draft') {
      drafts.set(call.conversationId!, body);
      if (call.state === 'ended' && call.ticketId) linkTo(call, call.ticketId, body.gist);
      return done(call.ticketId ?? undefined);
    }
    if (body.type === 'create_ticket') {
      if (call.ticketId)
        return publish('action.refused', { actionId: body.actionId, code: 'ticket_exists', ticketId: call.ticketId });
      done(makeTicket(call, body));
    } else if (body.type === 'link_ticket') {
      linkTo(call, body.ticketId, body.gist);
      done(body.ticketId);
    } else if (body.type === 'identify_customer' || body.type === 'create_customer') {
      call.customer = customers.find((one) => one.id === body.customerId) ?? {
        id: randomUUID(),
        fullName: '+7 999 000-11-22',
        phones: [call.phone!],
        emails: [],
        company: '',
        note: '',
        customFields: {},
      };
      if (!customers.includes(call.customer)) customers.unshift(call.customer);
      call.candidates = [];
      done();
    } else {
      end(call);
      return done();
    }
    publish('call.updated', call);
  }, 150);
});
app.get('/api/calls/:callId/actions/:actionId', (_request, response) => problem(response, 404, 'not_found'));

function end(call: LiveCall): void {
  call.state = 'ended';
  publish('call.ended', call);
  if (!call.conversationId) return;
  setTimeout(() => {
    if (!call.ticketId) makeTicket(call, drafts.get(call.conversationId!) ?? { subject: '', gist: '' });
    const found = tickets.find((one) => one.id === call.ticketId)!;
    const talk = found.messages.find((one) => one.conversation?.id === call.conversationId)!.conversation!;
    const recordings = [{ ...ready(0), state: 'pending' as const, url: null }];
    Object.assign(talk, { outcome: 'talked', endedAt: ago(0), talkSeconds: 34, recordings, recording: recordings[0] });
    found.status = 'pending';
    publish('ticket.changed', { ticketId: found.id });
    setTimeout(() => {
      Object.assign(talk, { recordings: [ready(9, 3)], recording: ready(9, 3) });
      publish('recording.ready', { ticketId: found.id, recordingId: ready(9).id });
    }, 3000);
  }, 1500);
}

app.get('/api/events', (request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.write('retry: 1000\n\n');
  streams.add(response);
  request.on('close', () => streams.delete(response));
});
app.get('/api/recordings/:id', (_request, response) => {
  const samples = 8000 * 3;
  const wav = Buffer.alloc(44 + samples);
  wav.write('RIFF', 0).toString();
  wav.writeUInt32LE(36 + samples, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(8000, 24);
  wav.writeUInt32LE(8000, 28);
  wav.writeUInt16LE(1, 32);
  wav.writeUInt16LE(8, 34);
  wav.write('data', 36);
  wav.writeUInt32LE(samples, 40);
  for (let at = 0; at < samples; at += 1) wav[44 + at] = 128 + Math.round(40 * Math.sin((at * 2 * Math.PI * 440) / 8000));
  response.type('audio/wav').send(wav);
});

/** Strings to pull: POST /dev/ring {phone?, customer?, candidates?} · /dev/answer {callId} · /dev/end {callId} · /dev/drop · /dev/failed {commandId}. */
app.post('/dev/ring', (request, response) => {
  const { customer, candidates, ...parts } = request.body as { customer?: number; candidates?: number[] } & Partial<LiveCall>;
  const call = addCall({ phone: '+79990001122', ...parts });
  if (customer !== undefined) Object.assign(call, { customer: customers[customer], phone: customers[customer]!.phones[0] });
  call.candidates = (candidates ?? []).map((index) => customers[index]!);
  publish('call.ringing', call);
  response.json(call);
});
app.post('/dev/answer', (request, response) => {
  const call = calls.get((request.body as { callId: string }).callId)!;
  Object.assign(call, { state: 'talking', answeredAt: new Date().toISOString(), conversationId: `${call.callId}.1` });
  publish('call.answered', call);
  response.json(call);
});
app.post('/dev/end', (request, response) => {
  end(calls.get((request.body as { callId: string }).callId)!);
  response.json({});
});
app.post('/dev/drop', (_request, response) => {
  for (const stream of streams) stream.destroy();
  response.json({});
});
app.use('/api', (_request, response) => problem(response, 404, 'not_found'));
app.use(express.static(dist, { index: false }));
app.use((_request, response) => response.sendFile('index.html', { root: dist }));
app.listen(port, () => process.stdout.write(`http://127.0.0.1:${port}\n`));
