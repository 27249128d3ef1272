import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { startPostgres, type RunningPostgres } from '../../run/postgres.ts';
import { endProcess, identify } from '../../run/processes.ts';
import { migrateSealed } from '../../run/sealed-logs.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let dataDir: string;
let running: RunningPostgres | undefined;

beforeAll(() => void (dataDir = mkdtempSync(join(tmpdir(), 'trubka-pg-'))));
afterEach(async () => {
  await running?.stop();
  running = undefined;
});
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

const directory = (): string => join(dataDir, 'postgres');
const pidFile = (): string => join(directory(), '17/postmaster.pid');

async function start(): Promise<RunningPostgres> {
  running = await startPostgres({ directory: directory(), durable: true });
  return running;
}

async function ask<T>(sql: string, url = running?.databaseUrl ?? '', values: readonly string[] = []): Promise<T | undefined> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<{ answer: T }>(sql, [...values]);
    return rows[0]?.answer;
  } finally {
    await client.end();
  }
}

test('it is durable, on loopback only, without a socket file, and the service’s role is no superuser', async () => {
  const { serverUrl } = await start();
  expect(await ask(`select current_setting('fsync') || current_setting('synchronous_commit') as answer`)).toBe('onon');
  expect(await ask(`select current_setting('listen_addresses') as answer`)).toBe('127.0.0.1');
  expect(await ask(`select current_setting('unix_socket_directories') as answer`, serverUrl)).toBe('');
  expect(await ask(`select rolsuper as answer from pg_roles where rolname = current_user`)).toBe(false);
});

test('Russian text is matched whatever its case, and found by its middle', async () => {
  await start();
  expect(await ask(`select lower('ЩУКА') as answer`)).toBe('щука');
  await ask('create extension pg_trgm');
  expect(await ask(`select cardinality(show_trgm('щука')) as answer`)).toBeGreaterThan(2);
});

test('a postmaster.pid that names a process of somebody else is no obstacle', async () => {
  await (await start()).stop();
  writeFileSync(pidFile(), `${process.pid}\n${directory()}/17\n1700000000\n5432\n\n127.0.0.1\n`);
  await start();
  expect(await ask('select 1 as answer')).toBe(1);
});

test('a postmaster that outlived its parent is ended before a new one starts on the same files', async () => {
  const orphan = await start();
  const pid = Number(readFileSync(pidFile(), 'utf8').split('\n')[0]);
  const identity = identify(pid);
  if (!identity) throw new Error('Postgres does not run');
  const successor = await startPostgres({ directory: directory(), durable: true });
  await orphan.stop();
  expect(identify(pid)).not.toEqual(identity);
  running = successor;
});

test('killed in the middle of work it comes back by itself with what was committed', async () => {
  const { service } = await start();
  await ask('create table kept as select 1 as answer');
  const identity = identify(service.pid ?? 0);
  if (!identity) throw new Error('Postgres does not run');
  await endProcess(identity, 'SIGKILL', 0);
  await expect.poll(() => ask('select answer from kept').catch(() => undefined), { timeout: 20_000 }).toBe(1);
});

test('no statement and no value gets into its log', async () => {
  await start();
  await ask(`create table people (phone text unique)`);
  await ask(`insert into people values ('+79120000001')`);
  await expect(ask(`insert into people values ('+79120000001')`)).rejects.toThrow(/duplicate key/);
  await expect(ask(`select '+79120000001' from nowhere`)).rejects.toThrow(/does not exist/);
  // Given apart from the statement: Postgres can be told to write them beside the errors that they led to.
  await expect(ask(`insert into people values ($1)`, undefined, ['+79120000001'])).rejects.toThrow(/duplicate key/);
  await ask(`alter table people add check (phone = '') not valid`);
  await expect(ask(`insert into people values ($1)`, undefined, ['+79120000002'])).rejects.toThrow(/violates check constraint/);
  for (const name of ['log_parameter_max_length', 'log_parameter_max_length_on_error']) {
    expect(await ask(`select current_setting('${name}') as answer`), name).toBe('0');
  }
  await running?.stop();
  running = undefined;
  const log = readFileSync(join(directory(), 'postgres.log'), 'utf8');
  expect(log.match(/duplicate key|violates check constraint/g)).toHaveLength(3);
  expect(log).not.toMatch(/7912000000[12]|parameters/);
});

test('the audit and destruction logs are only read and added to by the service’s role, whatever it tries; migrations change them', async () => {
  const { databaseUrl } = await start();
  expect((await migrateSealed(running as RunningPostgres)).length).toBeGreaterThan(30);
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const rows = async (table: string) => (await client.query(`select * from ${table} order by id`)).rows;
    await client.query(`insert into agents (full_name, email, role) values ('Анна', 'anna@x.example', 'agent')`);
    await client.query(`insert into audit_log (action, agent_id) select 'session.started', id from agents`);
    await client.query(`insert into audit_log (action, at) values ('session.started', '2001-01-01')`);
    await client.query(`insert into destruction_log (cause, reason, categories) values ('retention', 'term_over', '[]')`);
    for (const table of ['audit_log', 'destruction_log']) {
      const before = await rows(table);
      expect(before.length).toBeGreaterThan(0);
      for (const attempt of [
        `update ${table} set at = now()`,
        `delete from ${table}`,
        `truncate ${table}`,
        `truncate agents cascade; truncate ${table} cascade`,
        `alter table ${table} disable trigger all`,
        `alter table ${table} disable trigger user`,
        `drop trigger ${table}_append_only on ${table}`,
        `alter table ${table} owner to current_user`,
        `alter table ${table} rename to ${table}_gone`,
        `alter table ${table} set schema pg_catalog`,
        `drop table ${table} cascade`,
        `drop schema public cascade`,
        `alter schema public owner to current_user`,
        `grant all on ${table} to current_user; update ${table} set at = now()`,
        `create rule none as on insert to ${table} do instead nothing`,
        `create trigger first before insert on ${table} for each row execute function refuse_change()`,
        `set session_replication_role = replica`,
        `set role postgres`,
      ])
        await expect(client.query(attempt), attempt).rejects.toThrow(/must be owner|permission denied/);
      expect(await rows(table)).toEqual(before);
    }
  } finally {
    await client.end();
  }
  // The next start: whatever comes then may own them, and is sealed as before.
  expect(await migrateSealed(running as RunningPostgres)).toEqual([]);
  await expect(ask('delete from audit_log')).rejects.toThrow('permission denied');
  expect(await ask(`select count(*)::int as answer from audit_log`)).toBe(2);
});
