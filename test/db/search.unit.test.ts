import { describe, expect, test } from 'vitest';
import { datePatterns, likeAny, phonePatterns } from '../../db/search.ts';

/** As PostgreSQL's LIKE, of patterns without an escape. */
const fits = (text: string, pattern: string): boolean => {
  const parts = pattern.split('%');
  let from = 0;
  return parts.every((part, index) => {
    const at = index === parts.length - 1 ? Math.max(from, text.length - part.length) : text.indexOf(part, from);
    if (at < 0 || !text.startsWith(part, at) || (index === 0 && at !== 0)) return false;
    from = at + part.length;
    return true;
  });
};
const finds = (query: string, text: string): boolean => phonePatterns(query, 'RU').some((pattern) => fits(text, pattern));

describe('Search takes any part of the digits', () => {
  const numbers = '+79123456789';
  const parts = Array.from({ length: numbers.length - 1 }, (_, index) => index + 1).flatMap((from) =>
    Array.from({ length: numbers.length - from }, (_, index) => numbers.slice(from, from + index + 1)),
  );

  test.each(parts)('%s finds the number it is a part of', (part) => {
    expect(finds(part, numbers)).toBe(true);
    expect(finds(part, `имя ${numbers} +491700000000 компания`)).toBe(true);
  });

  test.each(['00', '19', '0', '98', '+9'])('%s does not find one it is no part of', (query) => {
    expect(finds(query, numbers)).toBe(false);
  });

  test.each([
    ['8 912', true],
    ['8 (912) 345-67-89', true],
    ['+7 912', true],
    ['8 913', false],
    // With so few digits an 8 is an 8, not +7: it would be every number of the country.
    ['80', false],
    ['89', true],
  ])('«%s» as typed in Russia: %s', (query, found) => {
    expect(finds(query, numbers)).toBe(found);
  });

  test.each(['дом 12', '#12', '№ 5', '', '-'])('«%s» is no part of a number', (query) => {
    expect(phonePatterns(query, 'RU')).toEqual([]);
  });
});

describe('Search takes a date as people write it', () => {
  test.each([
    ['03.02.2001', ['%2001-02-03%']],
    ['3.2.2001', ['%2001-02-03%']],
    [' 31/12/1999 ', ['%1999-12-31%']],
    ['2001-02-03', []],
    ['03.02', []],
    ['1.2.3.2001', []],
    ['дата', []],
  ])('«%s»', (query, patterns) => {
    expect(datePatterns(query)).toEqual(patterns);
  });
});

describe('Of a long number the index is asked for the last digits', () => {
  test.each([
    ['%+79123456789%', ['%456789%', '+79123456789']],
    ['%79123456789%', ['%456789%', '79123456789']],
    ['%12345678%', ['%345678%', '12345678']],
  ])('%s', (pattern, bindings) => {
    expect(likeAny('phone', [pattern])).toEqual({ sql: '(phone like ? and strpos(phone, ?) > 0)', bindings });
  });

  test.each([
    ['%1234567%', 'short'],
    ['%79120000000%', 'ends as many do'],
    ['%79121212121%', 'ends as many do'],
    ['заказ 79123456789%', 'not a number alone'],
    ['%79123456789', 'must end there'],
  ])('not of %s: %s', (pattern) => {
    expect(likeAny('phone', [pattern])).toEqual({ sql: '(phone like ?)', bindings: [pattern] });
  });
});
