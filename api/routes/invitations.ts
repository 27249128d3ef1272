import { z } from 'zod';
import { updateAgent } from '../../db/agents.ts';
import { recordAudit } from '../../db/audit.ts';
import { findInvitation, lockInvitation, markInvitationUsed, type InvitationRow } from '../../db/invitations.ts';
import { inTransaction } from '../../db/pool.ts';
import { endSessionsOf } from '../../db/sessions.ts';
import { invitation, invitationAnswer, session } from '../contract/session.ts';
import { ProblemError } from '../problems.ts';
import { route } from '../route.ts';
import { requireSecondFactor } from '../second-factor.ts';
import { hashAcceptable, startSession } from './session.ts';

const invitationParams = z.strictObject({ token: z.string().regex(/^[A-Za-z0-9_-]{32}$/) });

function checkOpen(row: InvitationRow | undefined): InvitationRow {
  if (!row) throw new ProblemError('not_found');
  if (!row.open) throw new ProblemError('link_expired');
  return row;
}

export const invitationRoutes = [
  route({
    method: 'get',
    path: '/api/invitations/{token}',
    summary: 'Whom an invitation is for',
    tag: 'Session',
    access: 'public',
    params: invitationParams,
    response: invitation,
    problems: ['link_expired'],
    handle: async ({ deps, params }) => {
      const row = checkOpen(await findInvitation(deps.db, params.token));
      return { fullName: row.full_name, email: row.email, expiresAt: row.expires_at.toISOString() };
    },
  }),
  route({
    method: 'post',
    path: '/api/invitations/{token}',
    summary: 'Choose a password by an invitation, once, and be signed in',
    tag: 'Session',
    access: 'public',
    params: invitationParams,
    body: invitationAnswer,
    response: session,
    problems: ['link_expired', 'code_required', 'wrong_code', 'too_many_attempts'],
    handle: async (context) => {
      const { deps, params, body, address } = context;
      const { agent_id: invited, email } = checkOpen(await findInvitation(deps.db, params.token));
      await requireSecondFactor(deps, invited, body.code, address);
      const passwordHash = await hashAcceptable(body.password, email, 'password');
      const agentId = await inTransaction(deps.db, async (trx) => {
        const row = checkOpen(await lockInvitation(trx, params.token));
        await markInvitationUsed(trx, params.token);
        await updateAgent(trx, row.agent_id, { password_hash: passwordHash });
        await endSessionsOf(trx, row.agent_id);
        await recordAudit(trx, { agentId: row.agent_id, address, action: 'agent.invitation_followed', subject: row.agent_id });
        return row.agent_id;
      });
      return startSession(context, agentId);
    },
  }),
];
