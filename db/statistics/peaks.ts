import { partsOf, ruleOf, type Figure, type RuledFigure } from '../../domain/statistics.ts';
import { belongsSql, fromSql, whoseOf, wholePeriod } from './counting.ts';
import { ALL_HOURS_OF_WEEK, hoursOfWeek, type HoursOfWeek } from './hours-of-week.ts';
import { scopeSql, type StatisticsScope } from './scope.ts';
import type { SnapshotReader } from './snapshot.ts';
import { Collector, things, type Tallies } from './collector.ts';
import { countType, oneOf } from './count.ts';
import { countWorkAtHours } from './work.ts';

interface Asked {
  readonly reader: SnapshotReader;
  readonly scope: StatisticsScope;
  readonly hours: HoursOfWeek;
  readonly into: Collector;
}

/** Adds what is found by comparing a figure's facts: each ticket once at each hour of the week. */
async function addCompared(
  { reader, scope, hours, into }: Asked,
  figure: RuledFigure,
  found: (facts: string) => string,
): Promise<void> {
  const { sql: where, bindings } = scopeSql(scope);
  const facts = `${fromSql(ruleOf(figure).facts)}
    where ${where} and ${belongsSql(figure, wholePeriod(whoseOf(scope.filter)))}`;
  const rows = await reader.rows<{ grouped_by: string; count: number }>(
    `select grouped_by::text, count(*)::int as count from ${found(facts)} group by grouped_by`,
    { ...bindings, ...hours.bindings },
  );
  for (const { grouped_by, count } of rows) into.addToGroup(grouped_by, figure, things(count));
}

const ticketsAtHours = (hours: HoursOfWeek, facts: string): string =>
  `(select distinct ${hours.sql} as grouped_by, f.ticket_id from ${facts}) each`;

/**
 * Tickets that came back to an hour of the week six days or more after their first fact: those of them that are not counted there
 * with an earlier one.
 */
const addRecurring = (asked: Asked, figure: RuledFigure): Promise<void> =>
  addCompared(
    asked,
    figure,
    (facts) => `${ticketsAtHours(asked.hours, `${facts} and f.may_recur`)}
      where not exists (
        select from ${facts} and not f.may_recur and f.ticket_id = each.ticket_id and ${asked.hours.sql} = each.grouped_by)`,
  );

/** The tickets of a figure at each hour of the week, compared. */
const countDistinct = (asked: Asked, figure: RuledFigure): Promise<void> =>
  addCompared(asked, figure, (facts) => ticketsAtHours(asked.hours, facts));

/** Facts that lie less than six days apart share an hour of the week only within one hour, whose first is told by its predecessor. */
async function addFigure(asked: Asked, figure: RuledFigure): Promise<void> {
  const { reader, scope, hours, into } = asked;
  const { facts } = ruleOf(figure);
  const byHour = oneOf('hour_of_week', ALL_HOURS_OF_WEEK.length - 1, hours);
  // A ticket is created once, so there is nothing to compare.
  if (facts === 'created') {
    return countType(reader, facts, [figure], scope, { ...byHour, span: wholePeriod('everybody') }, into);
  }
  const span = hours.hourOf(whoseOf(scope.filter));
  if (!span) {
    await Promise.all([countType(reader, facts, [figure], scope, null, into), countDistinct(asked, figure)]);
    return;
  }
  const lasting = { ...byHour, span, only: 'not f.may_recur' };
  const countLasting = async (): Promise<void> => {
    if (facts === 'work' && (await countWorkAtHours(reader, scope, hours, lasting, into))) return;
    await countType(reader, facts, [figure], scope, lasting, into);
  };
  await Promise.all([countLasting(), addRecurring(asked, figure)]);
}

/** Counts some figures in total and at each hour of the week, at which each ticket counts once, in however many weeks. */
export async function tallyPeaks(
  reader: SnapshotReader,
  figures: readonly Figure[],
  scope: StatisticsScope,
  timeZone: string,
): Promise<Tallies> {
  const asked = { reader, scope, hours: hoursOfWeek(timeZone, scope.period), into: new Collector() };
  await Promise.all(figures.flatMap(partsOf).map((figure) => addFigure(asked, figure)));
  return asked.into;
}
