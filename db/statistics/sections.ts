import { CHANNELS, FIGURES_OF, isAverage, medianOf, type Figure, type Median, type Section } from '../../domain/statistics.ts';
import type { Channel } from '../../domain/tickets.ts';
import { periodBefore, startsOfDays, startsOfHours, startsOfMonths, type Period } from '../../domain/time-zone.ts';
import type { Db } from '../pool.ts';
import { medianOfTally, valueOf, type Tallies } from './collector.ts';
import { between, whoseOf, wholePeriod } from './counting.ts';
import { refreshFacts } from './facts.ts';
import { ALL_HOURS_OF_WEEK, weekdayAndHour } from './hours-of-week.ts';
import { tallyPeaks } from './peaks.ts';
import { SLICE, SLICE_END, SLICE_START } from './slices.ts';
import { arraySql, instantSql, type StatisticsFilter, type StatisticsScope } from './scope.ts';
import { inSnapshot, type SnapshotReader } from './snapshot.ts';
import { tally, tallyOfAgents } from './tally.ts';

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
  /** Only where there are teams; not beside the figures of one agent. */
  readonly teams?: readonly ({ readonly team: string } & FigureValues)[];
  readonly previous?: { readonly period: Period; readonly figures: FigureValues };
  /** Changes of the record that are not in the figures yet: only while a large import is being worked in. */
  readonly behind: number;
}

const valuesOf = (figures: readonly Figure[], tallies: Parameters<typeof valueOf>[1]): FigureValues =>
  Object.fromEntries(figures.map((figure) => [figure, valueOf(figure, tallies)]));

/** Averages with their medians. */
const withMedians = (figures: readonly Figure[], tallies: Parameters<typeof valueOf>[1]): FigureValues => ({
  ...valuesOf(figures, tallies),
  ...Object.fromEntries(figures.filter(isAverage).map((figure) => [medianOf(figure), medianOfTally(figure, tallies)])),
});

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

async function overTime(
  reader: SnapshotReader,
  figures: readonly Figure[],
  question: StatisticsQuestion,
): Promise<[Tallies, StatisticsAnswer['series']]> {
  const starts = sliceStarts(question.timeZone, question.period);
  const ends = [...starts, question.period.to];
  const tallies = await tally(reader, figures, question, {
    sql: SLICE,
    bindings: { slices: arraySql(ends.map(instantSql)) },
    slices: ends,
    span: between(SLICE_START, SLICE_END, whoseOf(question.filter)),
  });
  const series = starts.map((at, index) => ({ at, ...valuesOf(figures, tallies.groups.get(String(index + 1))) }));
  return [tallies, series];
}

type Part = Omit<StatisticsAnswer, 'behind' | 'previous'>;

async function seriesSection(reader: SnapshotReader, question: StatisticsQuestion): Promise<Part> {
  const figures = FIGURES_OF[question.section];
  const [tallies, series] = await overTime(reader, figures, question);
  return { figures: withMedians(figures, tallies.total), ...(series ? { series } : {}) };
}

async function peakSection(reader: SnapshotReader, question: StatisticsQuestion): Promise<Part> {
  const figures = FIGURES_OF.peak;
  const { total, groups } = await tallyPeaks(reader, figures, question, question.timeZone);
  const peak = ALL_HOURS_OF_WEEK.map((hour) => ({ ...weekdayAndHour(hour), ...valuesOf(figures, groups.get(String(hour))) }));
  return { figures: valuesOf(figures, total), peak };
}

async function channelsSection(reader: SnapshotReader, question: StatisticsQuestion): Promise<Part> {
  const figures = FIGURES_OF.channels;
  const span = wholePeriod(whoseOf(question.filter));
  const tallies = await tally(reader, figures, question, { sql: 'f.channel', bindings: {}, span });
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
  reader: SnapshotReader,
  counted: readonly string[],
  { agentId, team }: StatisticsFilter,
): Promise<readonly AgentName[]> {
  const rows = await reader.rows<{ id: string; full_name: string }>(
    `select id, full_name from agents where (deactivated_at is null or id = any(:counted::uuid[]))
       and (:agentId::uuid is null or id = :agentId) and (:team::text is null or team = :team) order by full_name, id`,
    { counted, agentId: agentId ?? null, team: team ?? null },
  );
  return rows.map((row) => ({ id: row.id, fullName: row.full_name }));
}

async function teamNames(reader: SnapshotReader, { team }: StatisticsFilter): Promise<readonly string[]> {
  const rows = await reader.rows<{ team: string }>(
    `select team from agents where team is not null and (:team::text is null or team = :team) group by team order by team`,
    { team: team ?? null },
  );
  return rows.map((row) => row.team);
}

/** The figures of S25, in total, for each agent and for each team, from one pass over the facts of each kind. */
async function teamSection(reader: SnapshotReader, question: StatisticsQuestion): Promise<Part> {
  const figures = FIGURES_OF.team;
  const names = question.filter.agentId === undefined ? await teamNames(reader, question.filter) : [];
  const tallies = await tallyOfAgents(reader, figures, question, names.length > 0);
  const people = await agentsOf(reader, [...tallies.agents.keys()], question.filter);
  const agents = people.map((agent) => ({ agent, ...withMedians(figures, tallies.agents.get(agent.id)) }));
  const teams = names.map((team) => ({ team, ...withMedians(figures, tallies.teams.get(team)) }));
  return {
    figures: withMedians(figures, tallies.total),
    agents: agents.sort((a, b) => (b.newTickets ?? 0) - (a.newTickets ?? 0)),
    ...(names.length > 0 ? { teams } : {}),
  };
}

function sectionOf(reader: SnapshotReader, question: StatisticsQuestion): Promise<Part> {
  switch (question.section) {
    case 'load':
    case 'speed':
    case 'sla':
      return seriesSection(reader, question);
    case 'peak':
      return peakSection(reader, question);
    case 'channels':
      return channelsSection(reader, question);
    case 'team':
      return teamSection(reader, question);
  }
}

async function previousOf(reader: SnapshotReader, question: StatisticsQuestion): Promise<StatisticsAnswer['previous']> {
  const period = periodBefore(question.timeZone, question.period);
  const scope = { ...question, period };
  const figures = FIGURES_OF[question.section];
  const { total } = await tally(reader, figures, scope, null);
  return { period, figures: withMedians(figures, total) };
}

/** Answers from one snapshot, so that all figures of an answer fit each other and the record as it is now. */
export async function statisticsOf(db: Db, question: StatisticsQuestion): Promise<StatisticsAnswer> {
  const behind = await refreshFacts(db);
  return inSnapshot(db, async (reader) => {
    const [part, previous] = await Promise.all([
      sectionOf(reader, question),
      question.compare ? previousOf(reader, question) : undefined,
    ]);
    return { ...part, ...(previous ? { previous } : {}), behind };
  });
}
