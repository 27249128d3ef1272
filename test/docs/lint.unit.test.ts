import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PLACES = ['api', 'db', 'activities', 'workflows', 'domain', 'run', 'ui/src', 'ui/public', 'bench', 'test'];

test('each rule that eslint.config.js switches off has its reason in the line before', async () => {
  const lines = (await readFile(`${ROOT}eslint.config.js`, 'utf8')).split('\n').map((line) => line.trim());
  const exceptions = lines.flatMap((line, index) => (/: 'off'/.test(line) ? [[line, lines[index - 1] ?? '']] : []));
  expect(exceptions.length).toBeGreaterThan(5);
  expect(exceptions.filter(([, before = '']) => !/^\/\/ .{10}/.test(before))).toEqual([]);
});

test('the code makes no exceptions of its own, for the linter or for the compiler', async () => {
  const comment = /(?:\/\/|\/\*|<!--)\s*(?:(?:es|ox)lint-(?:disable|enable)|eslint\s|@ts-(?:ignore|nocheck|expect-error))/;
  const found: string[] = [];
  for (const place of PLACES) {
    const names = (await readdir(`${ROOT}${place}`, { recursive: true })).filter((name) => /\.(?:ts|mjs|js|vue)$/.test(name));
    for (const name of names) if (comment.test(await readFile(`${ROOT}${place}/${name}`, 'utf8'))) found.push(`${place}/${name}`);
  }
  expect(found).toEqual([]);
});
