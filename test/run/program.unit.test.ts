import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { ensureProgram } from '../../run/program.mjs';

const node = async (...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> => {
  try {
    return { code: 0, ...(await promisify(execFile)(process.execPath, args, { env: { ...process.env, DATABASE_URL: '' } })) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
};

test('a program does what its source does, with its arguments', async () => {
  const [made, source] = await Promise.all([
    node('run/service.mjs', 'run/demo-pbx/cli.ts', '--list'),
    node('--import', 'tsx', 'run/demo-pbx/cli.ts', '--list'),
  ]);
  expect(source.stdout).toContain('incoming');
  expect(made).toEqual(source);
});

test('it is made once, and several may make it at the same time', async () => {
  const [first, ...others] = await Promise.all(Array.from({ length: 3 }, () => ensureProgram('db/migrate.ts')));
  expect(others).toEqual([first, first]);
  expect(existsSync(first ?? '')).toBe(true);
});

test('its faults name the lines of the sources', async () => {
  const { code, stdout, stderr } = await node('run/service.mjs', 'db/migrate.ts');
  expect(code).not.toBe(0);
  expect(stdout + stderr).toMatch(/db\/\w+\.ts:\d+:\d+/);
});

test('a script that is not there is named', async () => {
  const { code, stderr } = await node('run/service.mjs', 'api/no-such.ts');
  expect(code).not.toBe(0);
  expect(stderr).toContain('api/no-such.ts');
});
