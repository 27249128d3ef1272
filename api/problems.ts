import type { Response } from 'express';
import type { FieldError, Problem } from './contract/problem.ts';

/** Every failure a caller can see. The titles are for people who read traffic; the interface has words of its own for each code. */
const PROBLEMS = {
  invalid_request: [400, 'The request is not valid'],
  malformed_json: [400, 'The body is not JSON'],
  not_signed_in: [401, 'Sign in first'],
  wrong_credentials: [401, 'E-mail or password is wrong'],
  not_allowed: [403, 'Your role does not allow this'],
  foreign_origin: [403, 'Requests from other sites are refused'],
  bad_signature: [403, 'Key or signature is wrong'],
  code_required: [403, 'This account asks for a one-time code too'],
  wrong_code: [403, 'The one-time code is wrong or has been used'],
  second_factor_required: [403, 'Admins have to set up a second factor first'],
  wrong_password: [403, 'The present password is wrong'],
  not_found: [404, 'There is nothing here'],
  ticket_not_found: [404, 'There is no such ticket'],
  customer_not_found: [404, 'There is no such customer'],
  agent_not_found: [404, 'There is no such agent'],
  conversation_not_found: [404, 'This call has no such conversation'],
  recording_not_found: [404, 'There is no such recording'],
  integration_not_found: [404, 'There is no such integration'],
  demo_not_connected: [404, 'No demo PBX is connected'],
  temporal_ui_not_configured: [404, 'The address of the Temporal Web UI is not configured'],
  method_not_allowed: [405, 'This address knows other methods only'],
  not_acceptable: [406, 'This format is not to be had'],
  email_taken: [409, 'Another agent has this e-mail'],
  key_taken: [409, 'This key is in use already'],
  second_factor_on: [409, 'A second factor is set up already'],
  second_factor_off: [409, 'No second factor is set up'],
  not_oneself: [409, 'Somebody else has to do this for you'],
  last_admin: [409, 'Somebody has to remain admin'],
  has_password: [409, 'This account has a password already'],
  deactivated: [409, 'This account is deactivated'],
  built_in_field: [409, 'A built-in field stays as it is'],
  too_many_fields: [409, 'There are too many fields'],
  from_environment: [409, 'This is set in the environment and cannot be changed here'],
  action_id_reused: [409, 'This actionId belongs to another action'],
  command_id_reused: [409, 'This commandId belongs to another call'],
  no_operator: [409, 'No operator of the PBX is mapped to you'],
  no_phone: [409, 'There is no number to call'],
  phone_not_of_customer: [409, 'This number is not one of this ticket or its customer'],
  call_not_begun: [409, 'The PBX has not begun this call yet'],
  busy: [409, 'You are in a call already'],
  test_call_running: [409, 'A test call of this account has just been ordered'],
  referenced: [409, 'Something else still refers to this'],
  recording_not_ready: [409, 'The recording is not there yet'],
  not_for_workflows: [409, 'This cannot be done to a workflow'],
  demo_refused: [409, 'The call does not stand as this step needs it'],
  recording_unavailable: [410, 'The recording is not to be had'],
  link_expired: [410, 'This link has been used or has expired'],
  request_timeout: [408, 'The request did not arrive in time'],
  too_large: [413, 'The request is too large'],
  unsupported_type: [415, 'This content type is not understood'],
  range_not_satisfiable: [416, 'There are no such bytes'],
  too_many_attempts: [429, 'Too many attempts: wait a little'],
  too_many_requests: [429, 'Too many requests: slow down'],
  too_many_streams: [429, 'Too many open event streams'],
  head_too_large: [431, 'Address and headers of the request are too large'],
  internal_error: [500, 'Something went wrong on our side'],
  overloaded: [503, 'Too much to do at the moment: try again'],
  storage_unavailable: [503, 'The database does not answer'],
  temporal_unavailable: [503, 'Temporal does not answer'],
  demo_unreachable: [503, 'The demo PBX does not answer'],
  shutting_down: [503, 'This process is about to stop'],
} as const satisfies Readonly<Record<string, readonly [status: number, title: string]>>;

export type ProblemCode = keyof typeof PROBLEMS;
export const PROBLEM_CODES = Object.keys(PROBLEMS) as readonly ProblemCode[];
export const statusOf = (code: ProblemCode): number => PROBLEMS[code][0];

export interface ProblemDetails {
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
  readonly retryAfterSeconds?: number;
  readonly ticketId?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Thrown wherever a request has to be refused; the error handler turns it into the answer. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly code: ProblemCode;
  readonly details: ProblemDetails;

  constructor(code: ProblemCode, details: ProblemDetails = {}, cause?: unknown) {
    super(PROBLEMS[code][1], cause === undefined ? undefined : { cause });
    this.code = code;
    this.details = details;
  }
}

/** Refuses one field of the request by name. */
export const fieldProblem = (
  field: string,
  code: string,
  problem: ProblemCode = 'invalid_request',
  message = code,
): ProblemError => new ProblemError(problem, { errors: [{ field, code, message }] });

export function problemBody(error: ProblemError, requestId: string | undefined): Problem {
  const { detail, errors, retryAfterSeconds, ticketId } = error.details;
  const [status, title] = PROBLEMS[error.code];
  return {
    type: `urn:trubka:problem:${error.code}`,
    title,
    status,
    code: error.code,
    ...(detail === undefined ? {} : { detail }),
    ...(errors === undefined ? {} : { errors: [...errors] }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    ...(ticketId === undefined ? {} : { ticketId }),
    ...(requestId === undefined ? {} : { requestId }),
  };
}

export function sendProblem(response: Response, error: ProblemError): void {
  for (const [name, value] of Object.entries(error.details.headers ?? {})) response.setHeader(name, value);
  if (error.details.retryAfterSeconds !== undefined) response.setHeader('Retry-After', String(error.details.retryAfterSeconds));
  response.setHeader('Cache-Control', 'no-store');
  response
    .status(statusOf(error.code))
    .type('application/problem+json')
    .send(JSON.stringify(problemBody(error, response.locals['requestId'] as string | undefined)));
}

/** What Postgres guarantees (unique, foreign key) and what a caller has to hear when it complains, by constraint. */
const CONSTRAINTS: Readonly<Record<string, readonly [ProblemCode, field: string]>> = {
  agents_email: ['email_taken', 'email'],
  field_definitions_key_key: ['key_taken', 'key'],
  integrations_key: ['key_taken', 'apiKey'],
  tickets_customer_id_fkey: ['customer_not_found', 'customerId'],
  tickets_assignee_id_fkey: ['agent_not_found', 'assigneeId'],
  operators_agent_id_fkey: ['agent_not_found', 'agentId'],
};

const connectionLost = (code: string): boolean =>
  /^(08|53)/.test(code) ||
  ['57P01', '57P02', '57P03', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN'].includes(code);

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Postgres' complaint, or the driver's about Postgres, as a problem; undefined where it is none that a caller can act upon. */
export function translateDatabaseError(error: Error): ProblemError | undefined {
  const { code, constraint } = error as { code?: unknown; constraint?: unknown };
  const known = CONSTRAINTS[textOf(constraint)];
  if (known)
    return new ProblemError(known[0], { errors: [{ field: known[1], code: known[0], message: PROBLEMS[known[0]][1] }] }, error);
  if (error.name === 'KnexTimeoutError') return new ProblemError('overloaded', { retryAfterSeconds: 2 }, error);
  if (connectionLost(textOf(code)) || /Connection terminated|connection timeout/i.test(error.message)) {
    return new ProblemError('storage_unavailable', { retryAfterSeconds: 2 }, error);
  }
  switch (textOf(code)) {
    case '57014': // statement timeout
    case '40001': // serialization
    case '40P01': // deadlock
    case '55P03': // lock timeout
      return new ProblemError('overloaded', { retryAfterSeconds: 1 }, error);
    case '23503':
      return new ProblemError('referenced', {}, error);
    default:
      return undefined;
  }
}

interface HttpError extends Error {
  readonly status?: unknown;
  readonly type?: unknown;
}

/** What Express and its body parser throw. */
function translateHttpError(error: HttpError): ProblemError | undefined {
  switch (error.type) {
    case 'entity.too.large':
      return new ProblemError('too_large', {}, error);
    case 'entity.parse.failed':
    case 'entity.verify.failed':
      return new ProblemError('malformed_json', {}, error);
    case 'charset.unsupported':
    case 'encoding.unsupported':
      return new ProblemError('unsupported_type', {}, error);
  }
  return typeof error.status === 'number' && error.status >= 400 && error.status < 500
    ? new ProblemError('invalid_request', {}, error)
    : undefined;
}

/** Any error as the problem a caller may see: what we do not know becomes 500 without a detail. */
export function toProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  const known = error instanceof Error ? (translateDatabaseError(error) ?? translateHttpError(error)) : undefined;
  return known ?? new ProblemError('internal_error', {}, error);
}
