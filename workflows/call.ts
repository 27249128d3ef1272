import {
  allHandlersFinished,
  condition,
  continueAsNew,
  log,
  patched,
  setHandler,
  sleep,
  upsertMemo,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { hearing, NOTHING_HEARD, type Heard } from '../domain/causes.ts';
import {
  askedAgain,
  decide,
  FETCH_PAUSES_MS,
  fetchPausesMs,
  FORMER_FETCH_PAUSES_MS,
  newCallState,
  withAnnounced,
  withCallMessage,
  withFetched,
  withTicket,
  type CallState,
  type Decision,
  type Errand,
} from '../domain/decisions.ts';
import type { CallMessage } from '../domain/messages.ts';
import { searchKeysOf, type SearchKeys } from '../domain/search-keys.ts';
import { describe } from './describe.ts';
import { callSignals, stateQuery, type CallInput } from './messages.ts';
import { searchAttributePairs } from './search-attributes.ts';
import { database, files, filesAtOnce, pbx, type DecisionResult, type FetchOutcome, type FetchRefusal } from './steps.ts';

/** What the main loop takes in: messages in the inbox's order, and answers to its own errands. */
type Answer =
  | { readonly type: 'fetched'; readonly recordingId: string; readonly outcome: FetchOutcome }
  | { readonly type: 'done'; readonly apply: (state: CallState) => CallState }
  | { readonly type: 'owed'; readonly decision: Decision };

/** How long undelivered messages are waited for before the inbox is asked again. */
const MORE_PAUSE_MS = 500;
const LONGEST_MORE_PAUSE_MS = 30_000;
/** After so many of these pauses a message that was delivered, as the inbox has it, and never came is waited for no longer. */
const MOST_PAUSES = 8;

/**
 * One PBX call, from its first event to its last recording.
 *
 * Started by the dispatcher with the entry's first message (signal-with-start). Ends when the call is over, every
 * conversation has its ticket and every recording is there or given up; what comes later finds the state in Postgres.
 */
export async function call(input: CallInput): Promise<Record<string, unknown>> {
  const oneByOne = patched('one-step-at-a-time');
  const fetchesAtOnce = oneByOne || patched('fetches-at-once');
  const marks = fetchesAtOnce || marksTasks();
  let hasLeft = true;
  const queue: CallMessage[] = [];
  const answers: Answer[] = [];
  let state: CallState = input.carried ?? newCallState(input.callId);
  let attributes: SearchKeys | null = input.searchKeys ?? null;
  const heard = new Set(input.heard);
  const alarm = createAlarm();
  let causes: Heard = NOTHING_HEARD;
  let shown: string | null = null;
  const owed: Decision[] = [];
  for (const signal of Object.values(callSignals)) {
    setHandler(signal, (messages, print) => {
      queue.push(...messages);
      shown = print ?? shown;
    });
  }
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
      heard.add(message.inboxId);
      state = withCallMessage(state, message, now);
      causes = hearing(causes, message);
      if (message.type === 'action' && message.action === 'fetch_recording_again' && message.recordingId) {
        state = askedAgain(state, message.recordingId, now);
      }
    }
    if (shown !== null) state = { ...state, projected: shown };
    shown = null;
    for (const answer of answers.splice(0)) {
      if (answer.type === 'done') state = answer.apply(state);
      else if (answer.type === 'owed') owed.push(answer.decision);
      else state = withFetched(state, answer.recordingId, answer.outcome, now, pausesAfter(answer.outcome));
    }
  };
  const run = (errand: Errand, work: Promise<Answer>): void => {
    void work
      .catch((error: unknown) => {
        log.error('An errand failed', { errand: errand.type, error: String(error) });
        return oneByOne ? answerOf(errand) : failed(input.callId, errand);
      })
      .then((answer) => void answers.push(answer));
  };
  const carryOutQuietly = async (errand: Errand): Promise<void> => {
    if (errand.type !== 'fetch_recording') return run(errand, hungUp(input.callId, errand));
    const quick = await fetchedAtOnce(errand.rowId);
    if ('state' in quick) answers.push({ type: 'fetched', recordingId: errand.recordingId, outcome: quick });
    else run(errand, fetched(errand, quick));
  };

  const something = (): boolean => queue.length > 0 || answers.length > 0;
  let pauses = 0;
  const endsHaving = (): number => (pauses < MOST_PAUSES ? heard.size : Number.MAX_SAFE_INTEGER);
  const waitForMore = (): Promise<boolean> =>
    condition(something, Math.min(MORE_PAUSE_MS * 2 ** pauses++, LONGEST_MORE_PAUSE_MS));
  for (;;) {
    takeIn();
    const plan = decide(state, input.limits, Date.now());
    const decisions = [...plan.decisions, ...owed];
    const ends = state.overAt === null && plan.state.overAt !== null;
    if (ends || decisions.length > 0) {
      const asked = { callId: input.callId, decisions, heard: causes.latest, heardOf: causes.of };
      hasLeft = true;
      const results = await database.applyDecisions(ends ? { ...asked, endsHaving: endsHaving() } : asked);
      if (results.some((result) => result.type === 'more_is_coming')) {
        await waitForMore();
        hasLeft = false;
        continue;
      }
      owed.length = 0;
      state = plan.state;
      absorb(results);
    } else state = plan.state;
    for (const errand of plan.errands) {
      if (oneByOne && plan.quiet) await carryOutQuietly(errand);
      else run(errand, carryOut(input.callId, errand, fetchesAtOnce && plan.quiet));
    }
    attributes = tellVisibility(state, attributes);
    if (decisions.length > 0 || queue.length > 0 || answers.length > 0) continue;
    if (plan.finished) {
      await database.applyDecisions({ callId: input.callId, decisions: [], finalState: state });
      // A signal taken while the last write was under way is looked at once more before the workflow closes.
      if (queue.length === 0 && answers.length === 0) return describe(state);
      continue;
    }
    const idle = plan.errands.length === 0 && !state.recordings.some((recording) => recording.state === 'fetching');
    if (workflowInfo().continueAsNewSuggested && idle) {
      await condition(allHandlersFinished);
      const { searchKeys: _, ...rest } = input;
      const carried = { ...rest, carried: state, heard: [...heard], ...(attributes ? { searchKeys: attributes } : {}) };
      if (queue.length === 0) await continueAsNew<typeof call>(carried);
    }
    if (plan.wakeAt !== null) alarm.set(plan.wakeAt);
    if (marks && !hasLeft) upsertMemo({ heard: heard.size });
    hasLeft = false;
    await condition(() => something() || alarm.rang());
  }
}

/**
 * Each task leaves a command, be it only a note of how much was heard. Where the next one's step in Postgres outlasts it (eight seconds without
 * a database are enough), a replay takes a task after one without any for the same as its successor, and gives `Date.now()` of that one: what
 * was decided by the time is decided differently then, and the call is stuck for ever. The first task's command is this very mark.
 */
const marksTasks = (): boolean => patched('tasks-marked');

/** `patched` goes once no call is open that waited for a recording by the former pauses: a day after the deployment. */
function pausesAfter(outcome: FetchOutcome): readonly number[] {
  if (outcome.state === 'settled') return FETCH_PAUSES_MS;
  if (!patched('recordings-asked-for-each-minute')) return FORMER_FETCH_PAUSES_MS;
  const pauses = fetchPausesMs(outcome);
  return pauses === FETCH_PAUSES_MS || patched('unreachable-asked-sooner') ? pauses : FETCH_PAUSES_MS;
}

interface Alarm {
  /** Sees to it that the alarm rings at that time, or sooner. */
  set(at: number): void;
  /** Whether it has, since it was asked last. */
  rang(): boolean;
}

/** Deadlines a little after one another are met in one go. */
const MOST_SLACK_MS = 150;

/** One timer serves for all deadlines: a later one is only set when the earlier has rung, as waking up too soon does no harm. */
function createAlarm(): Alarm {
  let due = Number.POSITIVE_INFINITY;
  let ringing = false;
  return {
    set(at) {
      if (at >= due) return;
      due = at;
      const pause = at - Date.now();
      const ring = (): void => {
        ringing = true;
        if (due === at) due = Number.POSITIVE_INFINITY;
      };
      // Whoever cancels the workflow cancels its timers; the story itself hears of that where it waits.
      sleep(Math.max(1, pause + Math.min(MOST_SLACK_MS, pause / 16))).then(ring, () => undefined);
    },
    rang() {
      const rang = ringing;
      ringing = false;
      return rang;
    },
  };
}

async function carryOut(callId: string, errand: Errand, besides: boolean): Promise<Answer> {
  if (errand.type === 'hang_up') return hungUp(callId, errand);
  const quick = besides ? await fetchedAtOnce(errand.rowId) : {};
  return 'state' in quick ? { type: 'fetched', recordingId: errand.recordingId, outcome: quick } : fetched(errand, quick);
}

type Fetch = Extract<Errand, { type: 'fetch_recording' }>;
type HangUp = Extract<Errand, { type: 'hang_up' }>;

async function hungUp(callId: string, { action, legId }: HangUp): Promise<Answer> {
  const actionId = action?.actionId ?? `cancel:${legId}`;
  await pbx.hangUpLeg({ callId, legId, actionId, agentId: action?.agentId ?? null });
  return { type: 'done', apply: (state) => state };
}

/**
 * What comes of a recording within a second; else what its activity is to be told. Awaited by the main loop itself, and never beside another local activity, a
 * timer or a signal that leads to a command: a replay answers a local activity before all that happened in its task, whatever came first when it
 * ran, so that commands come in another order, and the call is stuck for ever. (Calls of before run it besides, as their histories say.)
 */
async function fetchedAtOnce(recordingRowId: string): Promise<FetchOutcome | { readonly refused?: FetchRefusal }> {
  const quick = await filesAtOnce.fetchRecordingAtOnce({ recordingRowId }).catch(() => null);
  if (quick?.state === 'refused') return { refused: { final: quick.final, reason: quick.reason } };
  return quick === null || quick.state === 'not_at_once' ? {} : quick;
}

async function fetched({ rowId, recordingId }: Fetch, told: { readonly refused?: FetchRefusal }): Promise<Answer> {
  const outcome = await files.fetchRecording({ recordingRowId: rowId, ...told });
  return { type: 'fetched', recordingId, outcome };
}

/** Of an errand whose activity gave up altogether: a recording is tried again later, an agent is told that the hang-up failed. */
function answerOf(errand: Errand): Answer {
  if (errand.type === 'fetch_recording') {
    return { type: 'fetched', recordingId: errand.recordingId, outcome: { state: 'retry', reason: 'pbx_unreachable' } };
  }
  const { action } = errand;
  if (!action) return { type: 'done', apply: (state) => state };
  return { type: 'owed', decision: { type: 'answer_action', action, code: 'pbx_error' } };
}

/** As calls of before answer, beside whatever else goes on. */
async function failed(callId: string, errand: Errand): Promise<Answer> {
  const answer = answerOf(errand);
  if (answer.type !== 'owed') return answer;
  await database.applyDecisions({ callId, decisions: [answer.decision] });
  return { type: 'done', apply: (state) => state };
}

function tellVisibility(state: CallState, before: SearchKeys | null): SearchKeys {
  const keys = searchKeysOf(state);
  if (JSON.stringify(keys) !== JSON.stringify(before)) upsertSearchAttributes(searchAttributePairs(keys));
  return keys;
}
