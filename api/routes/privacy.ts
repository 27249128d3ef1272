import { z } from 'zod';
import { recordAudit } from '../../db/audit.ts';
import { lockCustomer } from '../../db/customers.ts';
import { listDestructions, type DestructionRow } from '../../db/destruction-log.ts';
import {
  findErasure,
  findErasureOf,
  listErasuresUnderWay,
  orderErasure,
  previewErasure,
  type ErasureRow,
} from '../../db/erasures.ts';
import { inTransaction } from '../../db/pool.ts';
import { previewRetention, REFUSED_DAYS, SESSION_DAYS, SIGN_IN_ATTEMPT_DAYS, STREAM_HOURS } from '../../db/retention.ts';
import { readRetention, readSettings } from '../../db/settings.ts';
import { pageOf, uuid } from '../contract/common.ts';
import {
  destruction,
  destructionQuery,
  erasure,
  erasureList,
  erasurePreview,
  erasureQuery,
  newErasure,
  retentionPreview,
  retentionQuery,
  type Destruction,
  type Erasure,
} from '../contract/privacy.ts';
import { destructionCsv, sendCsvFile } from '../present/log-csv.ts';
import { ProblemError } from '../problems.ts';
import { route } from '../route.ts';

const params = z.strictObject({ id: uuid });
const MOST_EXPORTED = 100_000;

const presentErasure = (row: ErasureRow): Erasure => ({
  id: row.id,
  number: row.number,
  customerId: row.customer_id,
  reason: row.reason,
  texts: row.texts,
  state: row.state,
  orderedAt: row.ordered_at.toISOString(),
  finishedAt: row.finished_at?.toISOString() ?? null,
  counts: { ...row.counts },
});

const presentDestruction = (row: DestructionRow): Destruction => ({
  id: row.id,
  at: row.at.toISOString(),
  cause: row.cause,
  reason: row.reason,
  subject:
    row.subject_number === null || row.subject_id === null ? null : { number: row.subject_number, customerId: row.subject_id },
  categories: row.categories.map(({ category, count }) => ({ category, count })),
  orderedBy: row.actor_name,
  orderedAt: row.ordered_at?.toISOString() ?? null,
  texts: row.texts,
});

const termOf = (asked: number | '0' | undefined, inForce: number | null): number | null =>
  asked === undefined ? inForce : asked === '0' ? null : asked;

export const privacyRoutes = [
  route({
    method: 'get',
    path: '/api/retention',
    summary: 'What would be removed now, under the terms in force or others',
    tag: 'Privacy',
    access: 'admin',
    query: retentionQuery,
    response: retentionPreview,
    handle: async ({ deps, query }) => {
      const inForce = await readRetention(deps.db);
      const recordingDays = termOf(query.recordingRetentionDays, inForce.recordingRetentionDays);
      const rawEventDays = termOf(query.rawEventRetentionDays, inForce.rawEventRetentionDays);
      return {
        recordingRetentionDays: recordingDays,
        rawEventRetentionDays: rawEventDays,
        ...(await previewRetention(deps.db, { recordingDays, rawEventDays })),
        fixed: {
          streamHours: STREAM_HOURS,
          signInAttemptDays: SIGN_IN_ATTEMPT_DAYS,
          refusedEventDays: REFUSED_DAYS,
          sessionDays: SESSION_DAYS,
        },
      };
    },
  }),
  route({
    method: 'get',
    path: '/api/customers/{id}/erasure',
    summary: 'What erasing this customer would reach',
    tag: 'Privacy',
    access: 'admin',
    params,
    response: erasurePreview,
    problems: ['customer_not_found'],
    handle: async ({ deps, params: { id } }) =>
      inTransaction(deps.db, async (trx) => {
        if (!(await lockCustomer(trx, id))) throw new ProblemError('customer_not_found');
        return previewErasure(trx, id);
      }),
  }),
  route({
    method: 'post',
    path: '/api/customers/{id}/erasure',
    summary: 'Erase the customer’s personal data; it cannot be undone. Asked again, it says how far it is',
    tag: 'Privacy',
    access: 'admin',
    status: 202,
    params,
    body: newErasure,
    response: erasure,
    problems: ['customer_not_found'],
    handle: async ({ deps, agent, params: { id }, body, address }) =>
      inTransaction(deps.db, async (trx) => {
        const exists = await lockCustomer(trx, id);
        const known = await findErasureOf(trx, id);
        if (known) return presentErasure(known);
        if (!exists) throw new ProblemError('customer_not_found');
        const row = await orderErasure(trx, { customerId: id, ...body, agentId: agent.agentId });
        if (!row) throw new ProblemError('customer_not_found');
        const detail = { erasureId: row.id, ...body };
        await recordAudit(trx, { agentId: agent.agentId, address, action: 'customer.erasure_ordered', subject: id, detail });
        return presentErasure(row);
      }),
  }),
  route({
    method: 'get',
    path: '/api/erasures',
    summary: 'Erasures that are under way, or the one of a customer, who is found nowhere else any more',
    tag: 'Privacy',
    access: 'admin',
    query: erasureQuery,
    response: erasureList,
    handle: async ({ deps, query: { customerId } }) => {
      const own = customerId === undefined ? undefined : await findErasureOf(deps.db, customerId);
      const rows = customerId === undefined ? await listErasuresUnderWay(deps.db) : own ? [own] : [];
      return { items: rows.map(presentErasure) };
    },
  }),
  route({
    method: 'get',
    path: '/api/erasures/{id}',
    summary: 'How far an erasure is',
    tag: 'Privacy',
    access: 'admin',
    params,
    response: erasure,
    handle: async ({ deps, params: { id } }) => {
      const row = await findErasure(deps.db, id);
      if (!row) throw new ProblemError('not_found');
      return presentErasure(row);
    },
  }),
  route({
    method: 'get',
    path: '/api/destruction-log',
    summary: 'What was destroyed, when and why, newest first; as CSV with `format=csv`',
    tag: 'Privacy',
    access: 'admin',
    query: destructionQuery,
    response: pageOf(destruction),
    alsoAs: ['text/csv'],
    handle: async ({ deps, agent, query, address, response }) => {
      const { from, to, cause, page, pageSize, format, lang } = query;
      const filter = { from: from ? new Date(from) : undefined, to: to ? new Date(to) : undefined, cause };
      const asFile = format === 'csv';
      const paging = asFile ? { offset: 0, limit: MOST_EXPORTED } : { offset: (page - 1) * pageSize, limit: pageSize };
      const { rows, total } = await listDestructions(deps.db, filter, paging);
      const items = rows.map(presentDestruction);
      if (!asFile) return { items, total };
      const detail = { rows: items.length };
      await recordAudit(deps.db, { agentId: agent.agentId, address, action: 'destruction_log.exported', detail });
      const { timezone } = await readSettings(deps.db, deps.config);
      return sendCsvFile(response, 'destruction-log', destructionCsv(items, total, lang, timezone));
    },
  }),
];
