import { ApplicationFailure } from '@temporalio/activity';
import type { Decision } from '../../domain/decisions.ts';
import { hasHungUp } from '../../db/call-commands.ts';
import { hasOutcome } from '../../db/dispatch.ts';
import { inTransaction, type Db, type Transaction } from '../../db/pool.ts';
import { announce, giveUp, settleRecording } from '../../db/recordings.ts';
import { addMessage, lockTicket, SYSTEM } from '../../db/tickets.ts';
import type { ApplyInput, DatabaseSteps, DecisionResult } from '../../workflows/steps.ts';
import { actOn, answerAction } from './actions.ts';
import { createCallbackSteps, reportFailure } from './callbacks.ts';
import { callOf, type CallRow, type Causes, type DecisionContext } from './context.ts';
import { lockCustomer } from './customers.ts';
import { recordMissed, takeBackMissed } from './missed.ts';
import { noteDecision } from './noted.ts';
import { project, projectAlone } from './project.ts';
import { recordAttempt, settleTalk } from './talks.ts';

export interface DecisionDeps {
  readonly db: Db;
}

/** The call workflow's steps in Postgres: each batch of decisions is one transaction under a lock on the call's row. */
export function createCallSteps(deps: DecisionDeps): DatabaseSteps {
  return {
    applyDecisions: (input) => applyDecisions(deps, input),
    loadCallState: async (callId) => {
      const row = (await deps.db('calls').where({ id: callId }).first('view')) as { view: { state?: unknown } } | undefined;
      return (row?.view.state as Awaited<ReturnType<DatabaseSteps['loadCallState']>>) ?? null;
    },
    ...createCallbackSteps(deps),
  };
}

/** Does the inbox hold messages of this call that are on their way, or were delivered and not heard? */
async function isMoreComing(trx: Transaction, callId: string, heard: number): Promise<boolean> {
  const { rows } = await trx.raw<{ rows: { more: boolean }[] }>(
    `select coalesce(bool_or(i.delivered_at is null), false)
         or count(*) filter (where i.verdict = 'delivered' and i.workflow_id = c.workflow_id) > ? as more
     from calls c join inbox i on i.entry = c.entry_id and i.integration_id = c.integration_id where c.id = ?`,
    [heard, callId],
  );
  return rows[0]?.more === true;
}

const causesOf = ({ callId, heard, heardOf }: ApplyInput): Causes => ({
  callId,
  inboxId: heard ?? null,
  heardOf: heardOf ?? {},
});

async function applyDecisions(deps: DecisionDeps, input: ApplyInput): Promise<readonly DecisionResult[]> {
  return (await applyAlone(deps, input)) ?? (await applyTogether(deps, input));
}

/** A call of which only more is known now, as most of what is decided is: one statement. Null where it takes more than that. */
async function applyAlone({ db }: DecisionDeps, input: ApplyInput): Promise<readonly DecisionResult[] | null> {
  const [only, ...others] = input.decisions;
  if (only?.type !== 'project' || only.over || others.length > 0) return null;
  if (input.endsHaving !== undefined || input.finalState) return null;
  const projected = await projectAlone(db, causesOf(input), only);
  return projected && [{ type: 'projected', ...projected }];
}

async function applyTogether({ db }: DecisionDeps, input: ApplyInput): Promise<readonly DecisionResult[]> {
  return inTransaction(db, async (trx) => {
    const before = await lockCall(trx, input.callId);
    const context: DecisionContext = { trx, known: { call: before }, ...causesOf(input) };
    if (input.endsHaving !== undefined && (await isMoreComing(trx, input.callId, input.endsHaving)))
      return [{ type: 'more_is_coming' }];
    // Everything but the bare state may touch the customer's other tickets: the lock comes before any of theirs.
    if (input.decisions.some((decision) => decision.type !== 'project')) await lockCustomer(trx, await callOf(context));
    if (endsWithoutMissed(input, before)) await takeBackMissed(context);
    const results: DecisionResult[] = [];
    for (const decision of input.decisions) results.push(await applyOnce(context, decision));
    const ends = input.decisions.some((decision) => decision.type === 'project' && decision.over);
    if (ends && before.state !== 'over') await noteEnd(context, before, input.decisions);
    if (input.finalState) {
      await trx('calls')
        .where({ id: input.callId })
        .update({ view: JSON.stringify({ state: input.finalState }) });
    }
    return results;
  });
}

interface LockedCall extends CallRow {
  readonly stopped_at: Date | null;
}

/** Is the call ended by one who knows as much as any other attempt, and knows of no missed call? */
function endsWithoutMissed({ decisions, endsHaving }: ApplyInput, before: CallRow): boolean {
  if (endsHaving === undefined || decisions.some(({ type }) => type === 'record_missed')) return false;
  return decisions.some((decision) => decision.type === 'project' && (decision.rank ?? 0) >= Number(before.projection_rank));
}

/** Locks the call's row for the transaction. */
async function lockCall(trx: Transaction, callId: string): Promise<LockedCall> {
  const row = (await trx('calls').where({ id: callId }).forUpdate().first()) as LockedCall | undefined;
  if (!row) throw ApplicationFailure.nonRetryable(`Call ${callId} has no row: was the database set back without Temporal?`);
  return row;
}

/** S14: a call that leaves nothing behind says so, for whoever asks why. */
async function noteEnd(
  context: DecisionContext,
  { stopped_at: stoppedAt }: LockedCall,
  decisions: readonly Decision[],
): Promise<void> {
  if (stoppedAt) await tellThatStopped(context, stoppedAt);
  if (decisions.some(({ type }) => type === 'report_not_picked_up')) return;
  if (await hasOutcome(context.trx, context.callId)) return;
  await noteDecision(context, 'nothing_made', { rule: 'S14' });
}

/** What is known of a call whose workflow somebody stopped may be less than what happened: its tickets say so. */
async function tellThatStopped(context: DecisionContext, stoppedAt: Date): Promise<void> {
  const { trx, callId } = context;
  const rows = (await trx('conversations')
    .where({ call_id: callId })
    .whereNotNull('ticket_id')
    .distinct('ticket_id')
    .orderBy('ticket_id')) as {
    ticket_id: string;
  }[];
  for (const { ticket_id } of rows) {
    const ticket = await lockTicket(trx, ticket_id);
    if (!ticket) continue;
    const entry = {
      type: 'system',
      author: SYSTEM,
      code: 'call_stopped',
      params: { at: stoppedAt.toISOString() },
    } as const;
    await addMessage(trx, ticket, entry, { actor: SYSTEM, callId });
  }
}

/** A decision with a key finds its own result when it is repeated after a lost answer. */
async function applyOnce(context: DecisionContext, decision: Decision): Promise<DecisionResult> {
  if (!('key' in decision)) return apply(context, decision);
  const where = { call_id: context.callId, key: decision.key };
  const known = (await context.trx('step_results').where(where).first('result')) as { result: DecisionResult } | undefined;
  if (known) return known.result;
  const result = await apply(context, decision);
  await context.trx('step_results').insert({ ...where, result: JSON.stringify(result) });
  return result;
}

async function apply(context: DecisionContext, decision: Decision): Promise<DecisionResult> {
  const { trx, callId } = context;
  switch (decision.type) {
    case 'project':
      return { type: 'projected', ...(await project(context, decision)) };
    case 'act':
      return ticketed(await actOn({ ...context, inboxId: decision.action.inboxId }, decision.action));
    case 'answer_action':
      await answerAction(context, decision.action, { code: decision.code });
      return { type: 'done' };
    case 'settle_talk':
      return ticketed(await settleTalk(context, decision));
    case 'record_attempt':
      return ticketed(await recordAttempt(context, decision));
    case 'record_missed':
      return ticketed(await recordMissed(context, decision));
    case 'report_not_picked_up':
      await noteDecision(context, 'not_picked_up', { rule: 'S9', agentId: (await callOf(context)).ordered_by });
      await reportFailure(trx, callId, { code: (await wasCalledOff(context)) ? 'cancelled' : 'agent_did_not_pick_up' });
      return { type: 'done' };
    case 'announce_recording': {
      const { recordingId, conversationId } = decision;
      const row = await announce(trx, { callId, recordingId, conversationId });
      return { type: 'announced', recordingId, rowId: row.id };
    }
    case 'settle_recording':
      await settleRecording(trx, { id: decision.rowId, state: 'unavailable', reason: decision.reason });
      return { type: 'done' };
    case 'give_up_recording':
      await giveUp(trx, { conversationId: decision.conversationId, reason: decision.reason });
      return { type: 'done' };
  }
}

/** By whoever ordered it: before the softphone rang, or while it did. */
async function wasCalledOff(context: DecisionContext): Promise<boolean> {
  const { command_state: state, ordered_by: agentId } = await callOf(context);
  return state === 'cancelled' || (agentId !== null && (await hasHungUp(context.trx, { callId: context.callId, agentId })));
}

const ticketed = (ticketId: string | null): DecisionResult =>
  ticketId === null ? { type: 'done' } : { type: 'ticketed', ticketId };
