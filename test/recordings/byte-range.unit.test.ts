import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseByteRange } from '../../api/byte-range.ts';

describe('A range of 1000 bytes', () => {
  const whole = { kind: 'whole' };
  const part = (start: number, end: number) => ({ kind: 'part', start, end });
  const none = { kind: 'unsatisfiable' };
  it.each([
    [undefined, whole],
    ['bytes=0-', part(0, 999)],
    ['bytes=0-0', part(0, 0)],
    ['bytes=10-19', part(10, 19)],
    ['bytes=990-2000', part(990, 999)],
    ['bytes=999-', part(999, 999)],
    ['bytes=-1', part(999, 999)],
    ['bytes=-5000', part(0, 999)],
    ['bytes= 5 - 6', part(5, 6)],
    ['bytes=1000-', none],
    ['bytes=1000-1001', none],
    ['bytes=-0', none],
    ['bytes=20-10', whole],
    ['bytes=-', whole],
    ['bytes=a-b', whole],
    ['bytes=-1-2', whole],
    ['bytes=0-1,5-6', whole],
    [`bytes=${Array.from({ length: 200 }, (_, i) => `${i}-${i}`).join(',')}`, whole],
    ['items=0-1', whole],
    ['bytes=99999999999999999999-', whole],
    ['', whole],
  ])('%s', (header, wanted) => {
    expect(parseByteRange(header, 1_000)).toEqual(wanted);
  });

  it('never reaches beyond the file, whatever is asked', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), fc.nat(), fc.nat(), fc.integer({ min: 1, max: 5_000 }), (junk, a, b, size) => {
        for (const header of [junk, `bytes=${a}-${b}`, `bytes=-${a}`, `bytes=${a}-`, `bytes=${junk}`]) {
          const range = parseByteRange(header, size);
          if (range.kind !== 'part') continue;
          expect(range.start).toBeGreaterThanOrEqual(0);
          expect(range.start).toBeLessThanOrEqual(range.end);
          expect(range.end).toBeLessThan(size);
        }
      }),
    );
  });
});
