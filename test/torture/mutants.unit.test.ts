import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { MUTANTS } from './mutants.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

test.each(MUTANTS)('$name can be put into the product as it is now', ({ edits }) => {
  expect(edits).not.toEqual([]);
  for (const { file, find, put } of edits) {
    expect(readFileSync(ROOT + file, 'utf8')).toContain(find);
    expect(put).not.toBe(find);
  }
});
