import {
  Client,
  Connection,
  defaultGrpcRetryOptions,
  isGrpcServiceError,
  makeGrpcRetryInterceptor,
  ServiceError,
} from '@temporalio/client';
import { connectsAgainSoon, type TemporalConfig } from '../../db/config.ts';
import { ProblemError } from '../problems.ts';

/** Longer nobody waits in front of a page for Temporal. */
const DEADLINE_MS = 3000;
/** The deadline does not cut a pause between two attempts; this does. */
const GRACE_MS = 300;
const CONNECT_MS = 2000;

const NOT_FOUND = 5;
/** Cancelled, deadline exceeded, permission denied, exhausted, unavailable, unauthenticated. */
const AWAY: ReadonlySet<number> = new Set([1, 4, 7, 8, 14, 16]);
/** What a query about search attributes meets before the first worker has registered them. */
const INVALID_ARGUMENT = 3;

export interface TemporalAccess {
  readonly namespace: string;
  /** One question within the deadline: what fails because Temporal is away becomes a problem that says so. */
  ask<T>(question: (client: Client) => Promise<T>, deadlineMs?: number): Promise<T>;
  close(): Promise<void>;
}

function grpcCodeOf(error: unknown): number | undefined {
  const cause = error instanceof ServiceError ? error.cause : error;
  return isGrpcServiceError(cause) ? cause.code : undefined;
}

export const isNotFound = (error: unknown): boolean => grpcCodeOf(error) === NOT_FOUND;

function translate(error: unknown): unknown {
  const code = grpcCodeOf(error);
  if (code !== undefined && AWAY.has(code)) return new ProblemError('temporal_unavailable', { retryAfterSeconds: 3 }, error);
  if (code === INVALID_ARGUMENT && /search attribute|no mapping|invalid query/i.test((error as Error).message)) {
    const detail = 'No worker has registered the search attributes yet';
    return new ProblemError('temporal_unavailable', { retryAfterSeconds: 3, detail }, error);
  }
  return error;
}

/** Opens nothing until it is first asked: the API starts and takes webhooks without Temporal. */
export function openTemporal({ namespace, ...address }: TemporalConfig): TemporalAccess {
  const interceptors = [makeGrpcRetryInterceptor(defaultGrpcRetryOptions({ maxAttempts: 2 }))];
  const connection = Connection.lazy({ ...address, ...connectsAgainSoon, connectTimeout: CONNECT_MS, interceptors });
  const client = new Client({ connection, namespace });
  return {
    namespace,
    async ask(question, deadlineMs = DEADLINE_MS) {
      let timer: NodeJS.Timeout | undefined;
      const tooLong = new Promise<never>((_resolve, reject) => {
        const late = (): void => reject(new ProblemError('temporal_unavailable', { retryAfterSeconds: 3 }));
        timer = setTimeout(late, deadlineMs + GRACE_MS);
      });
      try {
        return await Promise.race([connection.withDeadline(Date.now() + deadlineMs, () => question(client)), tooLong]);
      } catch (error) {
        throw translate(error);
      } finally {
        clearTimeout(timer);
      }
    },
    close: () => connection.close(),
  };
}
