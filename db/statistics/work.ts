import type { Period } from '../../domain/time-zone.ts';
import { seesEverything } from '../visibility.ts';
import { Collector, things } from './collector.ts';
import { countType, type Grouping } from './count.ts';
import { PREVIOUS, whoseOf, type Whose } from './counting.ts';
import type { HoursOfWeek, WholeHours } from './hours-of-week.ts';
import { filterSql, instantSql, type StatisticsScope } from './scope.ts';
import { SLICE, SLICE_START } from './slices.ts';
import type { SnapshotReader } from './snapshot.ts';

/**
 * «Обращений в работе», most of whose facts need not be read: what is rolled up of them (0160_work_roll_ups.sql) tells how many tickets
 * came first into a stretch of time, and how many came into it from before.
 */

const MINUTE = 60_000;
const QUARTER = 15 * MINUTE;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** A link to the fact before is short below this: as the shortest day. */
const SHORT = 23 * HOUR;
/** Below so many whole days the facts themselves are as fast. */
const FEWEST_DAYS = 3;

/** As the index `statistics_facts_work_return` has it. */
const RETURNS = ['previous_at', 'previous_of_team_at', 'previous_of_agent_at']
  .map((previous) => `f.at - f.${previous} >= interval '23 hours'`)
  .join(' or ');

const FIRSTS: Readonly<Record<Whose, string>> = {
  everybody: 'f.firsts',
  team: 'f.firsts_of_team',
  agent: 'f.firsts_of_agent',
};

/** The days of UTC that lie in a period as a whole, if they are worth it. */
function wholeDays({ from, to }: Period): Period | null {
  const whole = { from: Math.ceil(from / DAY) * DAY, to: Math.floor(to / DAY) * DAY };
  return whole.to - whole.from >= FEWEST_DAYS * DAY ? whole : null;
}

/** The tickets of the whole period, each once for everybody and in each group: those that came first in it, and those that came back. */
async function countInPeriod(
  reader: SnapshotReader,
  scope: StatisticsScope,
  days: Period,
  grouping: Grouping | null,
  into: Collector,
): Promise<void> {
  const { sql: where, bindings } = filterSql(scope);
  const total = whoseOf(scope.filter);
  const levels = { total, of_outer: grouping?.outer?.of ?? total, of_group: grouping?.span.of ?? total };
  const counted = (sqlOf: (whose: Whose) => string): string =>
    [
      `${grouping?.sql ?? 'null::text'} as grouped`,
      ...Object.entries(levels).map(([level, whose]) => `(${sqlOf(whose)})::int as ${level}`),
    ].join(', ');
  const rows = await reader.rows<{ grouped_by: string | null } & Record<keyof typeof levels, number>>(
    `select grouped::text as grouped_by, sum(total)::int as total, sum(of_outer)::int as of_outer, sum(of_group)::int as of_group
     from (
       select ${counted((whose) => FIRSTS[whose])}
       from statistics_work_days f where f.day >= :firstDay::date and f.day < :endDay::date and ${where}
       union all
       select ${counted((whose) => `coalesce(${PREVIOUS[whose]} < :from, f.at < :whole)`)}
       from statistics_facts_work f where f.at >= :from and f.at < :near and ${where}
       union all
       select ${counted((whose) => `coalesce(${PREVIOUS[whose]} < :from, false)`)}
       from statistics_facts_work f where f.at >= :near and f.at < :to and (${RETURNS}) and ${where}
       union all
       select ${counted((whose) => `${PREVIOUS[whose]} is null`)}
       from statistics_facts_work f where f.at >= :end and f.at < :to and f.previous_of_agent_at is null and ${where}) part
     group by 1`,
    {
      ...bindings,
      from: instantSql(scope.period.from),
      to: instantSql(scope.period.to),
      whole: instantSql(days.from),
      end: instantSql(days.to),
      firstDay: instantSql(days.from),
      endDay: instantSql(days.to),
      near: instantSql(Math.max(days.from, scope.period.from + SHORT)),
    },
  );
  for (const row of rows) {
    into.addTotal('inWork', things(row.total));
    if (row.grouped_by === null || !grouping) continue;
    into.setGroup(row.grouped_by, 'inWork', things(row.of_group));
    if (grouping.outer) into.outer.setGroup(row.grouped_by, 'inWork', things(row.of_outer));
  }
}

/** The slices that are long enough for links to be told by their start, and begin with a quarter of an hour: those that lie together. */
function wholeSlices(starts: readonly number[]): Period | null {
  const isWhole = (index: number): boolean => {
    const [from = 0, to = 0] = starts.slice(index, index + 2);
    return to - from >= SHORT && from % QUARTER === 0 && to % QUARTER === 0;
  };
  const first = starts.findIndex((_, index) => isWhole(index));
  if (first < 0) return null;
  let end = first;
  while (isWhole(end)) end++;
  return { from: starts[first] as number, to: starts[end] as number };
}

const outside = ':wholeFrom > f.at or f.at >= :wholeTo';

/** The groups of facts that are read one by one. */
async function countGroups(reader: SnapshotReader, scope: StatisticsScope, grouping: Grouping, into: Collector): Promise<void> {
  const counted = new Collector();
  await countType(reader, 'work', ['inWork'], scope, grouping, counted);
  for (const [key, tallies] of counted.groups) {
    for (const [figure, tally] of tallies) into.addToGroup(key, figure, tally);
  }
}

interface Counted {
  readonly grouped_by: string;
  readonly count: number;
}

/** The tickets of each slice of a chart over time. */
async function countInSlices(
  reader: SnapshotReader,
  scope: StatisticsScope,
  grouping: Grouping,
  { from, to }: Period,
  into: Collector,
): Promise<void> {
  const { sql: where, bindings } = filterSql(scope);
  const whole = { wholeFrom: instantSql(from), wholeTo: instantSql(to) };
  const rest = { ...grouping, within: `(${outside})`, bindings: { ...grouping.bindings, ...whole } };
  const reading = reader.rows<Counted>(
    `select slice::text as grouped_by, sum(n)::int as count
     from (
       select ${SLICE} as slice, f.firsts + case when f.at = ${SLICE_START} then f.links else 0 end as n
       from statistics_work_quarters f where f.at >= :wholeFrom and f.at < :wholeTo and ${where}
       union all
       select ${SLICE}, 1 from statistics_facts_work f where f.at >= :wholeFrom and f.at < :wholeTo and ${where}
         and (${RETURNS}) and f.at - f.previous_at >= interval '23 hours' and f.previous_at < ${SLICE_START}) part
     group by slice`,
    { ...bindings, ...grouping.bindings, ...whole },
  );
  const [rows] = await Promise.all([reading, countGroups(reader, scope, rest, into)]);
  for (const { grouped_by, count } of rows) into.addToGroup(grouped_by, 'inWork', things(count));
}

/** Rolled up for everybody: without the record of who did it, nor of who may see it. */
const isForAll = ({ filter, viewer }: StatisticsScope): boolean =>
  filter.agentId === undefined && filter.team === undefined && seesEverything(viewer);

/** Counts the tickets in work, in total and, if asked, in groups. */
export async function countWork(
  reader: SnapshotReader,
  scope: StatisticsScope,
  grouping: Grouping | null,
  into: Collector,
): Promise<void> {
  const days = seesEverything(scope.viewer) ? wholeDays(scope.period) : null;
  if (!days) return countType(reader, 'work', ['inWork'], scope, grouping, into);
  if (!grouping?.slices) return countInPeriod(reader, scope, days, grouping, into);
  const slices = isForAll(scope) ? wholeSlices(grouping.slices) : null;
  if (!slices) return countType(reader, 'work', ['inWork'], scope, grouping, into);
  await Promise.all([countInPeriod(reader, scope, days, null, into), countInSlices(reader, scope, grouping, slices, into)]);
}

const twiceBindings = ({ except }: WholeHours): Readonly<Record<string, string>> =>
  Object.fromEntries(
    except.flatMap(({ from, to }, index) => [
      [`twice${index}`, instantSql(from)],
      [`once${index}`, instantSql(to)],
    ]),
  );

/**
 * The tickets at each hour of the week (`grouping`), of facts that do not recur in later weeks, and in total. False, with nothing counted,
 * where hours are not made of what is rolled up.
 */
export async function countWorkAtHours(
  reader: SnapshotReader,
  scope: StatisticsScope,
  hours: HoursOfWeek,
  grouping: Grouping,
  into: Collector,
): Promise<boolean> {
  const whole = hours.wholeHours;
  const days = wholeDays(scope.period);
  if (!whole || !days || !isForAll(scope)) return false;
  const { sql: where, bindings } = filterSql(scope);
  const named = { wholeFrom: instantSql(whole.from), wholeTo: instantSql(whole.to), ...twiceBindings(whole) };
  const apart = [outside, ...whole.except.map((_, index) => `f.at >= :twice${index} and f.at < :once${index}`)].join(' or ');
  const rest = { ...grouping, within: `(${apart})`, bindings: { ...grouping.bindings, ...named } };
  const [rows] = await Promise.all([
    reader.rows<Counted>(
      `select ${grouping.sql}::text as grouped_by, sum(f.hour_starts + case when ${hours.startsHour} then f.hour_links else 0 end)::int as count
       from statistics_work_quarters f ${grouping.join ?? ''} where ${where} and not (${apart}) group by 1`,
      { ...bindings, ...grouping.bindings, ...named },
    ),
    countInPeriod(reader, scope, days, null, into),
    countGroups(reader, scope, rest, into),
  ]);
  for (const { grouped_by, count } of rows) into.addToGroup(grouped_by, 'inWork', things(count));
  return true;
}
