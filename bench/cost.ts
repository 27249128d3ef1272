import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import type { Stage } from './stage.ts';

/** What has been used so far; the difference of two is what lay between. */
export interface Usage {
  readonly statements: number;
  readonly transactions: number;
  readonly rowsWritten: number;
  readonly walBytes: number;
  readonly postgresBytes: number;
  readonly temporalBytes: number;
}

const bytesIn = (folder: string): number =>
  readdirSync(folder)
    .map((name) => statSync(join(folder, name)))
    .reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0);

const USAGE_SQL = `select
  (select coalesce(sum(calls), 0) from pg_stat_statements where toplevel and query !~* '^(begin|commit|rollback)') as statements,
  (select xact_commit from pg_stat_database where datname = current_database()) as transactions,
  (select tup_inserted + tup_updated + tup_deleted from pg_stat_database where datname = current_database()) as "rowsWritten",
  pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') as "walBytes",
  pg_database_size(current_database()) as "postgresBytes"`;

/** Everything the whole product has used of its stores. Postgres tells with up to a second's delay. */
export async function usageOf(stage: Stage): Promise<Usage> {
  const { rows } = await stage.db.raw<{ rows: Omit<Usage, 'temporalBytes'>[] }>(USAGE_SQL);
  const numbers = Object.fromEntries(Object.entries(rows[0] ?? {}).map(([name, value]) => [name, Number(value)]));
  return { ...(numbers as unknown as Omit<Usage, 'temporalBytes'>), temporalBytes: bytesIn(stage.temporalFolder) };
}

export function usagePerCall(before: Usage, after: Usage, calls: number): Usage {
  const of = (name: keyof Usage): number => Math.round(((after[name] - before[name]) / calls) * 10) / 10;
  return {
    statements: of('statements'),
    transactions: of('transactions'),
    rowsWritten: of('rowsWritten'),
    walBytes: Math.round(of('walBytes')),
    postgresBytes: Math.round(of('postgresBytes')),
    temporalBytes: Math.round(of('temporalBytes')),
  };
}

const TABLES_SQL = `select relname as name, pg_total_relation_size(oid)::text as bytes from pg_class
  where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace and not relispartition`;

/** What each table takes with its indexes, in bytes. */
export async function tableSizes(stage: Stage): Promise<ReadonlyMap<string, number>> {
  const { rows } = await stage.db.raw<{ rows: { name: string; bytes: string }[] }>(TABLES_SQL);
  return new Map(rows.map(({ name, bytes }) => [name, Number(bytes)]));
}

/** The tables that grew most, dearest first, in bytes a call. */
export function tableGrowth(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>, calls: number) {
  return [...after]
    .map(([name, bytes]) => ({ name, bytes: Math.round((bytes - (before.get(name) ?? 0)) / calls) }))
    .filter(({ bytes }) => bytes >= 500)
    .sort((a, b) => b.bytes - a.bytes);
}

export interface HistoryCost {
  readonly events: number;
  readonly workflowTasks: number;
  readonly signals: number;
  readonly activities: number;
  readonly localActivities: number;
  readonly timers: number;
}

const TYPES = proto.temporal.api.enums.v1.EventType;

/** What the histories of some ended calls hold, on average; any of them, as the last of a round have the machine to themselves. */
export async function historyCost(stage: Stage, phones: string, sample: number): Promise<HistoryCost> {
  const { rows } = await stage.db.raw<{ rows: { workflow_id: string }[] }>(
    `select workflow_id from calls where state = 'over' and phone like ? order by random() limit ?`,
    [`+${phones}%`, sample],
  );
  const connection = await Connection.connect({ address: stage.temporalAddress });
  const client = new Client({ connection });
  const types: unknown[] = [];
  for (const { workflow_id } of rows) {
    const history = await client.workflow.getHandle(workflow_id).fetchHistory();
    for (const { eventType } of history.events ?? []) types.push(eventType);
  }
  await connection.close();
  const mean = (isOne: (type: unknown) => boolean): number => Math.round((types.filter(isOne).length / rows.length) * 10) / 10;
  return {
    events: mean(() => true),
    workflowTasks: mean((type) => type === TYPES.EVENT_TYPE_WORKFLOW_TASK_COMPLETED),
    signals: mean((type) => type === TYPES.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED),
    activities: mean((type) => type === TYPES.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED),
    localActivities: mean((type) => type === TYPES.EVENT_TYPE_MARKER_RECORDED),
    timers: mean((type) => type === TYPES.EVENT_TYPE_TIMER_STARTED),
  };
}
