import { ruleOf, type FigureRule, type RuledFigure } from '../../domain/statistics.ts';
import { countedSql, fromSql, measureSql, whoseOf, wholePeriod } from './counting.ts';
import { scopeSql, type StatisticsScope } from './scope.ts';
import type { SnapshotReader } from './snapshot.ts';
import { inUnit } from './in-unit.ts';

export interface Average {
  readonly mean: number;
  readonly median: number;
}

export interface Averages {
  /** Null where there is nothing to measure. */
  readonly total: Average | null;
  /** By the agent's id. */
  readonly agents: ReadonlyMap<string, Average>;
  /** By the team's name. */
  readonly teams: ReadonlyMap<string, Average>;
}

/** For whom an average is taken: all of them together, each agent, each team. */
type Level = 'total' | 'agent' | 'team';

interface Parts {
  /** Facts of the figure, with every filter: those that count on any of the levels. */
  readonly source: string;
  readonly value: string;
  readonly levels: readonly Level[];
  /** Which facts count on a level. */
  readonly counted: Readonly<Record<Level, string>>;
}

/** Steps of some 6 %: few enough to count, small enough that little is left to put in order. */
const stepOf = (value: string): string => `floor(ln(${value} + 1.0::float8) * 16)::int`;

/** How each level's values in each step are had from those of each agent. */
const HISTOGRAM: Readonly<Record<Level, string>> = {
  total: `select 'total' as level, null as key, step, sum(n)::int as n, sum(value_sum) as value_sum from counted
    where in_total group by step`,
  agent: `select 'agent', agent_id::text, step, sum(n)::int, sum(value_sum) from counted
    where in_agent and agent_id is not null group by agent_id, step`,
  team: `select 'team', a.team, step, sum(n)::int, sum(value_sum) from counted c join agents a on a.id = c.agent_id
    where in_team and a.team is not null group by a.team, step`,
};

/** Whether a fact counts on each level; nothing to ask where they all count the same. */
function membership({ levels, counted }: Parts): string {
  const alike = new Set(levels.map((level) => counted[level])).size === 1;
  return levels.map((level) => `${alike ? 'true' : counted[level]} as in_${level}`).join(', ');
}

/** How many values, and what sum, lie in each step, on every level; from one pass over the facts. Without `sum` a step is its value. */
function histogramSql(parts: Parts, step: string, sum: string | null): string {
  const { source, levels } = parts;
  const agent = levels.length > 1 ? 'f.agent_id' : 'null::uuid';
  return `
  grouped as materialized (
    select ${agent} as agent_id, ${step} as step, ${membership(parts)}, count(*)::int as n${sum ? `, ${sum}::float8 as value_sum` : ''}
    from ${source} group by ${[1, 2, ...levels.map((_, index) => index + 3)].join(', ')}),
  counted as (select *${sum ? '' : ', (n * step)::float8 as value_sum'} from grouped),
  histogram as (${levels.map((level) => HISTOGRAM[level]).join(' union all ')}),
  placed as (
    select level, key, step, n, sum(n) over (partition by level, key order by step) - n as below from histogram where n > 0),
  whole as (select level, key, sum(n) as total, sum(value_sum) as value_sum from histogram group by level, key),
  -- The steps in which the lower and the upper middle lie; mostly the same.
  middle as materialized (
    select w.level, w.key, min(step) as lowest, max(step) as highest, min(below) as below, min(w.total) as total,
      min(w.value_sum / w.total) as mean
    from placed p join whole w on w.level = p.level and w.key is not distinct from p.key
    where below < w.total / 2 + 1 and below + n >= (w.total + 1) / 2 group by w.level, w.key)`;
}

/** For measures that are small whole numbers each is a step of its own, and the steps are the medians; none is worked out twice. */
const exactStatement = (parts: Parts): string => `
  with ${histogramSql(parts, `(${parts.value})::int`, null)}
  select level, key, mean, ((lowest + highest) / 2.0)::float8 as median from middle`;

/** Which values lie in the steps to be put in order, on a level. */
const NEAR: Readonly<Record<Level, string>> = {
  total: `select w.*, v.value from near v join wanted w on w.level = 'total' and w.step = v.step where v.in_total`,
  agent: `select w.*, v.value from near v join wanted w on w.level = 'agent' and w.step = v.step and w.key = v.agent_id::text where v.in_agent`,
  team: `select w.*, v.value from near v join agents a on a.id = v.agent_id
    join wanted w on w.level = 'team' and w.step = v.step and w.key = a.team where v.in_team`,
};

/**
 * Exact medians without sorting everything: only the values of the middle's steps are put in order.
 * Both passes over the facts run in parallel, which ordered aggregates cannot.
 */
const statement = (parts: Parts): string => `
  with ${histogramSql(parts, stepOf(parts.value), `sum(${parts.value})`)},
  wanted as materialized (select m.*, step from middle m, generate_series(lowest, highest) step),
  -- Between which values these steps lie, so that a logarithm is taken of few.
  bounds as materialized (select floor(exp(min(step) / 16.0::float8))::bigint - 2 as low, ceil(exp((max(step) + 1) / 16.0::float8))::bigint as high from wanted),
  near as materialized (
    select f.agent_id, ${parts.value} as value, ${stepOf(parts.value)} as step,
      ${membership(parts)}
    from ${parts.source} and ${parts.value} between (select low from bounds) and (select high from bounds)
      and ${stepOf(parts.value)} = any(array(select distinct step from wanted))),
  ranked as (
    select level, key, total, mean, value, below + row_number() over (partition by level, key order by value) as rank
    from (${parts.levels.map((level) => NEAR[level]).join(' union all ')}) each)
  select level, key, min(mean) as mean, avg(value)::float8 as median from ranked
  where rank in ((total + 1) / 2, total / 2 + 1) group by level, key`;

const MEASURES_SMALL_NUMBERS = (rule: FigureRule): boolean => rule.unit === 'replies';

function partsOf(figure: RuledFigure, scope: StatisticsScope, levels: readonly Level[], where: string): Parts {
  const rule = ruleOf(figure);
  if (typeof rule.counts !== 'object') throw new Error(`${figure} counts things: it has no average`);
  const counted = {
    total: countedSql(figure, wholePeriod(whoseOf(scope.filter))),
    agent: countedSql(figure, wholePeriod('agent')),
    team: countedSql(figure, wholePeriod('team')),
  };
  const any = [...new Set(levels.map((level) => counted[level]))].map((condition) => `(${condition})`).join(' or ');
  return {
    source: `${fromSql(rule.facts, [figure])} where ${where} and (${any})`,
    value: measureSql(rule.counts.averageOf),
    levels,
    counted,
  };
}

/** Mean and median of a figure, in total and, if asked, for each agent and team. */
export async function averagesOf(
  reader: SnapshotReader,
  figure: RuledFigure,
  scope: StatisticsScope,
  levels: readonly Level[] = ['total'],
): Promise<Averages> {
  const rule = ruleOf(figure);
  const { sql: where, bindings } = scopeSql(scope);
  const parts = partsOf(figure, scope, levels, where);
  const rows = await reader.rows<{ level: Level; key: string | null } & Average>(
    MEASURES_SMALL_NUMBERS(rule) ? exactStatement(parts) : statement(parts),
    bindings,
  );
  const present = ({ mean, median }: Average): Average => ({ mean: inUnit(rule.unit, mean), median: inUnit(rule.unit, median) });
  const on = (level: Level): ReadonlyMap<string, Average> =>
    new Map(rows.flatMap((row) => (row.level === level ? [[row.key ?? '', present(row)] as const] : [])));
  return { total: on('total').get('') ?? null, agents: on('agent'), teams: on('team') };
}

export type { Level };
