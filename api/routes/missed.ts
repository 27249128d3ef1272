import { missedWork } from '../../db/missed-work.ts';
import { readSettings } from '../../db/settings.ts';
import { listTickets } from '../../db/ticket-list.ts';
import { pageOf } from '../contract/common.ts';
import { missedCall, missedQuery } from '../contract/missed.ts';
import { presentMissed } from '../present/missed.ts';
import { route } from '../route.ts';
import { assigneeOf } from './tickets.ts';

const listRoute = route({
  method: 'get',
  path: '/api/missed-calls',
  summary: 'Customers who wait to be called back, the longest wait first',
  tag: 'Tickets',
  access: 'agent',
  query: missedQuery,
  response: pageOf(missedCall),
  handle: async ({ deps, agent, query: { assigneeId, page, pageSize } }) => {
    const { phoneCountry: country } = await readSettings(deps.db, deps.config);
    const { rows, total } = await listTickets(
      deps.db,
      agent,
      { kind: ['missed'], status: ['open'], assigneeId: assigneeOf(assigneeId, agent.agentId), country },
      { order: 'waitingSince', descending: false, offset: (page - 1) * pageSize, limit: pageSize },
    );
    const ids = rows.map(({ id }) => id);
    const work = await missedWork(deps.db, ids);
    return { items: rows.map((row) => presentMissed(row, work.get(row.id))), total };
  },
});

export const missedRoutes = [listRoute];
