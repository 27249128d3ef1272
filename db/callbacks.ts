import { liveCallOf, publishCall } from './calls.ts';
import type { Executor, Transaction } from './pool.ts';
import { publishTicketChanged } from './stream.ts';

export interface CallbackOrder {
  readonly commandId: string;
  readonly agentId: string;
  readonly ticketId: string;
  readonly customerId: string | null;
  /** E.164. */
  readonly phone: string;
  readonly integrationId: string;
}

export interface OrderedCallback {
  readonly callId: string;
  readonly agentId: string | null;
  readonly ticketId: string | null;
  readonly phone: string | null;
}

export async function findCallback(db: Executor, commandId: string): Promise<OrderedCallback | undefined> {
  const row = (await db('calls')
    .where({ command_id: commandId })
    .first('id', 'merged_into', 'ordered_by', 'ticket_id', 'phone')) as
    | { id: string; merged_into: string | null; ordered_by: string | null; ticket_id: string | null; phone: string | null }
    | undefined;
  return row && { callId: row.merged_into ?? row.id, agentId: row.ordered_by, ticketId: row.ticket_id, phone: row.phone };
}

/** One order at a time per agent; also keeps the agent from being deactivated meanwhile. */
export async function lockOrderer(trx: Transaction, agentId: string): Promise<void> {
  await trx.raw('select from agents where id = ? for update', [agentId]);
}

export async function isInCall(trx: Transaction, agentId: string): Promise<boolean> {
  const card: unknown = await trx('call_cards')
    .where({ agent_id: agentId })
    .whereIn('state', ['dialling', 'talking'])
    .first('call_id');
  return card !== undefined;
}

/** The PBX account through which this agent can be rung; the one of the ticket's last call, if there are several. */
export async function findDiallingIntegration(trx: Transaction, agentId: string, ticketId: string): Promise<string | undefined> {
  const { rows } = await trx.raw<{ rows: { integration_id: string }[] }>(
    `select o.integration_id from operators o join integrations i on i.id = o.integration_id
     where o.agent_id = ? and not o.ignored and o.present and o.extension <> '' and i.removed_at is null
     order by (select max(c.started_at) from conversations v join calls c on c.id = v.call_id
       where v.ticket_id = ? and c.integration_id = o.integration_id) desc nulls last, i.created_at, o.extension limit 1`,
    [agentId, ticketId],
  );
  return rows[0]?.integration_id;
}

export const phonesOfCustomer = async (trx: Executor, customerId: string): Promise<string[]> =>
  (
    (await trx('customer_phones').where({ customer_id: customerId }).orderBy(['position', 'phone']).select('phone')) as {
      phone: string;
    }[]
  ).map(({ phone }) => phone);

/** The intent, stored before the PBX is asked: the call, the card on the agent's screens, and the row that starts the workflow. */
export async function storeCallback(trx: Transaction, order: CallbackOrder): Promise<string> {
  const entry = `callback:${order.commandId}`;
  const [call] = (await trx('calls')
    .insert({
      integration_id: order.integrationId,
      command_id: order.commandId,
      command_state: 'stored',
      workflow_id: entry,
      ordered_by: order.agentId,
      ticket_id: order.ticketId,
      phone: order.phone,
      customer_id: order.customerId,
      direction: 'outgoing',
      state: 'dialling',
    })
    .returning(['id', 'started_at'])) as { id: string; started_at: Date }[];
  if (!call) throw new Error('Postgres returned no row for a callback');
  await trx('call_cards').insert({
    call_id: call.id,
    agent_id: order.agentId,
    state: 'dialling',
    direction: 'outgoing',
    started_at: call.started_at,
  });
  await trx('inbox').insert({
    source: 'system',
    integration_id: order.integrationId,
    key: entry,
    entry,
    body: JSON.stringify({ type: 'callback' }),
  });
  const card = await liveCallOf(trx, call.id, order.agentId);
  if (card) await publishCall(trx, 'call.dialling', order.agentId, card);
  // The worklist says who is calling back.
  await publishTicketChanged(trx, order.ticketId);
  return call.id;
}
