import { z } from 'zod';
import { refreshOperators } from '../../activities/telephony/operators.ts';
import { wordOf } from '../../activities/telephony/port.ts';
import { recordAudit } from '../../db/audit.ts';
import { MANGO_API_URL } from '../../db/config.ts';
import { findOperator, listOperators, patchOperator, type OperatorView } from '../../db/operators.ts';
import {
  findAccountById,
  insertAccount,
  listAccounts,
  removeAccount,
  updateAccount,
  type PbxAccount,
} from '../../db/pbx-accounts.ts';
import { inTransaction } from '../../db/pool.ts';
import { listOf, uuid } from '../contract/common.ts';
import {
  integration,
  integrationChange,
  newIntegration,
  operator,
  operatorChange,
  operatorQuery,
  operatorsRefresh,
  operatorsRefreshed,
  type Integration,
  type IntegrationChange,
  type Operator,
  type OperatorsRefreshed,
} from '../contract/integrations.ts';
import type { ApiDeps } from '../deps.ts';
import { readPbxAddress } from '../pbx-address.ts';
import { fieldProblem, ProblemError } from '../problems.ts';
import { route, type Context } from '../route.ts';

const idParams = z.strictObject({ id: uuid });
type Request = Context<unknown, unknown, unknown>;

/** What is to be entered in the PBX account. */
function webhookUrl({ deps, request }: Request): string {
  const base = deps.config.publicUrl ?? `${request.protocol}://${request.get('host') ?? 'localhost'}`;
  return `${base}/mango`;
}

const present = (context: Request, account: PbxAccount): Integration => ({
  id: account.id,
  kind: account.kind,
  name: account.name,
  apiUrl: account.api_url,
  hasSecret: account.has_secret,
  fromEnvironment: account.from_environment,
  webhookUrl: webhookUrl(context),
  createdAt: account.created_at.toISOString(),
  lastEventAt: account.last_event_at?.toISOString() ?? null,
  operatorsReadAt: account.operators_read_at?.toISOString() ?? null,
  operators: account.operators,
});

const presentOperator = (view: OperatorView): Operator => ({ ...view, devices: view.devices as Operator['devices'] });

async function find(deps: ApiDeps, id: string): Promise<PbxAccount> {
  const account = await findAccountById(deps.db, id);
  if (!account) throw new ProblemError('integration_not_found');
  return account;
}

/** What the environment (or the demo PBX's own start) says is said there and not here; the name is anybody's. */
function checkChangeable(account: PbxAccount, change: IntegrationChange): void {
  const [fixed] = (['apiUrl', 'apiKey', 'apiSalt'] as const).filter((key) => change[key] !== undefined);
  if (fixed && (account.from_environment || account.kind === 'demo'))
    throw fieldProblem(fixed, 'from_environment', 'from_environment');
}

async function refreshOne(deps: ApiDeps, integrationId: string): Promise<OperatorsRefreshed['items'][number]> {
  const answer = await refreshOperators(deps.db, deps.telephony.forIntegration(integrationId), integrationId);
  return answer.outcome === 'accepted'
    ? { integrationId, outcome: 'done', code: null, operators: answer.value.operators }
    : { integrationId, outcome: 'failed', code: wordOf(answer), operators: null };
}

const integrationRoutes = [
  route({
    method: 'get',
    path: '/api/integrations',
    summary: 'PBX accounts',
    tag: 'Integrations',
    access: 'admin',
    response: listOf(integration),
    handle: async (context) => ({ items: (await listAccounts(context.deps.db)).map((account) => present(context, account)) }),
  }),
  route({
    method: 'post',
    path: '/api/integrations',
    summary: 'Connect a PBX account; key and salt are stored encrypted and never shown again',
    tag: 'Integrations',
    access: 'admin',
    status: 201,
    body: newIntegration,
    response: integration,
    problems: ['key_taken'],
    handle: async (context) => {
      const { deps, agent, body, address } = context;
      const standard = deps.config.mangoApiUrl ?? MANGO_API_URL;
      const apiUrl = body.apiUrl === undefined ? standard : await readPbxAddress(body.apiUrl, standard, deps);
      const id = await inTransaction(deps.db, async (trx) => {
        const made = await insertAccount(
          trx,
          { name: body.name, apiUrl, apiKey: body.apiKey, apiSalt: body.apiSalt },
          deps.secrets,
        );
        await recordAudit(trx, { agentId: agent.agentId, address, action: 'integration.created', subject: made });
        return made;
      });
      return present(context, await find(deps, id));
    },
  }),
  route({
    method: 'patch',
    path: '/api/integrations/{id}',
    summary: 'Change a PBX account',
    tag: 'Integrations',
    access: 'admin',
    params: idParams,
    body: integrationChange,
    response: integration,
    problems: ['integration_not_found', 'from_environment', 'key_taken'],
    handle: async (context) => {
      const { deps, agent, params, body, address } = context;
      checkChangeable(await find(deps, params.id), body);
      const standard = deps.config.mangoApiUrl ?? MANGO_API_URL;
      const apiUrl = body.apiUrl === undefined ? undefined : await readPbxAddress(body.apiUrl, standard, deps);
      await inTransaction(deps.db, async (trx) => {
        await updateAccount(trx, params.id, { ...body, apiUrl }, deps.secrets);
        const detail = { properties: Object.keys(body) };
        await recordAudit(trx, { agentId: agent.agentId, address, action: 'integration.changed', subject: params.id, detail });
      });
      return present(context, await find(deps, params.id));
    },
  }),
  route({
    method: 'delete',
    path: '/api/integrations/{id}',
    summary: 'Disconnect a PBX account; its calls and tickets stay',
    tag: 'Integrations',
    access: 'admin',
    params: idParams,
    response: null,
    problems: ['integration_not_found', 'from_environment'],
    handle: async ({ deps, agent, params, address }) => {
      const account = await find(deps, params.id);
      if (account.from_environment) throw new ProblemError('from_environment');
      await inTransaction(deps.db, async (trx) => {
        await removeAccount(trx, params.id);
        await recordAudit(trx, { agentId: agent.agentId, address, action: 'integration.removed', subject: params.id });
      });
    },
  }),
];

const operatorRoutes = [
  route({
    method: 'post',
    path: '/api/operators/refresh',
    summary: 'Read the operators anew from one PBX account, or from all',
    tag: 'Integrations',
    access: 'admin',
    body: operatorsRefresh,
    response: operatorsRefreshed,
    problems: ['integration_not_found'],
    handle: async ({ deps, agent, body, address }) => {
      const wanted = body.integrationId;
      const accounts = wanted === undefined ? await listAccounts(deps.db) : [await find(deps, wanted)];
      const items = await Promise.all(accounts.map(({ id }) => refreshOne(deps, id)));
      await recordAudit(deps.db, { agentId: agent.agentId, address, action: 'operators.refreshed', detail: { items } });
      return { items };
    },
  }),
  route({
    method: 'get',
    path: '/api/operators',
    summary: 'Operators of the PBX and whom they are mapped to',
    tag: 'Integrations',
    access: 'admin',
    query: operatorQuery,
    response: listOf(operator),
    handle: async ({ deps, query }) => ({ items: (await listOperators(deps.db, query.integrationId)).map(presentOperator) }),
  }),
  route({
    method: 'patch',
    path: '/api/operators/{id}',
    summary: 'Map an operator to an agent, or ignore its calls; one ends the other',
    tag: 'Integrations',
    access: 'admin',
    params: idParams,
    body: operatorChange,
    response: operator,
    problems: ['agent_not_found'],
    handle: async ({ deps, agent, params, body, address }) =>
      inTransaction(deps.db, async (trx) => {
        const before = await findOperator(trx, params.id);
        const after = await patchOperator(trx, params.id, body);
        if (!before || after === undefined) throw new ProblemError('not_found');
        if (after === 'agent_not_found') throw fieldProblem('agentId', 'agent_not_found', 'agent_not_found');
        const facts = ({ agentId, ignored }: OperatorView) => ({ agentId, ignored });
        const detail = { from: facts(before), to: facts(after) };
        await recordAudit(trx, { agentId: agent.agentId, address, action: 'operator.mapped', subject: params.id, detail });
        return presentOperator(after);
      }),
  }),
];

export const pbxRoutes = [...integrationRoutes, ...operatorRoutes];
