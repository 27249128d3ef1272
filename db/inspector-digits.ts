import type { Executor } from './pool.ts';

export interface FoundDigits {
  readonly digits: string;
  /** Undefined where they are too many to be named. */
  readonly calls: readonly { readonly integration_id: string; readonly entry_id: string }[] | undefined;
  /** Events whose call has no numbers (yet): not delivered, or not readable. */
  readonly loose: readonly string[];
}

const MOST_CALLS = 1_500;
const MOST_LOOSE = 5_000;

/** A call's numbers are written down when its first event is delivered; what was not is looked through itself. */
export async function findDigits(db: Executor, digits: string): Promise<FoundDigits> {
  const part = `%${digits}%`;
  const { rows: calls } = await db.raw<{ rows: { integration_id: string; entry_id: string }[] }>(
    `with recursive lines as (
       (select line from calls where line is not null order by line limit 1)
       union all
       select (select c.line from calls c where c.line > l.line order by c.line limit 1) from lines l where l.line is not null),
     numbered as materialized (select call_id from call_numbers where number like :part limit :most)
     select integration_id, entry_id from calls
     where entry_id is not null and id in (
       select call_id from numbered
       union (select id from calls where line in (select line from lines where line like :part) limit :most))
     limit :most`,
    { part, most: MOST_CALLS + 1 },
  );
  const { rows: loose } = await db.raw<{ rows: { id: string }[] }>(
    `select id from (
       (select id, body from inbox where delivered_at is null and entry is not null order by id desc limit :most)
       union all (select id, body from inbox where verdict = 'failed' order by id desc limit :most)) as unnumbered
     where regexp_replace(body::text, '[^0-9"]', '', 'g') like :part`,
    { part, most: MOST_LOOSE },
  );
  return { digits, calls: calls.length > MOST_CALLS ? undefined : calls, loose: loose.map(({ id }) => id) };
}
