/** What was measured, as PostgreSQL packs it (`packedSql`): one number after the other, 8 bytes each. */
export type Values = Float64Array;

/** An aggregate that hands over every value of a group; a median needs them all. */
export const packedSql = (value: string): string => `string_agg(float8send((${value})::float8), '')`;

export function unpack(packed: Buffer): Values {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const values = new Float64Array(packed.byteLength / 8);
  for (let index = 0; index < values.length; index++) values[index] = view.getFloat64(index * 8);
  return values;
}

/** Exact: durations are whole milliseconds. */
export const sumOf = (values: Values): number => values.reduce((sum, value) => sum + value, 0);

function joined(parts: readonly Values[]): Values {
  const all = new Float64Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}

/**
 * Brings the value that would stand at `place`, were all in order, there: none before it is greater, none after it less. Takes a few
 * looks at each value, where sorting a million takes twenty.
 */
function place(values: Values, at: number): number {
  let [first, last] = [0, values.length - 1];
  while (first < last) {
    const pivot = values[(first + last) >>> 1] as number;
    let [low, high] = [first, last];
    while (low <= high) {
      while ((values[low] as number) < pivot) low++;
      while ((values[high] as number) > pivot) high--;
      if (low > high) break;
      const value = values[low] as number;
      values[low++] = values[high] as number;
      values[high--] = value;
    }
    if (at <= high) last = high;
    else if (at >= low) first = low;
    else break;
  }
  return values[at] as number;
}

/** The middle of all values, or the mean of the two in the middle; null where there are none. */
export function medianOfValues(parts: readonly Values[]): number | null {
  const values = joined(parts);
  if (values.length === 0) return null;
  const upper = values.length >>> 1;
  const above = place(values, upper);
  if (values.length % 2 === 1) return above;
  // All before the upper middle are no greater: the greatest of them is the lower one.
  return (values.subarray(0, upper).reduce((greatest, value) => Math.max(greatest, value), -Infinity) + above) / 2;
}
