import { ruleOf, type FigureRule, type RuledFigure } from '../../domain/statistics.ts';
import { countedSql, fromSql, measureSql, wholePeriod } from './counting.ts';
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
  readonly ofAgents: ReadonlyMap<string, Average>;
}

interface Parts {
  /** Facts of the figure, with every filter: those that count in the total, for their agent, or both. */
  readonly source: string;
  readonly value: string;
  /** Which count in the total and which for their agent; null where these are the same. */
  readonly apart: { readonly inTotal: string; readonly ofAgent: string } | null;
  readonly byAgent: boolean;
}

/** Steps of some 6 %: few enough to count, small enough that little is left to put in order. */
const stepOf = (value: string): string => `floor(ln(${value} + 1.0::float8) * 16)::int`;

/** How many values, and what sum, lie in each step: in total and for each agent. */
function histogramSql({ source, value, apart, byAgent }: Parts, step: string): string {
  const only = (condition: string | undefined): string => (condition ? ` filter (where ${condition})` : '');
  const sums = (name: string, condition: string | undefined): string =>
    `(count(*)${only(condition)})::int as ${name}_n, (sum(${value})${only(condition)})::float8 as ${name}_sum`;
  return `
  counted as materialized (
    select ${byAgent ? 'f.agent_id' : 'null::uuid'} as agent_id, ${step} as step,
      ${sums('total', apart?.inTotal)}, ${sums('agent', apart?.ofAgent)}
    from ${source} group by 1, 2),
  histogram as (
    select true as is_total, null::uuid as agent_id, step, sum(total_n)::int as n, sum(total_sum) as value_sum from counted group by step
    ${byAgent ? 'union all select false, agent_id, step, agent_n, agent_sum from counted where agent_id is not null' : ''}),
  placed as (
    select is_total, agent_id, step, n, sum(n) over (partition by is_total, agent_id order by step) - n as below from histogram where n > 0),
  whole as (select is_total, agent_id, sum(n) as total, sum(value_sum) as value_sum from histogram group by is_total, agent_id),
  -- The steps in which the lower and the upper middle lie; mostly the same.
  middle as materialized (
    select w.is_total, w.agent_id, min(step) as lowest, max(step) as highest, min(below) as below, min(w.total) as total,
      min(w.value_sum / w.total) as mean
    from placed p join whole w on w.is_total = p.is_total and (w.is_total or w.agent_id = p.agent_id)
    where below < w.total / 2 + 1 and below + n >= (w.total + 1) / 2 group by w.is_total, w.agent_id)`;
}

/** For measures that are small whole numbers each is a step of its own, and the steps are the medians. */
const exactStatement = (parts: Parts): string => `
  with ${histogramSql(parts, `(${parts.value})::int`)}
  select is_total, agent_id, mean, ((lowest + highest) / 2.0)::float8 as median from middle`;

/**
 * Exact medians without sorting everything: only the values of the middle's steps are put in order.
 * Both passes over the facts run in parallel, which ordered aggregates cannot.
 */
const statement = (parts: Parts): string => `
  with ${histogramSql(parts, stepOf(parts.value))},
  wanted as materialized (select m.*, step from middle m, generate_series(lowest, highest) step),
  ranked as (
    select w.is_total, w.agent_id, w.total, w.mean, v.value,
      w.below + row_number() over (partition by w.is_total, w.agent_id order by v.value) as rank
    from (
      select f.agent_id, ${parts.value} as value, ${stepOf(parts.value)} as step,
        ${parts.apart?.inTotal ?? 'true'} as in_total, ${parts.apart?.ofAgent ?? 'true'} as of_agent
      from ${parts.source}) v
    join wanted w on w.step = v.step and ((w.is_total and v.in_total) or (not w.is_total and v.of_agent and v.agent_id = w.agent_id)))
  select is_total, agent_id, min(mean) as mean, avg(value)::float8 as median from ranked
  where rank in ((total + 1) / 2, total / 2 + 1) group by is_total, agent_id`;

const MEASURES_SMALL_NUMBERS = (rule: FigureRule): boolean => rule.unit === 'replies';

/** Mean and median of a figure, in total and, if asked, for each agent. */
export async function averagesOf(
  reader: SnapshotReader,
  figure: RuledFigure,
  scope: StatisticsScope,
  byAgent: boolean,
): Promise<Averages> {
  const rule = ruleOf(figure);
  if (typeof rule.counts !== 'object') throw new Error(`${figure} counts things: it has no average`);
  const { sql: where, bindings } = scopeSql(scope);
  const inTotal = countedSql(figure, wholePeriod(scope.filter.agentId !== undefined));
  const ofAgent = countedSql(figure, wholePeriod(true));
  const apart = byAgent && ofAgent !== inTotal ? { inTotal, ofAgent } : null;
  const counted = apart ? `((${inTotal}) or (${ofAgent}))` : inTotal;
  const parts = {
    source: `${fromSql(rule.facts, [figure])} where ${where} and ${counted}`,
    value: measureSql(rule.counts.averageOf),
    apart,
    byAgent,
  };
  const rows = await reader.rows<{ is_total: boolean; agent_id: string | null } & Average>(
    MEASURES_SMALL_NUMBERS(rule) ? exactStatement(parts) : statement(parts),
    bindings,
  );
  const present = ({ mean, median }: Average): Average => ({ mean: inUnit(rule.unit, mean), median: inUnit(rule.unit, median) });
  const total = rows.find((row) => row.is_total);
  return {
    total: total ? present(total) : null,
    ofAgents: new Map(rows.flatMap((row) => (row.agent_id ? [[row.agent_id, present(row)] as const] : []))),
  };
}
