import { partsOf, ruleOf, type Figure, type RuledFigure } from '../../domain/statistics.ts';
import { inUnit } from './in-unit.ts';
import { medianOfValues, sumOf, type Values } from './values.ts';

/** What a figure is made of: a number of things and, for averages, what is measured on them; each value, where the median is asked for. */
export interface Tally {
  readonly count: number;
  readonly sum: number;
  readonly values: readonly Values[];
}

export interface Tallies {
  readonly total: ReadonlyMap<RuledFigure, Tally>;
  readonly groups: ReadonlyMap<string, ReadonlyMap<RuledFigure, Tally>>;
}

export const things = (count: number): Tally => ({ count, sum: 0, values: [] });
export const NOTHING = things(0);
export const add = (a: Tally, b: Tally): Tally => ({
  count: a.count + b.count,
  sum: a.sum + b.sum,
  values: [...a.values, ...b.values],
});
export const measured = (values: Values): Tally => ({ count: values.length, sum: sumOf(values), values: [values] });

export class Collector implements Tallies {
  private parts: Collector | null = null;
  readonly total = new Map<RuledFigure, Tally>();
  readonly groups = new Map<string, Map<RuledFigure, Tally>>();

  /** What each group has to give to the group it belongs to. */
  get outer(): Collector {
    return (this.parts ??= new Collector());
  }

  addTotal(figure: RuledFigure, tally: Tally): void {
    this.total.set(figure, add(this.total.get(figure) ?? NOTHING, tally));
  }

  setGroup(key: string, figure: RuledFigure, tally: Tally): void {
    const group = this.groups.get(key) ?? new Map<RuledFigure, Tally>();
    this.groups.set(key, group.set(figure, tally));
  }

  addToGroup(key: string, figure: RuledFigure, tally: Tally): void {
    this.setGroup(key, figure, add(this.groups.get(key)?.get(figure) ?? NOTHING, tally));
  }
}

/** A figure's value: a count, the mean of what was measured, or null where there was nothing to measure. Milliseconds become seconds. */
export function valueOf(figure: Figure, tallies: ReadonlyMap<RuledFigure, Tally> | undefined): number | null {
  const parts = partsOf(figure).map((part) => ({ rule: ruleOf(part), tally: tallies?.get(part) ?? NOTHING }));
  return parts.reduce<number | null>((value, { rule, tally: { count, sum } }) => {
    if (typeof rule.counts !== 'object') return (value ?? 0) + count;
    return count === 0 ? null : inUnit(rule.unit, sum / count);
  }, null);
}

/** The median of what a figure measures; null where there was nothing. */
export function medianOfTally(figure: Figure, tallies: ReadonlyMap<RuledFigure, Tally> | undefined): number | null {
  const [part] = partsOf(figure) as [RuledFigure];
  const median = medianOfValues(tallies?.get(part)?.values ?? []);
  return median === null ? null : inUnit(ruleOf(part).unit, median);
}
