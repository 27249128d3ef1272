import { describe, expect, test } from 'vitest';
import { isTimeZone, localTime, periodBefore, startsOfDays, startsOfHours, startsOfMonths } from '../../domain/time-zone.ts';

const period = (from: string, to: string) => ({ from: Date.parse(from), to: Date.parse(to) });
const written = (instants: readonly number[]): string[] => instants.map((at) => new Date(at).toISOString().slice(0, 16));

describe('A time zone', () => {
  test.each(['Europe/Moscow', 'UTC', 'America/Argentina/Buenos_Aires', 'Etc/GMT+3'])('%s is one', (name) => {
    expect(isTimeZone(name)).toBe(true);
  });
  test.each(['', 'Europe/Nowhere', '+03:00', 'MSK4', "UTC'; drop table tickets", '../etc/passwd', 'Europe/Moscow\n'])(
    '%j is none',
    (name) => {
      expect(isTimeZone(name)).toBe(false);
    },
  );
});

describe('Days begin', () => {
  test.each([
    ['Europe/Moscow', '2026-03-01T00:00Z', '2026-03-02T22:00Z', ['2026-03-01T00:00', '2026-03-01T21:00', '2026-03-02T21:00']],
    // Clocks go forward at 1:00 UTC on the 29th, back on 25 October.
    ['Europe/Berlin', '2026-03-28T23:00Z', '2026-03-30T22:00Z', ['2026-03-28T23:00', '2026-03-29T22:00']],
    ['Europe/Berlin', '2026-10-24T22:00Z', '2026-10-26T23:00Z', ['2026-10-24T22:00', '2026-10-25T23:00']],
    // Back from 1:00 to 0:00 of the same day: it has begun already.
    ['America/Havana', '2026-11-01T00:00Z', '2026-11-02T12:00Z', ['2026-11-01T00:00', '2026-11-01T04:00', '2026-11-02T05:00']],
    // Forward from 0:00 to 1:00: there is no midnight.
    ['Africa/Cairo', '2026-04-23T12:00Z', '2026-04-24T22:00Z', ['2026-04-23T12:00', '2026-04-23T22:00', '2026-04-24T21:00']],
    // The whole of 30 December 2011 is missing.
    ['Pacific/Apia', '2011-12-29T12:00Z', '2011-12-31T12:00Z', ['2011-12-29T12:00', '2011-12-30T10:00', '2011-12-31T10:00']],
    ['Asia/Kathmandu', '2026-01-01T00:00Z', '2026-01-02T00:00Z', ['2026-01-01T00:00', '2026-01-01T18:15']],
  ])('in %s from %s', (zone, from, to, starts) => {
    expect(written(startsOfDays(zone, period(from, to)))).toEqual(starts);
  });
});

describe('Hours begin', () => {
  test('twice the same where clocks go back, so that none holds two', () => {
    expect(written(startsOfHours('Europe/Berlin', period('2026-10-24T23:30Z', '2026-10-25T02:30Z')))).toEqual([
      '2026-10-24T23:30',
      '2026-10-25T00:00',
      '2026-10-25T01:00',
      '2026-10-25T02:00',
    ]);
  });
  test('not on the full hour of UTC everywhere', () => {
    expect(written(startsOfHours('Asia/Kathmandu', period('2026-01-01T00:00Z', '2026-01-01T02:00Z')))).toEqual([
      '2026-01-01T00:00',
      '2026-01-01T00:15',
      '2026-01-01T01:15',
    ]);
  });
});

test('Months begin with their first day', () => {
  expect(written(startsOfMonths('Europe/Moscow', period('2026-01-15T00:00Z', '2026-03-15T00:00Z')))).toEqual([
    '2026-01-15T00:00',
    '2026-01-31T21:00',
    '2026-02-28T21:00',
  ]);
});

describe('The period before', () => {
  test.each([
    ['a month: the month before', 'Europe/Moscow', '2026-02-28T21:00Z', '2026-03-31T21:00Z', '2026-01-31T21:00'],
    ['a quarter: the quarter before', 'UTC', '2026-04-01T00:00Z', '2026-07-01T00:00Z', '2026-01-01T00:00'],
    [
      'a week across a change of the clock: seven days',
      'Europe/Berlin',
      '2026-03-29T22:00Z',
      '2026-04-05T22:00Z',
      '2026-03-22T23:00',
    ],
    ['some hours: as many', 'UTC', '2026-03-01T06:00Z', '2026-03-01T09:00Z', '2026-03-01T03:00'],
  ])('%s', (_name, zone, from, to, before) => {
    const found = periodBefore(zone, period(from, to));
    expect(written([found.from, found.to])).toEqual([before, from.slice(0, 16)]);
  });
});

test('Local time is shown as the wall shows it', () => {
  expect(localTime('Europe/Moscow', Date.parse('2026-03-01T06:05Z'))).toBe('2026-03-01 09:05');
  expect(localTime('Europe/Moscow', Date.parse('2026-02-28T21:00Z'))).toBe('2026-03-01');
});
