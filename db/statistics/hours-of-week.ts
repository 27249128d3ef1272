import { offsetsDuring, type Period } from '../../domain/time-zone.ts';
import { arraySql, instantSql, type SqlFragment } from './scope.ts';

const HOURS_OF_WEEK = 168;
/** The epoch began on a Thursday: so many hours after a Monday. */
const EPOCH = 72;

/** A fact's hour of the local week, 0 = Monday 0:00. The zone's offsets go in as data, so that Postgres only adds. */
export function hourOfWeekSql(timeZone: string, period: Period): SqlFragment {
  const offsets = offsetsDuring(timeZone, period);
  return {
    sql: `((floor((date_part('epoch', f.at) + (:offsets::int[])[width_bucket(f.at, :changes::timestamptz[])]) / 3600)::bigint + ${EPOCH}) % ${HOURS_OF_WEEK})::int`,
    bindings: {
      changes: arraySql(offsets.map(({ at }) => instantSql(at))),
      offsets: arraySql(offsets.map(({ offset }) => offset / 1000)),
    },
  };
}

export function inHourOfWeekSql(
  { timeZone, weekday, hour }: { readonly timeZone: string; readonly weekday: number; readonly hour: number },
  period: Period,
): SqlFragment {
  const { sql, bindings } = hourOfWeekSql(timeZone, period);
  return { sql: `${sql} = :hourOfWeek`, bindings: { ...bindings, hourOfWeek: String((weekday - 1) * 24 + hour) } };
}

/** Monday is 1, as ISO 8601 and the interface have it. */
export const weekdayAndHour = (hourOfWeek: number): { readonly weekday: number; readonly hour: number } => ({
  weekday: Math.floor(hourOfWeek / 24) + 1,
  hour: hourOfWeek % 24,
});

export const ALL_HOURS_OF_WEEK: readonly number[] = Array.from({ length: HOURS_OF_WEEK }, (_, hour) => hour);
