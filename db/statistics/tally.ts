import { partsOf, ruleOf, type Figure, type RuledFigure } from '../../domain/statistics.ts';
import { Collector, things, type Tallies } from './collector.ts';
import { countType, type GroupKey, type Grouping } from './count.ts';
import { belongsSql, fromSql, needsDistinct, whoseOf, wholePeriod } from './counting.ts';
import { scopeSql, type SqlFragment, type StatisticsScope } from './scope.ts';
import type { SnapshotReader } from './snapshot.ts';
import { countWork } from './work.ts';

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
    if (facts === 'work') return countWork(reader, scope, grouping, into);
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
