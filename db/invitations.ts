import { createHash, randomBytes } from 'node:crypto';
import type { Executor, Transaction } from './pool.ts';

export const INVITATION_DAYS = 7;
const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest();

/** A link by which somebody chooses a password, once. An earlier link of the same agent is void from now on. */
export async function createInvitation(
  trx: Executor,
  agentId: string,
): Promise<{ readonly token: string; readonly expiresAt: Date }> {
  const token = randomBytes(24).toString('base64url');
  const expiresAt = new Date(Date.now() + INVITATION_DAYS * 86_400_000);
  await withdrawInvitations(trx, agentId);
  await trx('invitations').insert({ token_hash: hashOf(token), agent_id: agentId, expires_at: expiresAt });
  return { token, expiresAt };
}

export async function withdrawInvitations(trx: Executor, agentId: string): Promise<void> {
  await trx('invitations').where({ agent_id: agentId }).whereNull('used_at').update({ used_at: trx.fn.now() });
}

export interface InvitationRow {
  readonly agent_id: string;
  readonly expires_at: Date;
  readonly full_name: string;
  readonly email: string;
  /** Neither used nor expired, and the account is active. */
  readonly open: boolean;
}

const FIND_SQL = `select i.agent_id, i.expires_at, a.full_name, a.email,
    i.used_at is null and i.expires_at > now() and a.deactivated_at is null as open
  from invitations i join agents a on a.id = i.agent_id where i.token_hash = ?`;

export async function findInvitation(db: Executor, token: string): Promise<InvitationRow | undefined> {
  const { rows } = await db.raw<{ rows: InvitationRow[] }>(FIND_SQL, [hashOf(token)]);
  return rows[0];
}

/** Locked to the end of the transaction, so that one link is used once. */
export async function lockInvitation(trx: Transaction, token: string): Promise<InvitationRow | undefined> {
  const { rows } = await trx.raw<{ rows: InvitationRow[] }>(`${FIND_SQL} for update`, [hashOf(token)]);
  return rows[0];
}

export async function markInvitationUsed(trx: Transaction, token: string): Promise<void> {
  await trx('invitations')
    .where({ token_hash: hashOf(token) })
    .update({ used_at: trx.fn.now() });
}
