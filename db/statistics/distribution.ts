import { ruleOf, type FigureRule, type RuledFigure } from '../../domain/statistics.ts';
import type { Transaction } from '../pool.ts';
import { countedSql, fromSql, measureSql, wholePeriod } from './counting.ts';
import { scopeSql, type StatisticsScope } from './scope.ts';
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
  /** Facts of the figure, with every filter. */
  readonly source: string;
  readonly value: string;
  /** Which of them count in the total, and which for their agent. */
  readonly inTotal: string;
  readonly ofAgent: string | null;
}

/** Steps of some 1.6 %: few enough to count, small enough that little is left to put in order. */
const stepOf = (value: string): string => `floor(ln(${value} + 1.0::float8) * 64)::int`;

/** How many values, and what sum, lie in each step: in total and for each agent. */
const histogramSql = ({ source, value, inTotal, ofAgent }: Parts, step: string): string => `
  counted as materialized (
    select ${ofAgent ? 'f.agent_id' : 'null::uuid'} as agent_id, ${step} as step,
      count(*) filter (where ${inTotal}) as total_n, sum(${value}) filter (where ${inTotal}) as total_sum,
      count(*) filter (where ${ofAgent ?? 'false'}) as agent_n, sum(${value}) filter (where ${ofAgent ?? 'false'}) as agent_sum
    from ${source} group by 1, 2),
  histogram as (
    select true as is_total, null::uuid as agent_id, step, sum(total_n) as n, sum(total_sum) as value_sum from counted group by step
    union all select false, agent_id, step, agent_n, agent_sum from counted where agent_id is not null),
  placed as (
    select *, sum(n) over (partition by is_total, agent_id order by step) - n as below,
      sum(n) over (partition by is_total, agent_id) as total, sum(value_sum) over (partition by is_total, agent_id) as whole_sum
    from histogram where n > 0),
  -- The steps in which the lower and the upper middle lie; mostly the same.
  middle as materialized (
    select is_total, agent_id, min(step) as lowest, max(step) as highest, min(below) as below, min(total) as total,
      (min(whole_sum) / min(total))::float8 as mean
    from placed where below < floor(total / 2) + 1 and below + n >= floor((total + 1) / 2) group by is_total, agent_id)`;

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
      select f.agent_id, ${parts.value} as value, ${stepOf(parts.value)} as step, ${parts.inTotal} as in_total, ${parts.ofAgent ?? 'false'} as of_agent
      from ${parts.source}) v
    join wanted w on w.step = v.step and ((w.is_total and v.in_total) or (not w.is_total and v.of_agent and v.agent_id = w.agent_id)))
  select is_total, agent_id, min(mean) as mean, avg(value)::float8 as median from ranked
  where rank in (floor((total + 1) / 2), floor(total / 2) + 1) group by is_total, agent_id`;

const MEASURES_SMALL_NUMBERS = (rule: FigureRule): boolean => rule.unit === 'replies';

/** Mean and median of a figure, in total and, if asked, for each agent. */
export async function averagesOf(
  trx: Transaction,
  figure: RuledFigure,
  scope: StatisticsScope,
  byAgent: boolean,
): Promise<Averages> {
  const rule = ruleOf(figure);
  if (typeof rule.counts !== 'object') throw new Error(`${figure} counts things: it has no average`);
  const { sql: where, bindings } = scopeSql(scope);
  const inTotal = countedSql(figure, wholePeriod(scope.filter.agentId !== undefined));
  const ofAgent = byAgent ? countedSql(figure, wholePeriod(true)) : null;
  const candidates = ofAgent && ofAgent !== inTotal ? `((${inTotal}) or (${ofAgent}))` : inTotal;
  const parts = {
    source: `${fromSql(rule.facts, [figure])} and ${where} and ${candidates}`,
    value: measureSql(rule.counts.averageOf),
    inTotal,
    ofAgent,
  };
  const { rows } = await trx.raw<{ rows: ({ is_total: boolean; agent_id: string | null } & Average)[] }>(
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
