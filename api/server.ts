import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';
import type pg from 'pg';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createTelephony } from '../activities/telephony/telephony.ts';
import { readConfig, type Config } from '../db/config.ts';
import { createIntakePool } from '../db/intake.ts';
import { ensureEnvironmentIntegration } from '../db/integrations.ts';
import { createLogger, type Logger } from '../db/log.ts';
import { createPool, type Db } from '../db/pool.ts';
import { openSecrets, type Secrets } from '../db/secrets.ts';
import { keepHeapSmall } from '../db/small-heap.ts';
import { startTracing, type Tracing } from '../db/tracing.ts';
import { createAdmin } from './admin/index.ts';
import { openTemporal } from './admin/temporal-access.ts';
import { createApp } from './app.ts';
import type { ApiDeps } from './deps.ts';
import { createHttpServer } from './http-server.ts';
import { createMangoRouter } from './routes/mango.ts';
import { createEventCounts } from './event-counts.ts';
import { createEventHub } from './stream/hub.ts';

const UI_DIRECTORY = fileURLToPath(new URL('../ui/dist/', import.meta.url));
const POOL_SIZE = 16;
/** Between readiness turning red and the door closing, so that a load balancer can look. */
const DRAIN_MS = 500;
/** What is under way may take so long; the process is gone within ten seconds of being asked. */
const FINISH_MS = 7000;
const CLOSE_IDLE_MS = 50;
const PREPARE_AGAIN_MS = 1000;

export interface RunningServer {
  readonly port: number;
  /** Turns readiness red, finishes what is under way, closes everything. */
  stop(): Promise<void>;
}

const listen = (server: Server, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, () => resolve((server.address() as AddressInfo).port));
  });

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // Kept for a next request that will not come: also those that become idle only now.
  const idle = setInterval(() => server.closeIdleConnections(), CLOSE_IDLE_MS);
  const force = setTimeout(() => server.closeAllConnections(), FINISH_MS);
  await closed;
  clearInterval(idle);
  clearTimeout(force);
}

/** The database may come up later than this process: tried until it is done. */
async function prepare(db: Db, config: Config, secrets: Secrets, logger: Logger, isStopping: () => boolean): Promise<void> {
  for (let attempt = 1; !isStopping(); attempt += 1) {
    try {
      await ensureEnvironmentIntegration(db, config.mango, secrets);
      return;
    } catch (error) {
      if (attempt % 10 === 1) logger.warn({ err: error, attempt }, 'the database cannot be prepared yet; trying again');
      await delay(PREPARE_AGAIN_MS);
    }
  }
}

/** All that is served: the API, the PBX's webhooks, what admins see of the machinery, the interface. */
export function assemble(deps: ApiDeps, intake: pg.Pool, tracing?: Tracing): { readonly app: Express; close(): Promise<void> } {
  const { secrets, logger: log, eventCounts, taskQueue } = deps;
  const admin = createAdmin(deps, taskQueue === undefined ? {} : { taskQueue });
  const webhooks = createMangoRouter({ pool: intake, secrets, log, tracing, ...(eventCounts && { count: eventCounts.count }) });
  return { app: createApp(deps, { webhooks, routers: [admin.router] }), close: () => admin.close() };
}

export async function startServer(config: Config, options: { readonly taskQueue?: string } = {}): Promise<RunningServer> {
  const logger = createLogger('api', { level: config.logLevel });
  const secrets = openSecrets({ dataDir: config.dataDir, secretKey: config.secretKey });
  const db = createPool(config.databaseUrl, { max: POOL_SIZE });
  const tracing = await startTracing('trubka-api', config.otlpEndpoint);
  const intake = createIntakePool(config.databaseUrl);
  const events = createEventHub({ db, databaseUrl: config.databaseUrl, logger });
  const eventCounts = createEventCounts();
  const temporal = openTemporal(config.temporal);
  const state = { prepared: false, stopping: false };
  const deps: ApiDeps = {
    db,
    config,
    logger,
    secrets,
    events,
    eventCounts,
    temporal,
    ...options,
    telephony: createTelephony({
      db,
      log: logger,
      decryptSecret: (stored) => secrets.decrypt(stored),
      trustedApiUrl: config.mangoApiUrl,
    }),
    uiDirectory: UI_DIRECTORY,
    isStopping: () => state.stopping,
    isPrepared: () => state.prepared,
  };
  const whole = assemble(deps, intake, tracing);
  const server = createHttpServer(whole.app, logger);
  const port = await listen(server, config.port);
  const preparing = prepare(db, config, secrets, logger, () => state.stopping).then(() => (state.prepared = true));
  logger.info({ port }, 'API is listening');
  return {
    port,
    async stop() {
      state.stopping = true;
      await delay(DRAIN_MS);
      await events.close();
      await close(server);
      await preparing;
      await Promise.all([db.destroy(), intake.end(), whole.close(), temporal.close(), tracing?.stop()]);
      logger.info('API has stopped');
    },
  };
}

async function main(): Promise<void> {
  keepHeapSmall();
  const running = await startServer(readConfig(process.env));
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    running.stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main().catch((error: unknown) => {
    createLogger('api').fatal({ err: error }, 'the API cannot run');
    process.exit(1);
  });
}
