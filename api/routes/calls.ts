import { z } from 'zod';
import {
  callForAction,
  callInSight,
  findAction,
  hasConversation,
  insertAction,
  postAction,
  saysTheSame,
  storeDraft,
  type ActionRow,
  type CallForAction,
} from '../../db/actions.ts';
import { liveCallsOf, resolveCallId } from '../../db/calls.ts';
import { inTransaction, type Transaction } from '../../db/pool.ts';
import type { SignedIn } from '../../db/sessions.ts';
import { ticketVisible } from '../../db/visibility.ts';
import { actionState, callAction, callQuery, liveCall, stepId, type ActionState, type CallAction } from '../contract/calls.ts';
import { hasVisibleCharacter, listOf, uuid } from '../contract/common.ts';
import { fieldProblem, ProblemError } from '../problems.ts';
import { route } from '../route.ts';

const callParams = z.strictObject({ callId: uuid });

const present = (row: ActionRow): ActionState => ({
  actionId: row.action_id,
  type: row.type,
  state: row.state,
  code: row.code,
  ticketId: row.ticket_id,
});

/** What an action names besides its text. */
const named = (action: CallAction) => ({
  conversationId: 'conversationId' in action ? (action.conversationId ?? null) : null,
  ticketId: 'ticketId' in action ? action.ticketId : null,
  customerId: 'customerId' in action ? action.customerId : null,
  recordingId: 'recordingId' in action ? action.recordingId : null,
});

const textOf = (action: CallAction) => ({
  subject: 'subject' in action ? action.subject : '',
  gist: 'gist' in action ? action.gist : '',
});

async function checkTicket(trx: Transaction, agent: SignedIn, ticketId: string): Promise<void> {
  const visible = ticketVisible(agent);
  const { rows } = await trx.raw<{ rows: unknown[] }>(`select from tickets t where t.id = ? and ${visible.sql}`, [
    ticketId,
    ...visible.bindings,
  ]);
  if (rows.length === 0) throw fieldProblem('ticketId', 'ticket_not_found', 'ticket_not_found');
}

async function checkRecording(trx: Transaction, agent: SignedIn, callId: string, recordingId: string): Promise<void> {
  if (agent.role !== 'admin') throw new ProblemError('not_allowed');
  const found: unknown = await trx('recordings').where({ id: recordingId, call_id: callId }).first('id');
  if (!found) throw fieldProblem('recordingId', 'recording_not_found', 'recording_not_found');
}

/** Everything the action names exists and is this agent's to touch. What the call's state allows is decided by its workflow. */
async function checkAction(trx: Transaction, call: CallForAction, agent: SignedIn, action: CallAction): Promise<void> {
  const { conversationId, ticketId, customerId, recordingId } = named(action);
  if (call.entry_id === null && action.type !== 'hang_up') throw new ProblemError('call_not_begun');
  // A call to be moved has been found by its conversation already, or is the agent's own and without a ticket yet.
  const isFound = conversationId === null || (await hasConversation(trx, call.id, conversationId, agent));
  if (!isFound && !(action.type === 'move_call' && (await callInSight(trx, call.id, action.conversationId, agent)))) {
    throw fieldProblem('conversationId', 'conversation_not_found', 'conversation_not_found');
  }
  if (ticketId !== null) await checkTicket(trx, agent, ticketId);
  if (recordingId !== null) await checkRecording(trx, agent, call.id, recordingId);
  if (customerId !== null) {
    const customer: unknown = await trx('customers').where({ id: customerId }).whereNull('erased_at').first('id');
    if (!customer) throw fieldProblem('customerId', 'customer_not_found', 'customer_not_found');
  }
}

/** An emptied draft is emptied; making or linking a ticket without a text leaves what was typed before. */
async function keepText(trx: Transaction, call: CallForAction, agent: SignedIn, action: CallAction): Promise<void> {
  if (action.type !== 'save_draft' && action.type !== 'create_ticket' && action.type !== 'link_ticket') return;
  const { subject, gist } = textOf(action);
  const draft = { conversationId: action.conversationId, callId: call.id, agentId: agent.agentId };
  if (action.type === 'save_draft') await storeDraft(trx, { ...draft, subject, gist });
  else await storeDraft(trx, { ...draft, ...(subject ? { subject } : {}), ...(gist ? { gist } : {}) });
}

/** Stored under its id together with its text and the row that carries it to the workflow; a repeat finds it and changes nothing. */
async function takeAction(trx: Transaction, callId: string, agent: SignedIn, action: CallAction): Promise<void> {
  const call =
    (await callForAction(trx, callId, agent)) ??
    (action.type === 'move_call' ? await callInSight(trx, callId, action.conversationId, agent) : undefined);
  if (!call) throw new ProblemError('not_found');
  const { actionId, type } = action;
  const known = await findAction(trx, agent.agentId, actionId);
  if (!known) await checkAction(trx, call, agent, action);
  if (known || !(await insertAction(trx, call.id, { agentId: agent.agentId, actionId, type, body: action }))) {
    const stored = known ?? (await findAction(trx, agent.agentId, actionId));
    const same = stored?.call_id === call.id && (await saysTheSame(trx, agent.agentId, actionId, action));
    if (!same) throw fieldProblem('actionId', 'action_id_reused', 'action_id_reused');
    return;
  }
  await keepText(trx, call, agent, action);
  const { subject, gist } = textOf(action);
  await postAction(trx, call, {
    type: 'action',
    actionId,
    agentId: agent.agentId,
    action: type,
    ...named(action),
    hasText: hasVisibleCharacter(subject) || hasVisibleCharacter(gist),
  });
}

const listRoute = route({
  method: 'get',
  path: '/api/calls',
  summary: 'My live conversations and ringing calls',
  tag: 'Calls',
  access: 'agent',
  query: callQuery,
  response: listOf(liveCall),
  handle: async ({ deps, agent }) => ({ items: (await liveCallsOf(deps.db, agent.agentId)) as z.output<typeof liveCall>[] }),
});

const actRoute = route({
  method: 'post',
  path: '/api/calls/{callId}/actions',
  summary: 'Act on a call; the outcome comes on the stream',
  tag: 'Calls',
  access: 'agent',
  status: 202,
  params: callParams,
  body: callAction,
  response: actionState,
  problems: [
    'action_id_reused',
    'call_not_begun',
    'conversation_not_found',
    'ticket_not_found',
    'customer_not_found',
    'recording_not_found',
  ],
  handle: async ({ deps, agent, params, body }) => {
    await inTransaction(deps.db, (trx) => takeAction(trx, params.callId, agent, body));
    const row = await findAction(deps.db, agent.agentId, body.actionId);
    if (!row) throw new Error(`Action ${body.actionId} vanished after it was stored`);
    return present(row);
  },
});

const outcomeRoute = route({
  method: 'get',
  path: '/api/calls/{callId}/actions/{actionId}',
  summary: 'What came of an action of mine',
  tag: 'Calls',
  access: 'agent',
  params: z.strictObject({ callId: uuid, actionId: stepId }),
  response: actionState,
  handle: async ({ deps, agent, params }) => {
    const row = await findAction(deps.db, agent.agentId, params.actionId);
    const callId = await resolveCallId(deps.db, params.callId);
    const own = row && callId !== undefined && (await resolveCallId(deps.db, row.call_id)) === callId;
    if (!own) throw new ProblemError('not_found');
    return present(row);
  },
});

export const callRoutes = [listRoute, actRoute, outcomeRoute];
