import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

async function testSources(): Promise<string> {
  const names = (await readdir(`${ROOT}test`, { recursive: true })).filter((name) => name.endsWith('.test.ts'));
  const sources = await Promise.all(names.map((name) => readFile(`${ROOT}test/${name}`, 'utf8')));
  return sources.join('\n').replaceAll('\\u2019', '’');
}

const rows = async (): Promise<readonly (readonly string[])[]> =>
  (await readFile(`${ROOT}docs/security.md`, 'utf8'))
    .split('\n')
    .filter((line) => /^\| +\d+ +\|/.test(line))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
const named = (cell: string): string[] => (cell ? cell.slice(1, -1).split('», «') : []);

test('docs/security.md has all forty checks, each with a test', async () => {
  expect((await rows()).map(([number]) => Number(number))).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
  for (const [number, , , tests = ''] of await rows()) expect(named(tests).length, number).toBeGreaterThan(0);
});

test('every test that docs/security.md names exists', async () => {
  const sources = await testSources();
  const text = (await readFile(`${ROOT}docs/security.md`, 'utf8')).replaceAll('\n', ' ');
  const below = /Check 40, more of it\..*?With the PostgreSQL/.exec(text)?.[0] ?? '';
  const ofCheck40 = [...below.matchAll(/«([^»]+)»/g)].map(([, name = '']) => name);
  expect(ofCheck40.length).toBeGreaterThan(5);
  const names = [...(await rows()).flatMap(([, , , tests = '']) => named(tests)), ...ofCheck40];
  const missing = names.filter((name) => !sources.includes(name));
  expect(missing).toEqual([]);
});

test('docs/security.md says of every direct dependency what was found of the version that is here', async () => {
  const text = await readFile(`${ROOT}docs/security.md`, 'utf8');
  const looked = Object.fromEntries(
    [...text.matchAll(/^\| `([^`]+)` +\| ([^ |]+) +\| \S/gm)].map(([, name, version]) => [name, version]),
  );
  const { dependencies, devDependencies } = JSON.parse(await readFile(`${ROOT}package.json`, 'utf8')) as Record<string, object>;
  const lock = JSON.parse(await readFile(`${ROOT}package-lock.json`, 'utf8')) as {
    packages: Record<string, { version: string }>;
  };
  const here = Object.keys({ ...dependencies, ...devDependencies }).map((name) => [
    name,
    lock.packages[`node_modules/${name}`]?.version,
  ]);
  expect(looked).toEqual(Object.fromEntries(here));
});
