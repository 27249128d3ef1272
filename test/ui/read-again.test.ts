import { expect, test } from 'vitest';
import { readOnceMore } from '../../ui/src/composables/read-again.ts';

test('who asks while a reading is under way gets what came after it began', async () => {
  const seen: string[] = [];
  const answers: (() => void)[] = [];
  let state = 'before';
  const read = readOnceMore(async () => {
    const now = state;
    await new Promise<void>((resolve) => answers.push(resolve));
    seen.push(now);
  });
  const first = read();
  state = 'after';
  const second = read();
  const third = read();
  answers.shift()?.();
  await expect.poll(() => answers.length).toBe(1);
  answers.shift()?.();
  await Promise.all([first, second, third]);
  expect(seen).toEqual(['before', 'after']);
});
