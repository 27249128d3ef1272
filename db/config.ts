import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';

/** What the environment says and cannot mean. The message names each variable. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Fits both `Connection.connect` and `NativeConnection.connect`. */
export interface TemporalConfig {
  readonly address: string;
  readonly namespace: string;
  readonly apiKey?: string;
  readonly tls?:
    | true
    | {
        readonly serverNameOverride?: string;
        readonly serverRootCACertificate?: Buffer;
        readonly clientCertPair?: { readonly crt: Buffer; readonly key: Buffer };
      };
}

/**
 * For the `Connection` of whoever works on while Temporal is away. Left to itself gRPC tries again ever more rarely, after ten minutes
 * once in two: so long everything would go on waiting for a Temporal that has long been back.
 */
export const connectsAgainSoon = { channelArgs: { 'grpc.max_reconnect_backoff_ms': 2_000 } } as const;

export interface Config {
  readonly port: number;
  readonly databaseUrl: string;
  readonly temporal: TemporalConfig;
  /** Temporal's own Web UI as this process reaches it; what the API shows to admins under /admin/temporal. */
  readonly temporalUiUrl: string | undefined;
  /** Absolute. Holds recordings, and with `npm start` the embedded databases. */
  readonly dataDir: string;
  readonly adminEmail: string | undefined;
  readonly adminPassword: string | undefined;
  /** The PBX account named in the environment; it wins over what the database says. */
  readonly mango: { readonly apiKey: string; readonly apiSalt: string; readonly apiUrl: string } | undefined;
  /** The PBX's base address where the environment names one: it may be a private one (a simulator), others may not. */
  readonly mangoApiUrl: string | undefined;
  /** The demo PBX's control interface, always on this machine; the page that plays with it is there only with it. */
  readonly demoControlUrl: string | undefined;
  /** Where people and the PBX reach the service, without a trailing slash. */
  readonly publicUrl: string | undefined;
  readonly secretKey: string | undefined;
  /** Country of numbers typed without a country code. */
  readonly phoneCountry: string;
  /** Whether the environment said so; then the setting stored in the database does not count. */
  readonly phoneCountryGiven: boolean;
  readonly callSettleSeconds: number;
  readonly legMaxSeconds: number;
  readonly draftGraceSeconds: number;
  readonly recordingWaitSeconds: number;
  readonly logLevel: string;
  /** For express' «trust proxy»: how many proxies stand in front, or which addresses are theirs. */
  readonly trustProxy: false | number | readonly string[];
  /** With it, `/metrics` may be read from elsewhere (`Authorization: Bearer …`). */
  readonly metricsToken: string | undefined;
  /** Where the worker shows the metrics of Temporal's SDK, e.g. 127.0.0.1:9464; nowhere if not given. */
  readonly workerMetricsAddress: string | undefined;
  /** Where traces go (OTLP over HTTP); without it there are none. */
  readonly otlpEndpoint: string | undefined;
}

/** What `npm start` reads: an address that is not given is one it has to start itself. */
export interface StartConfig extends Omit<Config, 'databaseUrl' | 'temporal'> {
  readonly databaseUrl: string | undefined;
  readonly temporal: TemporalConfig | undefined;
}

/** Commands go to `<this>/vpbx/commands/…`. */
export const MANGO_API_URL = 'https://app.mango-office.ru';
const TRIVIAL_PASSWORDS = [
  'admin',
  'administrator',
  'password',
  'changeme',
  'qwerty',
  'trubka',
  '12345678',
  '123456789',
  'secret',
];

const seconds = (fallback: number) => z.coerce.number().min(0.001).max(1_000_000).default(fallback);
const httpUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http:// or https:// address', abort: true })
  .refine((value) => !new URL(value).username, 'must not hold a user name')
  .transform((value) => value.replace(/\/+$/, ''));
const isLoopback = (url: string): boolean => ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname);
const flag = z.enum(['true', 'false', '1', '0', 'yes', 'no']).transform((value) => ['true', '1', 'yes'].includes(value));

const Environment = z.object({
  PORT: z.coerce.number().int().min(0).max(65_535).default(3000),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, 'must begin with postgres://')
    .optional(),
  TEMPORAL_ADDRESS: z
    .string()
    .regex(/^[^\s/]+:\d{1,5}$/, 'must be host:port')
    .optional(),
  TEMPORAL_NAMESPACE: z.string().default('default'),
  TEMPORAL_API_KEY: z.string().optional(),
  TEMPORAL_UI_URL: httpUrl.optional(),
  TEMPORAL_TLS: flag.optional(),
  TEMPORAL_TLS_SERVER_NAME: z.string().optional(),
  TEMPORAL_TLS_CA: z.string().optional(),
  TEMPORAL_TLS_CERT: z.string().optional(),
  TEMPORAL_TLS_KEY: z.string().optional(),
  DATA_DIR: z.string().default('./data'),
  ADMIN_EMAIL: z
    .string()
    .regex(/^[^@]{1,64}@./, 'must be an e-mail address')
    .max(254)
    .optional(),
  ADMIN_PASSWORD: z
    .string()
    .min(8, 'must have at least 8 characters')
    .refine(
      (value) => !TRIVIAL_PASSWORDS.includes(value.toLowerCase()),
      'is one of the first anybody would guess: choose another',
    )
    .optional(),
  MANGO_API_KEY: z.string().optional(),
  MANGO_API_SALT: z.string().optional(),
  MANGO_API_URL: httpUrl.optional(),
  DEMO_PBX_CONTROL_URL: httpUrl.refine(isLoopback, 'must be an address of this machine (127.0.0.1)').optional(),
  PUBLIC_URL: httpUrl.optional(),
  SECRET_KEY: z.string().min(32, 'must have at least 32 characters (try: openssl rand -hex 32)').optional(),
  PHONE_COUNTRY: z
    .string()
    .regex(/^[A-Z]{2}$/, 'must be a two-letter country code such as RU')
    .optional(),
  CALL_SETTLE_SECONDS: seconds(30),
  LEG_MAX_SECONDS: seconds(14_400),
  DRAFT_GRACE_SECONDS: seconds(2),
  RECORDING_WAIT_SECONDS: seconds(900),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  TRUST_PROXY: z
    .string()
    .regex(
      /^(false|\d{1,2}|[\da-fA-F:./a-z, ]+)$/,
      'must be false, the number of proxies, or their addresses with commas between',
    )
    .refine((value) => value !== 'true', 'must not be true, as then anybody may pretend any address: give the number of proxies')
    .default('false'),
  WORKER_METRICS_ADDRESS: z
    .string()
    .regex(/^[^\s/]+:\d{1,5}$/, 'must be host:port')
    .optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl.optional(),
  METRICS_TOKEN: z.string().min(16, 'must have at least 16 characters').optional(),
});
type Environment = z.infer<typeof Environment>;

/** What the API and the worker read, once, at boot. */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const { databaseUrl, temporal, ...rest } = readStartConfig(env);
  if (databaseUrl === undefined || temporal === undefined) {
    const missing = databaseUrl === undefined ? 'DATABASE_URL' : 'TEMPORAL_ADDRESS';
    throw new ConfigError(`${missing} is not set: say where it is, or use \`npm start\`, which starts one of its own`);
  }
  return { ...rest, databaseUrl, temporal };
}

export function readStartConfig(env: NodeJS.ProcessEnv): StartConfig {
  const given = parse(env);
  return {
    port: given.PORT,
    databaseUrl: given.DATABASE_URL,
    temporal: temporalConfig(given),
    temporalUiUrl: given.TEMPORAL_UI_URL,
    dataDir: resolve(given.DATA_DIR),
    adminEmail: given.ADMIN_EMAIL,
    adminPassword: given.ADMIN_PASSWORD,
    mango: mangoConfig(given),
    mangoApiUrl: given.MANGO_API_URL,
    demoControlUrl: given.DEMO_PBX_CONTROL_URL,
    publicUrl: given.PUBLIC_URL,
    secretKey: given.SECRET_KEY,
    phoneCountry: given.PHONE_COUNTRY ?? 'RU',
    phoneCountryGiven: given.PHONE_COUNTRY !== undefined,
    callSettleSeconds: given.CALL_SETTLE_SECONDS,
    legMaxSeconds: given.LEG_MAX_SECONDS,
    draftGraceSeconds: given.DRAFT_GRACE_SECONDS,
    recordingWaitSeconds: given.RECORDING_WAIT_SECONDS,
    logLevel: given.LOG_LEVEL,
    trustProxy: trustProxy(given.TRUST_PROXY),
    metricsToken: given.METRICS_TOKEN,
    workerMetricsAddress: given.WORKER_METRICS_ADDRESS,
    otlpEndpoint: given.OTEL_EXPORTER_OTLP_ENDPOINT,
  };
}

/** An empty variable counts as one that is not set, as `X=` in an .env file means to most people. */
function parse(env: NodeJS.ProcessEnv): Environment {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''));
  const result = Environment.safeParse(given);
  if (result.success) return result.data;
  throw new ConfigError(result.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`).join('\n'));
}

function mangoConfig(given: Environment): Config['mango'] {
  const { MANGO_API_KEY: apiKey, MANGO_API_SALT: apiSalt } = given;
  if (apiKey === undefined && apiSalt === undefined) return undefined;
  if (apiKey === undefined) throw new ConfigError('MANGO_API_KEY is not set, but MANGO_API_SALT is: they belong together');
  if (apiSalt === undefined) throw new ConfigError('MANGO_API_SALT is not set, but MANGO_API_KEY is: they belong together');
  return { apiKey, apiSalt, apiUrl: given.MANGO_API_URL ?? MANGO_API_URL };
}

function temporalConfig(given: Environment): TemporalConfig | undefined {
  if (given.TEMPORAL_ADDRESS === undefined) return undefined;
  const tls = tlsConfig(given);
  return {
    address: given.TEMPORAL_ADDRESS,
    namespace: given.TEMPORAL_NAMESPACE,
    ...(given.TEMPORAL_API_KEY === undefined ? {} : { apiKey: given.TEMPORAL_API_KEY }),
    ...(tls === undefined ? {} : { tls }),
  };
}

/** An API key goes over TLS unless somebody says otherwise in so many words. */
function tlsConfig(given: Environment): TemporalConfig['tls'] {
  const { TEMPORAL_TLS_CERT: cert, TEMPORAL_TLS_KEY: key, TEMPORAL_TLS_CA: ca, TEMPORAL_TLS_SERVER_NAME: serverName } = given;
  if ((cert === undefined) !== (key === undefined)) {
    throw new ConfigError('TEMPORAL_TLS_CERT and TEMPORAL_TLS_KEY belong together: one of them is not set');
  }
  if (given.TEMPORAL_TLS === false) return undefined;
  const details = {
    ...(serverName === undefined ? {} : { serverNameOverride: serverName }),
    ...(ca === undefined ? {} : { serverRootCACertificate: readPem('TEMPORAL_TLS_CA', ca) }),
    ...(cert === undefined || key === undefined
      ? {}
      : { clientCertPair: { crt: readPem('TEMPORAL_TLS_CERT', cert), key: readPem('TEMPORAL_TLS_KEY', key) } }),
  };
  if (Object.keys(details).length > 0) return details;
  return given.TEMPORAL_TLS === true || given.TEMPORAL_API_KEY !== undefined ? true : undefined;
}

function readPem(variable: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new ConfigError(`${variable} names ${path}, which cannot be read`, { cause });
  }
}

function trustProxy(value: string): Config['trustProxy'] {
  if (value === 'false') return false;
  if (/^\d+$/.test(value)) return Number(value);
  return value.split(',').map((address) => address.trim());
}
