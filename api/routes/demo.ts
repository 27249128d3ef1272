import { z } from 'zod';
import { recordAudit } from '../../db/audit.ts';
import { agentsByExtension, findDemoIntegration, namesByPhone } from '../../db/demo.ts';
import {
  demo,
  demoAction,
  demoCall,
  demoState,
  demoSwitches,
  demoSwitchesChange,
  newDemoCall,
  type Demo,
} from '../contract/demo.ts';
import { createDemoControl, type DemoControl } from '../demo-pbx.ts';
import type { ApiDeps } from '../deps.ts';
import { ProblemError } from '../problems.ts';
import { route } from '../route.ts';

/** Somebody known, somebody with two numbers, one number of two people, a foreign one, and one that nobody has. */
const CALLERS = ['+79161234567', '+79031112233', '+78123334455', '+442079460123', '+79265550199'];
const NOTHING: Demo = { connected: false, phones: [], groups: [], lines: [], callers: [] };

/** Asked anew each time, as the demo goes when a real PBX comes. */
async function controlOf(deps: ApiDeps): Promise<{ readonly control: DemoControl; readonly integrationId: string } | undefined> {
  if (deps.config.demoControlUrl === undefined) return undefined;
  const integrationId = await findDemoIntegration(deps.db);
  return integrationId === undefined ? undefined : { control: createDemoControl(deps.config.demoControlUrl), integrationId };
}

async function connected(deps: ApiDeps): Promise<DemoControl> {
  const found = await controlOf(deps);
  if (!found) throw new ProblemError('demo_not_connected');
  return found.control;
}

const callParams = z.strictObject({ id: z.string().regex(/^[A-Za-z0-9+/=]{1,64}$/) });
const problems = ['demo_not_connected', 'demo_refused', 'demo_unreachable'] as const;

export const demoRoutes = [
  route({
    method: 'get',
    path: '/api/demo',
    summary: 'Whether a demo PBX is connected, and its phones',
    tag: 'Demo',
    access: 'agent',
    response: demo,
    problems: ['demo_unreachable'],
    handle: async ({ deps }) => {
      const found = await controlOf(deps);
      if (!found) return NOTHING;
      const [account, agents, names] = await Promise.all([
        found.control.account(),
        agentsByExtension(deps.db, found.integrationId),
        namesByPhone(deps.db, CALLERS),
      ]);
      const phones = account.operators.map(({ extension, name, email }) => ({
        ...{ extension, name, staffed: email !== '' },
        agent: agents.get(extension) ?? null,
      }));
      const callers = CALLERS.map((phone) => ({ phone, names: names.get(phone) ?? [] }));
      return { connected: true, phones, groups: account.groups, lines: account.lines, callers };
    },
  }),
  route({
    method: 'get',
    path: '/api/demo/state',
    summary: 'Live calls of the demo PBX, its last webhooks, its switches',
    tag: 'Demo',
    access: 'agent',
    response: demoState,
    problems,
    handle: async ({ deps }) => (await connected(deps)).state(),
  }),
  route({
    method: 'post',
    path: '/api/demo/calls',
    summary: 'Call, as a customer or from a softphone',
    tag: 'Demo',
    access: 'agent',
    status: 201,
    body: newDemoCall,
    response: demoCall,
    problems,
    handle: async ({ deps, body }) => (await connected(deps)).call(body),
  }),
  route({
    method: 'post',
    path: '/api/demo/calls/{id}/actions',
    summary: 'Answer, hold, hand over, hang up …',
    tag: 'Demo',
    access: 'agent',
    params: callParams,
    body: demoAction,
    response: demoCall,
    problems,
    handle: async ({ deps, params, body }) => (await connected(deps)).act(params.id, body),
  }),
  route({
    method: 'patch',
    path: '/api/demo/switches',
    summary: 'Let events be lost, doubled, late …; commands be refused; talks not be recorded',
    tag: 'Demo',
    access: 'admin',
    body: demoSwitchesChange,
    response: demoSwitches,
    problems,
    handle: async ({ deps, agent, body, address }) => {
      const control = await connected(deps);
      const changed = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
      await recordAudit(deps.db, { agentId: agent.agentId, address, action: 'demo.switched', detail: changed });
      return control.set({ ...(await control.switches()), ...changed });
    },
  }),
];
