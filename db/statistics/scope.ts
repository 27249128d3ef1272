import type { Channel } from '../../domain/tickets.ts';
import type { Period } from '../../domain/time-zone.ts';
import { seesEverything, ticketVisible, type Viewer } from '../visibility.ts';

/** Part of a statement, with the values of its named parameters. */
export interface SqlFragment {
  readonly sql: string;
  readonly bindings: Readonly<Record<string, string>>;
}

export interface StatisticsFilter {
  readonly agentId?: string | undefined;
  /** Of those who belong to this team now. */
  readonly team?: string | undefined;
  readonly channel?: Channel | undefined;
  readonly direction?: 'incoming' | 'outgoing' | undefined;
}

/** What is asked about: which time, which tickets, and who asks. */
export interface StatisticsScope {
  readonly period: Period;
  readonly filter: StatisticsFilter;
  readonly viewer: Viewer;
}

export const instantSql = (at: number): string => new Date(at).toISOString();
/** Arrays go in as Postgres writes them, so that all values are plain text. */
export const arraySql = (values: readonly (string | number)[]): string => `{${values.join(',')}}`;

/** What is left over by a scope's filter and by what the viewer may see, of facts or of what is rolled up from them (alias `f`). */
export function filterSql({ filter, viewer }: Pick<StatisticsScope, 'filter' | 'viewer'>): SqlFragment {
  const conditions: string[] = [];
  const bindings: Record<string, string> = {};
  if (filter.agentId) {
    conditions.push('f.agent_id = :agentId');
    bindings['agentId'] = filter.agentId;
  }
  if (filter.team) {
    conditions.push('f.agent_id = any(array(select id from agents where team = :team))');
    bindings['team'] = filter.team;
  }
  if (filter.channel) {
    conditions.push('f.channel = :channel');
    bindings['channel'] = filter.channel;
  }
  if (filter.direction) conditions.push(filter.direction === 'incoming' ? 'f.incoming' : 'not f.incoming');
  if (!seesEverything(viewer)) {
    const visible = ticketVisible(viewer, 'visible').sql.replace('?', ':viewer');
    conditions.push(`exists (select from tickets visible where visible.id = f.ticket_id and ${visible})`);
    bindings['viewer'] = viewer.agentId;
  }
  return { sql: conditions.join(' and ') || 'true', bindings };
}

/** The facts (alias `f`) within a scope, all types. */
export function scopeSql(scope: StatisticsScope): SqlFragment {
  const { sql, bindings } = filterSql(scope);
  const { from, to } = scope.period;
  return {
    sql: `f.at >= :from and f.at < :to and ${sql}`,
    bindings: { ...bindings, from: instantSql(from), to: instantSql(to) },
  };
}
