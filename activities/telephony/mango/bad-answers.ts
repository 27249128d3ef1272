import type { Db } from '../../../db/pool.ts';
import type { BadAnswer } from './lockout.ts';

interface BadAnswerRow {
  readonly age_ms: string;
  readonly kind: BadAnswer['kind'];
  readonly method_group: BadAnswer['method'];
  readonly code: number | null;
  readonly request_hash: string;
  readonly credentials_hash: string;
}

/** Bad answers young enough to matter, to whichever process they came. Ages are by Postgres' clock. */
export async function recentBadAnswers(
  db: Db,
  integrationId: string,
  windowMs: number,
): Promise<{ readonly recent: readonly BadAnswer[]; readonly notFoundCounts: boolean }> {
  const { rows } = await db.raw<{ rows: (BadAnswerRow & { readonly taught: boolean })[] }>(
    `select extract(epoch from clock_timestamp() - at) * 1000 as age_ms, kind, method_group, code, request_hash, credentials_hash,
       exists (select from pbx_invalid_requests where integration_id = :integrationId and teaches) as taught
     from pbx_invalid_requests
     where integration_id = :integrationId and at > clock_timestamp() - :windowMs * interval '1 ms'`,
    { integrationId, windowMs },
  );
  const recent = rows.map((row) => ({
    atMs: Date.now() - Number(row.age_ms),
    kind: row.kind,
    method: row.method_group,
    code: row.code,
    requestHash: row.request_hash,
    credentialsHash: row.credentials_hash,
  }));
  return { recent, notFoundCounts: rows[0]?.taught ?? false };
}

/**
 * A lock-out is dated by the bad answer that began it, as the PBX counts from there. If only «not found» answers can have
 * caused it, it teaches that these count.
 */
export async function rememberBadAnswer(
  db: Db,
  integrationId: string,
  windowMs: number,
  bad: Omit<BadAnswer, 'atMs'>,
): Promise<void> {
  await db.raw(
    `with recent as (
       select at, kind from pbx_invalid_requests
       where integration_id = :integrationId and at > clock_timestamp() - :windowMs * interval '1 ms'
     )
     insert into pbx_invalid_requests (integration_id, at, kind, method_group, code, request_hash, credentials_hash, teaches)
     select cast(:integrationId as uuid),
       case when cast(:kind as text) = 'locked' then coalesce((select min(at) from recent), clock_timestamp()) else clock_timestamp() end,
       cast(:kind as text), cast(:method as text), cast(:code as integer), cast(:requestHash as text), cast(:credentialsHash as text),
       cast(:kind as text) = 'locked' and exists (select from recent where kind = 'not_found') and not exists (select from recent where kind <> 'not_found')`,
    { integrationId, windowMs, ...bad },
  );
  await db.raw(
    `delete from pbx_invalid_requests where integration_id = :integrationId and not teaches and at < now() - interval '1 day'`,
    { integrationId },
  );
}
