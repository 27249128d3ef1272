import {
  CHANNELS,
  FIGURES_OF,
  isAverage,
  medianOf,
  partsOf,
  type Figure,
  type Median,
  type RuledFigure,
  type Section,
} from '../../domain/statistics.ts';
import type { Channel } from '../../domain/tickets.ts';
import { periodBefore, startsOfDays, startsOfHours, startsOfMonths, type Period } from '../../domain/time-zone.ts';
import type { Db, Transaction } from '../pool.ts';
import { wholePeriod } from './counting.ts';
import { averagesOf, type Average, type Averages } from './distribution.ts';
import { refreshFacts } from './facts.ts';
import { ALL_HOURS_OF_WEEK, hourOfWeekSql, weekdayAndHour } from './hours-of-week.ts';
import { arraySql, instantSql, type StatisticsScope } from './scope.ts';
import { tally, tallyScattered, valueOf, type Tallies } from './tally.ts';

export type FigureValues = Partial<Record<Figure | Median, number | null>>;

export interface StatisticsQuestion extends StatisticsScope {
  readonly section: Section;
  readonly timeZone: string;
  /** Also the figures of the period before. */
  readonly compare: boolean;
}

export interface AgentName {
  readonly id: string;
  readonly fullName: string;
}

export interface StatisticsAnswer {
  readonly figures: FigureValues;
  readonly series?: readonly ({ readonly at: number } & FigureValues)[];
  readonly peak?: readonly ({ readonly weekday: number; readonly hour: number } & FigureValues)[];
  readonly channels?: readonly ({ readonly channel: Channel } & FigureValues)[];
  readonly agents?: readonly ({ readonly agent: AgentName } & FigureValues)[];
  readonly previous?: { readonly period: Period; readonly figures: FigureValues };
  /** Changes of the record that are not in the figures yet: only while a large import is being worked in. */
  readonly behind: number;
}

const valuesOf = (figures: readonly Figure[], tallies: Parameters<typeof valueOf>[1]): FigureValues =>
  Object.fromEntries(figures.map((figure) => [figure, valueOf(figure, tallies)]));

const ofAverage = (figure: Figure, average: Average | null | undefined): FigureValues => ({
  [figure]: average?.mean ?? null,
  [medianOf(figure)]: average?.median ?? null,
});

type AveragesOfFigures = ReadonlyMap<RuledFigure, Averages>;

async function allAverages(
  trx: Transaction,
  figures: readonly Figure[],
  scope: StatisticsScope,
  byAgent = false,
): Promise<AveragesOfFigures> {
  const averages = new Map<RuledFigure, Averages>();
  for (const figure of figures.filter(isAverage).flatMap(partsOf))
    averages.set(figure, await averagesOf(trx, figure, scope, byAgent));
  return averages;
}

const averageValues = (averages: AveragesOfFigures, pick: (of: Averages) => Average | null | undefined): FigureValues =>
  Object.assign({}, ...[...averages].map(([figure, of]) => ofAverage(figure, pick(of)))) as FigureValues;

const countsOf = (figures: readonly Figure[]): readonly Figure[] => figures.filter((figure) => !isAverage(figure));

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** A day that a change of the clock makes longer still counts as one. */
const LONGEST_BY_HOUR = 2 * DAY + HOUR;
const LONGEST_BY_DAY = 800 * DAY;

/** Where the points of a chart over time begin. */
export function sliceStarts(timeZone: string, period: Period): readonly number[] {
  const length = period.to - period.from;
  if (length <= LONGEST_BY_HOUR) return startsOfHours(timeZone, period);
  return length <= LONGEST_BY_DAY ? startsOfDays(timeZone, period) : startsOfMonths(timeZone, period);
}

const SLICE = 'width_bucket(f.at, :slices::timestamptz[])';

async function overTime(
  trx: Transaction,
  figures: readonly Figure[],
  question: StatisticsQuestion,
): Promise<[Tallies, StatisticsAnswer['series']]> {
  const starts = sliceStarts(question.timeZone, question.period);
  const tallies = await tally(trx, figures, question, {
    sql: SLICE,
    bindings: { slices: arraySql([...starts, question.period.to].map(instantSql)) },
    span: {
      start: `(:slices::timestamptz[])[${SLICE}]`,
      end: `(:slices::timestamptz[])[${SLICE} + 1]`,
      ofAgent: question.filter.agentId !== undefined,
    },
  });
  const series = starts.map((at, index) => ({ at, ...valuesOf(figures, tallies.groups.get(String(index + 1))) }));
  return [tallies, series];
}

type Part = Omit<StatisticsAnswer, 'behind' | 'previous'>;

async function seriesSection(trx: Transaction, question: StatisticsQuestion): Promise<Part> {
  const figures = FIGURES_OF[question.section];
  const [tallies, series] = await overTime(trx, figures, question);
  const averages = await allAverages(trx, figures, question);
  const total = { ...valuesOf(countsOf(figures), tallies.total), ...averageValues(averages, (of) => of.total) };
  return { figures: total, ...(series ? { series } : {}) };
}

async function peakSection(trx: Transaction, question: StatisticsQuestion): Promise<Part> {
  const figures = FIGURES_OF.peak;
  const { total } = await tally(trx, figures, question, null);
  const cells = await tallyScattered(trx, figures, question, hourOfWeekSql(question.timeZone, question.period));
  const peak = ALL_HOURS_OF_WEEK.map((hour) => ({ ...weekdayAndHour(hour), ...valuesOf(figures, cells.get(String(hour))) }));
  return { figures: valuesOf(figures, total), peak };
}

async function channelsSection(trx: Transaction, question: StatisticsQuestion): Promise<Part> {
  const figures = FIGURES_OF.channels;
  const span = wholePeriod(question.filter.agentId !== undefined);
  const tallies = await tally(trx, figures, question, { sql: 'f.channel', bindings: {}, span });
  const channels = CHANNELS.filter((channel) => !question.filter.channel || channel === question.filter.channel).map(
    (channel) => ({
      channel,
      ...valuesOf(figures, tallies.groups.get(channel)),
    }),
  );
  return { figures: valuesOf(figures, tallies.total), channels };
}

/** Those who work here now, and those who did and have something to show for the period. */
async function agentsOf(
  trx: Transaction,
  counted: readonly string[],
  agentId: string | undefined,
): Promise<readonly AgentName[]> {
  const { rows } = await trx.raw<{ rows: { id: string; full_name: string }[] }>(
    `select id, full_name from agents where (deactivated_at is null or id = any(:counted::uuid[])) and (:agentId::uuid is null or id = :agentId)
     order by full_name, id`,
    { counted, agentId: agentId ?? null },
  );
  return rows.map((row) => ({ id: row.id, fullName: row.full_name }));
}

async function teamSection(trx: Transaction, question: StatisticsQuestion): Promise<Part> {
  const figures = FIGURES_OF.team;
  const span = wholePeriod(true);
  const counts = countsOf(figures);
  const tallies = await tally(trx, counts, question, { sql: 'f.agent_id', bindings: {}, span });
  const averages = await allAverages(trx, figures, question, true);
  const counted = [...tallies.groups.keys(), ...[...averages.values()].flatMap((of) => [...of.ofAgents.keys()])];
  const agents = (await agentsOf(trx, counted, question.filter.agentId)).map((agent) => ({
    agent,
    ...valuesOf(counts, tallies.groups.get(agent.id)),
    ...averageValues(averages, (of) => of.ofAgents.get(agent.id)),
  }));
  const total = { ...valuesOf(counts, tallies.total), ...averageValues(averages, (of) => of.total) };
  return { figures: total, agents: agents.sort((a, b) => (b.newTickets ?? 0) - (a.newTickets ?? 0)) };
}

function sectionOf(trx: Transaction, question: StatisticsQuestion): Promise<Part> {
  switch (question.section) {
    case 'load':
    case 'speed':
    case 'sla':
      return seriesSection(trx, question);
    case 'peak':
      return peakSection(trx, question);
    case 'channels':
      return channelsSection(trx, question);
    case 'team':
      return teamSection(trx, question);
  }
}

async function previousOf(trx: Transaction, question: StatisticsQuestion): Promise<StatisticsAnswer['previous']> {
  const period = periodBefore(question.timeZone, question.period);
  const scope = { ...question, period };
  const figures = FIGURES_OF[question.section];
  const counts = countsOf(figures);
  const { total } = await tally(trx, counts, scope, null);
  const averages = await allAverages(trx, figures, scope);
  return { period, figures: { ...valuesOf(counts, total), ...averageValues(averages, (of) => of.total) } };
}

/** Compiling plans costs more than it saves here; the rest lets both cores read and keeps groups in memory. */
const PLANNER = `set local jit = off; set local work_mem = '64MB'; set local random_page_cost = 1.1`;

/** Answers from one snapshot, so that all figures of an answer fit each other and the record as it is now. */
export async function statisticsOf(db: Db, question: StatisticsQuestion): Promise<StatisticsAnswer> {
  const behind = await refreshFacts(db);
  return db.transaction(
    async (trx) => {
      await trx.raw(PLANNER);
      const part = await sectionOf(trx, question);
      const previous = question.compare ? await previousOf(trx, question) : undefined;
      return { ...part, ...(previous ? { previous } : {}), behind };
    },
    { isolationLevel: 'repeatable read', readOnly: true },
  );
}
