import { partsOf, ruleOf, type Figure } from '../../domain/statistics.ts';
import { belongsSql, between, fromSql, whoseOf, wholePeriod } from './counting.ts';
import { inHourOfWeekSql } from './hours-of-week.ts';
import type { Condition } from '../visibility.ts';
import { instantSql, scopeSql, type SqlFragment, type StatisticsScope } from './scope.ts';

export interface FigureTickets extends StatisticsScope {
  readonly figure: Figure;
  /** Only those that counted in a part of the period (a day of the chart): from ≤ time < to. */
  readonly within?: { readonly from: number; readonly to: number } | undefined;
  /** Only those that counted at this hour of the week (a cell of the peaks). */
  readonly hourOfWeek?: { readonly timeZone: string; readonly weekday: number; readonly hour: number } | undefined;
}

/** Named parameters as question marks, for statements that are put together from several parts. */
function positional({ sql, bindings }: SqlFragment): Condition {
  const values: string[] = [];
  const marked = sql.replace(/(?<!:):([a-zA-Z]\w*)/g, (_whole, name: string) => {
    const value = bindings[name];
    if (value === undefined) throw new Error(`No value for :${name}`);
    values.push(value);
    return '?';
  });
  return { sql: marked, bindings: values };
}

/**
 * That a ticket (its id: `column`) is one of those a figure counts; the number of such tickets is the figure. Facts are
 * expected to be up to date (`refreshFacts`).
 */
export function isOfFigure(wanted: FigureTickets, column = 't.id'): Condition {
  const scope = scopeSql(wanted);
  const hour = wanted.hourOfWeek ? inHourOfWeekSql(wanted.hourOfWeek, wanted.period) : { sql: 'true', bindings: {} };
  const within = wanted.within ? 'f.at >= :withinFrom and f.at < :withinTo' : 'true';
  const whose = whoseOf(wanted.filter);
  // The last closing of a point is that of its own time, as in the chart.
  const span = wanted.within ? between(':withinFrom', ':withinTo', whose) : wholePeriod(whose);
  const selects = partsOf(wanted.figure).map(
    (part) => `select f.ticket_id from ${fromSql(ruleOf(part).facts)}
      where ${scope.sql} and ${belongsSql(part, span)} and ${within} and ${hour.sql}`,
  );
  return positional({
    sql: `${column} in (${selects.join(' union all ')})`,
    bindings: {
      ...scope.bindings,
      ...hour.bindings,
      ...(wanted.within ? { withinFrom: instantSql(wanted.within.from), withinTo: instantSql(wanted.within.to) } : {}),
    },
  });
}
