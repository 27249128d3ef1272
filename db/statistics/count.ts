import { ruleOf, type FactType, type Measure, type RuledFigure } from '../../domain/statistics.ts';
import { add, measured, NOTHING, type Collector, type Tally } from './collector.ts';
import { countedSql, fromSql, measureSql, whoseOf, wholePeriod, type Span } from './counting.ts';
import { scopeSql, type SqlFragment, type StatisticsScope } from './scope.ts';
import type { SnapshotReader } from './snapshot.ts';
import { packedSql, unpack } from './values.ts';

/** What facts are grouped by, and what must be joined to them for it. */
export interface GroupKey extends SqlFragment {
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
  /** The groups are stretches of time that begin at these instants, the last of which is their end. */
  readonly slices?: readonly number[];
  /** Only facts for which this holds are read. */
  readonly within?: string;
  /** Groups whose own groups are counted too (agents in teams): within which span a ticket counts once there. */
  readonly outer?: Span;
  /** Averages of groups come with medians. What counts in total then counts in the outer group, and what counts there in the group. */
  readonly medians?: boolean;
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
       from ${fromSql(facts, figures)} ${grouping?.join ?? ''} where ${where} ${grouping?.within ? `and ${grouping.within}` : ''} ${grouping ? 'group by 1' : ''}) each`,
    { ...bindings, ...grouping?.bindings },
  );
  for (const row of rows) for (const figure of figures) collectRow(row, figure, grouping, into);
}
