import type { FigureName, FigureRule, Figures, Statistics } from '../contract.ts';
import { formatNumber } from '../format.ts';
import { t } from '../text/index.ts';

/** An average length in its two largest units: 45 s, 12 min 5 s, 3 h 20 min, 2 d 4 h. */
function formatSpan(seconds: number): string {
  const whole = Math.round(seconds);
  const [days, hours, minutes] = [Math.floor(whole / 86_400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60];
  if (days) return [t('time.daysShort', { n: days }), hours ? t('time.hours', { n: hours }) : ''].filter(Boolean).join(' ');
  if (hours) return [t('time.hours', { n: hours }), minutes ? t('time.minutes', { n: minutes }) : ''].filter(Boolean).join(' ');
  if (minutes)
    return [t('time.minutes', { n: minutes }), whole % 60 ? t('time.seconds', { n: whole % 60 }) : ''].filter(Boolean).join(' ');
  return t('time.seconds', { n: whole });
}

const [MINUTE, HOUR, DAY] = [60, 3600, 86_400];
/** Lengths of time that an axis may be divided by, in seconds. */
export const TIME_STEPS: readonly number[] = [
  ...[1, 5, 10, 30],
  ...[1, 5, 10, 30].map((n) => n * MINUTE),
  ...[1, 3, 6, 12].map((n) => n * HOUR),
  ...[1, 2, 5, 10, 20, 50, 100, 200].map((n) => n * DAY),
];

/** A figure as it is read; a dash where nothing counts. */
export function figureText(value: number | null | undefined, unit: FigureRule['unit']): string {
  if (value === null || value === undefined) return '—';
  if (unit === 'seconds') return formatSpan(value);
  return formatNumber(value, { maximumFractionDigits: 1 });
}

export const figureOf = (values: Figures, rule: Pick<FigureRule, 'figure'>): number | null => values[rule.figure] ?? null;

/** A number of things may be nought; an average of none is not there. */
const isAverage = (rule: FigureRule): boolean => rule.unit === 'seconds' || rule.figure === 'repliesToClose';

/** Where a number leads: to the tickets it counts, or whose replies and closings it is made of, if there are any. */
export function leadsTo(rule: FigureRule, value: number | null, more: Readonly<Record<string, string>> = {}) {
  const counted = isAverage(rule) ? value !== null : Boolean(value);
  return counted ? { name: 'tickets', query: { ...rule.leadsTo, ...more } } : null;
}

export const medianIn = (values: Figures, rule: FigureRule): number | null =>
  values[`${rule.figure}Median` as FigureName] ?? null;

/** How much more or less than in the period before: +25 %. Nothing where it cannot be said in per cent. */
export function changeText(value: number | null, before: number | null): string {
  if (value === null || !before) return '';
  return formatNumber(value / before - 1, { style: 'percent', signDisplay: 'exceptZero', maximumFractionDigits: 0 });
}

/** Whether anything at all was counted. */
export const isEmpty = ({ figures }: Pick<Statistics, 'figures'>): boolean => Object.values(figures).every((value) => !value);
