import { partsOf, ruleOf, type FactType, type Figure, type RuledFigure } from '../../domain/statistics.ts';
import { Collector, type Tallies } from './collector.ts';
import { countType, type Grouping } from './count.ts';
import { wholePeriod } from './counting.ts';
import type { StatisticsScope } from './scope.ts';
import type { SnapshotReader } from './snapshot.ts';
import { countWork } from './work.ts';

const partsOfAll = (figures: readonly Figure[]): readonly RuledFigure[] => [...new Set(figures.flatMap(partsOf))];

/** As long as it takes to read them: what is begun last should not be waited for alone. */
const LONGEST_FIRST: readonly FactType[] = ['closed', 'answer', 'work', 'created', 'reopened'];

/** One pass for each type of facts. */
async function countAll(
  reader: SnapshotReader,
  figures: readonly RuledFigure[],
  scope: StatisticsScope,
  grouping: Grouping | null,
  into: Collector,
): Promise<void> {
  const wanted = new Set(figures.map((figure) => ruleOf(figure).facts));
  const types = LONGEST_FIRST.filter((facts) => wanted.has(facts));
  await Promise.all(
    types.map((facts) => {
      if (facts === 'work') return countWork(reader, scope, grouping, into);
      const ofType = figures.filter((figure) => ruleOf(figure).facts === facts);
      return countType(reader, facts, ofType, scope, grouping, into);
    }),
  );
}

/** Counts some figures within a scope, in total and, if asked, in groups. */
export async function tally(
  reader: SnapshotReader,
  figures: readonly Figure[],
  scope: StatisticsScope,
  grouping: Grouping | null,
): Promise<Collector> {
  const into = new Collector();
  await countAll(reader, partsOfAll(figures), scope, grouping, into);
  return into;
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
  await countAll(reader, partsOfAll(figures), scope, withTeams ? { ...ofAgent, outer: wholePeriod('team') } : ofAgent, into);
  if (withTeams) await addTeams(reader, into.outer.groups, teams);
  return { total: into.total, agents: into.groups, teams: teams.groups };
}
