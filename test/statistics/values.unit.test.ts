import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { medianOfValues, sumOf, unpack } from '../../db/statistics/values.ts';

/** As PostgreSQL's float8send writes it. */
function packed(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 8);
  values.forEach((value, index) => bytes.writeDoubleBE(value, index * 8));
  return bytes;
}

function medianBySorting(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.slice(Math.ceil(sorted.length / 2) - 1, Math.floor(sorted.length / 2) + 1);
  return sorted.length === 0 ? null : middle.reduce((sum, value) => sum + value, 0) / middle.length;
}

describe('Measured values', () => {
  test.each([
    { what: 'nothing has no median', parts: [], median: null },
    { what: 'one value is its own', parts: [[7]], median: 7 },
    { what: 'of two it is between them', parts: [[1], [4]], median: 2.5 },
    { what: 'parts count as one whole', parts: [[9, 1], [], [5]], median: 5 },
    { what: 'equal values do not go astray', parts: [[2, 2, 2, 2, 1, 2]], median: 2 },
  ])('$what', ({ parts, median }) => {
    expect(medianOfValues(parts.map((part) => unpack('any_reply', packed(part))))).toBe(median);
  });

  test('agree with sorting them all', () => {
    const value = fc.oneof(fc.nat(3), fc.nat(10_000_000_000));
    fc.assert(
      fc.property(fc.array(fc.array(value, { maxLength: 60 }), { maxLength: 4 }), (parts) => {
        expect(medianOfValues(parts.map((part) => unpack('any_reply', packed(part))))).toBe(medianBySorting(parts.flat()));
      }),
    );
  });

  test('add up, wherever in memory they lie', () => {
    const bytes = Buffer.concat([Buffer.from('x'), packed([1, 2, 2 ** 40])]).subarray(1);
    expect(sumOf(unpack('any_reply', bytes))).toBe(3 + 2 ** 40);
    // Numbers of replies, as int4send writes them.
    expect(sumOf(unpack('replies_in_period', Buffer.from('x\0\0\0\x03\0\x01\0\x02').subarray(1)))).toBe(3 + 65_538);
  });
});
