import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { createApp } from '../../api/app.ts';
import { openTemporal } from '../../api/admin/temporal-access.ts';
import type { ApiDeps } from '../../api/deps.ts';
import { describeApi } from '../../api/openapi.ts';
import { describedRoutes } from '../../api/routes/described.ts';
import { allRoutes } from '../../api/routes/index.ts';
import { createHttpServer } from '../../api/http-server.ts';
import { createEventHub } from '../../api/stream/hub.ts';
import { readConfig, type Config } from '../../db/config.ts';
import { createLogger } from '../../db/log.ts';
import type { Db } from '../../db/pool.ts';
import { openSecrets } from '../../db/secrets.ts';
import { createSession } from '../../db/sessions.ts';
import { createTestDatabase } from './database.ts';
import { createFakeTelephony, type FakeTelephony } from './fake-telephony.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed if it is JSON, else text. */
  readonly body: unknown;
}

interface Asked {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

type Json = Record<string, unknown>;
interface Operation {
  readonly responses: Record<string, { readonly content?: Record<string, { readonly schema: Json }> }>;
}

const description = describeApi([...allRoutes, ...describedRoutes], undefined) as unknown as {
  readonly paths: Record<string, Record<string, Operation>>;
};
const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
ajv.addSchema(description, 'openapi');

const templates = Object.keys(description.paths).map((path) => ({
  path,
  pattern: new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`),
  variables: path.split('{').length,
}));

/** The path of the description that a request met; the one with fewer variables where two fit. */
function templateOf(path: string): string | undefined {
  const fitting = templates.filter(({ pattern }) => pattern.test(path)).sort((a, b) => a.variables - b.variables);
  return fitting[0]?.path;
}

const pointer = (...parts: readonly string[]): string =>
  parts.map((part) => `/${encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))}`).join('');

/** Whatever a test asks, the answer is one that the description promises. */
function checkAgainstDescription(method: string, path: string, answer: Answer): void {
  const template = templateOf(path);
  const verb = method === 'HEAD' ? 'get' : method.toLowerCase();
  const operation = template === undefined ? undefined : description.paths[template]?.[verb];
  const type = (answer.headers.get('content-type') ?? '').split(';')[0] ?? '';
  const where = `${method} ${path} → ${answer.status} ${type}`;
  if (!template || !operation) {
    if (![400, 403, 404, 405, 429, 503].includes(answer.status)) throw new Error(`${where}: not in the description`);
    return;
  }
  const promised = operation.responses[String(answer.status)];
  if (!promised) throw new Error(`${where}: the description does not know this status`);
  if (method === 'HEAD' || answer.status === 204) return;
  const content = promised.content?.[type];
  if (!content) throw new Error(`${where}: the description does not know this type`);
  if (!type.endsWith('json')) return;
  const ref = `openapi#${pointer('paths', template, verb, 'responses', String(answer.status), 'content', type, 'schema')}`;
  const validate = ajv.getSchema(ref) ?? ajv.compile({ $ref: ref });
  if (!validate(answer.body)) throw new Error(`${where}: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(answer.body)}`);
}

/** Somebody who speaks HTTP with the API: signed in, or nobody. */
export class Caller {
  constructor(
    readonly origin: string,
    readonly cookie: string | null,
    readonly id: string,
  ) {}

  async send(method: string, path: string, { body, headers = {} }: Asked = {}): Promise<Answer> {
    const response = await fetch(this.origin + path, {
      method,
      redirect: 'manual',
      headers: {
        ...(this.cookie === null ? {} : { cookie: this.cookie }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '') && text !== '';
    const answer = { status: response.status, headers: response.headers, body: isJson ? (JSON.parse(text) as unknown) : text };
    checkAgainstDescription(method, path.split('?')[0] ?? path, answer);
    return answer;
  }

  get = (path: string, asked?: Asked): Promise<Answer> => this.send('GET', path, asked);
  post = (path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer> =>
    this.send('POST', path, { ...(body === undefined ? {} : { body }), ...(headers ? { headers } : {}) });
  patch = (path: string, body: unknown): Promise<Answer> => this.send('PATCH', path, { body });
  delete = (path: string): Promise<Answer> => this.send('DELETE', path);
}

export interface TestApi {
  readonly origin: string;
  readonly db: Db;
  readonly databaseUrl: string;
  readonly deps: ApiDeps;
  readonly config: Config;
  readonly telephony: FakeTelephony;
  readonly nobody: Caller;
  readonly admin: Caller;
  readonly anna: Caller;
  readonly boris: Caller;
  /** Everything logged so far, as it would stand in the file. */
  logged(): string;
  /** A new agent, signed in. */
  addAgent(
    values?: Partial<{ full_name: string; email: string; role: string; access: string; password_hash: string; team: string }>,
  ): Promise<Caller>;
  close(): Promise<void>;
}

let people = 0;

/** The API as production builds it, on a database of its own and a PBX in memory. */
export async function startTestApi(
  env: Readonly<Record<string, string>> = {},
  more: Partial<Pick<ApiDeps, 'statfs' | 'lookup'>> = {},
): Promise<TestApi> {
  const database = await createTestDatabase();
  const dataDir = await mkdtemp(join(tmpdir(), 'trubka-api-'));
  const config = readConfig({
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: '127.0.0.1:1',
    DATA_DIR: dataDir,
    PORT: '0',
    ...env,
  });
  let log = '';
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      log += chunk.toString();
      done();
    },
  });
  const logger = createLogger('api', { level: 'debug', destination });
  const telephony = createFakeTelephony();
  const events = createEventHub({ db: database.db, databaseUrl: database.url, logger });
  const deps: ApiDeps = {
    db: database.db,
    config,
    logger,
    secrets: openSecrets(config),
    events,
    telephony: { forIntegration: () => telephony },
    temporal: openTemporal(config.temporal),
    ...more,
  };
  const server: Server = createHttpServer(createApp(deps), logger);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const cookieName = config.publicUrl?.startsWith('https:') ? '__Host-trubka_session' : 'trubka_session';

  const addAgent: TestApi['addAgent'] = async (values = {}) => {
    people += 1;
    const [row] = (await database
      .db('agents')
      .insert({
        full_name: `Agent ${people}`,
        email: `agent${people}@test.local`,
        role: 'agent',
        password_hash: 'none',
        ...values,
      })
      .returning(['id'])) as { id: string }[];
    if (!row) throw new Error('The agent was not stored');
    const { token } = await createSession(database.db, { agentId: row.id, address: '127.0.0.1', userAgent: null });
    return new Caller(origin, `${cookieName}=${token}`, row.id);
  };

  return {
    origin,
    db: database.db,
    databaseUrl: database.url,
    deps,
    config,
    telephony,
    nobody: new Caller(origin, null, ''),
    admin: await addAgent({ full_name: 'Админ', role: 'admin' }),
    anna: await addAgent({ full_name: 'Анна Смирнова' }),
    boris: await addAgent({ full_name: 'Борис Кузнецов' }),
    logged: () => log,
    addAgent,
    async close() {
      await events.close();
      await deps.temporal.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** The body as what the test knows it to be. */
export const as = <T>(answer: Answer): T => answer.body as T;
export const codeOf = (answer: Answer): string | undefined => (answer.body as { code?: string }).code;
/** The fields a problem names. */
export const fieldsOf = (answer: Answer): string[] =>
  ((answer.body as { errors?: { field: string }[] }).errors ?? []).map(({ field }) => field);
