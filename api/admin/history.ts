import proto from '@temporalio/proto';
import { maskNumbersIn } from '../../db/log.ts';
import { decodePayload, millisecondsOf } from './executions.ts';

export type HistoryEvent = proto.temporal.api.history.v1.IHistoryEvent;
type Payloads = proto.temporal.api.common.v1.IPayloads;

const { EventType, WorkflowTaskFailedCause } = proto.temporal.api.enums.v1;

const first = (payloads: Payloads | null | undefined): unknown => decodePayload(payloads?.payloads?.[0]);
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null;
const textOf = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : '');

const STEPS: Readonly<Record<string, string>> = {
  applyDecisions: 'Решения записаны',
  loadCallState: 'Прочитано, чем кончился звонок',
  settleCallback: 'Обратный звонок завершён',
  noteCallback: 'Ход обратного звонка записан',
  placeCallback: 'команда АТС «позвонить»',
  hangUpLeg: 'команда АТС «завершить»',
  fetchRecording: 'запись разговора',
  reconcileCalls: 'сверка со статистикой АТС',
  sweepRecordings: 'уборка записей',
  cutStreamEvents: 'уборка событий',
  mendCalls: 'починка звонков без процесса',
  removeOldRecordings: 'удаление старых записей',
  redactOldEvents: 'номера в старых событиях заменены',
  cutOldRows: 'удаление старых строк',
  blockCustomer: 'новые данные больше не принимаются',
  callsUnderWay: 'идут ли звонки',
  eraseEverything: 'удаление данных и записей',
  finishErasure: 'строка в журнале уничтожения',
};
const stepName = (type: string): string => STEPS[type] ?? type;

/** What came of one decision (`DecisionResult`), as far as an admin cares. */
function resultWords(result: unknown): string[] {
  if (!isRecord(result)) return [];
  switch (result['type']) {
    case 'projected':
      return [result['cancelled'] === true ? 'состояние звонка, звонок отменён' : 'состояние звонка'];
    case 'ticketed':
      return [`обращение ${textOf(result['ticketId'])}`];
    case 'announced':
      return [`запись объявлена: ${textOf(result['rowId'])}`];
    default:
      return [];
  }
}

/** One message of a signal: its kind and the inbox row it came from, never its content. */
function messageWords(message: unknown): string {
  if (!isRecord(message)) return '';
  const what = [message['type'], message['action'] ?? message['state'], message['code']].map(textOf).filter(Boolean).join(' ');
  return message['inboxId'] === undefined ? what : `${what} (событие ${textOf(message['inboxId'])})`;
}

function signalWords(event: HistoryEvent): string {
  const { signalName, input } = event.workflowExecutionSignaledEventAttributes ?? {};
  const carried = first(input);
  const messages = (Array.isArray(carried) ? carried : [carried]).map(messageWords).filter(Boolean);
  return `Сигнал ${signalName ?? ''}${messages.length > 0 ? `: ${messages.join(', ')}` : ''}`;
}

/** Local activities leave no events of their own, only these markers. */
function markerWords(event: HistoryEvent): string | undefined {
  const { markerName, details, failure } = event.markerRecordedEventAttributes ?? {};
  if (markerName !== 'core_local_activity') return undefined;
  const data = first(details?.['data']);
  const type = isRecord(data) ? textOf(data['activity_type']) : '';
  if (failure) return `Шаг не удался: ${stepName(type)} (${failure.message ?? ''})`;
  const results = first(details?.['result']);
  const words = (Array.isArray(results) ? results : []).flatMap(resultWords);
  return `${stepName(type)}${words.length > 0 ? `: ${words.join(', ')}` : ''}`;
}

/** Names of activities by the event that scheduled them: later events of theirs name only that one. */
export type Scheduled = Map<string, string>;

function activityWords(event: HistoryEvent, scheduled: Scheduled): string | undefined {
  const of = (attributes: { scheduledEventId?: unknown } | null | undefined): string =>
    stepName(scheduled.get(String(attributes?.scheduledEventId)) ?? '');
  switch (event.eventType) {
    case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: {
      const type = event.activityTaskScheduledEventAttributes?.activityType?.name ?? '';
      scheduled.set(String(event.eventId), type);
      return `Поручено: ${stepName(type)}`;
    }
    case EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED: {
      const attributes = event.activityTaskCompletedEventAttributes;
      const result = first(attributes?.result);
      const outcome = isRecord(result)
        ? [result['state'], result['reason'], result['code']].map(textOf).filter(Boolean).join(', ')
        : '';
      return `Исполнено: ${of(attributes)}${outcome ? ` — ${outcome}` : ''}`;
    }
    case EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED: {
      const attributes = event.activityTaskFailedEventAttributes;
      return `Не удалось: ${of(attributes)} (${attributes?.failure?.message ?? ''})`;
    }
    case EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
      return `Вышло время: ${of(event.activityTaskTimedOutEventAttributes)}`;
    default:
      return undefined;
  }
}

function timerWords(event: HistoryEvent): string | undefined {
  switch (event.eventType) {
    case EventType.EVENT_TYPE_TIMER_STARTED: {
      const pauseMs = millisecondsOf(event.timerStartedEventAttributes?.startToFireTimeout) ?? 0;
      return `Таймер на ${(pauseMs / 1000).toLocaleString('ru-RU')} с`;
    }
    case EventType.EVENT_TYPE_TIMER_FIRED:
      return 'Таймер сработал';
    case EventType.EVENT_TYPE_TIMER_CANCELED:
      return 'Таймер отменён';
    default:
      return undefined;
  }
}

/** How it began and how it ended. */
function lifeWords(event: HistoryEvent): string | undefined {
  switch (event.eventType) {
    case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
      return `Начат: ${event.workflowExecutionStartedEventAttributes?.workflowType?.name ?? ''}`;
    case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
      return 'Завершён';
    case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
      return `Завершился ошибкой: ${event.workflowExecutionFailedEventAttributes?.failure?.message ?? ''}`;
    case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
      return 'Вышло время';
    case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
      return `Прерван: ${event.workflowExecutionTerminatedEventAttributes?.reason ?? ''}`;
    case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED:
      return 'Запрошена отмена';
    case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
      return 'Отменён';
    case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
      return 'Продолжен новым запуском: история стала длинной';
    case EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
      return taskFailureWords(event);
    default:
      return undefined;
  }
}

function taskFailureWords(event: HistoryEvent): string {
  const { cause, failure } = event.workflowTaskFailedEventAttributes ?? {};
  if (cause === WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW) return 'Повторён с этого места';
  return `Ошибка в программе звонка, будет попытка ещё: ${failure?.message ?? ''}`;
}

function attributeWords(event: HistoryEvent): string | undefined {
  const fields = event.upsertWorkflowSearchAttributesEventAttributes?.searchAttributes?.indexedFields ?? {};
  const state = textOf(decodePayload(fields['CallState']));
  return state ? `Состояние: ${state}` : undefined;
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
    const words = wordsOf(event, scheduled);
    if (words === undefined) return [];
    return [`${new Date(millisecondsOf(event.eventTime) ?? 0).toISOString()} ${maskNumbersIn(words)}`];
  });
}

/** The event from which a run can be taken up again: its last step that went well. */
export function lastGoodTask(events: readonly HistoryEvent[]): bigint | undefined {
  const done = events.filter(({ eventType }) => eventType === EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED);
  const last = done.at(-1)?.eventId;
  return last === undefined || last === null ? undefined : BigInt(String(last));
}
