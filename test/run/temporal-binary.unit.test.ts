import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findTemporal, type Surroundings } from '../../run/temporal-binary.ts';

let cacheDirectory: string;
let asked: string[];

beforeEach(() => {
  cacheDirectory = join(mkdtempSync(join(tmpdir(), 'trubka-cache-')), 'bin');
  asked = [];
});
afterEach(() => rmSync(join(cacheDirectory, '..'), { recursive: true }));

/** A machine with nothing on it, where downloading and building fail, unless a test says otherwise. */
function machine(has: { onPath?: string; cached?: string; download?: boolean; go?: boolean; platform?: string }): Surroundings {
  const cached = (): string => join(cacheDirectory, 'temporal');
  return {
    cacheDirectory,
    platform: has.platform ?? 'linux_amd64',
    serverVersion(program) {
      asked.push(program === cached() ? 'cache' : program);
      if (program === 'temporal') return has.onPath;
      return has.cached ?? (existsSync(cached()) ? '1.29.1' : undefined);
    },
    download(url) {
      asked.push(url);
      return has.download ? Promise.resolve(Buffer.from('program')) : Promise.reject(new Error('no network'));
    },
    goInstall(directory) {
      asked.push('go install');
      if (!has.go) return Promise.reject(new Error('Go is not installed'));
      writeFileSync(join(directory, 'temporal'), 'program');
      return Promise.resolve();
    },
  };
}

test('the program on the PATH is taken first, and nothing else is asked', async () => {
  expect(await findTemporal(machine({ onPath: '1.29.1', cached: '1.30.0' }))).toEqual({
    path: 'temporal',
    serverVersion: '1.29.1',
  });
  expect(asked).toEqual(['temporal']);
});

test('one on the PATH that is too old is passed over', async () => {
  const found = await findTemporal(machine({ onPath: '1.25.0', cached: '1.29.1' }));
  expect(found).toEqual({ path: join(cacheDirectory, 'temporal'), serverVersion: '1.29.1' });
});

test('then the cache, without touching the network', async () => {
  await findTemporal(machine({ cached: '1.29.1' }));
  expect(asked).toEqual(['temporal', 'cache']);
});

test('then the vendor’s archive, which is kept in the cache', async () => {
  expect(await findTemporal(machine({ download: true }))).toEqual({
    path: join(cacheDirectory, 'temporal'),
    serverVersion: '1.29.1',
  });
  expect(asked[2]).toBe('https://github.com/temporalio/cli/releases/download/v1.5.1/temporal_cli_1.5.1_linux_amd64.tar.gz');
  expect(readdirSync(cacheDirectory)).toEqual(['temporal']);
});

test('then Go builds it', async () => {
  await findTemporal(machine({ go: true }));
  expect(asked.filter((what) => what === 'go install')).toHaveLength(1);
});

test('a platform whose archive has no known checksum is built, never downloaded', async () => {
  await findTemporal(machine({ download: true, go: true, platform: 'linux_riscv64' }));
  expect(asked.some((what) => what.startsWith('https:'))).toBe(false);
});

test('where nothing helps, one message says what was tried and what to do', async () => {
  await expect(findTemporal(machine({}))).rejects.toThrow(
    /download: no network\n.*go install: Go is not installed\n.*TEMPORAL_ADDRESS/s,
  );
});
