import { CHANNELS, ruleOf, type Condition, type FactType, type FigureRule, type RuledFigure } from '../../domain/statistics.ts';
import type { StatisticsFilter } from './scope.ts';

/** A channel's SLA target, of which each statement reads the few there are once: joined, they would be looked up for every fact. */
const targetMs = (column: string): string =>
  `case f.channel ${CHANNELS.map((channel) => `when '${channel}' then (select ${column} * 1000::bigint from sla_targets where channel = '${channel}')`).join(' ')} end`;

/** What the conditions of domain/statistics.ts mean for a fact `f`. */
const CONDITIONS: Readonly<Record<Exclude<Condition, 'last_closing'>, string>> = {
  from_customer: 'f.incoming',
  created_before_period: 'f.created_at < :from',
  talk_if_call: `(f.channel <> 'call' or f.has_talk)`,
  first_reply: 'f.first_reply_ms is not null',
  ends_wait: 'f.speed_ms is not null',
  writing_known: 'f.writing_ms is not null',
  takes_time: 'f.speed_ms is not null',
  over_first_reply_target: `f.first_reply_ms > ${targetMs('first_reply_seconds')}`,
  over_any_reply_target: `f.speed_ms > ${targetMs('any_reply_seconds')}`,
  over_close_target: `f.speed_ms > ${targetMs('close_seconds')}`,
};

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

/** When one before it ended a wait at least as long, and when one after it a longer one. */
const LONGER: Readonly<Record<Whose, { readonly before: string; readonly after: string }>> = {
  everybody: { before: 'f.longer_before_at', after: 'f.longer_after_at' },
  agent: { before: 'f.longer_before_of_agent_at', after: 'f.longer_after_of_agent_at' },
  team: { before: 'f.longer_before_of_team_at', after: 'f.longer_after_of_team_at' },
};

const isFirst = (previous: string, { isBefore }: Span): string => `(${previous} is null or ${isBefore(previous)})`;
const isLast = (next: string, { isAfter }: Span): string => `(${next} is null or ${isAfter(next)})`;
const firstIn = (span: Span): string => isFirst(PREVIOUS[span.of], span);
export const lastIn = (span: Span): string => isLast(NEXT[span.of], span);
const longestIn = (span: Span): string => `${isFirst(LONGER[span.of].before, span)} and ${isLast(LONGER[span.of].after, span)}`;

/** How a ticket with several facts of a figure is counted once: with its last closing, its longest wait, or whatever came first. */
function onceIn(rule: FigureRule): ((span: Span) => string) | null {
  if (rule.facts === 'closed') return lastIn;
  if (rule.counts !== 'tickets' || rule.facts === 'created' || rule.only.includes('first_reply')) return null;
  return rule.only.includes('over_any_reply_target') ? longestIn : firstIn;
}

/** Whether a fact counts in a span depends on the ticket's others. */
export const countsOnce = (figure: RuledFigure): boolean => onceIn(ruleOf(figure)) !== null;

const plainConditions = (rule: FigureRule): readonly string[] =>
  rule.only.filter((condition) => condition !== 'last_closing').map((condition) => CONDITIONS[condition]);

/** Which facts of its type a figure counts, wherever they are the ones their ticket counts with. */
export const plainSql = (figure: RuledFigure): string => plainConditions(ruleOf(figure)).join(' and ') || 'true';

/** Which facts of its type a figure counts in a span, each ticket once where it counts tickets. */
export function countedSql(figure: RuledFigure, span: Span): string {
  const rule = ruleOf(figure);
  const once = onceIn(rule);
  return [...plainConditions(rule), ...(once ? [once(span)] : [])].join(' and ') || 'true';
}

/** Which facts belong to a figure, however often a ticket occurs. */
export function belongsSql(figure: RuledFigure, span: Span): string {
  const rule = ruleOf(figure);
  return [...plainConditions(rule), ...(rule.only.includes('last_closing') ? [lastIn(span)] : [])].join(' and ') || 'true';
}

/** The facts (alias `f`) of one type: their partition itself, which needs no condition on the type. */
export const fromSql = (facts: FactType): string => `statistics_facts_${facts} f`;
