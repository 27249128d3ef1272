import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { advance, formatPosition, isTold, parsePosition, type Position } from '../../api/stream/position.ts';

const START: Position = { xid: 0n, id: 0n, beyond: new Set() };
const row = (xid: number, id: number, settled = true) => ({ xid: String(xid), id: String(id), settled });

describe('A position in the stream', () => {
  it('is written and read without loss', () => {
    const ids = fc.uniqueArray(fc.bigInt({ min: 0n, max: 2n ** 62n }).map(String), { maxLength: 100 });
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 62n }), fc.bigInt({ min: 0n, max: 2n ** 62n }), ids, (xid, id, beyond) => {
        const position = { xid, id, beyond: new Set(beyond) };
        expect(parsePosition(formatPosition(position))).toEqual(position);
      }),
    );
  });

  it('that is too long to write is written without what lies beyond: told twice is better than not at all', () => {
    const beyond = new Set(Array.from({ length: 101 }, (_, index) => String(index)));
    expect(formatPosition({ xid: 1n, id: 2n, beyond })).toBe('1-2');
  });

  it.each([
    undefined,
    '',
    '1',
    '1-',
    '-1-2',
    '1-2~',
    '1-2~x',
    '1-2~3,',
    '99999999999999999999-1',
    '9999999999999999999-1',
    '1 -2',
  ])('is not read from %s', (text) => expect(parsePosition(text)).toBeUndefined());

  it('moves on over what is settled and lists what is ahead of older transactions', () => {
    const first = advance(START, [row(5, 10), row(7, 11, false), row(9, 12, false)]);
    expect(first.steps.map(([{ id }, position]) => [id, formatPosition(position)])).toEqual([
      ['10', '5-10'],
      ['11', '5-10~11'],
      ['12', '5-10~11,12'],
    ]);
    const second = advance(first.position, [row(6, 9), row(7, 11), row(9, 12)]);
    expect(second.steps.map(([{ id }]) => id)).toEqual(['9']);
    expect(formatPosition(second.position)).toBe('9-12');
  });

  it('tells each row once and skips none, whatever becomes visible when, and from wherever somebody resumes', () => {
    const rows = fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 10 })), {
      selector: ([xid]) => xid,
      minLength: 1,
      maxLength: 25,
    });
    fc.assert(
      fc.property(rows, fc.integer({ min: 0, max: 24 }), (written, resumeAfter) => {
        // A transaction takes its xid at `xid` and commits `duration` later; ids go by the order of commit here.
        const all = written
          .map(([xid, duration]) => ({ xid, commitsAt: xid + duration }))
          .sort((a, b) => a.commitsAt - b.commitsAt)
          .map((transaction, index) => ({ ...transaction, id: index + 1 }));
        const visibleAt = (now: number) => {
          const oldestRunning = Math.min(
            now + 1,
            ...all.filter(({ xid, commitsAt }) => xid <= now && commitsAt > now).map(({ xid }) => xid),
          );
          return all.filter(({ commitsAt }) => commitsAt <= now).map(({ xid, id }) => row(xid, id, xid < oldestRunning));
        };
        const told: string[] = [];
        const positions: Position[] = [];
        let position = START;
        for (let now = 0; now <= 41; now += 1) {
          const fresh = visibleAt(now).filter((candidate) => !isTold({ ...position, beyond: new Set() }, candidate));
          const { steps, position: reached } = advance(position, fresh);
          for (const [{ id }, after] of steps) {
            told.push(id);
            positions.push(after);
          }
          position = reached;
        }
        expect(told).toEqual(all.map(({ id }) => String(id)));
        const from = parsePosition(formatPosition(positions[Math.min(resumeAfter, positions.length - 1)] ?? START)) ?? START;
        const missed = visibleAt(41).filter((candidate) => !isTold({ ...from, beyond: new Set() }, candidate));
        const retold = advance(from, missed).steps.map(([{ id }]) => id);
        expect(retold).toEqual(told.slice(Math.min(resumeAfter, positions.length - 1) + 1));
      }),
      { numRuns: 500 },
    );
  });
});
