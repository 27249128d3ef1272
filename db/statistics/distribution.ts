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
  /** By the agent's id or the team's name. */
  readonly groups: ReadonlyMap<string, Average>;
}

/** By whom averages are broken down, beside their total. */
export type GroupedBy = 'agent' | 'team' | null;

interface Parts {
  /** Facts of the figure, with every filter: those that count in the total, in their group, or both. */
  readonly source: string;
  readonly value: string;
  /** Which count in the total and which in their group; null where these are the same. */
  readonly apart: { readonly inTotal: string; readonly inGroup: string } | null;
  readonly group: Group | null;
}

interface Group {
  readonly key: string;
  readonly type: 'uuid' | 'text';
  /** What must be joined to the facts. */
  readonly join: string;
}
const GROUPS: Readonly<Record<'agent' | 'team', Group>> = {
  agent: { key: 'f.agent_id', type: 'uuid', join: '' },
  team: { key: 'member.team', type: 'text', join: 'left join agents member on member.id = f.agent_id' },
};
const keyOf = (group: Group | null): string => group?.key ?? 'null::uuid';

/** Steps of some 6 %: few enough to count, small enough that little is left to put in order. */
const stepOf = (value: string): string => `floor(ln(${value} + 1.0::float8) * 16)::int`;

/** How many values, and what sum, lie in each step: in total and for each group. */
function histogramSql({ source, value, apart, group }: Parts, step: string): string {
  const only = (condition: string | undefined): string => (condition ? ` filter (where ${condition})` : '');
  const sums = (name: string, condition: string | undefined): string =>
    `(count(*)${only(condition)})::int as ${name}_n, (sum(${value})${only(condition)})::float8 as ${name}_sum`;
  return `
  counted as materialized (
    select ${keyOf(group)} as grouped_by, ${step} as step,
      ${sums('total', apart?.inTotal)}, ${sums('group', apart?.inGroup)}
    from ${source} group by 1, 2),
  histogram as (
    select true as is_total, null::${group?.type ?? 'uuid'} as grouped_by, step, sum(total_n)::int as n, sum(total_sum) as value_sum from counted group by step
    ${group ? 'union all select false, grouped_by, step, group_n, group_sum from counted where grouped_by is not null' : ''}),
  placed as (
    select is_total, grouped_by, step, n, sum(n) over (partition by is_total, grouped_by order by step) - n as below from histogram where n > 0),
  whole as (select is_total, grouped_by, sum(n) as total, sum(value_sum) as value_sum from histogram group by is_total, grouped_by),
  -- The steps in which the lower and the upper middle lie; mostly the same.
  middle as materialized (
    select w.is_total, w.grouped_by, min(step) as lowest, max(step) as highest, min(below) as below, min(w.total) as total,
      min(w.value_sum / w.total) as mean
    from placed p join whole w on w.is_total = p.is_total and (w.is_total or w.grouped_by = p.grouped_by)
    where below < w.total / 2 + 1 and below + n >= (w.total + 1) / 2 group by w.is_total, w.grouped_by)`;
}

/** For measures that are small whole numbers each is a step of its own, and the steps are the medians. */
const exactStatement = (parts: Parts): string => `
  with ${histogramSql(parts, `(${parts.value})::int`)}
  select is_total, grouped_by, mean, ((lowest + highest) / 2.0)::float8 as median from middle`;

/**
 * Exact medians without sorting everything: only the values of the middle's steps are put in order.
 * Both passes over the facts run in parallel, which ordered aggregates cannot.
 */
const statement = (parts: Parts): string => `
  with ${histogramSql(parts, stepOf(parts.value))},
  wanted as materialized (select m.*, step from middle m, generate_series(lowest, highest) step),
  ranked as (
    select w.is_total, w.grouped_by, w.total, w.mean, v.value,
      w.below + row_number() over (partition by w.is_total, w.grouped_by order by v.value) as rank
    from (
      select ${keyOf(parts.group)} as grouped_by, ${parts.value} as value, ${stepOf(parts.value)} as step,
        ${parts.apart?.inTotal ?? 'true'} as in_total, ${parts.apart?.inGroup ?? 'true'} as in_group
      from ${parts.source}) v
    join wanted w on w.step = v.step and ((w.is_total and v.in_total) or (not w.is_total and v.in_group and v.grouped_by = w.grouped_by)))
  select is_total, grouped_by, min(mean) as mean, avg(value)::float8 as median from ranked
  where rank in ((total + 1) / 2, total / 2 + 1) group by is_total, grouped_by`;

const MEASURES_SMALL_NUMBERS = (rule: FigureRule): boolean => rule.unit === 'replies';

/** Mean and median of a figure, in total and, if asked, for each agent or team. */
export async function averagesOf(
  reader: SnapshotReader,
  figure: RuledFigure,
  scope: StatisticsScope,
  by: GroupedBy,
): Promise<Averages> {
  const rule = ruleOf(figure);
  if (typeof rule.counts !== 'object') throw new Error(`${figure} counts things: it has no average`);
  const { sql: where, bindings } = scopeSql(scope);
  const group = by && GROUPS[by];
  const inTotal = countedSql(figure, wholePeriod(whoseOf(scope.filter)));
  const inGroup = countedSql(figure, wholePeriod(by ?? 'everybody'));
  const apart = by && inGroup !== inTotal ? { inTotal, inGroup } : null;
  const counted = apart ? `((${inTotal}) or (${inGroup}))` : inTotal;
  const parts = {
    source: `${fromSql(rule.facts, [figure])} ${group?.join ?? ''} where ${where} and ${counted}`,
    value: measureSql(rule.counts.averageOf),
    apart,
    group,
  };
  const rows = await reader.rows<{ is_total: boolean; grouped_by: string | null } & Average>(
    MEASURES_SMALL_NUMBERS(rule) ? exactStatement(parts) : statement(parts),
    bindings,
  );
  const present = ({ mean, median }: Average): Average => ({ mean: inUnit(rule.unit, mean), median: inUnit(rule.unit, median) });
  const total = rows.find((row) => row.is_total);
  return {
    total: total ? present(total) : null,
    groups: new Map(rows.flatMap((row) => (row.grouped_by ? [[row.grouped_by, present(row)] as const] : []))),
  };
}
