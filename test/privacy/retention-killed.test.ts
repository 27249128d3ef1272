import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { withClient } from '../../run/postgres-server.ts';
import { eventually } from '../support/live-call.ts';
import { startCrashableDatabase, startProcesses, type CrashableDatabase, type RunningProcesses } from '../support/processes.ts';
import { dumpOf, linesWith } from './dump.ts';

let database: CrashableDatabase;
let processes: RunningProcesses;
let temporal: Connection;
let integrationId: string;
beforeAll(async () => {
  database = await startCrashableDatabase();
  await holdSecondBatches();
  processes = await startProcesses(database);
  temporal = await Connection.connect({ address: processes.temporalAddress });
  ({ id: integrationId } = (await database.db('integrations').first('id')) as { id: string });
}, 120_000);
/** Of a test that failed half-way. */
const held: { release(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of held.splice(0)) await one.release();
});
afterAll(async () => {
  await temporal.close();
  await processes.stop();
}, 60_000);

const PATIENCE_MS = 120_000;
/** What is too old makes two batches of each kind; the second ones can be known by their counts. */
const RECORDINGS = { whole: 200, rest: 50 };
const EVENTS = { whole: 1_000, rest: 100 };

/** A trigger that waits, while a test holds a lock of that name, in the middle of the transaction that removes and notes a batch. */
async function holdSecondBatches(): Promise<void> {
  await database.db.raw(`
    create function wait_at_log() returns trigger language plpgsql as $$ begin
      perform pg_advisory_xact_lock_shared(hashtext(c ->> 'category' || ' ' || (c ->> 'count')))
        from jsonb_array_elements(new.categories) c;
      return new; end $$;
    create trigger wait_at_log before insert on destruction_log for each row execute function wait_at_log();`);
}

/** Holds a lock until `release`, or until Postgres goes down under it. */
async function hold(name: string): Promise<{ reached(): Promise<unknown>; release(): Promise<void> }> {
  const connectionString = database.serverUrl.replace(/postgres$/, 'trubka');
  const client = new pg.Client({ connectionString, application_name: 'holder' });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('select pg_advisory_lock(hashtext($1))', [name]);
  const waiting = (): Promise<number> =>
    withClient(database.serverUrl, async (other) => {
      const { rows } = await other.query(`select count(*)::int as n from pg_locks where locktype = 'advisory' and not granted`);
      return rows[0].n as number;
    });
  const hold = {
    reached: () => eventually(waiting, (n) => n > 0, PATIENCE_MS),
    release: () => client.end().catch(() => undefined),
  };
  held.push(hold);
  return hold;
}

const daysAgo = (days: number): Date => new Date(Date.now() - days * 86_400_000);
const fileOf = (id: string): string => join(processes.dataDir, 'recordings', id.slice(0, 2), id.slice(2, 4), `${id}.audio`);

/** Recordings on the disk, their paths. */
async function recordings(count: number, days: number): Promise<string[]> {
  const { db } = database;
  const [call] = (await db('calls').insert({ integration_id: integrationId, entry_id: randomUUID(), state: 'over' }, ['id'])) as {
    id: string;
  }[];
  const rows = Array.from({ length: count }, () => ({ call_id: call?.id, recording_id: randomUUID() }));
  const facts = { state: 'ready', bytes: 5, ready_at: daysAgo(days) };
  const made = (await db('recordings').insert(
    rows.map((row) => ({ ...row, ...facts })),
    ['id'],
  )) as { id: string }[];
  const files = made.map(({ id }) => fileOf(id));
  for (const file of files) {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, 'audio');
  }
  return files;
}

/** Events that were delivered so long ago, each of which names that number. */
async function events(count: number, days: number, number: string): Promise<void> {
  const at = daysAgo(days);
  const body = JSON.stringify({ entry_id: 'ZTE=', call_state: 'Appeared', from: { number }, to: { extension: '101' } });
  const facts = { source: 'pbx', integration_id: integrationId, entry: 'ZTE=', path: '/events/call', verdict: 'delivered' };
  const rows = Array.from({ length: count }, () => ({
    ...{ ...facts, key: randomUUID(), body, raw: body, received_at: at, delivered_at: at },
  }));
  await database.db.batchInsert('inbox', rows, 500);
}

const STRIKES: readonly [string, () => Promise<void>][] = [
  ['worker', () => processes.kill('worker')],
  ['API', () => processes.kill('api')],
  ['Temporal', () => processes.kill('temporal')],
  ['database', () => database.crash()],
];

test.each(STRIKES)(
  'a run of retention amid which the %s is killed, twice, comes to its end: all of it gone, nothing else, each batch in the log once',
  async (what, strike) => {
    const { db } = database;
    const at = STRIKES.findIndex(([name]) => name === what);
    const [oldNumber, youngNumber] = [`7909765500${at}`, `7909765600${at}`];
    const old = await recordings(RECORDINGS.whole + RECORDINGS.rest, 400);
    const young = await recordings(3, 300);
    await events(EVENTS.whole + EVENTS.rest, 31, oldNumber);
    await events(3, 29, youngNumber);
    await db('sign_in_attempts').insert({ email: `${randomUUID()}@test.local`, address: '127.0.0.1', at: daysAgo(2) });
    const noted = async (): Promise<string[]> => {
      const lines = (await db('destruction_log').where({ cause: 'retention' }).orderBy('id')) as {
        categories: { category: string; count: number }[];
      }[];
      return lines.flatMap(({ categories }) => categories.map(({ category, count }) => `${category} ${count}`));
    };
    const before = (await noted()).length;
    const client = new Client({ connection: temporal });
    const completed = async (): Promise<number> => {
      const query = 'WorkflowType = "retention" and ExecutionStatus = "Completed"';
      return (await client.workflow.count(query).catch(() => ({ count: 0 }))).count;
    };
    const runs = await completed();

    const atRecordings = await hold(`recordings ${RECORDINGS.rest}`);
    const atEvents = await hold(`raw_events ${EVENTS.rest}`);
    await client.schedule.getHandle('retention').trigger();
    await atRecordings.reached();
    expect((await noted()).slice(before)).toEqual([`recordings ${RECORDINGS.whole}`]);
    // Of the batch that is under way nothing is gone that is not noted.
    expect(old.filter(existsSync)).toHaveLength(RECORDINGS.rest);
    await strike();
    await atRecordings.release();
    await processes.healed();
    if (what !== 'database') {
      await atEvents.reached();
      expect(old.filter(existsSync)).toEqual([]);
      await strike();
    }
    await atEvents.release();
    await processes.healed();

    await eventually(completed, (count) => count > runs, PATIENCE_MS);
    expect((await noted()).slice(before)).toEqual([
      ...[`recordings ${RECORDINGS.whole}`, `recordings ${RECORDINGS.rest}`],
      ...[`raw_events ${EVENTS.whole}`, `raw_events ${EVENTS.rest}`, 'sign_in_attempts 1'],
    ]);
    expect(old.filter(existsSync)).toEqual([]);
    expect(young.filter(existsSync)).toEqual(young);
    expect(await db('recordings').where({ state: 'ready' }).where('ready_at', '<', daysAgo(365))).toEqual([]);
    const dump = await dumpOf(db);
    expect(linesWith(dump, oldNumber)).toEqual([]);
    expect(linesWith(dump, youngNumber)).toHaveLength(3);
  },
  300_000,
);
