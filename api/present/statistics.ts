import type { StatisticsAnswer, StatisticsQuestion } from '../../db/statistics/sections.ts';
import { describeFigure, FIGURES_OF } from '../../domain/statistics.ts';
import type { FigureRule, Statistics } from '../contract/statistics.ts';

const iso = (at: number): string => new Date(at).toISOString();

/** The parameters of the ticket list that pick what these figures counted. */
function leadsTo({ period, filter, timeZone }: StatisticsQuestion, figure: string): Record<string, string> {
  return {
    figure,
    from: iso(period.from),
    to: iso(period.to),
    tz: timeZone,
    ...(filter.agentId ? { agentId: filter.agentId } : {}),
    ...(filter.team ? { team: filter.team } : {}),
    ...(filter.channel ? { channel: filter.channel } : {}),
    ...(filter.direction ? { direction: filter.direction } : {}),
  };
}

function rulesOf(question: StatisticsQuestion): FigureRule[] {
  return FIGURES_OF[question.section].map((figure) => ({ ...describeFigure(figure), leadsTo: leadsTo(question, figure) }));
}

export function presentStatistics(question: StatisticsQuestion, answer: StatisticsAnswer): Statistics {
  const { figures, series, peak, channels, agents, teams, previous, behind } = answer;
  return {
    section: question.section,
    from: iso(question.period.from),
    to: iso(question.period.to),
    tz: question.timeZone,
    figures,
    ...(series ? { series: series.map(({ at, ...values }) => ({ at: iso(at), ...values })) } : {}),
    ...(peak ? { peak: [...peak] } : {}),
    ...(channels ? { channels: [...channels] } : {}),
    ...(agents ? { agents: [...agents] } : {}),
    ...(teams ? { teams: [...teams] } : {}),
    ...(previous
      ? { previous: { from: iso(previous.period.from), to: iso(previous.period.to), figures: previous.figures } }
      : {}),
    rules: rulesOf(question),
    behind,
  } as Statistics;
}
