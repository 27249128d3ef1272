import { z } from 'zod';
import { instantInput, text, uuid } from './common.ts';

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
/** A figure with a rule of its own, by which tickets can be found. */
export const ruledFigure = z.enum([...COUNT_FIGURES, ...AVERAGE_FIGURES]);
export type RuledFigureName = z.infer<typeof ruledFigure>;
export const figureName = z.enum([...COUNT_FIGURES, ...AVERAGE_FIGURES, ...MEDIAN_FIGURES]);
export type FigureName = z.infer<typeof figureName>;

/** An IANA name: says where days and hours begin. */
export const timeZone = text(64, 1).default('UTC');
/** A team's name, as it stands at its agents. */
export const teamFilter = text(100, 1);
export const directionFilter = z.enum(['incoming', 'outgoing']);

/**
 * Parameters of the ticket list that pick exactly the tickets a figure counts (`from` ≤ time < `to`): all of them, those of a
 * part of the period (a point of a chart), or those of an hour of the week (1 = Monday). `channel` is the list's own.
 */
export const figureFilter = {
  figure: ruledFigure.optional(),
  from: instantInput.optional(),
  to: instantInput.optional(),
  tz: timeZone,
  agentId: uuid.optional(),
  team: teamFilter.optional(),
  direction: directionFilter.optional(),
  withinFrom: instantInput.optional(),
  withinTo: instantInput.optional(),
  weekday: z.coerce.number().int().min(1).max(7).optional(),
  hour: z.coerce.number().int().min(0).max(23).optional(),
};
