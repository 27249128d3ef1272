import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ru as board } from '../../api/admin/words.ru.ts';
import { ru } from '../../ui/src/text/ru.ts';

const DOCS = join(import.meta.dirname, '../../docs');

function leaves(tree: object): string[] {
  return Object.values(tree).flatMap((node: unknown) => (typeof node === 'string' ? [node] : leaves(node as object)));
}
const onScreen = [...leaves(ru), ...leaves(board)];
/** What stands in Mango Office's account, and not here. */
const OF_MANGO = new Set(['личный кабинет', 'Проверить подключение']);

test.each(['connecting-mango.md', 'troubleshooting.md', 'production.md'])(
  'what docs/%s quotes of the screens stands there',
  (name) => {
    const text = readFileSync(join(DOCS, name), 'utf8').replace(/\s+/g, ' ');
    const quoted = [...text.matchAll(/«([^»]*[а-яё][^»]*)»/gi)].map(([, words = '']) => words);
    const sought = quoted.filter((words) => !OF_MANGO.has(words)).map((words) => words.replace(/^…\s*|\s*…$/g, ''));
    expect(sought.filter((words) => !onScreen.some((shown) => shown.includes(words)))).toEqual([]);
  },
);
