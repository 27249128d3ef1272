import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startWorker, type RunningWorker } from '../../activities/worker.ts';
import { hashPassword } from '../../api/passwords.ts';
import { startServer, type RunningServer } from '../../api/server.ts';
import { readConfig, type Config } from '../../db/config.ts';
import { ensureDemo } from '../../run/demo-data.ts';
import { createControlApp } from '../../run/demo-pbx/control/app.ts';
import { close, listen } from '../../run/demo-pbx/pbx.ts';
import { openSecrets } from '../../db/secrets.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { startPbx, TEST_CREDENTIALS, type DemoPbx, type DemoPbxOptions } from './pbx.ts';
import { temporalAddress, uniqueTaskQueue, workflowBundle } from './temporal.ts';

const PASSWORD = 'correct horse battery';

/** One signed-in browser, as far as HTTP goes. */
export class Visitor {
  constructor(
    readonly url: string,
    readonly cookie: string,
    readonly agentId: string,
  ) {}

  async request(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
    const response = await fetch(this.url + path, {
      method,
      headers: { cookie: this.cookie, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text ? JSON.parse(text) : null };
  }

  async get<T>(path: string): Promise<T> {
    const { status, body } = await this.request('GET', path);
    if (status !== 200) throw new Error(`GET ${path} answered ${status}: ${JSON.stringify(body)}`);
    return body as T;
  }

  async post<T>(path: string, body: unknown = {}): Promise<T> {
    const { status, body: answer } = await this.request('POST', path, body);
    if (status >= 300) throw new Error(`POST ${path} answered ${status}: ${JSON.stringify(answer)}`);
    return answer as T;
  }
}

export interface Product {
  readonly url: string;
  readonly database: TestDatabase;
  readonly config: Config;
  readonly pbx: DemoPbx;
  /** Анна has 101, Борис 102, Вера 0103; 104 is a robot, and ignored. */
  readonly anna: Visitor;
  readonly boris: Visitor;
  readonly vera: Visitor;
  readonly admin: Visitor;
  signIn(email: string): Promise<Visitor>;
  startWorker(): Promise<RunningWorker>;
  /** Kills nothing: stops the worker in order. */
  stopWorker(): Promise<void>;
  stop(): Promise<void>;
}

/** The whole product in this process: the API and the worker of production, on a database of its own, with the demo PBX for a PBX. */
export async function startProduct(
  options: { readonly env?: Record<string, string>; readonly pbx?: Partial<DemoPbxOptions> } = {},
): Promise<Product> {
  const database = await createTestDatabase();
  const dataDir = await mkdtemp(join(tmpdir(), 'trubka-product-'));
  // It has its port from the first moment on: a free one that is only looked for may be somebody's by the time it is used.
  const answer: { by?: RequestListener } = {};
  const control = await listen(
    createHttpServer((request, response) => answer.by?.(request, response)),
    0,
    '127.0.0.1',
  );
  const { port: controlPort } = control.address() as AddressInfo;
  const config = readConfig({
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: temporalAddress(),
    DATA_DIR: dataDir,
    PORT: '0',
    LOG_LEVEL: 'fatal',
    CALL_SETTLE_SECONDS: '1',
    DRAFT_GRACE_SECONDS: '0.3',
    RECORDING_WAIT_SECONDS: '1.5',
    DEMO_PBX_CONTROL_URL: `http://127.0.0.1:${controlPort}`,
    ...options.env,
  });
  const taskQueue = uniqueTaskQueue('product');
  const server: RunningServer = await startServer(config, { taskQueue });
  const url = `http://127.0.0.1:${server.port}`;
  const pbx = await startPbx({ ...options.pbx, targetUrl: url });
  answer.by = createControlApp(pbx);
  const secrets = openSecrets({ dataDir: config.dataDir, secretKey: config.secretKey });
  await ensureDemo(database.db, secrets, {
    port: Number(new URL(pbx.url).port),
    apiKey: TEST_CREDENTIALS.key,
    apiSalt: TEST_CREDENTIALS.salt,
  });
  await database.db('agents').update({ password_hash: await hashPassword(PASSWORD) });
  await database
    .db('agents')
    .insert({ full_name: 'Админ', email: 'admin@demo.local', role: 'admin', password_hash: await hashPassword(PASSWORD) });

  let worker: RunningWorker | null = null;
  const startOne = async (): Promise<RunningWorker> => {
    worker = await startWorker({ config, taskQueue, workflowBundle: await workflowBundle() });
    return worker;
  };
  await startOne();

  const signIn = async (email: string): Promise<Visitor> => {
    const response = await fetch(`${url}/api/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email, password: PASSWORD }),
    });
    if (!response.ok) throw new Error(`${email} could not sign in: ${response.status} ${await response.text()}`);
    const cookie = response.headers
      .getSetCookie()
      .map((line) => line.split(';')[0])
      .join('; ');
    const { id } = (await response.json()) as { id: string };
    return new Visitor(url, cookie, id);
  };
  const stopWorker = async (): Promise<void> => {
    await worker?.stop();
    worker = null;
  };

  return {
    url,
    database,
    config,
    pbx,
    anna: await signIn('anna@demo.local'),
    boris: await signIn('boris@demo.local'),
    vera: await signIn('vera@demo.local'),
    admin: await signIn('admin@demo.local'),
    signIn,
    startWorker: startOne,
    stopWorker,
    async stop() {
      await close(control);
      await pbx.stop();
      await stopWorker();
      await server.stop();
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
