import {
  ruleOf,
  type Condition,
  type FactType,
  type FigureRule,
  type Measure,
  type RuledFigure,
} from '../../domain/statistics.ts';
import type { StatisticsFilter } from './scope.ts';

/** What the conditions of domain/statistics.ts mean for a fact `f` (and its channel's SLA `target`). */
const CONDITIONS: Readonly<Record<Exclude<Condition, 'last_closing'>, string>> = {
  from_customer: 'f.incoming',
  created_before_period: 'f.created_at < :from',
  talk_if_call: `(f.channel <> 'call' or f.has_talk)`,
  first_reply: 'f.first_reply_ms is not null',
  ends_wait: 'f.speed_ms is not null',
  writing_known: 'f.writing_ms is not null',
  takes_time: 'f.speed_ms is not null',
  over_first_reply_target: 'f.first_reply_ms > target.first_reply_seconds * 1000::bigint',
  over_any_reply_target: 'f.speed_ms > target.any_reply_seconds * 1000::bigint',
  over_close_target: 'f.speed_ms > target.close_seconds * 1000::bigint',
};

/**
 * A closing knows the ticket's answers up to it. They are those of the period if the first lies in it and none follows
 * before its end; only otherwise they are counted one by one.
 */
const REPLIES_IN_PERIOD = `case
  when (f.first_answer_at is null or f.first_answer_at >= :from) and (f.next_answer_at is null or f.next_answer_at >= :to) then f.answers_until
  else statistics_answers(f.ticket_id, :from, :to) end`;

const MEASURES: Readonly<Record<Measure, string>> = {
  first_reply: 'f.first_reply_ms',
  any_reply: 'f.speed_ms',
  writing: 'f.writing_ms',
  time_to_close: 'f.speed_ms',
  replies_in_period: REPLIES_IN_PERIOD,
};

/** The SQL of what a rule takes the average of: milliseconds, or a number of replies. */
export const measureSql = (measure: Measure): string => MEASURES[measure];

/** Whose facts a ticket is counted with: everybody's, those of one agent, or those of an agent's team. */
export type Whose = 'everybody' | 'agent' | 'team';

/** In what a ticket counts once: a part of its facts that lie together, of everybody or of those told apart. */
export interface Span {
  readonly of: Whose;
  /** Whether a fact before this one, of which this is the time, lies outside. */
  isBefore(previous: string): string;
  /** Whether a fact after this one lies outside. */
  isAfter(next: string): string;
}

/** The facts between two instants. */
export const between = (start: string, end: string, of: Whose): Span => ({
  of,
  isBefore: (previous) => `${previous} < ${start}`,
  isAfter: (next) => `${next} >= ${end}`,
});
export const wholePeriod = (of: Whose): Span => between(':from', ':to', of);

/** Whose facts are left over by a filter. */
export const whoseOf = ({ agentId, team }: StatisticsFilter): Whose =>
  agentId === undefined ? (team === undefined ? 'everybody' : 'team') : 'agent';

/** When the fact before it was. */
export const PREVIOUS: Readonly<Record<Whose, string>> = {
  everybody: 'f.previous_at',
  agent: 'f.previous_of_agent_at',
  team: 'f.previous_of_team_at',
};
const NEXT: Readonly<Record<Whose, string>> = {
  everybody: 'f.next_at',
  agent: 'f.next_of_agent_at',
  team: 'f.next_of_team_at',
};

const firstIn = ({ of, isBefore }: Span): string => `(${PREVIOUS[of]} is null or ${isBefore(PREVIOUS[of])})`;
const lastIn = ({ of, isAfter }: Span): string => `(${NEXT[of]} is null or ${isAfter(NEXT[of])})`;

/** How a ticket with several facts of a figure is counted once. */
function onceSql(rule: FigureRule, span: Span): readonly string[] {
  if (rule.facts === 'closed') return [lastIn(span)];
  if (rule.counts !== 'tickets' || rule.facts === 'created' || rule.only.includes('first_reply')) return [];
  return [firstIn(span)];
}

/** Its facts within a span are told apart by more than time, so that only comparing tickets finds each once. */
export const needsDistinct = (figure: RuledFigure): boolean => ruleOf(figure).only.includes('over_any_reply_target');

const plainConditions = (rule: FigureRule): readonly string[] =>
  rule.only.filter((condition) => condition !== 'last_closing').map((condition) => CONDITIONS[condition]);

/** Which facts of its type a figure counts in a span, each ticket once where it counts tickets. */
export function countedSql(figure: RuledFigure, span: Span): string {
  const rule = ruleOf(figure);
  return [...plainConditions(rule), ...onceSql(rule, span)].join(' and ') || 'true';
}

/** Which facts belong to a figure, however often a ticket occurs. */
export function belongsSql(figure: RuledFigure, span: Span): string {
  const rule = ruleOf(figure);
  return [...plainConditions(rule), ...(rule.only.includes('last_closing') ? [lastIn(span)] : [])].join(' and ') || 'true';
}

const needsTarget = (figure: RuledFigure): boolean => ruleOf(figure).only.some((condition) => condition.startsWith('over_'));

/** The facts (alias `f`) of one type: their partition itself, which needs no condition on the type. */
export const fromSql = (facts: FactType, figures: readonly RuledFigure[]): string =>
  `statistics_facts_${facts} f ${figures.some(needsTarget) ? 'left join sla_targets target on target.channel = f.channel' : ''}`;
