/** A generator that a seed fixes, and that has children: a story draws the same numbers whatever the others do meanwhile. */
export interface Dice {
  /** 0 ≤ x < 1 */
  next(): number;
  between(from: number, to: number): number;
  chance(probability: number): boolean;
  one<T>(items: readonly T[]): T;
  some<T>(items: readonly T[], count: number): T[];
  weighted<T>(items: readonly (readonly [weight: number, item: T])[]): T;
  child(name: number): Dice;
}

export function dice(seed: number): Dice {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 4_294_967_296;
  };
  const between = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1));
  return {
    next,
    between,
    chance: (probability) => next() < probability,
    one: (items) => items[between(0, items.length - 1)] as never,
    some(items, count) {
      const rest = [...items];
      return Array.from({ length: Math.min(count, rest.length) }, () => rest.splice(between(0, rest.length - 1), 1)[0] as never);
    },
    weighted(items) {
      let left = next() * items.reduce((sum, [weight]) => sum + weight, 0);
      for (const [weight, item] of items) if ((left -= weight) < 0) return item;
      return (items.at(-1) as readonly [number, never])[1];
    },
    child: (name) => dice(Math.imul(seed ^ 0x5bd1e995, 31) + Math.imul(name, 0x01000193)),
  };
}
