import { expect } from 'vitest';
import type { Db } from '../../db/pool.ts';
import { statisticsOf, type FigureValues, type StatisticsQuestion } from '../../db/statistics/sections.ts';
import { isOfFigure } from '../../db/statistics/tickets-of-figure.ts';
import { isTicketCount } from './figures.ts';
import type { StoredWorld, World } from './histories.ts';
import { collect, only, reckon, teamOf, wallClock, type Question } from './reckoning.ts';
import { FIGURES_OF_SECTION, SECTION_NAMES } from './figures.ts';

const viewerOf = (question: Question, stored: StoredWorld): StatisticsQuestion['viewer'] =>
  question.own === null
    ? { agentId: '00000000-0000-4000-8000-000000000000', role: 'admin', access: 'all' }
    : { agentId: stored.agentIds[question.own] as string, role: 'agent', access: 'own' };

const scopeOf = (question: Question, stored: StoredWorld) => ({
  period: { from: question.from, to: question.to },
  filter: {
    agentId: question.agent === null ? undefined : stored.agentIds[question.agent],
    team: question.team ?? undefined,
    channel: question.channel ?? undefined,
    direction: question.direction ?? undefined,
  },
  viewer: viewerOf(question, stored),
});

/** Numbers as shown, to three decimals. */
function same(shown: number | null | undefined, reckoned: number | null | undefined, what: string): void {
  const close = typeof shown === 'number' && typeof reckoned === 'number' && Math.abs(shown - reckoned) <= 0.000_51;
  if (!close && shown !== reckoned) expect.fail(`${what}: shown ${shown}, reckoned ${reckoned}`);
}

interface Group {
  readonly where: string;
  readonly shown: FigureValues;
  readonly hits: ReturnType<typeof collect>;
  readonly medians: boolean;
}

/** Asks the product for every section and compares each number with the reckoning. */
export async function compareSections(db: Db, world: World, stored: StoredWorld, question: Question): Promise<void> {
  const hits = collect(world, question);
  for (const section of SECTION_NAMES) {
    const answer = await statisticsOf(db, { ...scopeOf(question, stored), section, timeZone: question.tz, compare: false });
    expect(answer.behind).toBe(0);
    const groups: Group[] = [{ where: 'total', shown: answer.figures, hits, medians: true }];
    const wall = (at: number): string => {
      const { date, hour, offset } = wallClock(question.tz, at);
      return question.to - question.from <= 49 * 3_600_000 ? `${date} ${hour} ${offset}` : date;
    };
    const points = answer.series ?? [];
    if (points.length > 0) {
      expect(points[0]?.at).toBe(question.from);
      const labels = points.map(({ at }) => wall(at));
      expect(new Set(labels).size).toBe(labels.length);
      points.forEach((point, index) => {
        groups.push({
          where: `on ${labels[index]}`,
          shown: point,
          hits: only(hits, (hit) => wall(hit.at) === labels[index]),
          medians: false,
        });
      });
    }
    for (const cell of answer.peak ?? []) {
      const inCell = only(hits, (hit) => {
        const { weekday, hour } = wallClock(question.tz, hit.at);
        return weekday === cell.weekday && hour === cell.hour;
      });
      groups.push({ where: `weekday ${cell.weekday} hour ${cell.hour}`, shown: cell, hits: inCell, medians: false });
    }
    for (const row of answer.channels ?? []) {
      groups.push({
        where: row.channel,
        shown: row,
        hits: only(hits, (_hit, ticket) => world.histories[ticket]?.channel === row.channel),
        medians: false,
      });
    }
    for (const row of answer.agents ?? []) {
      const index = stored.agentIds.indexOf(row.agent.id);
      groups.push({ where: row.agent.fullName, shown: row, hits: only(hits, (hit) => hit.agent === index), medians: true });
    }
    for (const row of answer.teams ?? []) {
      groups.push({
        where: row.team,
        shown: row,
        hits: only(hits, (hit) => teamOf(world, hit.agent) === row.team),
        medians: true,
      });
    }
    if (section === 'team') {
      const listed = stored.agentIds.filter(
        (_id, index) =>
          (question.agent === null || index === question.agent) &&
          (question.team === null || teamOf(world, index) === question.team),
      );
      expect(answer.agents).toHaveLength(listed.length);
      const teams = new Set(listed.map((id) => teamOf(world, stored.agentIds.indexOf(id))).filter((team) => team !== null));
      expect(answer.teams?.map(({ team }) => team)).toEqual(
        question.agent === null && teams.size > 0 ? [...teams].sort((a, b) => a.localeCompare(b, 'ru')) : undefined,
      );
    }
    if (section === 'peak') expect(answer.peak).toHaveLength(168);
    for (const { where, shown, hits: of, medians } of groups) {
      for (const figure of FIGURES_OF_SECTION[section]) {
        const reckoned = reckon(figure, world, question, of);
        const values = shown as Readonly<Record<string, number | null>>;
        same(values[figure], reckoned.value, `${section}, ${where}: ${figure}`);
        if (medians && reckoned.median !== undefined)
          same(values[`${figure}Median`], reckoned.median, `${section}, ${where}: median of ${figure}`);
      }
    }
  }
}

/** Asks for the tickets behind every figure and compares them with those the reckoning counted. */
export async function compareLists(db: Db, world: World, stored: StoredWorld, question: Question): Promise<void> {
  const hits = collect(world, question);
  for (const figure of new Set(Object.values(FIGURES_OF_SECTION).flat())) {
    const { sql, bindings } = isOfFigure({ ...scopeOf(question, stored), figure });
    const { rows } = await db.raw<{ rows: { id: string }[] }>(`select t.id from tickets t where ${sql}`, [...bindings]);
    const reckoned = reckon(figure, world, question, hits);
    const wanted = [...reckoned.tickets].map((ticket) => stored.ticketIds[ticket] as string);
    expect(rows.map(({ id }) => id).sort(), figure).toEqual(wanted.sort());
    if (isTicketCount(figure)) expect(rows.length, figure).toBe(reckoned.value);
  }
}
