import { z } from 'zod';
import { instant, instantInput, person, text, uuid } from './common.ts';
import { channel } from './tickets.ts';

export const SECTIONS = ['load', 'peak', 'channels', 'speed', 'sla', 'team'] as const;
export const section = z.enum(SECTIONS);
export type Section = z.infer<typeof section>;

export const COUNT_FIGURES = [
  'newTickets',
  'newFromCustomers',
  'reopened',
  'inWork',
  'withReply',
  'closed',
  'newAndReopened',
  'totalReplies',
  'slaFirstReplyBreached',
  'slaAnyReplyBreached',
  'slaCloseBreached',
] as const;
/** Averages, each with its median beside it under the name with `Median`. */
export const AVERAGE_FIGURES = [
  'firstReplySeconds',
  'anyReplySeconds',
  'writingSeconds',
  'repliesToClose',
  'timeToCloseSeconds',
] as const;
export const MEDIAN_FIGURES = [
  'firstReplySecondsMedian',
  'anyReplySecondsMedian',
  'writingSecondsMedian',
  'repliesToCloseMedian',
  'timeToCloseSecondsMedian',
] as const;
export const figureName = z.enum([...COUNT_FIGURES, ...AVERAGE_FIGURES, ...MEDIAN_FIGURES]);
export type FigureName = z.infer<typeof figureName>;

/** Null where nothing counts. */
const figure = z.number().nullable();
const figureShape = Object.fromEntries(figureName.options.map((name) => [name, figure.optional()])) as Record<
  FigureName,
  z.ZodOptional<typeof figure>
>;
/** Those of the section. */
export const figures = z.strictObject(figureShape).meta({ id: 'Figures' });
export type Figures = z.infer<typeof figures>;

export const statistics = z
  .strictObject({
    section,
    from: instant,
    to: instant,
    tz: z.string(),
    figures,
    series: z.array(z.strictObject({ at: z.string(), ...figureShape })).optional(),
    peak: z
      .array(z.strictObject({ weekday: z.number().int().min(1).max(7), hour: z.number().int().min(0).max(23), ...figureShape }))
      .optional(),
    channels: z.array(z.strictObject({ channel, ...figureShape })).optional(),
    agents: z.array(z.strictObject({ agent: person, ...figureShape })).optional(),
  })
  .meta({ id: 'Statistics' });
export type Statistics = z.infer<typeof statistics>;

/** `from` ≤ time < `to`; `tz` is an IANA name and says where days and hours begin. */
export const statisticsQuery = z.strictObject({
  from: instantInput,
  to: instantInput,
  tz: text(64, 1).default('UTC'),
  agentId: uuid.optional(),
  channel: channel.optional(),
  direction: z.enum(['incoming', 'outgoing']).optional(),
});
export type StatisticsQuery = z.input<typeof statisticsQuery>;
