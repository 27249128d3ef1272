import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection, isGrpcServiceError } from '@temporalio/client';
import { readStartConfig, type StartConfig } from '../db/config.ts';
import { createPool } from '../db/pool.ts';
import { DUMP, MANIFEST, splitPassword, type Manifest } from './backup.ts';
import { runAsProgram, say, StartError } from './console.ts';
import { copyTree } from './copy-tree.ts';
import { PASSAGE } from './data-dir.ts';
import { rebuildOpenCalls } from './rebuild-calls.ts';

/** `NOT_FOUND` of gRPC. */
const NOT_FOUND = 5;
const FORGOTTEN_WITHIN_MS = 60_000;

/** Puts a backup into a new DATA_DIR (and, if it holds a dump, into the empty database of DATABASE_URL). Start Trubka afterwards. */
export async function restore(
  from: string,
  config: Pick<StartConfig, 'dataDir' | 'databaseUrl' | 'temporal'>,
): Promise<Manifest> {
  const manifest = manifestOf(from);
  const { dataDir, databaseUrl } = config;
  if (existsSync(dataDir) && readdirSync(dataDir).length > 0) {
    throw new StartError(`${dataDir} is not empty: move it away first, and keep it until the restored system has proved itself`);
  }
  if (manifest.database === 'dump' && databaseUrl === undefined) {
    throw new StartError('This backup holds a dump of a database of your own: name an empty one in DATABASE_URL');
  }
  mkdirSync(dataDir, { recursive: true, mode: PASSAGE });
  copyTree(from, dataDir, (path) => path === MANIFEST || path === DUMP);
  if (manifest.database === 'dump') load(join(from, DUMP), databaseUrl ?? '');
  if (databaseUrl !== undefined && config.temporal) await forgetCallsInFlight({ databaseUrl, temporal: config.temporal });
  return manifest;
}

function manifestOf(from: string): Manifest {
  try {
    return JSON.parse(readFileSync(join(from, MANIFEST), 'utf8')) as Manifest;
  } catch {
    throw new StartError(`${from} is no finished backup: it has no ${MANIFEST}`);
  }
}

function load(file: string, databaseUrl: string): void {
  const { url, password } = splitPassword(databaseUrl);
  try {
    execFileSync('pg_restore', ['--no-owner', '--no-privileges', '--exit-on-error', `--dbname=${url}`, file], {
      env: { ...process.env, PGPASSWORD: password },
      stdio: ['ignore', 'inherit', 'pipe'],
    });
  } catch (error) {
    const { code, stderr } = error as { code?: string; stderr?: Buffer };
    const why = code === 'ENOENT' ? 'pg_restore is not installed' : (stderr?.toString().trim() ?? String(error));
    throw new StartError(`The dump could not be loaded into DATABASE_URL, which must be an empty database: ${why}`);
  }
}

/**
 * A Temporal that was not set back remembers calls as they stood later than the database does: their workflows believe in tickets that are
 * gone. All of them are ended; those of calls that the database thinks open are forgotten altogether, so that the inbox can make them again.
 */
export async function forgetCallsInFlight(where: {
  readonly databaseUrl: string;
  readonly temporal: NonNullable<StartConfig['temporal']>;
}): Promise<number> {
  const { namespace, ...address } = where.temporal;
  const connection = await Connection.connect(address);
  const db = createPool(where.databaseUrl, { max: 1 });
  try {
    const { workflow } = new Client({ connection, namespace });
    const running = workflow.list({ query: `ExecutionStatus = "Running" and WorkflowType in ("call", "callback")` });
    for await (const { workflowId, runId } of running) {
      await workflow.getHandle(workflowId, runId).terminate('The database was restored from a backup');
    }
    const rows = await rebuildOpenCalls(db);
    const open = (await db('calls').whereNot({ state: 'over' }).whereNotNull('workflow_id').pluck('workflow_id')) as string[];
    for (const workflowId of open) await forget(connection, namespace, workflowId);
    return rows;
  } finally {
    await db.destroy();
    await connection.close();
  }
}

/** Temporal deletes in the background: only then is the name free again. */
async function forget(connection: Connection, namespace: string, workflowId: string): Promise<void> {
  const deadline = Date.now() + FORGOTTEN_WITHIN_MS;
  while (Date.now() < deadline) {
    try {
      await connection.workflowService.deleteWorkflowExecution({ namespace, workflowExecution: { workflowId } });
    } catch (error) {
      if (isGrpcServiceError(error) && Number(error.code) === NOT_FOUND) return;
      throw error;
    }
    await delay(100);
  }
  throw new StartError(`Temporal does not forget the workflow ${workflowId}: restore into a new namespace (TEMPORAL_NAMESPACE)`);
}

const USAGE = `Say where from: DATA_DIR=/new/place npm run restore -- /backups/2026-01-31
Or, when database and files have been put back by other means: npm run restore -- --calls
(makes the calls in flight anew in Temporal; API and worker must not run).`;

async function main(args: readonly string[]): Promise<void> {
  const [from, ...more] = args;
  if (from === undefined || more.length > 0 || (from.startsWith('-') && from !== '--calls')) throw new StartError(USAGE);
  const config = readStartConfig(process.env);
  if (from === '--calls') {
    const { databaseUrl, temporal } = config;
    if (databaseUrl === undefined || temporal === undefined) throw new StartError('Set DATABASE_URL and TEMPORAL_ADDRESS');
    say(`${await forgetCallsInFlight({ databaseUrl, temporal })} events of calls in flight will be delivered again.`);
    return;
  }
  const { madeAt } = await restore(resolve(from), config);
  say(
    `Restored the backup of ${madeAt} into ${config.dataDir}. Start Trubka with this DATA_DIR; what came later is read from the PBX's statistics.`,
  );
}

await runAsProgram(import.meta.url, main);
