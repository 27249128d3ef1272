import { partsOf, ruleOf, type FactType, type Figure, type RuledFigure } from '../../domain/statistics.ts';
import { belongsSql, countedSql, fromSql, measureSql, needsDistinct, whoseOf, wholePeriod, type Span } from './counting.ts';
import { inUnit } from './in-unit.ts';
import { scopeSql, type SqlFragment, type StatisticsScope } from './scope.ts';
import type { SnapshotReader } from './snapshot.ts';

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
}

/** What a figure is made of: a number of things and, for averages, the sum of what is measured on them. */
export interface Tally {
  readonly count: number;
  readonly sum: number;
}

export interface Tallies {
  readonly total: ReadonlyMap<RuledFigure, Tally>;
  readonly groups: ReadonlyMap<string, ReadonlyMap<RuledFigure, Tally>>;
}

const NOTHING: Tally = { count: 0, sum: 0 };
const add = (a: Tally, b: Tally): Tally => ({ count: a.count + b.count, sum: a.sum + b.sum });

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

type TallyPart = 'total' | 'group' | 'outer';

const countColumns = (figure: RuledFigure, part: TallyPart, span: Span, only = 'true'): string[] => {
  const counted = `${countedSql(figure, span)} and ${only}`;
  const { counts } = ruleOf(figure);
  const columns = [`(count(*) filter (where ${counted}))::int as "${figure}.${part}.count"`];
  if (typeof counts === 'object') {
    columns.push(`(sum(${measureSql(counts.averageOf)}) filter (where ${counted}))::float8 as "${figure}.${part}.sum"`);
  }
  return columns;
};

type Row = Readonly<Record<string, number | null>> & { readonly grouped_by: string | null };

const tallyOf = (row: Row, figure: RuledFigure, part: TallyPart): Tally => ({
  count: row[`${figure}.${part}.count`] ?? 0,
  sum: row[`${figure}.${part}.sum`] ?? 0,
});

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
  const total = wholePeriod(whoseOf(scope.filter));
  const columns = figures.flatMap((figure) => [
    // An average's total comes with its median, from its distribution.
    ...(typeof ruleOf(figure).counts === 'object' ? [] : countColumns(figure, 'total', total)),
    ...(grouping ? countColumns(figure, 'group', grouping.span, grouping.only) : []),
    ...(grouping?.outer ? countColumns(figure, 'outer', grouping.outer) : []),
  ]);
  const rows = await reader.rows<Row>(
    // Grouped by the value itself: a text would be made of every row's.
    `select each.*, grouped::text as grouped_by
     from (select ${grouping?.sql ?? 'null'} as grouped, ${columns.join(', ')}
       from ${fromSql(facts, figures)} ${grouping?.join ?? ''} where ${where} ${grouping ? 'group by 1' : ''}) each`,
    { ...bindings, ...grouping?.bindings },
  );
  for (const row of rows) {
    for (const figure of figures) {
      into.addTotal(figure, tallyOf(row, figure, 'total'));
      if (row.grouped_by === null || !grouping) continue;
      into.addToGroup(row.grouped_by, figure, tallyOf(row, figure, 'group'));
      if (grouping.outer) into.outer.setGroup(row.grouped_by, figure, tallyOf(row, figure, 'outer'));
    }
  }
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
  into.addTotal(figure, { count: rows[0]?.count ?? 0, sum: 0 });
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
  for (const row of rows) into.setGroup(row.grouped_by, figure, { count: row.count, sum: 0 });
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
    const tally = { count, sum: 0 };
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
  const ofAgent = { sql: 'f.agent_id', bindings: {}, span: wholePeriod('agent') };
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
