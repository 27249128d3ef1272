import { z } from 'zod';
import {
  hasOtherAdmin,
  insertAgent,
  listAgents,
  lockAgent,
  releaseOperators,
  updateAgent,
  type AgentRow,
  type AgentValues,
} from '../../db/agents.ts';
import { recordAudit } from '../../db/audit.ts';
import { createInvitation, withdrawInvitations } from '../../db/invitations.ts';
import { inTransaction, type Transaction } from '../../db/pool.ts';
import { publishListChanged } from '../../db/stream.ts';
import { endSessionsOf } from '../../db/sessions.ts';
import { agent, agentChange, agentCreated, invitationLink, newAgent, type Agent, type AgentChange } from '../contract/agents.ts';
import { listOf, uuid } from '../contract/common.ts';
import { ProblemError } from '../problems.ts';
import { route, type Context } from '../route.ts';
import { hashAcceptable } from './session.ts';

const agentParams = z.strictObject({ id: uuid });

const present = (row: AgentRow): Agent => ({
  id: row.id,
  fullName: row.full_name,
  email: row.email,
  role: row.role,
  access: row.access,
  team: row.team,
  active: row.deactivated_at === null,
  hasPassword: row.password_hash !== null,
  secondFactor: row.second_factor_at !== null,
  createdAt: row.created_at.toISOString(),
  deactivatedAt: row.deactivated_at?.toISOString() ?? null,
});

/** Written with or without a space around it, it is the same team. */
const tidy = (team: string | null): string | null => team?.trim() ?? null;

/** Where people reach the service; without PUBLIC_URL the address by which the admin does. */
function invitationUrl({ deps, request }: Context<unknown, unknown, unknown>, token: string): string {
  const base = deps.config.publicUrl ?? `${request.protocol}://${request.get('host') ?? 'localhost'}`;
  return `${base}/invitation/${token}`;
}

const created = route({
  method: 'post',
  path: '/api/agents',
  summary: 'Add an agent; without a password an invitation link is made',
  tag: 'Agents',
  access: 'admin',
  status: 201,
  body: newAgent,
  response: agentCreated,
  problems: ['email_taken'],
  handle: async (context) => {
    const { deps, agent: admin, body, address } = context;
    const { fullName, email, role, access = 'all', team = null, password } = body;
    const hash = password === undefined ? {} : { password_hash: await hashAcceptable(password, email, 'password') };
    return inTransaction(deps.db, async (trx) => {
      const row = await insertAgent(trx, { full_name: fullName, email, role, access, team: tidy(team), ...hash });
      await recordAudit(trx, {
        agentId: admin.agentId,
        address,
        action: 'agent.created',
        subject: row.id,
        detail: { role, access },
      });
      await publishListChanged(trx, 'agents');
      const invitation = password === undefined ? await createInvitation(trx, row.id) : undefined;
      return {
        ...present(row),
        invitationUrl: invitation ? invitationUrl(context, invitation.token) : null,
        invitationExpiresAt: invitation?.expiresAt.toISOString() ?? null,
      };
    });
  },
});

function valuesOf(before: AgentRow, change: AgentChange): AgentValues {
  const { fullName, email, role, access, team, active } = change;
  const wasActive = before.deactivated_at === null;
  return {
    ...(fullName === undefined ? {} : { full_name: fullName }),
    ...(email === undefined ? {} : { email }),
    ...(role === undefined ? {} : { role }),
    ...(access === undefined ? {} : { access }),
    ...(team === undefined ? {} : { team: tidy(team) }),
    ...(active === undefined || active === wasActive ? {} : { deactivated_at: active ? null : new Date() }),
  };
}

/** Who leaves is signed out at once, cannot come back by an old link, and gets no more calls. Tickets and figures stay. */
async function dismiss(trx: Transaction, agentId: string): Promise<readonly string[]> {
  await endSessionsOf(trx, agentId);
  await withdrawInvitations(trx, agentId);
  return releaseOperators(trx, agentId);
}

async function changeAgent(
  trx: Transaction,
  context: Context<unknown, unknown, AgentChange, 'admin'>,
  id: string,
): Promise<AgentRow> {
  const { agent: admin, body, address } = context;
  // Locks the admins first, in one order: two who dismiss each other wait for one another.
  const another = await hasOtherAdmin(trx, id);
  const before = await lockAgent(trx, id);
  if (!before) throw new ProblemError('agent_not_found');
  const values = valuesOf(before, body);
  const staysAdmin = (values.role ?? before.role) === 'admin' && (values.deactivated_at ?? null) === null;
  const wasAdmin = before.role === 'admin' && before.deactivated_at === null;
  if (wasAdmin && !staysAdmin && !another) throw new ProblemError('last_admin');
  if (Object.keys(values).length === 0) return before;
  const after = await updateAgent(trx, id, values);
  const released = values.deactivated_at ? await dismiss(trx, id) : [];
  // What was opened with more rights does not outlive them.
  if (before.role === 'admin' && after.role !== 'admin') await endSessionsOf(trx, id);
  const detail = { properties: Object.keys(body), ...(released.length > 0 ? { operatorsReleased: released } : {}) };
  const action = values.deactivated_at ? 'agent.deactivated' : 'agent.changed';
  await recordAudit(trx, { agentId: admin.agentId, address, action, subject: id, detail });
  await publishListChanged(trx, 'agents');
  return after;
}

export const agentRoutes = [
  route({
    method: 'get',
    path: '/api/agents',
    summary: 'All agents, those who left last',
    tag: 'Agents',
    access: 'agent',
    response: listOf(agent),
    handle: async ({ deps }) => ({ items: (await listAgents(deps.db)).map(present) }),
  }),
  created,
  route({
    method: 'patch',
    path: '/api/agents/{id}',
    summary: 'Change, deactivate or reactivate an agent',
    tag: 'Agents',
    access: 'admin',
    params: agentParams,
    body: agentChange,
    response: agent,
    problems: ['agent_not_found', 'email_taken', 'last_admin'],
    handle: async (context) =>
      present(await inTransaction(context.deps.db, (trx) => changeAgent(trx, context, context.params.id))),
  }),
  route({
    method: 'post',
    path: '/api/agents/{id}/invitation',
    summary: 'A new link by which the agent chooses a password; earlier links are void',
    tag: 'Agents',
    access: 'admin',
    status: 201,
    params: agentParams,
    response: invitationLink,
    problems: ['agent_not_found', 'deactivated'],
    handle: async (context) => {
      const { deps, agent: admin, params, address } = context;
      return inTransaction(deps.db, async (trx) => {
        const row = await lockAgent(trx, params.id);
        if (!row) throw new ProblemError('agent_not_found');
        if (row.deactivated_at) throw new ProblemError('deactivated');
        const { token, expiresAt } = await createInvitation(trx, row.id);
        await recordAudit(trx, { agentId: admin.agentId, address, action: 'agent.invited', subject: row.id });
        return { invitationUrl: invitationUrl(context, token), expiresAt: expiresAt.toISOString() };
      });
    },
  }),
];
