import { findAgentByEmail, findAgent, mergePreferences, updateAgent } from '../../db/agents.ts';
import { recordAudit } from '../../db/audit.ts';
import { inTransaction } from '../../db/pool.ts';
import {
  createSession,
  deleteExpiredSessions,
  endSession,
  endSessionsOf,
  findSession,
  type SignedIn,
} from '../../db/sessions.ts';
import { admitSignIn, forgetAttempts } from '../../db/sign-in-attempts.ts';
import { preferences, session, sessionChange, signIn, type Preferences, type Session, type SignIn } from '../contract/session.ts';
import { networkOf } from '../caller-address.ts';
import type { ApiDeps } from '../deps.ts';
import { hashPassword, isTrivialPassword, verifyPassword } from '../passwords.ts';
import { fieldProblem, ProblemError } from '../problems.ts';
import { route, type Context } from '../route.ts';
import { requireSecondFactor } from '../second-factor.ts';
import { clearSessionCookie, readSession, setSessionCookie } from '../session-cookie.ts';

const MAX_PREFERENCES_BYTES = 16_384;

const present = (signedIn: SignedIn): Session => ({
  id: signedIn.agentId,
  fullName: signedIn.fullName,
  email: signedIn.email,
  role: signedIn.role,
  access: signedIn.access,
  preferences: signedIn.preferences as Preferences,
  secondFactorMissing: signedIn.secondFactorMissing,
  expiresAt: signedIn.expiresAt.toISOString(),
});

/** Refuses a wrong password as slowly, and in the same words, as an unknown e-mail. Attempts are forgotten once all is right. */
async function authenticate(deps: ApiDeps, { email, password, code }: SignIn, address: string): Promise<string> {
  const attempt = { email: email.trim().toLowerCase(), address: networkOf(address) };
  const admission = await admitSignIn(deps.db, attempt);
  if (!admission.admitted) throw new ProblemError('too_many_attempts', { retryAfterSeconds: admission.retryAfterSeconds });
  const agent = await findAgentByEmail(deps.db, attempt.email);
  const usable = agent && !agent.deactivated_at ? agent : undefined;
  if (!(await verifyPassword(usable?.password_hash ?? null, password)) || !usable) {
    await recordAudit(deps.db, { agentId: usable?.id ?? null, address, action: 'session.refused' });
    throw new ProblemError('wrong_credentials');
  }
  await requireSecondFactor(deps, usable.id, code, address);
  await forgetAttempts(deps.db, attempt);
  return usable.id;
}

/** Signs somebody in whose identity is proved: always a new token, never the one the browser brought. */
export async function startSession(
  { deps, request, response, address }: Context<unknown, unknown, unknown>,
  agentId: string,
): Promise<Session> {
  const old = await readSession(deps, request);
  const { token } = await inTransaction(deps.db, async (trx) => {
    if (old) await endSession(trx, old.sessionId);
    await deleteExpiredSessions(trx);
    await recordAudit(trx, { agentId, address, action: 'session.started' });
    return createSession(trx, { agentId, address: networkOf(address), userAgent: request.get('user-agent') ?? null });
  });
  const signedIn = await findSession(deps.db, token);
  if (!signedIn) throw new ProblemError('wrong_credentials');
  setSessionCookie(deps, response, token);
  return present(signedIn);
}

/** The present password once more, before what a screen left open must not be enough for. Guesses count as at sign-in. */
export async function checkOwnPassword(
  { deps, agent, address }: Context<unknown, unknown, unknown, 'agent'>,
  password: string,
  field: string,
): Promise<void> {
  const attempt = { email: agent.email.toLowerCase(), address: networkOf(address) };
  const admission = await admitSignIn(deps.db, attempt);
  if (!admission.admitted) throw new ProblemError('too_many_attempts', { retryAfterSeconds: admission.retryAfterSeconds });
  const row = await findAgent(deps.db, agent.agentId);
  if (!(await verifyPassword(row?.password_hash ?? null, password)))
    throw fieldProblem(field, 'wrong_password', 'wrong_password');
  await forgetAttempts(deps.db, attempt);
}

async function changePassword(
  context: Context<unknown, unknown, unknown, 'agent'>,
  current: string,
  wanted: string,
): Promise<void> {
  const { deps, agent, address } = context;
  await checkOwnPassword(context, current, 'password.current');
  const passwordHash = await hashAcceptable(wanted, agent.email, 'password.new');
  await inTransaction(deps.db, async (trx) => {
    await updateAgent(trx, agent.agentId, { password_hash: passwordHash });
    await endSessionsOf(trx, agent.agentId, agent.sessionId);
    await recordAudit(trx, { agentId: agent.agentId, address, action: 'session.password_changed' });
  });
}

export async function hashAcceptable(password: string, email: string, field: string): Promise<string> {
  if (isTrivialPassword(password, email)) throw fieldProblem(field, 'too_easy');
  return hashPassword(password);
}

async function changePreferences(
  { deps, agent }: Context<unknown, unknown, unknown, 'agent'>,
  change: Preferences,
): Promise<Preferences> {
  const merged = { ...agent.preferences, ...change };
  if (Buffer.byteLength(JSON.stringify(merged)) > MAX_PREFERENCES_BYTES) throw fieldProblem('preferences', 'too_big');
  return preferences.parse(await mergePreferences(deps.db, agent.agentId, change));
}

export const sessionRoutes = [
  route({
    method: 'post',
    path: '/api/session',
    summary: 'Sign in',
    tag: 'Session',
    access: 'public',
    body: signIn,
    response: session,
    problems: ['wrong_credentials', 'code_required', 'wrong_code', 'too_many_attempts'],
    handle: async (context) => {
      return startSession(context, await authenticate(context.deps, context.body, context.address));
    },
  }),
  route({
    method: 'get',
    path: '/api/session',
    summary: 'Who am I',
    tag: 'Session',
    access: 'agent',
    response: session,
    handle: async ({ agent }) => present(agent),
  }),
  route({
    method: 'patch',
    path: '/api/session',
    summary: 'Change my preferences or my password; a new password ends my other sessions',
    tag: 'Session',
    access: 'agent',
    body: sessionChange,
    response: session,
    problems: ['wrong_password', 'too_many_attempts'],
    handle: async (context) => {
      const { password, preferences: change } = context.body;
      if (password) await changePassword(context, password.current, password.new);
      const merged = change ? await changePreferences(context, change) : context.agent.preferences;
      return present({ ...context.agent, preferences: merged });
    },
  }),
  route({
    method: 'delete',
    path: '/api/session',
    summary: 'Sign out',
    tag: 'Session',
    access: 'agent',
    response: null,
    handle: async ({ deps, agent, response, address }) => {
      await inTransaction(deps.db, async (trx) => {
        await endSession(trx, agent.sessionId);
        await recordAudit(trx, { agentId: agent.agentId, address, action: 'session.ended' });
      });
      clearSessionCookie(deps, response);
    },
  }),
  route({
    method: 'delete',
    path: '/api/sessions',
    summary: 'Sign out everywhere',
    tag: 'Session',
    access: 'agent',
    response: null,
    handle: async ({ deps, agent, response, address }) => {
      await inTransaction(deps.db, async (trx) => {
        await endSessionsOf(trx, agent.agentId);
        await recordAudit(trx, { agentId: agent.agentId, address, action: 'session.ended_everywhere' });
      });
      clearSessionCookie(deps, response);
    },
  }),
];
