/** Days and hours of a time zone, across changes of its clock. Instants are milliseconds since the epoch. */

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

export interface Period {
  /** Included. */
  readonly from: number;
  /** Not included. */
  readonly to: number;
}

/** From `at` on the zone's clock is `offset` ahead of UTC. */
export interface Offset {
  readonly at: number;
  readonly offset: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
    formats.set(zone, format);
  }
  return format;
}

/** Whether it is a name of the IANA time zone database (and not an offset or an abbreviation of somebody's own). */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+\-/]*$/.test(name)) return false;
  try {
    formatOf(name);
    return true;
  } catch {
    return false;
  }
}

function offsetAt(zone: string, at: number): number {
  const parts = Object.fromEntries(
    formatOf(zone)
      .formatToParts(at)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const { year, month, day, hour, minute, second } = parts as Record<
    'year' | 'month' | 'day' | 'hour' | 'minute' | 'second',
    number
  >;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1000) * 1000;
}

/** The first instant in (before, after] with another offset than `before` has; there is exactly one change between them. */
function changeBetween(zone: string, before: number, after: number): number {
  const offset = offsetAt(zone, before);
  let low = before;
  let high = after;
  while (high - low > 1000) {
    const middle = low + Math.floor((high - low) / 2000) * 1000;
    if (offsetAt(zone, middle) === offset) low = middle;
    else high = middle;
  }
  return high;
}

/** The offsets in force during a period, the first one from its beginning. */
export function offsetsDuring(zone: string, { from, to }: Period): readonly Offset[] {
  const start = Math.floor(from / 1000) * 1000;
  const offsets: Offset[] = [{ at: from, offset: offsetAt(zone, from) }];
  for (let at = start; at < to;) {
    const next = Math.min(at + DAY, Math.ceil(to / 1000) * 1000);
    const before = offsets.at(-1)?.offset;
    if (offsetAt(zone, next) !== before) {
      const change = changeBetween(zone, at, next);
      if (change < to) offsets.push({ at: change, offset: offsetAt(zone, change) });
    }
    at = next;
  }
  return offsets;
}

/** Cuts a period where the zone's clock begins a new step of `length` (an hour, a day), the first cut being the period's beginning. */
function cutEvery(zone: string, period: Period, length: number): readonly number[] {
  const offsets = offsetsDuring(zone, period);
  const cuts = [period.from];
  let label = Math.floor((period.from + (offsets[0]?.offset ?? 0)) / length);
  offsets.forEach(({ at, offset }, index) => {
    const end = offsets[index + 1]?.at ?? period.to;
    // At a change the clock may leap into the next step. It may also run through an hour twice, which then counts as two.
    const here = Math.floor((at + offset) / length);
    const begins = index > 0 && (here > label || length === HOUR);
    if (begins) cuts.push(at);
    if (begins || here > label) label = here;
    for (let start = (label + 1) * length - offset; start < end; start += length) {
      if (start > at) cuts.push(start);
      label += 1;
    }
  });
  return cuts;
}

export const startsOfHours = (zone: string, period: Period): readonly number[] => cutEvery(zone, period, HOUR);
export const startsOfDays = (zone: string, period: Period): readonly number[] => cutEvery(zone, period, DAY);

const localDate = (zone: string, at: number): Date => new Date(at + offsetAt(zone, at));

/** As the zone's clock shows it: `2026-03-29 03:00`, midnight as the date alone. */
export function localTime(zone: string, at: number): string {
  const [date = '', time = ''] = localDate(zone, at).toISOString().split('T');
  return time.startsWith('00:00:00') ? date : `${date} ${time.slice(0, 5)}`;
}

/** A moment to the second, whatever the hour: `2026-03-02 00:00:07`. */
export const localMoment = (zone: string, at: number): string => localDate(zone, at).toISOString().slice(0, 19).replace('T', ' ');

/** Of the starts of days those that begin a month, and the period's beginning. */
export function startsOfMonths(zone: string, period: Period): readonly number[] {
  return startsOfDays(zone, period).filter((at, index) => index === 0 || localDate(zone, at).getUTCDate() === 1);
}

/** The instant at which a day of the zone's calendar begins. */
function startOfDate(zone: string, year: number, month: number, day: number): number {
  const local = Date.UTC(year, month, day);
  const around = { from: local - 2 * DAY, to: local + 2 * DAY };
  const found = startsOfDays(zone, around).find((at) => at + offsetAt(zone, at) >= local && at > around.from);
  if (found === undefined) throw new Error(`No day begins in ${zone} around ${new Date(local).toISOString()}`);
  return found;
}

const startsDay = (zone: string, at: number): boolean => {
  const local = localDate(zone, at);
  return at === startOfDate(zone, local.getUTCFullYear(), local.getUTCMonth(), local.getUTCDate());
};

/**
 * The period before, for comparison: as many months if it is made of whole months, as many days if of whole days
 * (which a change of the clock makes longer or shorter), as long otherwise.
 */
export function periodBefore(zone: string, { from, to }: Period): Period {
  if (!startsDay(zone, from) || !startsDay(zone, to)) return { from: from - (to - from), to: from };
  const first = localDate(zone, from);
  const end = localDate(zone, to);
  const [year, month, day] = [first.getUTCFullYear(), first.getUTCMonth(), first.getUTCDate()];
  if (day === 1 && end.getUTCDate() === 1) {
    const months = (end.getUTCFullYear() - year) * 12 + end.getUTCMonth() - month;
    return { from: startOfDate(zone, year, month - months, 1), to: from };
  }
  const days = Math.round(
    (Date.UTC(end.getUTCFullYear(), end.getUTCMonth(), end.getUTCDate()) - Date.UTC(year, month, day)) / DAY,
  );
  return { from: startOfDate(zone, year, month, day - days), to: from };
}
