import { formatPhone } from '../../domain/phone.ts';
import type { Transaction } from '../../db/pool.ts';
import { changeTicket, lockTicket, type Cause, type TicketRow } from '../../db/tickets.ts';
import { callOf, type CallRow, type DecisionContext } from './context.ts';

/**
 * Locks everything that is decided about one customer's missed calls, so that two calls ending at the same instant make
 * one ticket. The key is the number first, then the person: both are taken in the same order everywhere.
 */
export async function lockCustomer(trx: Transaction, call: Pick<CallRow, 'phone' | 'customer_id'>): Promise<void> {
  const keys = [...(call.phone ? [`phone:${call.phone}`] : []), ...(call.customer_id ? [`customer:${call.customer_id}`] : [])];
  if (keys.length === 0) return;
  // An array is unnested in its order.
  await trx.raw('select pg_advisory_xact_lock(hashtextextended(key, 17)) from unnest(?::text[]) key', [keys]);
}

/** Sets the call's customer, and with it that of its conversations. */
export async function setCustomer({ trx, callId, known }: DecisionContext, customerId: string): Promise<void> {
  await trx('calls').where({ id: callId }).update({ customer_id: customerId });
  if (known.call) known.call = { ...known.call, customer_id: customerId };
  await trx('conversations').where({ call_id: callId }).update({ customer_id: customerId });
}

async function ownersOf(trx: Transaction, phone: string): Promise<string[]> {
  const rows = (await trx('customer_phones').where({ phone }).orderBy('customer_id').select('customer_id')) as {
    customer_id: string;
  }[];
  return rows.map((row) => row.customer_id);
}

type TicketOwner = Pick<TicketRow, 'customer_id' | 'phone'>;

/** Whether a ticket is the caller's: the person's, or, where nobody chose among a number's several owners, one of theirs. */
export async function isCallers(
  trx: Transaction,
  call: Pick<CallRow, 'customer_id' | 'phone'>,
  ticket: TicketOwner,
): Promise<boolean> {
  if (call.customer_id !== null || ticket.customer_id === null) {
    return call.customer_id === ticket.customer_id || (ticket.customer_id === null && ticket.phone === call.phone);
  }
  if (!call.phone) return false;
  const owner: unknown = await trx('customer_phones')
    .where({ phone: call.phone, customer_id: ticket.customer_id })
    .first('phone');
  return owner !== undefined;
}

/** One number, several customers: a call put into a ticket of one of them is that one's. */
export async function chooseCustomerOf(
  context: DecisionContext,
  call: Pick<CallRow, 'id' | 'customer_id'>,
  ticket: TicketOwner,
): Promise<void> {
  if (call.customer_id === null && ticket.customer_id !== null) await setCustomer(context, ticket.customer_id);
}

/** A customer made from nothing but a number (S4b) bears the number as name. */
export async function createCustomer(trx: Transaction, phone: string | null, fullName?: string): Promise<string> {
  const [row] = (await trx('customers')
    .insert({ full_name: fullName?.trim() || (phone ? formatPhone(phone) : 'Без имени') })
    .returning('id')) as { id: string }[];
  if (!row) throw new Error('Postgres returned no row for a new customer');
  if (phone) await trx('customer_phones').insert({ customer_id: row.id, phone });
  return row.id;
}

/**
 * The customer a ticket of this call is for: known, or made from the number (S4b). Null for hidden numbers, and where one
 * number has several customers and nobody chose.
 */
export async function customerForTicket(context: DecisionContext): Promise<CallRow> {
  const call = await callOf(context);
  if (call.customer_id || !call.phone) return call;
  // The number is locked before it is looked up: two calls from one new number make one customer.
  await lockCustomer(context.trx, call);
  const [only, ...others] = await ownersOf(context.trx, call.phone);
  if (others.length > 0) return call;
  const customerId = only ?? (await createCustomer(context.trx, call.phone));
  await setCustomer(context, customerId);
  return { ...call, customer_id: customerId };
}

/** A customer made from this number, of whom nobody has written anything since: a stopgap until somebody says who it is. */
export async function isNothingButTheNumber(trx: Transaction, customerId: string, phone: string | null): Promise<boolean> {
  if (!phone) return false;
  const { rows } = await trx.raw<{ rows: unknown[] }>(
    `select from customers c where c.id = ? and c.full_name = ? and c.company = '' and c.note = '' and c.custom_fields = '{}'
       and not exists (select from customer_emails where customer_id = c.id)
       and (select array_agg(phone) from customer_phones where customer_id = c.id) = array[?]`,
    [customerId, formatPhone(phone), phone],
  );
  return rows.length > 0;
}

/** The stopgap's tickets and calls are the real customer's; nothing of it is left to share the number with. */
export async function replaceCustomer(
  { trx, known }: DecisionContext,
  stopgap: string,
  customerId: string,
  cause: Cause,
): Promise<void> {
  const tickets = (await trx('tickets').where({ customer_id: stopgap }).orderBy('id').select('id')) as { id: string }[];
  for (const { id } of tickets) {
    const ticket = await lockTicket(trx, id);
    if (ticket) await changeTicket(trx, ticket, { customerId }, cause);
  }
  for (const table of ['conversations', 'calls'])
    await trx(table).where({ customer_id: stopgap }).update({ customer_id: customerId });
  await trx('customers').where({ id: stopgap }).delete();
  known.call = null;
}
