import { randomUUID } from 'node:crypto';
import {
  findCallback,
  findDiallingIntegration,
  isInCall,
  lockOrderer,
  phonesOfCustomer,
  storeCallback,
  type OrderedCallback,
} from '../../db/callbacks.ts';
import { inTransaction, type Transaction } from '../../db/pool.ts';
import { readSettings } from '../../db/settings.ts';
import type { SignedIn } from '../../db/sessions.ts';
import type { TicketRow } from '../../db/tickets.ts';
import { parsePhone } from '../../domain/phone.ts';
import { callbackOrder, callbackOrdered } from '../contract/calls.ts';
import { fieldProblem, ProblemError } from '../problems.ts';
import { route } from '../route.ts';
import { lockVisible, ticketParams } from './tickets.ts';

/** The number asked for, if it is one of this ticket; else the ticket's, else the customer's first. */
async function phoneToCall(trx: Transaction, ticket: TicketRow, wanted: string | null | undefined): Promise<string> {
  if (wanted === null) throw fieldProblem('phone', 'invalid_phone');
  const phones = ticket.customer_id === null ? [] : await phonesOfCustomer(trx, ticket.customer_id);
  const all = ticket.phone === null ? phones : [ticket.phone, ...phones];
  if (wanted !== undefined && !all.includes(wanted))
    throw fieldProblem('phone', 'phone_not_of_customer', 'phone_not_of_customer');
  const phone = wanted ?? all[0];
  if (phone === undefined) throw new ProblemError('no_phone');
  return phone;
}

/** The same id again is the same call, if it is the same agent, ticket and number. */
function checkSame(known: OrderedCallback, agent: SignedIn, ticketId: string, wanted: string | null | undefined): string {
  const same = known.agentId === agent.agentId && known.ticketId === ticketId && (wanted === undefined || wanted === known.phone);
  if (!same) throw fieldProblem('commandId', 'command_id_reused', 'command_id_reused');
  return known.callId;
}

interface Order {
  readonly ticketId: string;
  readonly commandId: string;
  /** Null: not a number. Undefined: not said. */
  readonly wanted: string | null | undefined;
}

async function orderCallback(trx: Transaction, agent: SignedIn, { ticketId, commandId, wanted }: Order): Promise<string> {
  // The agent before the ticket, always: two orders of one agent wait for each other and for nobody else.
  await lockOrderer(trx, agent.agentId);
  const ticket = await lockVisible(trx, agent, ticketId);
  const known = await findCallback(trx, commandId);
  if (known) return checkSame(known, agent, ticketId, wanted);
  const integrationId = await findDiallingIntegration(trx, agent.agentId, ticketId);
  if (integrationId === undefined) throw new ProblemError('no_operator');
  const phone = await phoneToCall(trx, ticket, wanted);
  if (await isInCall(trx, agent.agentId)) throw new ProblemError('busy');
  return storeCallback(trx, {
    commandId,
    agentId: agent.agentId,
    ticketId,
    customerId: ticket.customer_id,
    phone,
    integrationId,
  });
}

const orderRoute = route({
  method: 'post',
  path: '/api/tickets/{id}/callback',
  summary: 'Call the customer from the ticket; my softphone rings first',
  tag: 'Calls',
  access: 'agent',
  status: 202,
  params: ticketParams,
  body: callbackOrder,
  response: callbackOrdered,
  problems: ['ticket_not_found', 'no_operator', 'no_phone', 'phone_not_of_customer', 'busy', 'command_id_reused'],
  handle: async ({ deps, agent, params, body }) => {
    const commandId = body.commandId ?? randomUUID();
    const { phoneCountry } = await readSettings(deps.db, deps.config);
    const wanted = body.phone === undefined ? undefined : parsePhone(body.phone, phoneCountry);
    const callId = await inTransaction(deps.db, (trx) => orderCallback(trx, agent, { ticketId: params.id, commandId, wanted }));
    return { commandId, callId };
  },
});

export const callbackRoutes = [orderRoute];
