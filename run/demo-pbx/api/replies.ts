import { isRecord } from '../wire.ts';

/** What a command or query is answered with. */
export type Reply =
  | { readonly kind: 'json'; readonly status: number; readonly body: Readonly<Record<string, unknown>> }
  | { readonly kind: 'redirect'; readonly location: string }
  | { readonly kind: 'csv'; readonly text: string }
  | { readonly kind: 'empty'; readonly status: number };

export function json(body: Readonly<Record<string, unknown>>, status = 200): Reply {
  return { kind: 'json', status, body };
}

/** The usual success of a command; `command_id` comes back where one was given. */
export function done(commandId?: string): Reply {
  return json({ result: 1000, ...(commandId === undefined ? {} : { command_id: commandId }) });
}

/** Thrown by handlers: answered with the code in the body (mango-api §4.10). */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** The HTTP status says little, and the body has the code (mango-api §1.4). */
export function refusal(code: number, message: string, httpStatus = code >= 5000 && code < 5100 ? 500 : 400): Reply {
  return json({ result: code, message }, httpStatus);
}

export const RATE_LIMITED: Reply = json(
  { name: 'Service Unavailable', message: 'Rate limit exceeded.', code: 0, status: 429 },
  429,
);
export const LOCKED_OUT: Reply = json({ name: 'Unauthorized', message: 'Too many invalid requests.', code: 0, status: 401 }, 401);
export const NO_SUCH_PATH: Reply = json({ name: 'Not Found', message: 'Page not found.', code: 0, status: 404 }, 404);

/** A command's parameters, read as the PBX reads them. */
export interface Params {
  /** Required, not empty; numbers are taken as text. */
  text(name: string): string;
  /** Undefined where absent or empty. */
  optional(name: string): string | undefined;
  inner(name: string): Params;
  list(name: string): readonly unknown[];
}

export function readParams(value: unknown): Params {
  const record = isRecord(value) ? value : {};
  const optional = (name: string): string | undefined => {
    const found = record[name];
    if (typeof found === 'number') return String(found);
    return typeof found === 'string' && found !== '' ? found : undefined;
  };
  return {
    optional,
    text(name) {
      const found = optional(name);
      if (found === undefined) throw new Refused(3103, `parameter ${name} is missing`);
      return found;
    },
    inner: (name) => readParams(record[name]),
    list: (name) => (Array.isArray(record[name]) ? record[name] : []),
  };
}
