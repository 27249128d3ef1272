import proto from '@temporalio/proto';
import { maskNumbersIn } from '../../db/log.ts';
import { decodePayload, millisecondsOf } from './executions.ts';
import { wordFor, words } from './words.ts';

export type HistoryEvent = proto.temporal.api.history.v1.IHistoryEvent;
type Payloads = proto.temporal.api.common.v1.IPayloads;

const { EventType, WorkflowTaskFailedCause } = proto.temporal.api.enums.v1;

const first = (payloads: Payloads | null | undefined): unknown => decodePayload(payloads?.payloads?.[0]);
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;
const textOf = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : '');

const stepName = (type: string): string => wordFor(words().steps, type);

/** What came of one decision (`DecisionResult`), as far as an admin cares. */
function resultWords(result: unknown): string[] {
  if (!isRecord(result)) return [];
  const { projected, projectedCancelled, ticketed, announced } = words().history;
  switch (result['type']) {
    case 'projected':
      return [result['cancelled'] === true ? projectedCancelled : projected];
    case 'ticketed':
      return [`${ticketed} ${textOf(result['ticketId'])}`];
    case 'announced':
      return [`${announced}: ${textOf(result['rowId'])}`];
    default:
      return [];
  }
}

/** One message of a signal: its kind and the inbox row it came from, never its content. */
function messageWords(message: unknown): string {
  if (!isRecord(message)) return '';
  const what = [message['type'], message['action'] ?? message['state'], message['code']].map(textOf).filter(Boolean).join(' ');
  return message['inboxId'] === undefined ? what : `${what} (${words().history.ofEvent} ${textOf(message['inboxId'])})`;
}

function signalWords(event: HistoryEvent): string {
  const { signalName, input } = event.workflowExecutionSignaledEventAttributes ?? {};
  const carried = first(input);
  const messages = (Array.isArray(carried) ? carried : [carried]).map(messageWords).filter(Boolean);
  return `${words().history.signal} ${signalName ?? ''}${messages.length > 0 ? `: ${messages.join(', ')}` : ''}`;
}

/** Local activities leave no events of their own, only these markers. */
function markerWords(event: HistoryEvent): string | undefined {
  const { markerName, details, failure } = event.markerRecordedEventAttributes ?? {};
  if (markerName !== 'core_local_activity') return undefined;
  const data = first(details?.['data']);
  const type = isRecord(data) ? textOf(data['activity_type']) : '';
  if (failure) return `${words().history.stepFailed}: ${stepName(type)} (${failure.message ?? ''})`;
  const results = first(details?.['result']);
  const outcomes = (Array.isArray(results) ? results : []).flatMap(resultWords);
  return `${stepName(type)}${outcomes.length > 0 ? `: ${outcomes.join(', ')}` : ''}`;
}

/** Names of activities by the event that scheduled them: later events of theirs name only that one. */
export type Scheduled = Map<string, string>;

function activityWords(event: HistoryEvent, scheduled: Scheduled): string | undefined {
  const of = (attributes: { scheduledEventId?: unknown } | null | undefined): string =>
    stepName(scheduled.get(String(attributes?.scheduledEventId)) ?? '');
  const { ordered, carriedOut, failed, timedOut } = words().history;
  switch (event.eventType) {
    case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: {
      const type = event.activityTaskScheduledEventAttributes?.activityType?.name ?? '';
      scheduled.set(String(event.eventId), type);
      return `${ordered}: ${stepName(type)}`;
    }
    case EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED: {
      const attributes = event.activityTaskCompletedEventAttributes;
      const result = first(attributes?.result);
      const outcome = isRecord(result)
        ? [result['state'], result['reason'], result['code']].map(textOf).filter(Boolean).join(', ')
        : '';
      return `${carriedOut}: ${of(attributes)}${outcome ? ` — ${outcome}` : ''}`;
    }
    case EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED: {
      const attributes = event.activityTaskFailedEventAttributes;
      return `${failed}: ${of(attributes)} (${attributes?.failure?.message ?? ''})`;
    }
    case EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
      return `${timedOut}: ${of(event.activityTaskTimedOutEventAttributes)}`;
    default:
      return undefined;
  }
}

function timerWords(event: HistoryEvent): string | undefined {
  const { locale, history } = words();
  switch (event.eventType) {
    case EventType.EVENT_TYPE_TIMER_STARTED: {
      const pauseMs = millisecondsOf(event.timerStartedEventAttributes?.startToFireTimeout) ?? 0;
      return history.timer.replace('{seconds}', (pauseMs / 1000).toLocaleString(locale));
    }
    case EventType.EVENT_TYPE_TIMER_FIRED:
      return history.timerFired;
    case EventType.EVENT_TYPE_TIMER_CANCELED:
      return history.timerCancelled;
    default:
      return undefined;
  }
}

/** How it began and how it ended. */
function lifeWords(event: HistoryEvent): string | undefined {
  const { history } = words();
  switch (event.eventType) {
    case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
      return `${history.started}: ${event.workflowExecutionStartedEventAttributes?.workflowType?.name ?? ''}`;
    case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
      return history.completed;
    case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
      return `${history.endedFailing}: ${event.workflowExecutionFailedEventAttributes?.failure?.message ?? ''}`;
    case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
      return history.timedOut;
    case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
      return `${history.terminated}: ${event.workflowExecutionTerminatedEventAttributes?.reason ?? ''}`;
    case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED:
      return history.cancelRequested;
    case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
      return history.cancelled;
    case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
      return history.continuedAsNew;
    case EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
      return taskFailureWords(event);
    default:
      return undefined;
  }
}

function taskFailureWords(event: HistoryEvent): string | undefined {
  const { cause, failure } = event.workflowTaskFailedEventAttributes ?? {};
  // A signal came while it was being decided: done again with that, and no error.
  if (cause === WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND) return undefined;
  if (cause === WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW) return words().history.repeatedFromHere;
  return `${words().history.programFailed}: ${failure?.message ?? ''}`;
}

function attributeWords(event: HistoryEvent): string | undefined {
  const fields = event.upsertWorkflowSearchAttributesEventAttributes?.searchAttributes?.indexedFields ?? {};
  const state = textOf(decodePayload(fields['CallState']));
  return state ? `${words().history.state}: ${state}` : undefined;
}

function wordsOf(event: HistoryEvent, scheduled: Scheduled): string | undefined {
  switch (event.eventType) {
    case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
      return signalWords(event);
    case EventType.EVENT_TYPE_MARKER_RECORDED:
      return markerWords(event);
    case EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
      return attributeWords(event);
    default:
      return lifeWords(event) ?? timerWords(event) ?? activityWords(event, scheduled);
  }
}

/** Signals, decisions, timers and errands in words, each with its time; Temporal's own bookkeeping is left out. */
export function historyLines(events: readonly HistoryEvent[]): string[] {
  const scheduled: Scheduled = new Map();
  return events.flatMap((event) => {
    const line = wordsOf(event, scheduled);
    if (line === undefined) return [];
    return [`${new Date(millisecondsOf(event.eventTime) ?? 0).toISOString()} ${maskNumbersIn(line)}`];
  });
}

/** The event from which a run can be taken up again: its last step that went well. */
export function lastGoodTask(events: readonly HistoryEvent[]): bigint | undefined {
  const done = events.filter(({ eventType }) => eventType === EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED);
  const last = done.at(-1)?.eventId;
  return last === undefined || last === null ? undefined : BigInt(String(last));
}
