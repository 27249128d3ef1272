import pino, { type DestinationStream, type Logger, type LoggerOptions } from 'pino';

export type { Logger } from 'pino';

const HIDDEN = '[hidden]';
/** Keys whose values never reach a log line, at whatever depth they stand. */
const SECRET_KEY = /passw|cookie|salt|authorization|secret|token|^sign(ature)?$|api_?key|vpbx_api_key/i;
/** Text that people typed. */
const TYPED_KEY = /^(gist|subject|note|body|draft|q)$/i;
const MAX_DEPTH = 6;

/** A phone number with all but its last two digits hidden: `…67`. Null stands for a hidden caller. */
export function maskPhone(phone: string | null | undefined): string {
  if (!phone) return 'hidden';
  const digits = phone.replace(/\D/g, '');
  return digits.length > 4 ? `…${digits.slice(-2)}` : '…';
}

/**
 * Numbers that slipped into a finished line (a constraint's complaint, a sip address): anything written with a plus, and eleven digits
 * beginning with 7 or 8, whole or in the groups that people write. Ids, ports and times have other lengths and groups.
 */
const NUMBER =
  /\+\d(?:[\s().-]{0,2}\d){6,14}|(?:(?<=[a-z]:)|(?<![\da-f.:-]))[78][ -]?\(?\d{3}\)?[ -]?\d{3}[ -]?\d{2}[ -]?\d{2}(?!\d|\.\d)/g;

export function maskNumbersIn(line: string): string {
  return line.replace(NUMBER, (number) => `…${number.replace(/\D/g, '').slice(-2)}`);
}

function withoutSecrets(value: unknown, depth = 0): unknown {
  if (value === null || typeof value !== 'object' || Buffer.isBuffer(value)) return value;
  if (depth >= MAX_DEPTH) return '[deep]';
  if (Array.isArray(value)) return value.map((item) => withoutSecrets(item, depth + 1));
  if (value instanceof Date || value instanceof Error) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      SECRET_KEY.test(key) || TYPED_KEY.test(key) ? HIDDEN : withoutSecrets(item, depth + 1),
    ]),
  );
}

/** What may be told about an error: its kind, words and place; not the values that drivers hang on it. */
function serializeError(error: unknown): unknown {
  if (!(error instanceof Error)) return withoutSecrets(error);
  const code: unknown = 'code' in error ? error.code : undefined;
  return {
    type: error.name,
    message: error.message,
    stack: error.stack,
    ...(code === undefined ? {} : { code }),
    ...(error.cause === undefined ? {} : { cause: serializeError(error.cause) }),
  };
}

/** JSON lines on standard output. `level` is one of pino's; `LOG_LEVEL` decides when it is not given. */
export function createLogger(
  name: string,
  options: { readonly level?: string; readonly destination?: DestinationStream } = {},
): Logger {
  const settings: LoggerOptions = {
    name,
    level: options.level ?? process.env['LOG_LEVEL'] ?? 'info',
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: {
      level: (label) => ({ level: label }),
      log: (fields) => withoutSecrets(fields) as Record<string, unknown>,
    },
    serializers: { err: serializeError, error: serializeError },
    hooks: { streamWrite: maskNumbersIn },
  };
  return options.destination ? pino(settings, options.destination) : pino(settings);
}
