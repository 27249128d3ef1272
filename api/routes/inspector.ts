import type { z } from 'zod';
import { recordAudit, recordLook } from '../../db/audit.ts';
import {
  entriesOfCall,
  findInspected,
  inboxPaths,
  listInspected,
  type InspectedRowDetail,
  type InspectorFilter,
} from '../../db/inspector.ts';
import { inTransaction, type Db, type Executor } from '../../db/pool.ts';
import type { SignedIn } from '../../db/sessions.ts';
import {
  inspectedEventDetail,
  inspectedEvents,
  inspectorChoices,
  inspectorParams,
  inspectorQuery,
} from '../contract/inspector.ts';
import { uuid } from '../contract/common.ts';
import { cursorOf, presentInspected, presentInspectedDetail, readCursor } from '../present/inspector.ts';
import { ProblemError } from '../problems.ts';
import { route } from '../route.ts';

const look = ({ agentId }: SignedIn, address: string) => ({ agentId, address, action: 'inspector.opened' as const });

async function filterOf(db: Db, query: z.output<typeof inspectorQuery>): Promise<InspectorFilter> {
  const { verdict, kind, accountId, extension, call, from, to, digits } = query;
  const entries = call === undefined ? undefined : uuid.safeParse(call).success ? await entriesOfCall(db, call) : [call];
  return {
    verdict,
    kind,
    accountId,
    extension,
    digits,
    entries,
    from: from === undefined ? undefined : new Date(from),
    to: to === undefined ? undefined : new Date(to),
  };
}

async function find(db: Executor, id: string): Promise<InspectedRowDetail> {
  const row = await findInspected(db, id.startsWith('r') ? 'r' : 'i', id.slice(1));
  if (!row) throw new ProblemError('not_found');
  return row;
}

export const inspectorRoutes = [
  route({
    method: 'get',
    path: '/api/inspector/events',
    summary: 'What came, newest first, with its verdict; numbers masked',
    tag: 'Inspector',
    access: 'admin',
    query: inspectorQuery,
    response: inspectedEvents,
    handle: async ({ deps: { db }, agent, query, address }) => {
      await recordLook(db, look(agent, address));
      const { limit } = query;
      const rows = await listInspected(db, await filterOf(db, query), { before: readCursor(query.before), limit: limit + 1 });
      const shown = rows.slice(0, limit);
      const last = shown.at(-1);
      return { items: shown.map(presentInspected), before: rows.length > limit && last ? cursorOf(last) : null };
    },
  }),
  route({
    method: 'get',
    path: '/api/inspector/choices',
    summary: 'Accounts and kinds that the list can be narrowed to',
    tag: 'Inspector',
    access: 'admin',
    response: inspectorChoices,
    handle: async ({ deps: { db } }) => {
      const accounts = (await db('integrations').orderBy('created_at').select('id', 'name', 'removed_at')) as {
        id: string;
        name: string;
        removed_at: Date | null;
      }[];
      return {
        accounts: accounts.map(({ id, name, removed_at }) => ({ id, name, removed: removed_at !== null })),
        kinds: await inboxPaths(db),
      };
    },
  }),
  route({
    method: 'get',
    path: '/api/inspector/events/{id}',
    summary: 'One event with what was sent, numbers masked',
    tag: 'Inspector',
    access: 'admin',
    params: inspectorParams,
    response: inspectedEventDetail,
    handle: async ({ deps: { db }, agent, params, address }) => {
      await recordLook(db, look(agent, address));
      return presentInspectedDetail(await find(db, params.id), 'numbers_masked');
    },
  }),
  route({
    method: 'post',
    path: '/api/inspector/events/{id}/unmask',
    summary: 'One event with its numbers whole; stands in the audit log',
    tag: 'Inspector',
    access: 'admin',
    params: inspectorParams,
    response: inspectedEventDetail,
    handle: async ({ deps, agent, params, address }) =>
      inTransaction(deps.db, async (trx) => {
        const row = await find(trx, params.id);
        await recordAudit(trx, { agentId: agent.agentId, address, action: 'inspector.unmasked', subject: params.id });
        return presentInspectedDetail(row, 'numbers_shown');
      }),
  }),
];
