import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker, type WorkflowBundleOption } from '@temporalio/worker';
import { connectsAgainSoon, readConfig, type Config } from '../db/config.ts';
import { createLogger, type Logger } from '../db/log.ts';
import { createPool, type Db } from '../db/pool.ts';
import { openSecrets, type Secrets } from '../db/secrets.ts';
import { keepHeapSmall } from '../db/small-heap.ts';
import { startTracing } from '../db/tracing.ts';
import { TASK_QUEUE } from '../workflows/task-queue.ts';
import { createCommandSteps } from './commands.ts';
import { createCallSteps } from './decisions/index.ts';
import { createDispatcher } from './dispatcher/index.ts';
import { startFactsRefresher } from './facts-refresher.ts';
import { startOperatorRefresher } from './operator-refresher.ts';
import { createPrivacySteps } from './privacy.ts';
import { beating } from './heartbeat.ts';
import { createReconcileSteps } from './reconcile.ts';
import { createMendSteps } from './mend-calls.ts';
import { createRecordingSteps } from './recordings/index.ts';
import { limitsOf } from './call-limits.ts';
import { ensureSchedules } from './schedules.ts';
import { logSteps } from './step-log.ts';
import { createStreamRetention } from './stream-retention.ts';
import { registerSearchAttributes } from './search-attributes.ts';
import { traceTemporal, workflowTracingModules } from './temporal-tracing.ts';
import { createTelephony, type Telephony } from './telephony/telephony.ts';

const COMMAND_PATIENCE_MS = 5_000;
/** Calls kept in memory between two events, a fifth of a megabyte each; of any other the history is read again when something comes. */
const MOST_CACHED_WORKFLOWS = 300;

interface StepDeps {
  readonly db: Db;
  readonly config: Config;
  readonly log: Logger;
}

const secretsOf = (config: Config): Secrets => openSecrets({ dataDir: config.dataDir, secretKey: config.secretKey });

function openTelephony({ db, config, log }: StepDeps, secrets: Secrets): Telephony {
  const decryptSecret = (stored: Buffer): string => secrets.decrypt(stored);
  return createTelephony({ db, log, decryptSecret, trustedApiUrl: config.mangoApiUrl });
}

/** Everything the workflows' steps do to the world, with its dependencies handed out. */
export function createSteps(deps: StepDeps) {
  const { db, config, log } = deps;
  const secrets = secretsOf(config);
  const telephony = openTelephony(deps, secrets);
  return {
    ...createCallSteps({ db }),
    ...createCommandSteps({ db, log, telephony, patienceMs: COMMAND_PATIENCE_MS }),
    ...beating({
      ...createRecordingSteps({ db, log, telephony, dataDir: config.dataDir }),
      ...createReconcileSteps({ db, log, telephony }),
      ...createStreamRetention({ db }),
      ...createPrivacySteps({ db, log, secrets, dataDir: config.dataDir }),
    }),
  };
}

export interface RunningWorker {
  /** Finishes what is under way and closes what it opened. */
  stop(): Promise<void>;
  /** Settles when the worker has stopped, and fails if it died. */
  readonly done: Promise<void>;
}

/** Starts a worker and its dispatcher; several may run side by side. */
export async function startWorker(options: {
  readonly config: Config;
  readonly taskQueue?: string;
  readonly workflowBundle?: WorkflowBundleOption;
  readonly maxCachedWorkflows?: number;
  /** Whether this worker sees to it that reconciliation and upkeep are scheduled. */
  readonly schedules?: boolean;
}): Promise<RunningWorker> {
  const { config } = options;
  const log = createLogger('worker');
  const taskQueue = options.taskQueue ?? TASK_QUEUE;
  const db = createPool(config.databaseUrl, { max: 20, prepared: true });
  const tracing = await startTracing('trubka-worker', config.otlpEndpoint);
  tracing?.watchQueries(db);
  const temporalTracing = tracing && (await traceTemporal(tracing));
  const connection = await connectPatiently(config, log);
  const { namespace, ...address } = config.temporal;
  await registerSearchAttributes(config.temporal);
  const clientConnection = Connection.lazy({ ...address, ...connectsAgainSoon });
  const client = new Client({
    connection: clientConnection,
    namespace,
    ...(temporalTracing ? { plugins: [temporalTracing.client] } : {}),
  });
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue,
    // Traced workflows need a bundle with the tracing in it: one built beforehand has none.
    workflowBundle: temporalTracing ? await bundle(log, true) : (options.workflowBundle ?? (await bundle(log))),
    ...(temporalTracing ? { plugins: [temporalTracing.worker] } : {}),
    activities: logSteps(
      {
        ...createSteps({ db, config, log }),
        ...beating(createMendSteps({ db, log, client, taskQueue, limits: limitsOf(config), deadlineMs: 5_000 })),
      },
      log,
    ),
    maxConcurrentActivityTaskExecutions: 16,
    maxConcurrentLocalActivityExecutions: 32,
    maxCachedWorkflows: options.maxCachedWorkflows ?? MOST_CACHED_WORKFLOWS,
    // A worker that was killed keeps what was meant for it alone for so long, and an agent waits.
    stickyQueueScheduleToStartTimeout: '5s',
    shutdownGraceTime: '6s',
    shutdownForceTime: '9s',
  });
  const dispatcher = createDispatcher({
    db,
    temporalClient: client,
    log: createLogger('dispatcher'),
    config,
    taskQueue,
    tracing,
  });
  await dispatcher.start();
  const factsRefresher = startFactsRefresher({ db, log });
  const operatorRefresher = startOperatorRefresher({ db, log, telephony: openTelephony({ db, config, log }, secretsOf(config)) });
  if (options.schedules) await ensureSchedules(client, taskQueue);
  const run = async (): Promise<void> => {
    try {
      await worker.run();
    } finally {
      await dispatcher.stop();
      await factsRefresher.stop();
      await operatorRefresher.stop();
      await clientConnection.close();
      await connection.close();
      await db.destroy();
      await tracing?.stop();
    }
  };
  const done = run();
  log.info({ taskQueue }, 'Worker is running');
  return {
    async stop() {
      await dispatcher.stop();
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await done;
    },
    done,
  };
}

async function bundle(log: Logger, traced = false): Promise<WorkflowBundleOption> {
  const prebuilt = process.env['WORKFLOW_BUNDLE'];
  if (!traced && prebuilt && existsSync(prebuilt)) return { codePath: prebuilt };
  const started = Date.now();
  const { bundleWorkflows } = await import('./workflow-bundle.ts');
  const code = await bundleWorkflows({ interceptors: traced ? workflowTracingModules() : [] });
  log.info({ ms: Date.now() - started }, 'Workflows bundled');
  return { code };
}

/** At boot Temporal may come up later than the worker: tried until it is there. */
async function connectPatiently(config: Config, log: Logger): Promise<NativeConnection> {
  const { namespace: _namespace, ...address } = config.temporal;
  for (let attempt = 1; ; attempt++) {
    try {
      return await NativeConnection.connect(address);
    } catch (error) {
      if (attempt === 1 || attempt % 10 === 0) log.warn({ attempt, reason: String(error) }, 'Temporal cannot be reached yet');
      await delay(Math.min(5_000, 200 * attempt));
    }
  }
}

/** Whoever stops us kills what is not gone after ten seconds. */
const LEAVES_WITHIN_MS = 9_500;

async function main(): Promise<void> {
  keepHeapSmall();
  const config = readConfig(process.env);
  const metrics = config.workerMetricsAddress && { prometheus: { bindAddress: config.workerMetricsAddress } };
  Runtime.install({
    logger: new DefaultLogger('WARN'),
    shutdownSignals: [],
    ...(metrics ? { telemetryOptions: { metrics } } : {}),
  });
  const running = await startWorker({ config, schedules: true });
  const stop = (): void => {
    // A statement that waits for a lock ends later than we may: the task it belongs to is done again by another worker.
    setTimeout(() => {
      createLogger('worker').warn('Leaves with work under way');
      process.exit(0);
    }, LEAVES_WITHIN_MS).unref();
    void running.stop();
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  await running.done;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main().then(
    () => process.exit(0),
    (error: unknown) => {
      createLogger('worker').fatal(
        { error: String(error), stack: error instanceof Error ? error.stack : undefined },
        'The worker cannot run',
      );
      process.exit(1);
    },
  );
}
