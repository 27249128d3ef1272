import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { freePort } from '../../run/ports.ts';
import { isRunning, type ProcessIdentity } from '../../run/processes.ts';
import { StartedTrubka } from './trubka.ts';

vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

let directory: string;
let dataDir: string;
let port: number;
const started: StartedTrubka[] = [];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'trubka-start-'));
  dataDir = join(directory, 'data');
  port = await freePort();
});

afterEach(async () => {
  for (const trubka of started.splice(0)) {
    trubka.kill('SIGTERM');
    await trubka.exitCode();
  }
  rmSync(directory, { recursive: true, force: true });
});

function start(env: NodeJS.ProcessEnv = {}): StartedTrubka {
  const trubka = new StartedTrubka({ PORT: String(port), DATA_DIR: dataDir, ...env });
  started.push(trubka);
  return trubka;
}

const READY = /Trubka is ready after ([\d.]+) s/;

interface Child extends ProcessIdentity {
  readonly name: string;
}

function children(): readonly Child[] {
  return (JSON.parse(readFileSync(join(dataDir, 'running.json'), 'utf8')) as { children: Child[] }).children;
}

async function startsSeen(): Promise<unknown> {
  return (await fetch(`http://127.0.0.1:${port}/`)).json();
}

test('start, stop and start again keeps the data, tells the passwords once and leaves no process behind', async () => {
  const first = start();
  await first.says(READY);
  const [, password = ''] = await first.says(/Admin: +admin@localhost +password (\S+)/);
  expect(readFileSync(join(dataDir, 'first-admin.txt'), 'utf8')).toContain(password);
  expect(statSync(join(dataDir, 'first-admin.txt')).mode & 0o777).toBe(0o600);
  expect(await startsSeen()).toEqual({ value: 1 });
  const running = children();
  expect(running.map(({ name }) => name).sort()).toEqual(['api', 'demo-pbx', 'postgres', 'temporal', 'worker']);

  const stopping = Date.now();
  first.kill('SIGTERM');
  expect(await first.exitCode()).toBe(0);
  expect(Date.now() - stopping).toBeLessThan(10_000);
  expect(running.filter(isRunning)).toEqual([]);

  const second = start();
  await second.says(READY);
  expect(second.output).not.toContain('password');
  expect(await startsSeen()).toEqual({ value: 2 });
});

test('a killed instance leaves nothing in the way of the next start', async () => {
  const first = start();
  await first.says(READY);
  const before = children();
  first.kill('SIGKILL');
  await first.exitCode();

  const second = start();
  await second.says(READY);
  expect(before.filter(isRunning)).toEqual([]);
  expect(await startsSeen()).toEqual({ value: 2 });
});

test('a second instance on the same DATA_DIR is refused in a sentence, and the first goes on', async () => {
  const first = start();
  await first.says(READY);
  const second = start({ PORT: String(await freePort()) });
  expect(await second.exitCode()).toBe(1);
  expect(second.output).toMatch(/^DATA_DIR is in use by another Trubka \(process \d+\): /);
  expect(await startsSeen()).toEqual({ value: 1 });
});

test('an instance that comes while the one before is still stopping waits for it', async () => {
  const first = start();
  await first.says(READY);
  first.kill('SIGTERM');
  await first.says(/Stopping/);
  const second = start();
  await second.says(READY);
  expect(await startsSeen()).toEqual({ value: 2 });
});

test('a child that dies is started again, and Postgres and Temporal too', async () => {
  const trubka = start();
  await trubka.says(READY);
  for (const { pid } of children().filter(({ name }) => ['postgres', 'temporal'].includes(name))) process.kill(pid, 'SIGKILL');
  await trubka.says(/postgres ended unexpectedly \(SIGKILL\)/);
  await trubka.says(/temporal ended unexpectedly \(SIGKILL\)/);
  await fetch(`http://127.0.0.1:${port}/die`).catch(() => undefined);
  await trubka.says(/api ended unexpectedly \(exit code 7\)/);
  await expect.poll(() => startsSeen().catch(() => undefined), { timeout: 20_000 }).toEqual({ value: 2 });
});

test('a taken port is told in a sentence, and everything is stopped again', async () => {
  const other = createServer().listen(port);
  const trubka = start();
  expect(await trubka.exitCode()).toBe(1);
  expect(trubka.output).toBe(
    `Port ${port} is taken by another program: stop it, or choose another port, for example PORT=${port + 1} npm start\n`,
  );
  await new Promise((resolve) => other.close(resolve));
});

test('an API that cannot start is told with its last words', async () => {
  const trubka = start({ STAND_IN_FAULT: 'the stars are not right' });
  expect(await trubka.exitCode()).toBe(1);
  expect(trubka.output).toMatch(/The api does not start\. Its last words, from .*api\.log:\n(.*\n)*the stars are not right/);
});

test('a variable that makes no sense stops the start before anything is touched', async () => {
  const trubka = start({ ADMIN_PASSWORD: 'admin', TRUST_PROXY: 'true' });
  expect(await trubka.exitCode()).toBe(1);
  expect(trubka.output).toMatch(/^ADMIN_PASSWORD /m);
  expect(trubka.output).toMatch(/^TRUST_PROXY /m);
  expect(() => statSync(dataDir)).toThrow('ENOENT');
});

test('Ctrl-C in the middle of the first start leaves nothing running, and the next start is whole', async () => {
  const first = start();
  await expect.poll(() => existsSync(join(dataDir, 'postgres')), { timeout: 10_000 }).toBe(true);
  first.kill('SIGINT');
  await first.exitCode();
  const second = start();
  await second.says(READY);
  expect(await startsSeen()).toEqual({ value: 1 });
});

test('Ctrl-C that npm tells once more stops everything in order', async () => {
  const trubka = start();
  await trubka.says(READY);
  trubka.kill('SIGINT');
  await trubka.says(/Stopping …/);
  trubka.kill('SIGINT');
  expect(await trubka.exitCode()).toBe(0);
  expect(trubka.output).toMatch(/Stopped\. Nothing is lost/);
});

test('with a database and a Temporal given, none of its own is started', async () => {
  const { createTestDatabase } = await import('../support/database.ts');
  const { temporalAddress } = await import('../support/temporal.ts');
  const database = await createTestDatabase();
  const account = { MANGO_API_KEY: 'key', MANGO_API_SALT: 'salt' };
  const trubka = start({ DATABASE_URL: database.url, TEMPORAL_ADDRESS: temporalAddress(), ...account });
  await trubka.says(READY);
  expect(children().map(({ name }) => name)).toEqual(['worker', 'api']);
  trubka.kill('SIGTERM');
  await trubka.exitCode();
  await database.drop();
});

test('a database that cannot be reached, or refuses, is told in a sentence', async () => {
  const { serverUrl } = await import('../support/database.ts');
  const wrong = new URL(serverUrl());
  wrong.pathname = '/no_such_database';
  const trubka = start({ DATABASE_URL: wrong.href, TEMPORAL_ADDRESS: '127.0.0.1:1' });
  expect(await trubka.exitCode()).toBe(1);
  expect(trubka.output).toMatch(/^PostgreSQL at 127\.0\.0\.1:\d+ refuses DATABASE_URL: .*no_such_database/);
});
