import { partsOf, ruleOf, type FactType, type Figure, type Measure, type RuledFigure } from '../../domain/statistics.ts';
import { belongsSql, countedSql, fromSql, measureSql, needsDistinct, whoseOf, wholePeriod, type Span } from './counting.ts';
import { inUnit } from './in-unit.ts';
import { scopeSql, type SqlFragment, type StatisticsScope } from './scope.ts';
import type { SnapshotReader } from './snapshot.ts';
import { medianOfValues, packedSql, sumOf, unpack, type Values } from './values.ts';

/** What facts are grouped by, and what must be joined to them for it. */
interface GroupKey extends SqlFragment {
  readonly join?: string;
}

/**
 * Groups numbered 0 to `last`. Joined to the numbers, for then Postgres knows how few there are, and lets helpers count;
 * it would take a group for every row otherwise.
 */
export const oneOf = (name: string, last: number, { sql, bindings }: SqlFragment): GroupKey => ({
  sql: name,
  bindings,
  join: `join generate_series(0, ${last}) ${name} on ${name} = ${sql}`,
});

/** How figures are broken down beside their totals. */
export interface Grouping extends GroupKey {
  /** Within which span a ticket counts once in its group. */
  readonly span: Span;
  /** Which facts alone are counted in groups; all, if it does not say. */
  readonly only?: string;
  /** Groups whose own groups are counted too (agents in teams): within which span a ticket counts once there. */
  readonly outer?: Span;
  /** Averages of groups come with medians. What counts in total then counts in the outer group, and what counts there in the group. */
  readonly medians?: boolean;
}

/** What a figure is made of: a number of things and, for averages, what is measured on them; each value, where the median is asked for. */
export interface Tally {
  readonly count: number;
  readonly sum: number;
  readonly values: readonly Values[];
}

export interface Tallies {
  readonly total: ReadonlyMap<RuledFigure, Tally>;
  readonly groups: ReadonlyMap<string, ReadonlyMap<RuledFigure, Tally>>;
}

export const things = (count: number): Tally => ({ count, sum: 0, values: [] });
const NOTHING = things(0);
const add = (a: Tally, b: Tally): Tally => ({ count: a.count + b.count, sum: a.sum + b.sum, values: [...a.values, ...b.values] });
const measured = (values: Values): Tally => ({ count: values.length, sum: sumOf(values), values: [values] });

export class Collector implements Tallies {
  private parts: Collector | null = null;
  readonly total = new Map<RuledFigure, Tally>();
  readonly groups = new Map<string, Map<RuledFigure, Tally>>();

  /** What each group has to give to the group it belongs to. */
  get outer(): Collector {
    return (this.parts ??= new Collector());
  }

  addTotal(figure: RuledFigure, tally: Tally): void {
    this.total.set(figure, add(this.total.get(figure) ?? NOTHING, tally));
  }

  setGroup(key: string, figure: RuledFigure, tally: Tally): void {
    const group = this.groups.get(key) ?? new Map<RuledFigure, Tally>();
    this.groups.set(key, group.set(figure, tally));
  }

  addToGroup(key: string, figure: RuledFigure, tally: Tally): void {
    this.setGroup(key, figure, add(this.groups.get(key)?.get(figure) ?? NOTHING, tally));
  }
}

/** For whom a ticket counts once: all, each outer group, each group. */
type Level = 'total' | 'outer' | 'group';
type Levels = readonly { readonly level: Level; readonly span: Span; readonly only?: string | undefined }[];

const levelsOf = (scope: StatisticsScope, grouping: Grouping | null): Levels => [
  { level: 'total', span: wholePeriod(whoseOf(scope.filter)) },
  ...(grouping?.outer ? [{ level: 'outer' as const, span: grouping.outer }] : []),
  ...(grouping ? [{ level: 'group' as const, span: grouping.span, only: grouping.only }] : []),
];

const named = (figure: RuledFigure, level: Level, part: 'count' | 'sum' | 'values'): string => `${figure}.${level}.${part}`;

function countColumns(figure: RuledFigure, levels: Levels): string[] {
  const { counts } = ruleOf(figure);
  return levels.flatMap(({ level, span, only }) => {
    const where = `filter (where ${countedSql(figure, span)}${only ? ` and ${only}` : ''})`;
    const column = `(count(*) ${where})::int as "${named(figure, level, 'count')}"`;
    if (typeof counts !== 'object') return [column];
    return [column, `(sum(${measureSql(counts.averageOf)}) ${where})::float8 as "${named(figure, level, 'sum')}"`];
  });
}

/**
 * Each value once, on the first level on which it counts: it counts on those that follow, too. Facts of agents without a team know no
 * predecessor of their team: they count with an outer group, which there is none of, only where they count with their own.
 */
function valueColumns(figure: RuledFigure, measure: Measure, levels: Levels): string[] {
  const conditions = levels.map(({ span }) => countedSql(figure, span));
  return levels.flatMap(({ level }, index) => {
    const [condition = '', before] = [conditions[index], conditions[index - 1]];
    if (condition === before) return [];
    const where = before === undefined ? condition : `${condition} and ${conditions.at(-1)} and not (${before})`;
    return [`${packedSql(measureSql(measure))} filter (where ${where}) as "${named(figure, level, 'values')}"`];
  });
}

const withMedians = (levels: Levels, grouping: Grouping | null): Levels =>
  grouping && !grouping.medians ? levels.filter(({ level }) => level === 'total') : levels;

function columnsOf(figure: RuledFigure, scope: StatisticsScope, grouping: Grouping | null): string[] {
  const { counts } = ruleOf(figure);
  const levels = levelsOf(scope, grouping);
  if (typeof counts !== 'object') return countColumns(figure, levels);
  const ofValues = withMedians(levels, grouping);
  return [
    ...valueColumns(figure, counts.averageOf, ofValues),
    ...countColumns(
      figure,
      levels.filter((level) => !ofValues.includes(level)),
    ),
  ];
}

type Row = Readonly<Record<string, number | Buffer | null>> & { readonly grouped_by: string | null };

const numberIn = (row: Row, column: string): number => Number(row[column] ?? 0);

/** What a row gives on a level: all its values on this level and those before it, or what was counted. */
function tallyOf(row: Row, figure: RuledFigure, levels: readonly Level[]): Tally {
  const level = levels.at(-1) ?? 'total';
  if (named(figure, level, 'count') in row) {
    return {
      ...{ count: numberIn(row, named(figure, level, 'count')), sum: numberIn(row, named(figure, level, 'sum')) },
      values: [],
    };
  }
  return levels.reduce((tally, each) => {
    const packed = row[named(figure, each, 'values')];
    return packed instanceof Buffer ? add(tally, measured(unpack(packed))) : tally;
  }, NOTHING);
}

function collectRow(row: Row, figure: RuledFigure, grouping: Grouping | null, into: Collector): void {
  into.addTotal(figure, tallyOf(row, figure, ['total']));
  if (row.grouped_by === null || !grouping) return;
  into.addToGroup(row.grouped_by, figure, tallyOf(row, figure, ['total', 'outer', 'group']));
  if (grouping.outer) into.outer.setGroup(row.grouped_by, figure, tallyOf(row, figure, ['total', 'outer']));
}

/** One pass over the facts of a type: each figure's parts of the total, and its value in each group. */
export async function countType(
  reader: SnapshotReader,
  facts: FactType,
  figures: readonly RuledFigure[],
  scope: StatisticsScope,
  grouping: Grouping | null,
  into: Collector,
): Promise<void> {
  const { sql: where, bindings } = scopeSql(scope);
  const columns = figures.flatMap((figure) => columnsOf(figure, scope, grouping));
  const rows = await reader.rows<Row>(
    // Grouped by the value itself: a text would be made of every row's.
    `select each.*, grouped::text as grouped_by
     from (select ${grouping?.sql ?? 'null'} as grouped, ${columns.join(', ')}
       from ${fromSql(facts, figures)} ${grouping?.join ?? ''} where ${where} ${grouping ? 'group by 1' : ''}) each`,
    { ...bindings, ...grouping?.bindings },
  );
  for (const row of rows) for (const figure of figures) collectRow(row, figure, grouping, into);
}

/** The tickets of a figure, each once in each group it occurs in. */
function distinctSql(figure: RuledFigure, scope: StatisticsScope, grouping: GroupKey | null): SqlFragment {
  const { sql: where, bindings } = scopeSql(scope);
  const span = wholePeriod(whoseOf(scope.filter));
  return {
    sql: `select distinct ${grouping ? `${grouping.sql} as grouped_by,` : ''} f.ticket_id
      from ${fromSql(ruleOf(figure).facts, [figure])} ${grouping?.join ?? ''} where ${where} and ${belongsSql(figure, span)}`,
    bindings: { ...bindings, ...grouping?.bindings },
  };
}

async function distinctTotal(
  reader: SnapshotReader,
  figure: RuledFigure,
  scope: StatisticsScope,
  into: Collector,
): Promise<void> {
  const { sql, bindings } = distinctSql(figure, scope, null);
  const rows = await reader.rows<{ count: number }>(`select count(*)::int as count from (${sql}) each`, bindings);
  into.addTotal(figure, things(rows[0]?.count ?? 0));
}

export async function countDistinct(
  reader: SnapshotReader,
  figure: RuledFigure,
  scope: StatisticsScope,
  grouping: GroupKey,
  into: Collector,
): Promise<void> {
  const { sql, bindings } = distinctSql(figure, scope, grouping);
  const rows = await reader.rows<{ grouped_by: string; count: number }>(
    `select grouped_by::text, count(*)::int as count from (${sql}) each where grouped_by is not null group by grouped_by`,
    bindings,
  );
  for (const row of rows) into.setGroup(row.grouped_by, figure, things(row.count));
}

const partsOfAll = (figures: readonly Figure[]): readonly RuledFigure[] => [...new Set(figures.flatMap(partsOf))];

/** The figures whose facts need not be compared: one pass for each type of facts. */
function countPlain(
  reader: SnapshotReader,
  figures: readonly RuledFigure[],
  scope: StatisticsScope,
  grouping: Grouping | null,
  into: Collector,
): Promise<void>[] {
  const plain = figures.filter((figure) => !needsDistinct(figure));
  const types = [...new Set(plain.map((figure) => ruleOf(figure).facts))];
  return types.map((facts) => {
    const ofType = plain.filter((figure) => ruleOf(figure).facts === facts);
    return countType(reader, facts, ofType, scope, grouping, into);
  });
}

/** Counts some figures within a scope, in total and, if asked, in groups. */
export async function tally(
  reader: SnapshotReader,
  figures: readonly Figure[],
  scope: StatisticsScope,
  grouping: Grouping | null,
): Promise<Collector> {
  const into = new Collector();
  const parts = partsOfAll(figures);
  await Promise.all([
    ...countPlain(reader, parts, scope, grouping, into),
    ...parts
      .filter(needsDistinct)
      .flatMap((figure) => [
        distinctTotal(reader, figure, scope, into),
        grouping ? countDistinct(reader, figure, scope, grouping, into) : undefined,
      ]),
  ]);
  return into;
}

/** In total, for each agent and for each team the tickets of a figure, of which each counts once there; from one pass over its facts. */
async function countDistinctOfAgents(
  reader: SnapshotReader,
  figure: RuledFigure,
  scope: StatisticsScope,
  into: Collector,
  teams: Collector,
): Promise<void> {
  const { sql, bindings } = distinctSql(figure, scope, { sql: 'f.agent_id', bindings: {} });
  const rows = await reader.rows<{ level: 'total' | 'agent' | 'team'; key: string; count: number }>(
    `with each as materialized (${sql})
     select 'total' as level, null as key, count(distinct ticket_id)::int as count from each
     union all
     select 'agent', grouped_by::text, count(*)::int from each where grouped_by is not null group by grouped_by
     union all
     select 'team', a.team, count(distinct e.ticket_id)::int from each e join agents a on a.id = e.grouped_by
     where a.team is not null group by a.team`,
    bindings,
  );
  for (const { level, key, count } of rows) {
    const tally = things(count);
    if (level === 'total') into.addTotal(figure, tally);
    else (level === 'agent' ? into : teams).setGroup(key, figure, tally);
  }
}

/** What each agent's facts give to their team. */
async function addTeams(reader: SnapshotReader, ofAgents: Tallies['groups'], into: Collector): Promise<void> {
  const agents = await reader.rows<{ id: string; team: string }>('select id, team from agents where team is not null', {});
  for (const { id, team } of agents) {
    for (const [figure, tally] of ofAgents.get(id) ?? []) into.addToGroup(team, figure, tally);
  }
}

export interface TalliesOfAgents {
  readonly total: Tallies['total'];
  readonly agents: Tallies['groups'];
  readonly teams: Tallies['groups'];
}

/** Counts some figures in total, for each agent and, if asked, for each team, in which a ticket counts once. */
export async function tallyOfAgents(
  reader: SnapshotReader,
  figures: readonly Figure[],
  scope: StatisticsScope,
  withTeams: boolean,
): Promise<TalliesOfAgents> {
  const ofAgent = { sql: 'f.agent_id', bindings: {}, span: wholePeriod('agent'), medians: true };
  const [into, teams] = [new Collector(), new Collector()];
  const parts = partsOfAll(figures);
  await Promise.all([
    ...countPlain(reader, parts, scope, withTeams ? { ...ofAgent, outer: wholePeriod('team') } : ofAgent, into),
    ...parts.filter(needsDistinct).map((figure) => countDistinctOfAgents(reader, figure, scope, into, teams)),
  ]);
  if (withTeams) await addTeams(reader, into.outer.groups, teams);
  return { total: into.total, agents: into.groups, teams: teams.groups };
}

/** A figure's value: a count, the mean of what was measured, or null where there was nothing to measure. Milliseconds become seconds. */
export function valueOf(figure: Figure, tallies: ReadonlyMap<RuledFigure, Tally> | undefined): number | null {
  const parts = partsOf(figure).map((part) => ({ rule: ruleOf(part), tally: tallies?.get(part) ?? NOTHING }));
  return parts.reduce<number | null>((value, { rule, tally: { count, sum } }) => {
    if (typeof rule.counts !== 'object') return (value ?? 0) + count;
    return count === 0 ? null : inUnit(rule.unit, sum / count);
  }, null);
}

/** The median of what a figure measures; null where there was nothing. */
export function medianOfTally(figure: Figure, tallies: ReadonlyMap<RuledFigure, Tally> | undefined): number | null {
  const [part] = partsOf(figure) as [RuledFigure];
  const median = medianOfValues(tallies?.get(part)?.values ?? []);
  return median === null ? null : inUnit(ruleOf(part).unit, median);
}
