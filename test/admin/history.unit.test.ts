import { temporal } from '@temporalio/proto';
import { expect, test } from 'vitest';
import { historyLines } from '../../api/admin/history.ts';

const { EventType, WorkflowTaskFailedCause: Cause } = temporal.api.enums.v1;

test.each([
  ['a signal that came while it was being decided', Cause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND, []],
  [
    'an error of the program',
    Cause.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE,
    ['Ошибка в программе звонка, будет попытка ещё: gone wrong'],
  ],
  ['a retry by hand', Cause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW, ['Повторён с этого места']],
])('of a step done again, the log of a workflow says what is to be said: %s', (_, cause, said) => {
  const event = temporal.api.history.v1.HistoryEvent.create({
    eventType: EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED,
    workflowTaskFailedEventAttributes: { cause, failure: { message: 'gone wrong' } },
  });
  expect(historyLines([event]).map((line) => line.replace(/^\S+ /, ''))).toEqual(said);
});
