import { createHash, randomBytes } from 'node:crypto';
import type { Executor, Transaction } from './pool.ts';
import { publish } from './stream.ts';
import type { Viewer } from './visibility.ts';

/** A session nobody used for so long is over; one in use ends after the second term all the same. */
export const SESSION_IDLE_SECONDS = 12 * 3600;
export const SESSION_MAX_SECONDS = 7 * 24 * 3600;
/** `last_seen_at` is not written more often than this. */
const SEEN_RESOLUTION_SECONDS = 60;

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest();

export interface SignedIn extends Viewer {
  readonly sessionId: string;
  readonly fullName: string;
  readonly email: string;
  readonly preferences: Record<string, unknown>;
  readonly secondFactor: boolean;
  /** The settings ask for a second factor and there is none: only setting one up is allowed. */
  readonly secondFactorMissing: boolean;
  readonly expiresAt: Date;
}

/** The token leaves once, in the cookie; the database knows its hash only. */
export async function createSession(
  trx: Executor,
  session: { readonly agentId: string; readonly address: string; readonly userAgent: string | null },
): Promise<{ readonly token: string; readonly expiresAt: Date }> {
  const token = randomBytes(32).toString('base64url');
  const expiresAt = new Date(Date.now() + SESSION_MAX_SECONDS * 1000);
  await trx('sessions').insert({
    token_hash: hashOf(token),
    agent_id: session.agentId,
    expires_at: expiresAt,
    address: session.address,
    user_agent: session.userAgent?.slice(0, 300) ?? null,
  });
  return { token, expiresAt };
}

const ALIVE = `s.expires_at > now() and s.last_seen_at > now() - make_interval(secs => ${SESSION_IDLE_SECONDS}) and a.deactivated_at is null`;

/** An admin without the second factor that the settings ask for. */
const MISSES_FACTOR = `(a.role = 'admin' and a.second_factor_at is null
  and exists (select from settings where key = 'adminSecondFactorRequired' and value = 'true'))`;

interface SessionRow {
  session_id: string;
  agent_id: string;
  full_name: string;
  email: string;
  role: Viewer['role'];
  access: Viewer['access'];
  preferences: Record<string, unknown>;
  second_factor: boolean;
  second_factor_missing: boolean;
  expires_at: Date;
  stale: boolean;
}

/** Who holds this token; undefined if nobody (any more). */
export async function findSession(db: Executor, token: string): Promise<SignedIn | undefined> {
  const { rows } = await db.raw<{ rows: SessionRow[] }>(
    `select s.id as session_id, s.expires_at, a.id as agent_id, a.full_name, a.email, a.role, a.access, a.preferences,
       a.second_factor_at is not null as second_factor, ${MISSES_FACTOR} as second_factor_missing,
       s.last_seen_at < now() - make_interval(secs => ${SEEN_RESOLUTION_SECONDS}) as stale
     from sessions s join agents a on a.id = s.agent_id where s.token_hash = ? and ${ALIVE}`,
    [hashOf(token)],
  );
  const [row] = rows;
  if (!row) return undefined;
  if (row.stale) await db('sessions').where({ id: row.session_id }).update({ last_seen_at: db.fn.now() });
  return {
    sessionId: row.session_id,
    agentId: row.agent_id,
    fullName: row.full_name,
    email: row.email,
    role: row.role,
    access: row.access,
    preferences: row.preferences,
    secondFactor: row.second_factor,
    secondFactorMissing: row.second_factor_missing,
    expiresAt: row.expires_at,
  };
}

/** Of these sessions, the ones still alive, with what their agents may see now. */
export async function livingSessions(db: Executor, sessionIds: readonly string[]): Promise<Map<string, Viewer>> {
  const { rows } = await db.raw<{ rows: SessionRow[] }>(
    `select s.id as session_id, a.id as agent_id, a.role, a.access from sessions s join agents a on a.id = s.agent_id
     where s.id = any(?::uuid[]) and ${ALIVE} and not ${MISSES_FACTOR}`,
    [[...sessionIds]],
  );
  return new Map(rows.map((row) => [row.session_id, { agentId: row.agent_id, role: row.role, access: row.access }]));
}

async function announceEnd(trx: Transaction, agentId: string, ended: readonly { id: string }[]): Promise<void> {
  if (ended.length === 0) return;
  await publish(trx, { type: 'session.ended', agentId, payload: { sessionIds: ended.map((row) => row.id) } });
}

/** Ends one session; its streams end with it. */
export async function endSession(trx: Transaction, sessionId: string): Promise<void> {
  const ended = (await trx('sessions').where({ id: sessionId }).delete().returning(['id', 'agent_id'])) as {
    id: string;
    agent_id: string;
  }[];
  if (ended[0]) await announceEnd(trx, ended[0].agent_id, ended);
}

/** Ends all sessions of one agent, but for the one that is to stay. */
export async function endSessionsOf(trx: Transaction, agentId: string, exceptId?: string): Promise<void> {
  const query = trx('sessions').where({ agent_id: agentId });
  if (exceptId) void query.whereNot({ id: exceptId });
  await announceEnd(trx, agentId, (await query.delete().returning(['id'])) as { id: string }[]);
}

/** Sessions that ended by themselves leave no row behind. */
export async function deleteExpiredSessions(db: Executor): Promise<void> {
  await db('sessions')
    .where('expires_at', '<', db.fn.now())
    .orWhere('last_seen_at', '<', db.raw(`now() - make_interval(secs => ${SESSION_IDLE_SECONDS})`))
    .delete();
}
