import { existsSync } from 'node:fs';
import { mkdir, rename, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Erasure } from '../../api/contract/privacy.ts';
import { withClient } from '../../run/postgres-server.ts';
import { eventually } from '../support/live-call.ts';
import { startCrashableDatabase, startProcesses, type CrashableDatabase, type RunningProcesses } from '../support/processes.ts';
import type { Visitor } from '../support/product.ts';
import { dumpOf, linesWith } from './dump.ts';

let database: CrashableDatabase;
let processes: RunningProcesses;
let admin: Visitor;
let temporal: Connection;
beforeAll(async () => {
  database = await startCrashableDatabase();
  await holdWhatIsErased();
  processes = await startProcesses(database, { CALL_SETTLE_SECONDS: '2', RECORDING_WAIT_SECONDS: '3' });
  await database.db('agents').where({ email: 'anna@demo.local' }).update({ role: 'admin' });
  admin = await processes.signIn('anna@demo.local');
  temporal = await Connection.connect({ address: processes.temporalAddress });
}, 120_000);
afterAll(async () => {
  await temporal.close();
  await processes.stop();
}, 60_000);

const PATIENCE_MS = 120_000;

/** Triggers that wait while a test holds a lock of that name: the middle of the rows, and just before the line in the log. */
async function holdWhatIsErased(): Promise<void> {
  await database.db.raw(`
    create function wait_at_rows() returns trigger language plpgsql as $$ begin
      perform pg_advisory_xact_lock_shared(hashtext('rows ' || t.customer_id)) from tickets t where t.id = new.ticket_id;
      return new; end $$;
    create trigger wait_at_rows before update of body on messages for each row execute function wait_at_rows();
    create function wait_at_log() returns trigger language plpgsql as $$ begin
      perform pg_advisory_xact_lock_shared(hashtext('log ' || coalesce(new.subject_id::text, new.cause)));
      return new; end $$;
    create trigger wait_at_log before insert on destruction_log for each row execute function wait_at_log();`);
}

/** Holds locks until `release`, or until Postgres goes down under it. */
async function hold(
  ...names: readonly string[]
): Promise<{ waiting(count: number): Promise<unknown>; release(): Promise<void> }> {
  const client = new pg.Client({
    connectionString: database.serverUrl.replace(/postgres$/, 'trubka'),
    application_name: 'holder',
  });
  client.on('error', () => undefined);
  await client.connect();
  for (const name of names) await client.query('select pg_advisory_lock(hashtext($1))', [name]);
  const waiting = (): Promise<number> =>
    withClient(database.serverUrl, async (other) => {
      const { rows } = await other.query(`select count(*)::int as n from pg_locks where locktype = 'advisory' and not granted`);
      return rows[0].n as number;
    });
  return {
    waiting: (count) => eventually(waiting, (n) => n >= count, PATIENCE_MS),
    release: () => client.end().catch(() => undefined),
  };
}

interface Person {
  readonly id: string;
  readonly phone: string;
  readonly recordingId: string;
  readonly file: string;
}
let counter = 0;
const idOf = async (customerId: string): Promise<string> => {
  const rows = (await database
    .db('recordings as r')
    .join('calls as c', 'c.id', 'r.call_id')
    .where({ 'c.customer_id': customerId, 'r.state': 'ready' })
    .whereNot({ 'c.state': 'open' })
    .select('r.id')) as { id: string }[];
  return rows[0]?.id ?? '';
};
const fileOf = (id: string): string => join(processes.dataDir, 'recordings', id.slice(0, 2), id.slice(2, 4), `${id}.audio`);

/** Customers with a talk each, its recording on the disk. */
async function talkedWith(count: number, fullName = 'Евгений Баратынский', body = 'Слова'): Promise<readonly Person[]> {
  const people: Pick<Person, 'id' | 'phone'>[] = [];
  for (let made = 0; made < count; made++) {
    const phone = `+7909${String(7_660_000 + ++counter)}`;
    const { id } = await admin.post<{ id: string }>('/api/customers', {
      fullName: `${fullName} ${counter}`,
      phones: [phone],
    });
    const call = processes.pbx.incoming({ from: phone });
    await call.ring('101');
    await call.answer('101');
    await call.pass(12);
    await call.hangUp();
    await call.finish();
    people.push({ id, phone });
  }
  const whole: Person[] = [];
  for (const person of people) {
    const recordingId = await eventually(
      () => idOf(person.id),
      (id) => id !== '',
      PATIENCE_MS,
    );
    const file = fileOf(recordingId);
    expect(existsSync(file)).toBe(true);
    await database
      .db('messages')
      .whereIn('ticket_id', database.db('tickets').where({ customer_id: person.id }).select('id'))
      .update({ body });
    whole.push({ ...person, recordingId, file });
  }
  return whole;
}

/** A directory in the place of the file: it cannot be removed for now. */
async function makeUnremovable(file: string): Promise<() => Promise<void>> {
  await rename(file, `${file}.kept`);
  await mkdir(file);
  return async () => {
    await rmdir(file);
    await rename(`${file}.kept`, file);
  };
}

test('a worker asked to leave finishes the step that it has under way, and is gone within ten seconds', async () => {
  const [person] = (await talkedWith(1)) as [Person];
  const held = await hold(`log ${person.id}`);
  const { id } = await admin.post<Erasure>(`/api/customers/${person.id}/erasure`, { reason: 'request', texts: 'erase' });
  await held.waiting(1);
  const askedAt = Date.now();
  const gone = processes.kill('worker', 'SIGTERM');
  await delay(1_500);
  await held.release();
  await gone;
  expect(Date.now() - askedAt).toBeLessThan(10_000);
  expect(await database.db('erasures').where({ id }).first('state')).toEqual({ state: 'done' });
  expect(await database.db('destruction_log').where({ erasure_id: id })).toHaveLength(1);
}, 120_000);

const FAULTS: readonly [string, () => Promise<void>][] = [
  ['the worker is killed', () => processes.kill('worker')],
  ['Postgres crashes', () => database.crash()],
  [
    'all connections to Postgres are cut',
    () =>
      withClient(database.serverUrl, async (client) => {
        await client.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
           where backend_type = 'client backend' and application_name <> 'holder' and pid <> pg_backend_pid()`,
        );
      }),
  ],
  [
    'Temporal hangs and is killed',
    async () => {
      await processes.freeze('temporal', 5_000);
      await processes.kill('temporal');
    },
  ],
];

test.each(FAULTS)(
  'erasures and retention under way come to their end when %s: nothing left, no file, one line each, counted once',
  async (_what, strike) => {
    const [inRows, atFile, atLog] = (await talkedWith(3)) as [Person, Person, Person];
    const [old] = (await talkedWith(1, 'Дельвиг', 'Остаётся')) as [Person];
    const { db } = database;
    await db('recordings')
      .where({ id: old.recordingId })
      .update({ ready_at: new Date(Date.now() - 400 * 86_400_000) });
    const ended = async (): Promise<number> => (await db('destruction_log').where({ cause: 'retention' })).length;
    const before = await ended();
    const held = await hold(`rows ${inRows.id}`, `log ${atLog.id}`, 'log retention');
    await new Client({ connection: temporal }).schedule.getHandle('retention').trigger();
    const makeRemovable = await makeUnremovable(atFile.file);
    const ordered: Erasure[] = [];
    for (const { id } of [inRows, atFile, atLog])
      ordered.push(await admin.post<Erasure>(`/api/customers/${id}/erasure`, { reason: 'request', texts: 'erase' }));
    await held.waiting(3);
    await eventually(
      () => idOf(atFile.id),
      (id) => id === '',
      PATIENCE_MS,
    );
    await strike();
    await held.release();
    await makeRemovable();
    await processes.healed();

    const ids = ordered.map(({ id }) => id);
    await eventually(
      async () => (await db('erasures').whereIn('id', ids).select('state')) as { state: string }[],
      (rows) => rows.length === 3 && rows.every(({ state }) => state === 'done'),
      PATIENCE_MS,
    );
    const texts = [inRows, atFile, atLog].map(({ phone }) => phone.slice(2));
    expect(linesWith(await dumpOf(db), ...texts, 'Баратынский', 'Слова')).toEqual([]);
    expect(await db('erasure_identifiers')).toEqual([]);
    for (const { file } of [inRows, atFile, atLog]) expect(existsSync(file)).toBe(false);
    const lines = (await db('destruction_log').whereIn('erasure_id', ids)) as { categories: unknown[] }[];
    expect(lines).toHaveLength(3);
    const once = ['profile', 'phones', 'calls', 'tickets', 'messages', 'recordings'].map((category) => ({ category, count: 1 }));
    for (const { categories } of lines) expect(categories).toEqual(expect.arrayContaining(once));

    await eventually(ended, (count) => count > before, PATIENCE_MS);
    await eventually(
      () => Promise.resolve(existsSync(old.file)),
      (there) => !there,
      PATIENCE_MS,
    );
    expect(await db('recordings').where({ id: old.recordingId }).first('reason')).toEqual({ reason: 'removed' });
    expect(await ended()).toBe(before + 1);
  },
  300_000,
);
