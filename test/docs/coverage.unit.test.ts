import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

async function testSources(): Promise<string> {
  const names = (await readdir(`${ROOT}test`, { recursive: true })).filter((name) => name.endsWith('.test.ts'));
  return (await Promise.all(names.map((name) => readFile(`${ROOT}test/${name}`, 'utf8')))).join('\n');
}

const rows = async (): Promise<string[][]> =>
  (await readFile(`${ROOT}docs/coverage.md`, 'utf8'))
    .split('\n')
    .filter((line) => /^\| [SAO]\d/.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );

/** Before the tests of the administration stands the name of the page, before those of operation what they are about. */
const testsIn = (item: string, cells: readonly string[]): readonly string[] => (item.startsWith('S') ? cells : cells.slice(1));

/** Names between « and », where a name may itself hold such a pair. */
const named = (cell: string): string[] => (cell ? cell.slice(1, -1).split('», «') : []);

test('docs/coverage.md names a test for each item from S1 to S25', async () => {
  const items = (await rows()).map(([item]) => item?.replace(/\D+$/, ''));
  for (let item = 1; item <= 25; item++) expect(items).toContain(`S${item}`);
  for (const [item = '', ...cells] of await rows()) expect(testsIn(item, cells).flatMap(named).length, item).toBeGreaterThan(0);
});

test('docs/coverage.md names a test for each page of the administration, and for each promise of operation', async () => {
  const wanted = ['A1', 'A2', 'A3', 'A4', 'A5', 'A6', 'A7', 'O1', 'O2', 'O3', 'O4', 'O5', 'O6'];
  expect((await rows()).map(([item]) => item)).toEqual(expect.arrayContaining(wanted));
});

test('every test that docs/coverage.md names exists', async () => {
  const sources = await testSources();
  const missing = (await rows())
    .flatMap(([item = '', ...cells]) => testsIn(item, cells).flatMap(named))
    .filter((name) => !sources.includes(name));
  expect(missing).toEqual([]);
});
