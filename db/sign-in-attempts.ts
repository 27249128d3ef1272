import type { Executor } from './pool.ts';

/**
 * Guessing passwords is slowed per account and address, per address, and per account over all addresses. The last limit spares
 * addresses from which this account has signed in before, so that a stranger cannot lock anybody out of their own office.
 */
export const LIMITS = {
  perAccountAndAddress: { attempts: 10, seconds: 15 * 60 },
  perAddress: { attempts: 50, seconds: 15 * 60 },
  perAccount: { attempts: 100, seconds: 3600 },
} as const;
const FORGOTTEN_AFTER_SECONDS = 24 * 3600;

interface Attempt {
  /** In lower case. */
  readonly email: string;
  readonly address: string;
}

/** How long the oldest of the last `attempts` still counts; 0 while there is room. */
const waitSql = (where: string, limit: { readonly attempts: number; readonly seconds: number }): string => `
  coalesce((select extract(epoch from at + make_interval(secs => ${limit.seconds}) - clock_timestamp())
    from sign_in_attempts where ${where} and at > clock_timestamp() - make_interval(secs => ${limit.seconds})
    order by at desc offset :spare + ${limit.attempts - 1} limit 1), 0)`;

const WAIT_SQL = `select greatest(
  ${waitSql('email = :email and address = :address', LIMITS.perAccountAndAddress)},
  ${waitSql('address = :address', LIMITS.perAddress)},
  case when exists (select from sessions s join agents a on a.id = s.agent_id where lower(a.email) = :email and s.address = :address)
    then 0 else ${waitSql('email = :email', LIMITS.perAccount)} end) as seconds`;

async function waitSeconds(db: Executor, attempt: Attempt, spare: 0 | 1): Promise<number> {
  const { rows } = await db.raw<{ rows: { seconds: string }[] }>(WAIT_SQL, { ...attempt, spare });
  return Math.ceil(Number(rows[0]?.seconds ?? 0));
}

export type Admission =
  { readonly admitted: true; readonly attemptId: string } | { readonly admitted: false; readonly retryAfterSeconds: number };

/**
 * Books an attempt before the password is looked at, so that a hundred at once are counted as a hundred.
 * One that is turned away does not count: waiting always helps.
 */
export async function admitSignIn(db: Executor, attempt: Attempt): Promise<Admission> {
  const before = await waitSeconds(db, attempt, 0);
  if (before > 0) return { admitted: false, retryAfterSeconds: before };
  const [row] = (await db('sign_in_attempts')
    .insert({ ...attempt, at: db.raw('clock_timestamp()') })
    .returning(['id'])) as { id: string }[];
  if (!row) throw new Error('Postgres returned no row for a sign-in attempt');
  const after = await waitSeconds(db, attempt, 1);
  if (after <= 0) return { admitted: true, attemptId: row.id };
  await db('sign_in_attempts').where({ id: row.id }).delete();
  return { admitted: false, retryAfterSeconds: after };
}

/** A right password clears what this account and address had against them. */
export async function forgetAttempts(db: Executor, attempt: Attempt): Promise<void> {
  await db('sign_in_attempts').where(attempt).delete();
  await db('sign_in_attempts')
    .where('at', '<', db.raw(`now() - make_interval(secs => ${FORGOTTEN_AFTER_SECONDS})`))
    .delete();
}
