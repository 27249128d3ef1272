import type { Measure } from '../../domain/statistics.ts';

/** What was measured, as PostgreSQL packs it (`packedSql`): one number after the other. */
export type Values = Float64Array | Int32Array;

/**
 * A closing knows the ticket's answers up to it. They are those of the period if the first lies in it and none follows
 * before its end; only otherwise they are counted one by one.
 */
const REPLIES_IN_PERIOD = `case
  when (f.first_answer_at is null or f.first_answer_at >= :from) and (f.next_answer_at is null or f.next_answer_at >= :to) then f.answers_until
  else (select count(*)::int from statistics_facts_answer a where a.ticket_id = f.ticket_id and a.at >= :from and a.at < :to) end`;

/** Milliseconds take 8 bytes each, numbers of replies 4. */
const PACKED: Readonly<Record<Measure, string>> = {
  first_reply: 'float8send(f.first_reply_ms::float8)',
  any_reply: 'float8send(f.speed_ms::float8)',
  writing: 'float8send(f.writing_ms::float8)',
  time_to_close: 'float8send(f.speed_ms::float8)',
  replies_in_period: `int4send(${REPLIES_IN_PERIOD})`,
};

/** An aggregate that hands over every value of a group of facts `f`; a median needs them all. */
export const packedSql = (measure: Measure): string => `string_agg(${PACKED[measure]}, '')`;

/** PostgreSQL sends the highest byte first. */
export function unpack(measure: Measure, packed: Buffer): Values {
  // In memory of its own, for a view of numbers must begin where a number may.
  const { buffer, byteLength } = new Uint8Array(packed);
  const bytes = Buffer.from(buffer);
  if (measure === 'replies_in_period') return new Int32Array(bytes.swap32().buffer, 0, byteLength / 4);
  return new Float64Array(bytes.swap64().buffer, 0, byteLength / 8);
}

/** Exact: durations are whole milliseconds. Counted through, not iterated, which takes many times as long. */
export function sumOf(values: Values): number {
  let sum = 0;
  for (let index = 0; index < values.length; index++) sum += values[index] as number;
  return sum;
}

function joined(parts: readonly Values[]): Float64Array {
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
function place(values: Float64Array, at: number): number {
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
