import {
  allHandlersFinished,
  condition,
  continueAsNew,
  log,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import {
  askedAgain,
  decide,
  newCallState,
  withAnnounced,
  withCallMessage,
  withFetched,
  withTicket,
  type CallState,
  type Errand,
} from '../domain/decisions.ts';
import type { CallMessage } from '../domain/messages.ts';
import { describe, searchKeysOf, type SearchKeys } from './describe.ts';
import { callSignals, stateQuery, type CallInput } from './messages.ts';
import { searchAttributePairs } from './search-attributes.ts';
import { database, files, inbox, pbx, type DecisionResult, type FetchOutcome } from './steps.ts';

/** What the main loop takes in: messages in the inbox's order, and answers to its own errands. */
type Answer =
  | { readonly type: 'fetched'; readonly recordingId: string; readonly outcome: FetchOutcome }
  | { readonly type: 'done'; readonly apply: (state: CallState) => CallState };

/** How long undelivered messages are waited for before the inbox is asked again. */
const MORE_PAUSE_MS = 500;
const LONGEST_MORE_PAUSE_MS = 30_000;

/**
 * One PBX call, from its first event to its last recording.
 *
 * Started by the dispatcher with the entry's first message (signal-with-start). Ends when the call is over, every
 * conversation has its ticket and every recording is there or given up; what comes later finds the state in Postgres.
 */
export async function call(input: CallInput): Promise<Record<string, unknown>> {
  const queue: CallMessage[] = [];
  const answers: Answer[] = [];
  let state: CallState = input.carried ?? newCallState(input.callId);
  let attributes: SearchKeys | null = null;
  for (const signal of Object.values(callSignals)) setHandler(signal, (messages) => void queue.push(...messages));
  setHandler(stateQuery, () => describe(state));

  if (input.late && !input.carried) state = (await database.loadCallState(input.callId)) ?? state;

  const absorb = (results: readonly DecisionResult[]): void => {
    for (const result of results) {
      if (result.type === 'announced') state = withAnnounced(state, result.recordingId, result.rowId);
      if (result.type === 'ticketed') state = withTicket(state, result.ticketId);
      if (result.type === 'projected' && result.cancelled) state = { ...state, cancelled: true };
    }
  };
  const takeIn = (): void => {
    const now = Date.now();
    for (const message of queue.splice(0).sort((a, b) => a.inboxId - b.inboxId)) {
      state = withCallMessage(state, message, now);
      if (message.type === 'action' && message.action === 'fetch_recording_again' && message.recordingId) {
        state = askedAgain(state, message.recordingId, now);
      }
    }
    for (const answer of answers.splice(0)) {
      state = answer.type === 'fetched' ? withFetched(state, answer.recordingId, answer.outcome, now) : answer.apply(state);
    }
  };
  const run = (errand: Errand): void => {
    void carryOut(input.callId, errand)
      .catch((error: unknown) => {
        log.error('An errand failed', { errand: errand.type, error: String(error) });
        return failed(input.callId, errand);
      })
      .then((answer) => void answers.push(answer));
  };

  const something = (): boolean => queue.length > 0 || answers.length > 0;
  let morePauseMs = MORE_PAUSE_MS;
  /** After an outage the timer may be sooner than what the inbox has kept meanwhile: all of that is heard first. */
  const mayEnd = async (): Promise<boolean> => {
    if (!(await inbox.isMoreComing(input.callId))) return !something();
    if (something()) return false;
    await condition(something, morePauseMs);
    morePauseMs = Math.min(morePauseMs * 2, LONGEST_MORE_PAUSE_MS);
    return false;
  };
  for (;;) {
    takeIn();
    const plan = decide(state, input.limits, Date.now());
    if (state.overAt === null && plan.state.overAt !== null && !(await mayEnd())) continue;
    state = plan.state;
    if (plan.decisions.length > 0) {
      absorb(await database.applyDecisions({ callId: input.callId, decisions: plan.decisions }));
    }
    plan.errands.forEach(run);
    attributes = tellVisibility(state, attributes);
    if (plan.decisions.length > 0 || queue.length > 0 || answers.length > 0) continue;
    if (plan.finished) {
      await database.applyDecisions({ callId: input.callId, decisions: [], finalState: state });
      // A signal taken while the last write was under way is looked at once more before the workflow closes.
      if (queue.length === 0 && answers.length === 0) return describe(state);
      continue;
    }
    const idle = plan.errands.length === 0 && !state.recordings.some((recording) => recording.state === 'fetching');
    if (workflowInfo().continueAsNewSuggested && idle) {
      await condition(allHandlersFinished);
      if (queue.length === 0) await continueAsNew<typeof call>({ ...input, carried: state });
    }
    const pause = plan.wakeAt === null ? undefined : Math.max(1, plan.wakeAt - Date.now());
    if (pause === undefined) await condition(something);
    else await condition(something, pause);
  }
}

async function carryOut(callId: string, errand: Errand): Promise<Answer> {
  if (errand.type === 'fetch_recording') {
    const outcome = await files.fetchRecording({ recordingRowId: errand.rowId });
    return { type: 'fetched', recordingId: errand.recordingId, outcome };
  }
  const actionId = errand.action?.actionId ?? `cancel:${errand.legId}`;
  await pbx.hangUpLeg({ callId, legId: errand.legId, actionId, agentId: errand.action?.agentId ?? null });
  return { type: 'done', apply: (state) => state };
}

/** An errand whose activity gave up altogether: a recording is tried again later, an agent is told that the hang-up failed. */
async function failed(callId: string, errand: Errand): Promise<Answer> {
  if (errand.type === 'fetch_recording') {
    return { type: 'fetched', recordingId: errand.recordingId, outcome: { state: 'retry', reason: 'pbx_unreachable' } };
  }
  const { action } = errand;
  if (action) await database.applyDecisions({ callId, decisions: [{ type: 'answer_action', action, code: 'pbx_error' }] });
  return { type: 'done', apply: (state) => state };
}

function tellVisibility(state: CallState, before: SearchKeys | null): SearchKeys {
  const keys = searchKeysOf(state);
  if (JSON.stringify(keys) !== JSON.stringify(before)) upsertSearchAttributes(searchAttributePairs(keys));
  return keys;
}
