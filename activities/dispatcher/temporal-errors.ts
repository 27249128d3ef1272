import {
  isGrpcServiceError,
  ServiceError,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
} from '@temporalio/client';

/** The workflow has closed, or its history is gone: it takes no signal. */
export function isClosed(error: unknown): boolean {
  return error instanceof WorkflowExecutionAlreadyStartedError || error instanceof WorkflowNotFoundError;
}

const INVALID_ARGUMENT = 3;
const NAMES: Readonly<Record<number, string>> = {
  1: 'cancelled',
  2: 'unknown',
  3: 'invalid argument',
  4: 'deadline exceeded',
  5: 'not found',
  7: 'permission denied',
  8: 'resource exhausted',
  9: 'failed precondition',
  10: 'aborted',
  13: 'internal',
  14: 'unavailable',
  16: 'unauthenticated',
};
/** How `inbox.last_error` begins for what Temporal did not take. */
export const TEMPORAL_ERROR_PREFIX = 'Temporal';

function grpcCodeOf(error: unknown): number | undefined {
  const cause = error instanceof ServiceError ? error.cause : error;
  return isGrpcServiceError(cause) ? cause.code : undefined;
}

/** Temporal will never take this, however often it is sent. */
export function isRefusedForGood(error: unknown): boolean {
  return grpcCodeOf(error) === INVALID_ARGUMENT;
}

/** For `last_error` and the log: never the payload. */
export function describeTemporalError(error: unknown): string {
  const code = grpcCodeOf(error);
  const kind = code === undefined ? (error instanceof Error ? error.name : 'unknown error') : (NAMES[code] ?? `code ${code}`);
  return `${TEMPORAL_ERROR_PREFIX}: ${kind}`;
}

/** A failure of sending, as opposed to one of Postgres or of the program. */
export class SendingFailed extends Error {
  override readonly name = 'SendingFailed';
}
