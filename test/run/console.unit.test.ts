import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { step, timings } from '../../run/console.ts';

let lines: string[];
beforeEach(() => {
  lines = [];
  vi.useFakeTimers();
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => lines.push(String(text).trimEnd()) > 0);
});
afterEach(() => vi.useRealTimers());

const after = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

test('a short step says nothing, a long one that it has begun, that it still runs and that it is done', async () => {
  const short = step('Knocking', () => after(1));
  await vi.advanceTimersByTimeAsync(2_000);
  await short;
  expect(lines).toEqual([]);
  const long = step('Digging (a hole)', () => after(20));
  await vi.advanceTimersByTimeAsync(20_000);
  await long;
  expect(lines).toEqual(['Digging (a hole) …', '  … still at it after 15 s: Digging', 'Digging: done after 20 s']);
});

test('a step within another speaks for both', async () => {
  const build = (): Promise<void> => step('Building, once', () => after(40), 0);
  const both = step('Starting', async () => {
    await build();
    await after(3);
  });
  await vi.advanceTimersByTimeAsync(43_000);
  await both;
  expect(lines).toEqual([
    'Building, once …',
    '  … still at it after 15 s: Building',
    '  … still at it after 30 s: Building',
    'Building: done after 40 s',
  ]);
});

test('steps beside each other each speak for themselves', async () => {
  const both = step('Starting', () => Promise.all([step('Boiling', () => after(3)), step('Baking', () => after(4))]));
  await vi.advanceTimersByTimeAsync(4_000);
  await both;
  expect(lines).toEqual(['Boiling …', 'Baking …', 'Boiling: done after 3 s', 'Baking: done after 4 s']);
});

test('what each step took is kept, of failed ones too', async () => {
  const done = step('Sawing (a plank)', () => after(2));
  const failed = step('Painting', () => after(1).then(() => Promise.reject(new Error('no paint')))).catch(() => undefined);
  await vi.advanceTimersByTimeAsync(2_000);
  await Promise.all([done, failed]);
  expect(timings().filter((line) => /Sawing: 2\.0 s$|Painting: 1\.0 s$/.test(line))).toHaveLength(2);
});
