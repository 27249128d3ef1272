import { z } from 'zod';
import { recordLook } from '../../db/audit.ts';
import { entriesOfCall, listInspected } from '../../db/inspector.ts';
import type { Db } from '../../db/pool.ts';
import {
  actionsOf,
  callDecisionsOf,
  commandsOf,
  findTimelineCall,
  idsOfCall,
  recordingsOf,
  testCommandsOf,
  ticketEventsOf,
  type TimelineCall,
} from '../../db/timeline.ts';
import { maskDigits } from '../../domain/masking.ts';
import { callbackWorkflowId } from '../../workflows/messages.ts';
import type { ApiDeps } from '../deps.ts';
import { uuid } from '../contract/common.ts';
import { callTimeline, type CallTimeline, type TimelineEntry } from '../contract/timeline.ts';
import { timelineOf } from '../present/timeline.ts';
import { ProblemError } from '../problems.ts';
import { route } from '../route.ts';
import { boardUrl, latestWorkflowUrl } from '../workflow-links.ts';

const MOST_EVENTS = 500;

async function entriesOf(db: Db, call: TimelineCall): Promise<{ entries: TimelineEntry[]; isCut: boolean }> {
  const ids = await idsOfCall(db, call.id);
  const own = await entriesOfCall(db, call.id);
  const tests = await testCommandsOf(db, call, own);
  const names = [...own, ...tests.map((commandId) => `callback:${commandId}`)];
  const [events, decisions, tickets, actions, commands, recordings] = await Promise.all([
    names.length === 0 ? [] : listInspected(db, { entries: names, accountId: call.integration_id }, { limit: MOST_EVENTS + 1 }),
    callDecisionsOf(db, ids),
    ticketEventsOf(db, ids),
    actionsOf(db, ids),
    commandsOf(db, ids, tests),
    recordingsOf(db, ids),
  ]);
  const newest = events.slice(0, MOST_EVENTS).reverse();
  const parts = { call, events: newest, decisions, tickets, actions, commands, recordings };
  return { entries: timelineOf(parts), isCut: events.length > MOST_EVENTS };
}

function workflowsOf({ config }: ApiDeps, call: TimelineCall): CallTimeline['workflows'] {
  const of = (type: 'call' | 'callback', workflowId: string) => ({
    workflowId,
    type,
    boardUrl: boardUrl(type, workflowId),
    temporalUrl: config.temporalUiUrl === undefined ? null : latestWorkflowUrl(config.temporal.namespace, workflowId),
  });
  return [
    ...(call.command_id === null ? [] : [of('callback', callbackWorkflowId(call.command_id))]),
    ...(call.entry_id === null || call.workflow_id === null ? [] : [of('call', call.workflow_id)]),
  ];
}

const ticketsIn = (entries: readonly TimelineEntry[]): CallTimeline['tickets'] => {
  const named = entries.flatMap((entry) => (entry.type === 'ticket' ? [entry.ticket] : []));
  return [...new Map(named.map((ticket) => [ticket.id, ticket])).values()];
};

const masked = (number: string | null): string | null => (number === null ? null : maskDigits(number));

export const timelineRoutes = [
  route({
    method: 'get',
    path: '/api/calls/{callId}/timeline',
    summary: 'What came of a call, step by step: events, decisions with their rules, tickets, commands, recordings',
    tag: 'Inspector',
    access: 'admin',
    params: z.strictObject({ callId: uuid }),
    response: callTimeline,
    handle: async ({ deps, params, agent, address }) => {
      const call = await findTimelineCall(deps.db, params.callId);
      if (!call) throw new ProblemError('not_found');
      await recordLook(deps.db, { agentId: agent.agentId, address, action: 'timeline.opened', subject: call.id });
      const { entries, isCut } = await entriesOf(deps.db, call);
      return {
        callId: call.id,
        entryId: call.entry_id,
        account: { id: call.integration_id, name: call.account_name },
        direction: call.direction,
        state: call.state,
        phone: masked(call.phone),
        line: masked(call.line),
        startedAt: call.started_at.toISOString(),
        endedAt: call.ended_at?.toISOString() ?? null,
        flags: [...Object.keys(call.flags), ...(call.stopped_at === null ? [] : ['stopped'])],
        tickets: ticketsIn(entries),
        workflows: workflowsOf(deps, call),
        entries,
        isCut,
      };
    },
  }),
];
