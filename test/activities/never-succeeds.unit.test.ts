import proto from '@temporalio/proto';
import { describe, expect, test } from 'vitest';
import { neverSucceeds } from '../../activities/mend-calls.ts';

const { EventType, WorkflowTaskFailedCause } = proto.temporal.api.enums.v1;
const TIMED_OUT = { eventType: EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT };
const failed = (cause: number) => ({
  eventType: EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED,
  workflowTaskFailedEventAttributes: { cause },
});
const NO_REPLAY = failed(WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR);
const OTHER = failed(WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE);
const SIGNAL = { eventType: EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED };

describe('a task that is tried again and again never succeeds', () => {
  test.each([
    ['that did not replay, twice', 2, [NO_REPLAY], false],
    ['that did not replay, the third time', 3, [NO_REPLAY], true],
    ['that did not replay, with news since', 3, [SIGNAL, SIGNAL, NO_REPLAY], true],
    // A worker died over it; why the next ones fail is in no history.
    ['that ran out of time first, three times', 3, [TIMED_OUT], false],
    ['that ran out of time first, five times', 5, [TIMED_OUT, NO_REPLAY], false],
    ['that ran out of time first, six times', 6, [TIMED_OUT], true],
    ['that ran out of time first, with news since', 17, [SIGNAL, TIMED_OUT], true],
    // A mistake in the code is there in the next workflow, too: that is for people to mend.
    ['that failed otherwise', 20, [OTHER, TIMED_OUT], false],
    ['of which nothing is written', 20, [SIGNAL], false],
  ])('%s', (_what, attempt, latest, expected) => {
    expect(neverSucceeds(attempt, latest)).toBe(expected);
  });
});
