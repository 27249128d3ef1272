import { z } from 'zod';
import { madeOnce } from '../../db/made-once.ts';
import { findMessage, messagesOf } from '../../db/messages.ts';
import { inTransaction, type Transaction } from '../../db/pool.ts';
import { readSettings } from '../../db/settings.ts';
import { findTicketRow, listTickets, type TicketOrder } from '../../db/ticket-list.ts';
import { addMessage, changeTicket, createTicket, lockTicket, type Actor, type TicketRow } from '../../db/tickets.ts';
import { maySee, type Viewer } from '../../db/visibility.ts';
import { parsePhone } from '../../domain/phone.ts';
import { pageOf, serialId } from '../contract/common.ts';
import {
  message,
  newMessage,
  newTicket,
  ticket,
  ticketChange,
  ticketListItem,
  ticketQuery,
  type Ticket,
} from '../contract/tickets.ts';
import type { ApiDeps } from '../deps.ts';
import { presentMessage, presentTicket, presentTicketItem } from '../present/tickets.ts';
import { fieldProblem, ProblemError } from '../problems.ts';
import { route } from '../route.ts';
import { countedTickets } from './figure-tickets.ts';

export const ticketParams = z.strictObject({ id: serialId });

async function readTicket(deps: ApiDeps, viewer: Viewer, ticketId: string): Promise<Ticket> {
  const row = await findTicketRow(deps.db, viewer, ticketId);
  if (!row) throw new ProblemError('ticket_not_found');
  return presentTicket(row, await messagesOf(deps.db, ticketId));
}

/** As it was just changed, also if the change took it out of the agent's sight. */
const readChanged = (deps: ApiDeps, ticketId: string): Promise<Ticket> =>
  readTicket(deps, { agentId: '', role: 'admin', access: 'all' }, ticketId);

export async function lockVisible(trx: Transaction, viewer: Viewer, ticketId: string): Promise<TicketRow> {
  const row = await lockTicket(trx, ticketId);
  if (!row || !maySee(viewer, row.assignee_id)) throw new ProblemError('ticket_not_found');
  return row;
}

/** Tickets are given to people who can do something about them. */
async function checkAssignee(trx: Transaction, assigneeId: string | null | undefined): Promise<void> {
  if (typeof assigneeId !== 'string') return;
  const active: unknown = await trx('agents').where({ id: assigneeId }).whereNull('deactivated_at').first('id');
  if (!active) throw fieldProblem('assigneeId', 'agent_not_found', 'agent_not_found');
}

async function checkCustomer(trx: Transaction, customerId: string | null | undefined): Promise<void> {
  if (typeof customerId !== 'string') return;
  const present: unknown = await trx('customers').where({ id: customerId }).whereNull('erased_at').first('id');
  if (!present) throw fieldProblem('customerId', 'customer_not_found', 'customer_not_found');
}

function orderOf(sort: string): { readonly order: TicketOrder; readonly descending: boolean } {
  const descending = sort.startsWith('-');
  return { order: (descending ? sort.slice(1) : sort) as TicketOrder, descending };
}

export function assigneeOf(wanted: string | undefined, me: string): string | null | undefined {
  if (wanted === 'none') return null;
  return wanted === 'me' ? me : wanted;
}

const listRoute = route({
  method: 'get',
  path: '/api/tickets',
  summary: 'Tickets, a page of them',
  tag: 'Tickets',
  access: 'agent',
  query: ticketQuery,
  response: pageOf(ticketListItem),
  handle: async ({ deps, agent, query }) => {
    const { status, channel, kind, customerId, assigneeId, q, sort, page, pageSize } = query;
    const { phoneCountry: country } = await readSettings(deps.db, deps.config);
    const counted = await countedTickets(deps, agent, query);
    const { rows, total, more } = await listTickets(
      deps.db,
      agent,
      { status, channel, kind, customerId, assigneeId: assigneeOf(assigneeId, agent.agentId), q, counted, country },
      { ...orderOf(sort), offset: (page - 1) * pageSize, limit: pageSize },
    );
    return { items: rows.map(presentTicketItem), total, ...(more ? { more } : {}) };
  },
});

const readRoute = route({
  method: 'get',
  path: '/api/tickets/{id}',
  summary: 'A ticket with its messages',
  tag: 'Tickets',
  access: 'agent',
  params: ticketParams,
  response: ticket,
  problems: ['ticket_not_found'],
  handle: ({ deps, agent, params }) => readTicket(deps, agent, params.id),
});

const changeRoute = route({
  method: 'patch',
  path: '/api/tickets/{id}',
  summary: 'Change a ticket',
  tag: 'Tickets',
  access: 'agent',
  params: ticketParams,
  body: ticketChange,
  response: ticket,
  problems: ['ticket_not_found', 'agent_not_found', 'customer_not_found'],
  handle: async ({ deps, agent, params, body }) => {
    await inTransaction(deps.db, async (trx) => {
      const before = await lockVisible(trx, agent, params.id);
      if (body.assigneeId !== before.assignee_id) await checkAssignee(trx, body.assigneeId);
      if (body.customerId !== before.customer_id) await checkCustomer(trx, body.customerId);
      const { subject, status, assigneeId, customerId } = body;
      const change = {
        ...(subject === undefined ? {} : { subject }),
        ...(status === undefined ? {} : { status }),
        ...(assigneeId === undefined ? {} : { assigneeId }),
        ...(customerId === undefined ? {} : { customerId }),
      };
      await changeTicket(trx, before, change, { actor: { type: 'agent', id: agent.agentId } });
    });
    return readChanged(deps, params.id);
  },
});

type MessageInput = z.output<typeof newMessage>;

/** What came in by hand from a customer counts as the customer's, not as the agent's work. */
function actorOf(agentId: string, customerId: string | null | undefined, author: MessageInput['author']): Actor {
  return author === 'customer' ? { type: 'customer', id: customerId ?? null } : { type: 'agent', id: agentId };
}

function checkAuthor(channel: string, input: Pick<MessageInput, 'author' | 'type'>, field: string): void {
  if (input.author !== 'customer') return;
  if (channel === 'call') throw fieldProblem(field, 'not_in_this_channel');
  if (input.type !== 'reply') throw fieldProblem(field, 'customers_write_no_notes');
}

const createRoute = route({
  method: 'post',
  path: '/api/tickets',
  summary: 'Make a ticket by hand',
  tag: 'Tickets',
  access: 'agent',
  status: 201,
  body: newTicket,
  response: ticket,
  problems: ['agent_not_found', 'customer_not_found'],
  handle: async ({ deps, agent, body }) => {
    if (body.channel === 'call' && !body.kind) throw fieldProblem('kind', 'required');
    if (body.channel !== 'call' && body.kind) throw fieldProblem('kind', 'not_in_this_channel');
    if (body.message) checkAuthor(body.channel, body.message, 'message.author');
    const { phoneCountry } = await readSettings(deps.db, deps.config);
    const phone = body.phone ? parsePhone(body.phone, phoneCountry) : null;
    if (body.phone && !phone) throw fieldProblem('phone', 'invalid_phone');
    const { agentId } = agent;
    const id = await inTransaction(deps.db, (trx) =>
      madeOnce(trx, { agentId, kind: 'ticket', requestId: body.requestId }, () => storeTicket(trx, agentId, body, phone)),
    );
    return readChanged(deps, id);
  },
});

async function storeTicket(
  trx: Transaction,
  agentId: string,
  body: z.output<typeof newTicket>,
  phone: string | null,
): Promise<string> {
  await checkAssignee(trx, body.assigneeId);
  await checkCustomer(trx, body.customerId);
  const actor = actorOf(agentId, body.customerId, body.message?.author ?? 'agent');
  const made = await createTicket(
    trx,
    {
      subject: body.subject,
      status: body.status,
      channel: body.channel,
      kind: body.kind ?? null,
      phone,
      customerId: body.customerId ?? null,
      assigneeId: body.assigneeId ?? null,
      automatic: false,
    },
    { actor },
  );
  if (body.message) await storeMessage(trx, made, body.message, actor, made.created_at);
  return made.id;
}

async function storeMessage(
  trx: Transaction,
  row: TicketRow,
  input: Omit<MessageInput, 'status'>,
  author: Actor,
  at?: Date,
): Promise<string> {
  const { id } = await addMessage(
    trx,
    row,
    { type: input.type, author, body: input.body, writingSeconds: input.writingSeconds ?? null, ...(at ? { at } : {}) },
    { actor: author },
  );
  return id;
}

const addMessageRoute = route({
  method: 'post',
  path: '/api/tickets/{id}/messages',
  summary: 'Reply, or add a note; a reply of the customer opens the ticket again',
  tag: 'Tickets',
  access: 'agent',
  status: 201,
  params: ticketParams,
  body: newMessage,
  response: message,
  problems: ['ticket_not_found'],
  handle: async ({ deps, agent, params, body }) => {
    const { agentId } = agent;
    const messageId = await inTransaction(deps.db, async (trx) => {
      const before = await lockVisible(trx, agent, params.id);
      checkAuthor(before.channel, body, 'author');
      return madeOnce(trx, { agentId, kind: 'message', requestId: body.requestId }, async () => {
        const author = actorOf(agentId, before.customer_id, body.author);
        const id = await storeMessage(trx, before, body, author);
        const status = body.status ?? (author.type === 'customer' ? 'open' : undefined);
        if (status) await changeTicket(trx, before, { status }, { actor: author });
        return id;
      });
    });
    const row = await findMessage(deps.db, messageId);
    if (!row) throw new Error(`Message ${messageId} vanished after it was stored`);
    return presentMessage(row);
  },
});

export const ticketRoutes = [listRoute, readRoute, changeRoute, createRoute, addMessageRoute];
