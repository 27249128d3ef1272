import { offsetsDuring, type Offset, type Period } from '../../domain/time-zone.ts';
import type { Span, Whose } from './counting.ts';
import { arraySql, instantSql, type SqlFragment } from './scope.ts';

const HOURS_OF_WEEK = 168;
const HOUR = 3_600_000;
const QUARTER = HOUR / 4;
/** The epoch began on a Thursday: so many hours after a Monday. */
const EPOCH = 72;

export interface HoursOfWeek extends SqlFragment {
  /** The facts of one hour of one week; null where the clock may run through an hour, through the next and through both again. */
  hourOf(whose: Whose): Span | null;
  /** That an instant (`f.at`) begins a local hour. */
  readonly startsHour: string;
  /** Where hours are made of quarters of an hour, and no longer than one; null where they may be anything. */
  readonly wholeHours: WholeHours | null;
}

export interface WholeHours extends Period {
  /** Where the clock runs through an hour twice. */
  readonly except: readonly Period[];
}

/** Whether the clock never leaves an hour and comes back to it: it changes by an hour at most, between two hours. */
const runsOn = (offsets: readonly Offset[]): boolean =>
  offsets.slice(1).every(({ at, offset }, index) => {
    const change = offset - (offsets[index]?.offset ?? 0);
    return (at + offset) % HOUR === 0 && change % HOUR === 0 && change >= -HOUR;
  });

function wholeHoursOf(offsets: readonly Offset[], period: Period): WholeHours | null {
  const [{ offset }] = offsets as [Offset];
  if (!runsOn(offsets) || offset % QUARTER !== 0) return null;
  const from = Math.ceil((period.from + offset) / HOUR) * HOUR - offset;
  const to = Math.floor((period.to + offset) / HOUR) * HOUR - offset;
  const twice = offsets.slice(1).filter((change, index) => change.offset < (offsets[index]?.offset ?? 0));
  return from < to ? { from, to, except: twice.map(({ at }) => ({ from: at - HOUR, to: at + HOUR })) } : null;
}

/** A fact's hour of the local week, 0 = Monday 0:00. The zone's offsets go in as data, so that Postgres only adds. */
export function hoursOfWeek(timeZone: string, period: Period): HoursOfWeek {
  const offsets = offsetsDuring(timeZone, period);
  const offsetAt = (time: string): string =>
    offsets.length === 1 ? ':offset::int' : `(:offsets::int[])[width_bucket(${time}, :changes::timestamptz[])]`;
  const localTime = (time: string): string => `(date_part('epoch', ${time}) + ${offsetAt(time)})`;
  const localHour = (time: string): string => `floor(${localTime(time)} / 3600)`;
  const seconds = offsets.map(({ offset }) => offset / 1000);
  return {
    sql: `((${localHour('f.at')}::bigint + ${EPOCH}) % ${HOURS_OF_WEEK})::int`,
    bindings:
      offsets.length === 1
        ? { offset: String(seconds[0]) }
        : { changes: arraySql(offsets.map(({ at }) => instantSql(at))), offsets: arraySql(seconds) },
    hourOf: (of) =>
      runsOn(offsets)
        ? {
            of,
            isBefore: (previous) => `(${previous} < :from or ${localHour(previous)} < ${localHour('f.at')})`,
            isAfter: (next) => `(${next} >= :to or ${localHour(next)} > ${localHour('f.at')})`,
          }
        : null,
    startsHour: `${localHour('f.at')} * 3600 = ${localTime('f.at')}`,
    wholeHours: wholeHoursOf(offsets, period),
  };
}

export function inHourOfWeekSql(
  { timeZone, weekday, hour }: { readonly timeZone: string; readonly weekday: number; readonly hour: number },
  period: Period,
): SqlFragment {
  const { sql, bindings } = hoursOfWeek(timeZone, period);
  return { sql: `${sql} = :hourOfWeek`, bindings: { ...bindings, hourOfWeek: String((weekday - 1) * 24 + hour) } };
}

/** Monday is 1, as ISO 8601 and the interface have it. */
export const weekdayAndHour = (hourOfWeek: number): { readonly weekday: number; readonly hour: number } => ({
  weekday: Math.floor(hourOfWeek / 24) + 1,
  hour: hourOfWeek % 24,
});

export const ALL_HOURS_OF_WEEK: readonly number[] = Array.from({ length: HOURS_OF_WEEK }, (_, hour) => hour);
