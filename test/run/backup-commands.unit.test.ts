import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
let place: string;
beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'trubka-backup-commands-'));
});
afterAll(() => rm(place, { recursive: true }));

/** As typed, on a machine without PostgreSQL's programs. */
const typed = (program: string, args: readonly string[], env: Record<string, string> = {}) =>
  new Promise<{ code: unknown; stderr: string }>((resolve) => {
    const argv = ['--import', 'tsx', `run/${program}.ts`, ...args];
    const options = { cwd: ROOT, env: { PATH: place, DATA_DIR: join(place, 'data'), ...env } };
    execFile(process.execPath, argv, options, (error, _stdout, stderr) => resolve({ code: error?.code ?? 0, stderr }));
  });

test.each([
  ['backup', []],
  ['backup', ['--help']],
  ['backup', ['a', 'b']],
  ['restore', []],
  ['restore', ['--help']],
  ['restore', ['a', 'b']],
])('%s %j says how it is called', async (program, args) => {
  const { code, stderr } = await typed(program, args);
  expect(code).toBe(1);
  expect(stderr).toContain(`npm run ${program} -- /backups/2026-01-31\n`);
  expect(stderr).not.toMatch(/^ +at /m);
});

test.each([
  [
    'backup',
    ['new'],
    { DATABASE_URL: 'postgres://a:secret@127.0.0.1:1/a' },
    "pg_dump, of the server's version or newer, is needed to back up DATABASE_URL: it is not installed",
  ],
  ['backup', ['other'], {}, 'holds no embedded database: name yours in DATABASE_URL'],
  ['restore', ['nothing'], {}, 'is no finished backup: it has no backup.json'],
  ['restore', ['--calls'], {}, 'Set DATABASE_URL and TEMPORAL_ADDRESS'],
])('%s %j %j stops with a sentence', async (program, args, env, sentence) => {
  const paths = args.map((arg) => (arg.startsWith('-') ? arg : join(place, arg)));
  const { code, stderr } = await typed(program, paths, env as Record<string, string>);
  expect(code).toBe(1);
  expect(stderr.trim().split('\n')).toEqual([expect.stringContaining(sentence)]);
  expect(stderr).not.toContain('secret@');
});
