import type { z } from 'zod';
import { refreshFacts } from '../../db/statistics/facts.ts';
import { isOfFigure } from '../../db/statistics/tickets-of-figure.ts';
import type { Condition, Viewer } from '../../db/visibility.ts';
import type { figureFilter } from '../contract/figures.ts';
import type { ApiDeps } from '../deps.ts';
import { fieldProblem } from '../problems.ts';
import { periodOf } from './statistics.ts';

type FigureQuery = z.output<z.ZodObject<typeof figureFilter>>;

function required<T>(field: string, value: T | undefined): T {
  if (value === undefined) throw fieldProblem(field, 'required');
  return value;
}

function withinOf({ withinFrom, withinTo, tz }: FigureQuery) {
  if (withinFrom === undefined && withinTo === undefined) return undefined;
  return periodOf({ from: required('withinFrom', withinFrom), to: required('withinTo', withinTo), tz });
}

function hourOfWeekOf({ weekday, hour, tz }: FigureQuery) {
  if (weekday === undefined && hour === undefined) return undefined;
  return { timeZone: tz, weekday: required('weekday', weekday), hour: required('hour', hour) };
}

/** The list's filter by figure: exactly the tickets counted, as the record stands now. Undefined where none is asked for. */
export async function countedTickets(deps: ApiDeps, viewer: Viewer, query: FigureQuery): Promise<Condition | undefined> {
  const { figure, from, to, tz, agentId, team, direction } = query;
  if (!figure) return undefined;
  const period = periodOf({ from: required('from', from), to: required('to', to), tz });
  const wanted = {
    figure,
    period,
    filter: { agentId, team, direction },
    viewer,
    within: withinOf(query),
    hourOfWeek: hourOfWeekOf(query),
  };
  await refreshFacts(deps.db);
  return isOfFigure(wanted);
}
