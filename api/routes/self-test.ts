import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { codeWord } from '../../activities/telephony/mango/code-words.ts';
import { wordOf } from '../../activities/telephony/port.ts';
import { recordAudit } from '../../db/audit.ts';
import { findAccountById, type PbxAccount } from '../../db/pbx-accounts.ts';
import { inTransaction } from '../../db/pool.ts';
import { readSettings } from '../../db/settings.ts';
import { findTestCall, insertTestCall, readTestCall, settleTestCall, type TestCallView } from '../../db/test-calls.ts';
import { parsePhone } from '../../domain/phone.ts';
import { worstOf } from '../../domain/self-test/index.ts';
import { isTestCallOver, testCallSteps } from '../../domain/test-call.ts';
import { uuid } from '../contract/common.ts';
import { selfTest, testCall, testCallOrder, testCallOrdered, type SelfTest, type TestCall } from '../contract/self-test.ts';
import type { ApiDeps } from '../deps.ts';
import { fieldProblem, ProblemError } from '../problems.ts';
import { route } from '../route.ts';
import { runSelfTest, type SelfTestOutcome } from '../self-test/index.ts';

const idParams = z.strictObject({ id: uuid });
/** A second call while the first one rings would tell two stories at once. */
const PAUSE_MS = 10_000;

const iso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());

async function find(deps: ApiDeps, id: string): Promise<PbxAccount> {
  const account = await findAccountById(deps.db, id);
  if (!account) throw new ProblemError('integration_not_found');
  return account;
}

const presentSelfTest = ({ at, checks, lastOf }: SelfTestOutcome): SelfTest => ({
  at: at.toISOString(),
  verdict: worstOf(checks),
  checks: checks.map((check) => ({ ...check, params: { ...check.params }, items: [...check.items], at: iso(check.at) })),
  events: {
    call: iso(lastOf.call),
    summary: iso(lastOf.summary),
    recording: iso(lastOf.recording),
    record_added: iso(lastOf.record_added),
    callback_result: iso(lastOf.callback_result),
  },
});

function presentTestCall(id: string, { facts, ticket }: TestCallView): TestCall {
  const steps = testCallSteps(facts);
  return {
    id,
    extension: facts.extension,
    orderedAt: new Date(facts.orderedAt).toISOString(),
    over: isTestCallOver(steps),
    ticket,
    steps: steps.map(({ step, state, at, code, reason }) => ({
      ...{ step, state, code },
      at: iso(at),
      reason: typeof reason === 'number' ? codeWord(reason) : reason,
    })),
  };
}

/** Nobody waits for the PBX's answer: the steps tell it. An answer that cannot be stored shows as one that was lost. */
async function order(
  deps: ApiDeps,
  id: string,
  integrationId: string,
  command: { commandId: string; extension: string; toNumber: string },
) {
  try {
    const outcome = await deps.telephony.forIntegration(integrationId).callback(command);
    if (outcome.outcome === 'accepted') await settleTestCall(deps.db, id, 'accepted', null);
    else await settleTestCall(deps.db, id, outcome.outcome === 'unknown' ? 'unknown' : 'refused', wordOf(outcome));
  } catch (error) {
    deps.logger.error({ err: error, testCallId: id }, 'A test call could not be ordered');
  }
}

export const selfTestRoutes = [
  route({
    method: 'post',
    path: '/api/integrations/{id}/self-test',
    summary: 'Find out why nothing happens: a verdict on each thing that can be the reason',
    tag: 'Integrations',
    access: 'admin',
    params: idParams,
    response: selfTest,
    problems: ['integration_not_found'],
    handle: async ({ deps, params }) => presentSelfTest(await runSelfTest(deps, await find(deps, params.id))),
  }),
  route({
    method: 'post',
    path: '/api/integrations/{id}/test-calls',
    summary: 'Call a number through the callback command, to see each step of it',
    tag: 'Integrations',
    access: 'admin',
    status: 202,
    params: idParams,
    body: testCallOrder,
    response: testCallOrdered,
    problems: ['integration_not_found', 'test_call_running'],
    handle: async ({ deps, agent, params, body, address }) => {
      const { id: integrationId } = await find(deps, params.id);
      const { phoneCountry } = await readSettings(deps.db, deps.config);
      const toNumber = parsePhone(body.phone, phoneCountry);
      if (toNumber === null) throw fieldProblem('phone', 'invalid_phone');
      const call = { integrationId, extension: body.extension.trim(), commandId: `test-${randomUUID()}` };
      if (!/^\d{1,16}$/.test(call.extension)) throw fieldProblem('extension', 'invalid');
      const id = await inTransaction(deps.db, async (trx) => {
        const made = await insertTestCall(trx, { ...call, orderedBy: agent.agentId, pauseMs: PAUSE_MS });
        if (made === null) throw new ProblemError('test_call_running');
        const detail = { extension: call.extension };
        await recordAudit(trx, {
          agentId: agent.agentId,
          address,
          action: 'integration.test_call',
          subject: integrationId,
          detail,
        });
        return made;
      });
      void order(deps, id, integrationId, { ...call, toNumber });
      return { testCallId: id };
    },
  }),
  route({
    method: 'get',
    path: '/api/integrations/{id}/test-calls/{testCallId}',
    summary: 'How far a test call got',
    tag: 'Integrations',
    access: 'admin',
    params: z.strictObject({ id: uuid, testCallId: uuid }),
    response: testCall,
    problems: ['integration_not_found'],
    handle: async ({ deps, params }) => {
      await find(deps, params.id);
      const call = await findTestCall(deps.db, params.id, params.testCallId);
      if (!call) throw new ProblemError('not_found');
      return presentTestCall(call.id, await readTestCall(deps.db, call));
    },
  }),
];
