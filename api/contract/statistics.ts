import { z } from 'zod';
import { instant, instantInput, person, uuid } from './common.ts';
import { directionFilter, figureName, ruledFigure, section, teamFilter, timeZone, type FigureName } from './figures.ts';
import { channel } from './tickets.ts';

export * from './figures.ts';

/** Null where nothing counts. */
const figure = z.number().nullable();
const figureShape = Object.fromEntries(figureName.options.map((name) => [name, figure.optional()])) as Record<
  FigureName,
  z.ZodOptional<typeof figure>
>;
/** Those of the section. */
export const figures = z.strictObject(figureShape).meta({ id: 'Figures' });
export type Figures = z.infer<typeof figures>;

/** What the page says beside a figure, and where it leads. */
export const figureRule = z
  .strictObject({
    figure: ruledFigure,
    /** The key of the rule in words, in the interface's texts. */
    hint: z.string(),
    unit: z.enum(['tickets', 'replies', 'seconds']),
    /** Whom it counts for: the ticket's assignee at that time, or whoever did it. */
    agent: z.enum(['assignee', 'doer']),
    callsLeftOut: z.boolean(),
    /** Parameters of `GET /api/tickets` that list exactly the tickets counted. */
    leadsTo: z.record(z.string(), z.string()),
  })
  .meta({ id: 'FigureRule' });
export type FigureRule = z.infer<typeof figureRule>;

export const statistics = z
  .strictObject({
    section,
    from: instant,
    to: instant,
    tz: z.string(),
    figures,
    /** By hours up to two days, by days up to 800, by months beyond. Averages only, without medians. */
    series: z.array(z.strictObject({ at: instant, ...figureShape })).optional(),
    peak: z
      .array(z.strictObject({ weekday: z.number().int().min(1).max(7), hour: z.number().int().min(0).max(23), ...figureShape }))
      .optional(),
    channels: z.array(z.strictObject({ channel, ...figureShape })).optional(),
    agents: z.array(z.strictObject({ agent: person, ...figureShape })).optional(),
    /** Where agents belong to teams; a ticket two of a team worked on counts once. Not beside the figures of one agent. */
    teams: z.array(z.strictObject({ team: z.string(), ...figureShape })).optional(),
    /** The period before, if asked for: as many months, days or milliseconds. */
    previous: z.strictObject({ from: instant, to: instant, figures }).optional(),
    /** In the order of the page. */
    rules: z.array(figureRule),
    /** Changes not yet counted; above 0 only while a large import is being worked in. */
    behind: z.number().int().min(0),
  })
  .meta({ id: 'Statistics' });
export type Statistics = z.infer<typeof statistics>;

/** The tables of a section that can be had as CSV. */
export const STATISTICS_TABLES = ['figures', 'series', 'peak', 'channels', 'agents', 'teams'] as const;
export const statisticsTable = z.enum(STATISTICS_TABLES);
export type StatisticsTable = z.infer<typeof statisticsTable>;

/** `from` ≤ time < `to`. */
export const statisticsQuery = z.strictObject({
  from: instantInput,
  to: instantInput,
  tz: timeZone,
  agentId: uuid.optional(),
  /** Of those who belong to it now. */
  team: teamFilter.optional(),
  channel: channel.optional(),
  direction: directionFilter.optional(),
  /** Also the period before. */
  compare: z.enum(['true', 'false']).default('false'),
  /** `csv` is the same as `Accept: text/csv`, for links. */
  format: z.enum(['json', 'csv']).optional(),
  /** Which table as CSV; the section's own unless said. */
  table: statisticsTable.optional(),
  /** The language of the CSV. */
  lang: z.enum(['ru', 'en']).default('ru'),
});
export type StatisticsQuery = z.input<typeof statisticsQuery>;
