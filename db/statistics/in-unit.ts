import type { FigureRule } from '../../domain/statistics.ts';

/** As the interface shows it: milliseconds as seconds, and all averages to three decimals. */
export const inUnit = (unit: FigureRule['unit'], value: number): number =>
  Math.round(unit === 'seconds' ? value : value * 1000) / 1000;
