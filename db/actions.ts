import type { ActionMessage, ActionType } from '../domain/messages.ts';
import type { Executor, Transaction } from './pool.ts';
import { ticketVisible, type Viewer } from './visibility.ts';

export interface ActionRow {
  readonly agent_id: string;
  readonly action_id: string;
  readonly call_id: string;
  readonly type: string;
  readonly body: unknown;
  readonly state: 'accepted' | 'done' | 'refused';
  readonly code: string | null;
  readonly ticket_id: string | null;
}

/** What is delivered to the call's workflow; the dispatcher adds the inbox row's id and time. */
export type ActionForInbox = Omit<ActionMessage, 'inboxId' | 'receivedAt'>;

export interface NewAction {
  readonly agentId: string;
  readonly actionId: string;
  readonly type: ActionType;
  /** The request as it came: a repeat is told from another action by it. */
  readonly body: unknown;
}

/** False if this agent has used the id before. */
export async function insertAction(trx: Transaction, callId: string, action: NewAction): Promise<boolean> {
  const rows = (await trx('actions')
    .insert({
      agent_id: action.agentId,
      action_id: action.actionId,
      call_id: callId,
      type: action.type,
      body: JSON.stringify(action.body),
    })
    .onConflict(['agent_id', 'action_id'])
    .ignore()
    .returning(['action_id'])) as unknown[];
  return rows.length === 1;
}

export async function findAction(db: Executor, agentId: string, actionId: string): Promise<ActionRow | undefined> {
  return (await db('actions').where({ agent_id: agentId, action_id: actionId }).first()) as ActionRow | undefined;
}

/** Whether the stored action says the same as `body`, whatever the order of its keys. */
export async function saysTheSame(db: Executor, agentId: string, actionId: string, body: unknown): Promise<boolean> {
  const { rows } = await db.raw<{ rows: { same: boolean }[] }>(
    'select body = ?::jsonb as same from actions where agent_id = ? and action_id = ?',
    [JSON.stringify(body), agentId, actionId],
  );
  return rows[0]?.same ?? false;
}

export interface CallForAction {
  readonly id: string;
  readonly integration_id: string;
  readonly entry_id: string | null;
  readonly command_id: string | null;
  readonly phone: string | null;
  readonly customer_id: string | null;
}

/**
 * The call an agent may act upon: one that rang at them, that they talk or talked in, or that they ordered; an admin, any.
 * Shared-locked, so that a callback is not bound to its PBX entry between this look and the commit.
 */
export async function callForAction(
  trx: Transaction,
  callId: string,
  agent: { readonly agentId: string; readonly role: string },
): Promise<CallForAction | undefined> {
  const { rows } = await trx.raw<{ rows: CallForAction[] }>(
    `select c.id, c.integration_id, c.entry_id, c.command_id, c.phone, c.customer_id from calls c
     where c.id = (select coalesce(merged_into, id) from calls where id = ?)
       and (? = 'admin' or c.ordered_by = ?
         or exists (select from call_cards where call_id = c.id and agent_id = ?)
         or exists (select from conversations where call_id = c.id and agent_id = ?))
     for share of c`,
    [callId, agent.role, agent.agentId, agent.agentId, agent.agentId],
  );
  return rows[0];
}

/**
 * The call of a conversation that stands in a ticket the agent may see: whoever may change a ticket may move a call out of it. Locked
 * as `callForAction` does.
 */
export async function callInSight(
  trx: Transaction,
  callId: string,
  conversationId: string,
  viewer: Viewer,
): Promise<CallForAction | undefined> {
  const visible = ticketVisible(viewer);
  const { rows } = await trx.raw<{ rows: CallForAction[] }>(
    `select c.id, c.integration_id, c.entry_id, c.command_id, c.phone, c.customer_id from calls c
     where c.id = (select coalesce(merged_into, id) from calls where id = ?)
       and exists (select from conversations talk join tickets t on t.id = talk.ticket_id
         where talk.call_id = c.id and talk.id = ? and ${visible.sql})
     for share of c`,
    [callId, conversationId, ...visible.bindings],
  );
  return rows[0];
}

/** Whether the conversation is of this call and, unless for an admin, this agent's. */
export async function hasConversation(
  trx: Transaction,
  callId: string,
  conversationId: string,
  agent: { readonly agentId: string; readonly role: string },
): Promise<boolean> {
  const { rows } = await trx.raw<{ rows: unknown[] }>(
    `select 1 from conversations where id = ? and call_id = ? and (? = 'admin' or agent_id = ?)
     union all select 1 from call_cards where conversation_id = ? and call_id = ? and (? = 'admin' or agent_id = ?) limit 1`,
    [conversationId, callId, agent.role, agent.agentId, conversationId, callId, agent.role, agent.agentId],
  );
  return rows.length > 0;
}

export interface DraftText {
  readonly subject?: string;
  readonly gist?: string;
}

/** Typed text is safe from here on, whatever becomes of the call. What is not given stays as it was. */
export async function storeDraft(
  trx: Transaction,
  draft: { readonly conversationId: string; readonly callId: string; readonly agentId: string } & DraftText,
): Promise<void> {
  const { conversationId, callId, agentId, ...text } = draft;
  const change = { ...text, updated_at: trx.raw('clock_timestamp()') };
  await trx('drafts')
    .insert({ conversation_id: conversationId, call_id: callId, agent_id: agentId, ...change })
    .onConflict('conversation_id')
    .merge(Object.keys(change));
}

/** Through the one door: what the dispatcher hands to the workflow of this call. */
export async function postAction(trx: Transaction, call: CallForAction, action: ActionForInbox): Promise<void> {
  await trx('inbox').insert({
    source: 'agent',
    integration_id: call.integration_id,
    key: `${action.agentId}:${action.actionId}`,
    entry: call.entry_id ?? `callback:${call.command_id ?? ''}`,
    body: JSON.stringify(action),
  });
}
