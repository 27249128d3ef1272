import { ruleOf, type FactType, type RuledFigure } from '../../domain/statistics.ts';
import { measured, NOTHING, things, type Collector, type Tally } from './collector.ts';
import { countedSql, countsOnce, fromSql, lastIn, plainSql, whoseOf, wholePeriod, type Span } from './counting.ts';
import { scopeSql, type SqlFragment, type StatisticsScope } from './scope.ts';
import type { SnapshotReader } from './snapshot.ts';
import { packedSql, unpack } from './values.ts';

/** What facts are grouped by, and what must be joined to them for it. */
export interface GroupKey extends SqlFragment {
  readonly join?: string;
}

/**
 * Groups numbered 0 to `last`. Joined to the numbers, for then Postgres knows how few there are; it would take a group for every row
 * otherwise.
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
}

/** For whom a ticket counts once: all, each outer group, each group. What counts in total counts in the outer group, what counts there in the group. */
type Level = 'total' | 'outer' | 'group';
type Levels = readonly { readonly level: Level; readonly span: Span; readonly only?: string | undefined }[];

const levelsOf = (scope: StatisticsScope, grouping: Grouping | null): Levels => [
  { level: 'total', span: wholePeriod(whoseOf(scope.filter)) },
  ...(grouping?.outer ? [{ level: 'outer' as const, span: grouping.outer }] : []),
  ...(grouping ? [{ level: 'group' as const, span: grouping.span, only: grouping.only }] : []),
];

/**
 * Closings, of which all figures count the last, are read if they are the last on the last level, and told apart by whether they are on
 * those before it, too. That is looked at once for each, and what is counted of them counts on all levels. Facts of agents without a team
 * know no other of their team: on that level they count with an outer group, which there is none of.
 */
interface Apart {
  readonly where: string;
  readonly columns: readonly string[];
}

const isOn = (level: Level): string => `on.${level}`;

function apartOf(levels: Levels): Apart {
  const conditions = levels.map(({ span }) => lastIn(span));
  const where = conditions.at(-1) ?? 'true';
  const columns = levels.slice(0, -1).map(({ level }, index) => `${conditions[index] ?? 'true'} as "${isOn(level)}"`);
  return { where, columns };
}

const named = (figure: RuledFigure, part: Level | 'count' | 'values'): string => `${figure}.${part}`;

function columnsOf(figure: RuledFigure, levels: Levels, apart: Apart | null): string[] {
  const { counts } = ruleOf(figure);
  const plain = plainSql(figure);
  if (typeof counts === 'object')
    return [`${packedSql(counts.averageOf)} filter (where ${plain}) as "${named(figure, 'values')}"`];
  if (apart || !countsOnce(figure)) return [`(count(*) filter (where ${plain}))::int as "${named(figure, 'count')}"`];
  return levels.map(({ level, span, only }) => {
    const condition = countedSql(figure, span) + (only ? ` and ${only}` : '');
    return `(count(*) filter (where ${condition}))::int as "${named(figure, level)}"`;
  });
}

type Row = Readonly<Record<string, number | boolean | Buffer | null>> & { readonly grouped_by: string | null };

function tallyOf(row: Row, figure: RuledFigure, level: Level): Tally {
  return things(Number(row[named(figure, level)] ?? row[named(figure, 'count')] ?? 0));
}

/** What was measured is unpacked and summed once, whatever levels it counts on. */
function measuredOf(row: Row, figure: RuledFigure): Tally | null {
  const { counts } = ruleOf(figure);
  if (typeof counts !== 'object') return null;
  const packed = row[named(figure, 'values')];
  return packed instanceof Buffer ? measured(unpack(counts.averageOf, packed)) : NOTHING;
}

function collectRow(row: Row, figure: RuledFigure, grouping: Grouping | null, into: Collector): void {
  const ofAll = measuredOf(row, figure);
  const on = (level: Level): Tally => (row[isOn(level)] === false ? NOTHING : (ofAll ?? tallyOf(row, figure, level)));
  into.addTotal(figure, on('total'));
  if (row.grouped_by === null || !grouping) return;
  into.addToGroup(row.grouped_by, figure, on('group'));
  if (grouping.outer) into.outer.addToGroup(row.grouped_by, figure, on('outer'));
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
  const { sql, bindings } = scopeSql(scope);
  const levels = levelsOf(scope, grouping);
  const apart = facts === 'closed' ? apartOf(levels) : null;
  const keys = [`${grouping?.sql ?? 'null'} as grouped`, ...(apart?.columns ?? [])];
  const columns = figures.flatMap((figure) => columnsOf(figure, levels, apart));
  const where = [sql, ...(grouping?.within ? [grouping.within] : []), ...(apart ? [apart.where] : [])].join(' and ');
  const rows = await reader.rows<Row>(
    // Grouped by the value itself: a text would be made of every row's.
    `select each.*, grouped::text as grouped_by
     from (select ${[...keys, ...columns].join(', ')}
       from ${fromSql(facts)} ${grouping?.join ?? ''} where ${where} ${grouping ? `group by ${keys.map((_, index) => index + 1).join(', ')}` : ''}) each`,
    { ...bindings, ...grouping?.bindings },
  );
  for (const row of rows) for (const figure of figures) collectRow(row, figure, grouping, into);
}
