import { expect, test } from 'vitest';
import { pageIn, personIn } from '../../ui/src/address-values.ts';

test.each([
  ['2', 2],
  ['1.5', 1],
  ['-5', 1],
  ['0', 1],
  ['two', 1],
  [undefined, 1],
  [['3', '4'], 1],
  ['1e99', 1_000_000],
])('the page %j in an address is page %i', (raw, page) => {
  expect(pageIn(raw)).toBe(page);
});

test.each([
  ['me', 'me'],
  ['none', 'none'],
  ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000001'],
  ['zzz', undefined],
  ['', undefined],
  [undefined, undefined],
])('%j in an address means %j', (raw, person) => {
  expect(personIn(raw)).toBe(person);
});
