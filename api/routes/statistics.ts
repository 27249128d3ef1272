import { z } from 'zod';
import { recordAudit } from '../../db/audit.ts';
import { statisticsOf, type StatisticsQuestion } from '../../db/statistics/sections.ts';
import { isTimeZone, localTime, type Period } from '../../domain/time-zone.ts';
import { section, statistics, statisticsQuery, type Statistics } from '../contract/statistics.ts';
import { csvOf, tableOf } from '../present/statistics-csv.ts';
import { presentStatistics } from '../present/statistics.ts';
import { fieldProblem, ProblemError } from '../problems.ts';
import { route, SENT, type Context } from '../route.ts';

const YEAR = 366 * 86_400_000;
const LONGEST_YEARS = 50;

/** A period that is one, in a time zone that exists. */
export function periodOf({ from, to, tz }: { readonly from: string; readonly to: string; readonly tz: string }): Period {
  if (!isTimeZone(tz)) throw fieldProblem('tz', 'unknown_time_zone');
  const period = { from: Date.parse(from), to: Date.parse(to) };
  if (period.from >= period.to) throw fieldProblem('to', 'not_after_from');
  if (period.to - period.from > LONGEST_YEARS * YEAR) throw fieldProblem('to', 'period_too_long');
  return period;
}

type Query = z.output<typeof statisticsQuery>;
type Asked = Context<{ section: z.output<typeof section> }, Query, undefined, 'agent'>;

function questionOf({ agent, params, query }: Asked): StatisticsQuestion {
  const { agentId, team, channel, direction, tz, compare } = query;
  return {
    section: params.section,
    period: periodOf(query),
    timeZone: tz,
    filter: { agentId, team, channel, direction },
    viewer: agent,
    compare: compare === 'true',
  };
}

/** By the parameter, else by what the client accepts. */
function formatOf({ request, query }: Asked): 'json' | 'csv' {
  if (query.format) return query.format;
  const accepted = request.accepts(['application/json', 'text/csv']);
  if (!accepted) throw new ProblemError('not_acceptable');
  return accepted === 'text/csv' ? 'csv' : 'json';
}

function sendCsv({ query, response }: Asked, answer: Statistics): typeof SENT {
  const table = tableOf(answer, query.table, query.lang);
  if (!table) throw fieldProblem('table', 'not_in_this_section');
  const [first, last] = [Date.parse(answer.from), Date.parse(answer.to) - 1].map((at) => localTime(answer.tz, at).slice(0, 10));
  const name = `statistics-${answer.section}-${first}-${last}.csv`;
  response.set({ 'Cache-Control': 'no-store', 'Content-Disposition': `attachment; filename="${name}"` });
  response.type('text/csv; charset=utf-8').send(csvOf(table, query.lang));
  return SENT;
}

const statisticsRoute = route({
  method: 'get',
  path: '/api/statistics/{section}',
  summary: 'The figures of a section of «Статистика»; with `Accept: text/csv` or `format=csv` a table of it as CSV',
  tag: 'Statistics',
  access: 'agent',
  params: z.strictObject({ section }),
  query: statisticsQuery,
  response: statistics,
  alsoAs: ['text/csv'],
  problems: ['not_acceptable'],
  handle: async (context) => {
    const format = formatOf(context);
    const question = questionOf(context);
    const answer = presentStatistics(question, await statisticsOf(context.deps.db, question));
    context.response.vary('Accept');
    if (format === 'json') return answer;
    const { agent, address, query } = context;
    const detail = { from: query.from, to: query.to, table: query.table ?? null };
    const subject = question.section;
    await recordAudit(context.deps.db, { agentId: agent.agentId, address, action: 'statistics.exported', subject, detail });
    return sendCsv(context, answer);
  },
});

export const statisticsRoutes = [statisticsRoute];
