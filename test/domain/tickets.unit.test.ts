import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { handsetOf, isAfter, standardSubject, statusEventType, type Channel, type Moment } from '../../domain/tickets.ts';

const T = Date.UTC(2026, 0, 12, 9, 0, 0);
const MINUTE = 60_000;
/** As the PBX dates it, and when the service saw it. */
const moment = (at: number, seenAt = at, reconciled?: boolean): Moment => ({
  at: T + at,
  seenAt: T + seenAt,
  ...(reconciled === undefined ? {} : { reconciled }),
});

describe('S11 S13 the handset', () => {
  test.each(['email', 'chat', 'web', 'messenger', 'social'] as const)('is null on channel %s', (channel: Channel) => {
    expect(handsetOf(channel, null)).toBeNull();
  });

  test.each([
    ['missed', 'red'],
    ['incoming', 'green'],
    ['outgoing', 'green'],
  ] as const)('of a new %s ticket is %s', (kind, colour) => {
    expect(handsetOf('call', kind)).toBe(colour);
  });
});

describe('the standard subject', () => {
  test.each([
    ['incoming', '+7 912 345-67-89', 'Входящий звонок с +7 912 345-67-89'],
    ['incoming', null, 'Входящий звонок со скрытого номера'],
    ['missed', '+7 912 345-67-89', 'Пропущенный звонок с +7 912 345-67-89'],
    ['missed', null, 'Пропущенный звонок со скрытого номера'],
    ['outgoing', '+7 912 345-67-89', 'Исходящий звонок на +7 912 345-67-89'],
  ] as const)('of a call that is %s with %s', (kind, phone, subject) => {
    expect(standardSubject(kind, phone)).toBe(subject);
  });
});

test.each([
  ['open', 'closed', 'closed'],
  ['pending', 'closed', 'closed'],
  ['closed', 'open', 'reopened'],
  ['closed', 'pending', 'reopened'],
  ['open', 'pending', 'status'],
  ['pending', 'open', 'status'],
] as const)('from %s to %s is recorded as %s', (from, to, type) => {
  expect(statusEventType(from, to)).toBe(type);
});

describe('S12 did the talk take place after the missed call?', () => {
  test.each<[string, Moment, Moment, boolean]>([
    ['S12 the PBX’s clock says after', moment(10_000), moment(0), true],
    ['S12 the PBX’s clock says before', moment(0), moment(10_000), false],
    ['S12 the clock counts, not the order of arrival', moment(10_000, 11_000), moment(0, 40_000), true],
    ['S12 within its whole seconds the order of arrival counts: after', moment(1_000, 1_600), moment(1_000, 1_500), true],
    ['S12 within its whole seconds the order of arrival counts: before', moment(1_000, 1_400), moment(1_000, 1_500), false],
    ['S12 one second is not enough to tell', moment(2_000, 1_400), moment(1_000, 1_500), false],
    ['S12 two seconds are', moment(3_000, 1_400), moment(1_000, 1_500), true],
    ['S12 at the very same moment is not after', moment(1_000, 1_500), moment(1_000, 1_500), false],
    ['S12 a clock three hours ahead is not believed', moment(180 * MINUTE, 0), moment(5_000, 5_000), false],
    ['S12 a clock three hours behind is not believed either', moment(-180 * MINUTE, 10_000), moment(5_000, 5_000), true],
    ['S12 a missed call with a clock that is not believed', moment(10_000), moment(180 * MINUTE, 5_000), true],
    ['S12 a talk from the statistics: only its clock means anything', moment(0, 240 * MINUTE, true), moment(10_000), false],
    ['S12 a missed call from the statistics', moment(10_000), moment(0, 240 * MINUTE, true), true],
  ])('%s', (_name, talk, missed, after) => {
    expect(isAfter(talk, missed)).toBe(after);
  });

  test('S12 of two moments at most one is after the other', () => {
    const any = fc.record({ at: fc.nat(100_000), seenAt: fc.nat(100_000), reconciled: fc.boolean() });
    fc.assert(fc.property(any, any, (one, other) => !(isAfter(one, other) && isAfter(other, one))));
  });
});
