import { z } from 'zod';
import { lockAgent } from '../../db/agents.ts';
import { recordAudit } from '../../db/audit.ts';
import { inTransaction } from '../../db/pool.ts';
import { countRecoveryCodes, storeSecret, switchOff, switchOn } from '../../db/second-factors.ts';
import { endSessionsOf } from '../../db/sessions.ts';
import { readSettings } from '../../db/settings.ts';
import { uuid } from '../contract/common.ts';
import {
  enrolment,
  enrolmentProof,
  enrolmentStart,
  passwordAndCode,
  recoveryCodes,
  secondFactor,
} from '../contract/second-factor.ts';
import { ProblemError } from '../problems.ts';
import { route, type Context } from '../route.ts';
import { makeRecoveryCodes, takeCode } from '../second-factor.ts';
import { enrolmentUri, newSecret } from '../totp.ts';
import { checkOwnPassword } from './session.ts';

type Own<B> = Context<undefined, undefined, B, 'agent'>;

const isRequiredOf = async ({ deps, agent }: Own<unknown>): Promise<boolean> =>
  agent.role === 'admin' && (await readSettings(deps.db, deps.config)).adminSecondFactorRequired;

/** Both, so that neither a screen left open nor a telephone left lying is enough. */
async function checkBoth(context: Own<{ readonly password: string; readonly code: string }>): Promise<void> {
  const { deps, agent, body, address } = context;
  if (!agent.secondFactor) throw new ProblemError('second_factor_off');
  await checkOwnPassword(context, body.password, 'password');
  await takeCode(deps, agent.agentId, body.code, address);
}

async function begin(context: Own<{ readonly password: string }>): Promise<{ secret: string; uri: string }> {
  const { deps, agent, body, address } = context;
  if (agent.secondFactor) throw new ProblemError('second_factor_on');
  await checkOwnPassword(context, body.password, 'password');
  const secret = newSecret();
  await inTransaction(deps.db, async (trx) => {
    const row = await lockAgent(trx, agent.agentId);
    if (row?.second_factor_at) throw new ProblemError('second_factor_on');
    await storeSecret(trx, agent.agentId, deps.secrets.encrypt(secret));
    await recordAudit(trx, { agentId: agent.agentId, address, action: 'session.second_factor_begun' });
  });
  return { secret, uri: enrolmentUri(secret, agent.email) };
}

async function prove({ deps, agent, body, address }: Own<{ readonly code: string }>): Promise<string[]> {
  if (agent.secondFactor) throw new ProblemError('second_factor_on');
  await takeCode(deps, agent.agentId, body.code, address);
  return inTransaction(deps.db, async (trx) => {
    await switchOn(trx, agent.agentId);
    await endSessionsOf(trx, agent.agentId, agent.sessionId);
    await recordAudit(trx, { agentId: agent.agentId, address, action: 'session.second_factor_on' });
    return makeRecoveryCodes(deps, trx, agent.agentId);
  });
}

export const secondFactorRoutes = [
  route({
    method: 'get',
    path: '/api/session/second-factor',
    summary: 'Whether my sign-in takes a second factor',
    tag: 'Session',
    access: 'agent',
    response: secondFactor,
    handle: async (context) => ({
      enabled: context.agent.secondFactor,
      required: await isRequiredOf(context),
      recoveryCodesLeft: await countRecoveryCodes(context.deps.db, context.agent.agentId),
    }),
  }),
  route({
    method: 'post',
    path: '/api/session/second-factor',
    summary: 'Begin to set up an authenticator: a secret, shown once',
    tag: 'Session',
    access: 'agent',
    status: 201,
    body: enrolmentStart,
    response: enrolment,
    problems: ['second_factor_on', 'wrong_password', 'too_many_attempts'],
    handle: begin,
  }),
  route({
    method: 'put',
    path: '/api/session/second-factor',
    summary: 'Prove the authenticator by a code: from now on signing in takes one; my other sessions end',
    tag: 'Session',
    access: 'agent',
    body: enrolmentProof,
    response: recoveryCodes,
    problems: ['second_factor_on', 'second_factor_off', 'wrong_code', 'too_many_attempts'],
    handle: async (context) => ({ recoveryCodes: await prove(context) }),
  }),
  route({
    method: 'post',
    path: '/api/session/second-factor/recovery-codes',
    summary: 'New recovery codes; earlier ones are void',
    tag: 'Session',
    access: 'agent',
    body: passwordAndCode,
    response: recoveryCodes,
    problems: ['second_factor_off', 'wrong_password', 'wrong_code', 'too_many_attempts'],
    handle: async (context) => {
      const { deps, agent, address } = context;
      await checkBoth(context);
      return inTransaction(deps.db, async (trx) => {
        await recordAudit(trx, { agentId: agent.agentId, address, action: 'session.recovery_codes_made' });
        return { recoveryCodes: await makeRecoveryCodes(deps, trx, agent.agentId) };
      });
    },
  }),
  route({
    method: 'post',
    path: '/api/session/second-factor/removal',
    summary: 'Switch my second factor off, unless the settings ask for it',
    tag: 'Session',
    access: 'agent',
    status: 204,
    body: passwordAndCode,
    response: null,
    problems: ['second_factor_off', 'second_factor_required', 'wrong_password', 'wrong_code', 'too_many_attempts'],
    handle: async (context) => {
      const { deps, agent, address } = context;
      if (await isRequiredOf(context)) throw new ProblemError('second_factor_required');
      await checkBoth(context);
      await inTransaction(deps.db, async (trx) => {
        await switchOff(trx, agent.agentId);
        await recordAudit(trx, { agentId: agent.agentId, address, action: 'session.second_factor_off' });
      });
    },
  }),
  route({
    method: 'delete',
    path: '/api/agents/{id}/second-factor',
    summary: 'Reset the second factor of an agent who has lost theirs; their sessions end',
    tag: 'Agents',
    access: 'admin',
    params: z.strictObject({ id: uuid }),
    response: null,
    problems: ['agent_not_found', 'second_factor_off', 'not_oneself'],
    handle: async ({ deps, agent: admin, params, address }) => {
      if (params.id === admin.agentId) throw new ProblemError('not_oneself');
      await inTransaction(deps.db, async (trx) => {
        if (!(await lockAgent(trx, params.id))) throw new ProblemError('agent_not_found');
        if (!(await switchOff(trx, params.id))) throw new ProblemError('second_factor_off');
        await endSessionsOf(trx, params.id);
        await recordAudit(trx, { agentId: admin.agentId, address, action: 'agent.second_factor_reset', subject: params.id });
      });
    },
  }),
];
