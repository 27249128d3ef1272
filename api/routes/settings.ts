import { isSupportedCountry } from 'libphonenumber-js';
import { z } from 'zod';
import { listAudit, recordAudit, type AuditRow } from '../../db/audit.ts';
import { subjectsOf } from '../../db/audit-subjects.ts';
import { inTransaction, type Executor } from '../../db/pool.ts';
import { readSettings, settingsFromEnvironment, writeSettings } from '../../db/settings.ts';
import { listSlaTargets, writeSlaTarget, type SlaTargetRow } from '../../db/sla-targets.ts';
import { plainAddress } from '../caller-address.ts';
import { listOf, pageOf } from '../contract/common.ts';
import {
  auditEntry,
  auditQuery,
  settings,
  settingsChange,
  slaTarget,
  slaTargetChange,
  type AuditEntry,
  type Settings,
  type SettingsChange,
  type SlaTarget,
} from '../contract/settings.ts';
import { channel } from '../contract/tickets.ts';
import type { ApiDeps } from '../deps.ts';
import { auditCsv, sendCsvFile } from '../present/log-csv.ts';
import { fieldProblem } from '../problems.ts';
import { route } from '../route.ts';

const present = async (deps: ApiDeps, db: Executor = deps.db): Promise<Settings> => ({
  ...(await readSettings(db, deps.config)),
  fromEnvironment: settingsFromEnvironment(deps.config),
});

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    // An offset is accepted too, but knows no change of clock.
    return /^[A-Za-z]/.test(name);
  } catch {
    return false;
  }
}

function checkSettings(deps: ApiDeps, change: SettingsChange): void {
  const fixed = settingsFromEnvironment(deps.config).find((key) => change[key] !== undefined);
  if (fixed) throw fieldProblem(fixed, 'from_environment', 'from_environment');
  if (change.phoneCountry !== undefined && !isSupportedCountry(change.phoneCountry))
    throw fieldProblem('phoneCountry', 'unknown_country');
  if (change.timezone !== undefined && !isTimeZone(change.timezone)) throw fieldProblem('timezone', 'unknown_time_zone');
}

const presentTarget = (row: SlaTargetRow): SlaTarget => ({
  channel: row.channel,
  firstReplySeconds: row.first_reply_seconds,
  anyReplySeconds: row.any_reply_seconds,
  closeSeconds: row.close_seconds,
});

const MOST_EXPORTED = 100_000;
const presentAudit = (row: AuditRow, about: AuditEntry['about']): AuditEntry => ({
  id: row.id,
  at: row.at.toISOString(),
  agent: row.agent_id === null ? null : { id: row.agent_id, fullName: row.full_name ?? '' },
  address: row.address === null ? null : plainAddress(row.address),
  action: row.action,
  subject: row.subject,
  about,
  detail: row.detail as AuditEntry['detail'],
});

export const settingRoutes = [
  route({
    method: 'get',
    path: '/api/settings',
    summary: 'The settings in force',
    tag: 'Settings',
    access: 'agent',
    response: settings,
    handle: ({ deps }) => present(deps),
  }),
  route({
    method: 'patch',
    path: '/api/settings',
    summary: 'Change settings',
    tag: 'Settings',
    access: 'admin',
    body: settingsChange,
    response: settings,
    problems: ['from_environment'],
    handle: async ({ deps, agent, body, address }) => {
      checkSettings(deps, body);
      await inTransaction(deps.db, async (trx) => {
        await writeSettings(trx, Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined)));
        await recordAudit(trx, { agentId: agent.agentId, address, action: 'settings.changed', detail: { ...body } });
      });
      return present(deps);
    },
  }),
  route({
    method: 'get',
    path: '/api/sla-targets',
    summary: 'How soon tickets of each channel should be answered and closed',
    tag: 'Settings',
    access: 'agent',
    response: listOf(slaTarget),
    handle: async ({ deps }) => ({ items: (await listSlaTargets(deps.db)).map(presentTarget) }),
  }),
  route({
    method: 'patch',
    path: '/api/sla-targets/{channel}',
    summary: 'Change the targets of a channel; null: none',
    tag: 'Settings',
    access: 'admin',
    params: z.strictObject({ channel }),
    body: slaTargetChange,
    response: slaTarget,
    handle: async ({ deps, agent, params, body, address }) =>
      inTransaction(deps.db, async (trx) => {
        const row = await writeSlaTarget(trx, params.channel, {
          ...(body.firstReplySeconds === undefined ? {} : { first_reply_seconds: body.firstReplySeconds }),
          ...(body.anyReplySeconds === undefined ? {} : { any_reply_seconds: body.anyReplySeconds }),
          ...(body.closeSeconds === undefined ? {} : { close_seconds: body.closeSeconds }),
        });
        await recordAudit(trx, {
          agentId: agent.agentId,
          address,
          action: 'sla.changed',
          subject: params.channel,
          detail: { ...body },
        });
        return presentTarget(row);
      }),
  }),
  route({
    method: 'get',
    path: '/api/audit',
    summary: 'Who did what, newest first; as CSV with `format=csv`',
    tag: 'Settings',
    access: 'admin',
    query: auditQuery,
    response: pageOf(auditEntry),
    alsoAs: ['text/csv'],
    handle: async ({ deps, agent, query, address, response }) => {
      const { from, to, agentId, action, subject, page, pageSize, format, lang } = query;
      const filter = {
        from: from === undefined ? undefined : new Date(from),
        to: to === undefined ? undefined : new Date(to),
        agentId,
        action,
        subject,
      };
      const asFile = format === 'csv';
      const paging = asFile ? { offset: 0, limit: MOST_EXPORTED } : { offset: (page - 1) * pageSize, limit: pageSize };
      const { rows, total } = await listAudit(deps.db, filter, paging);
      const abouts = await subjectsOf(deps.db, rows);
      const items = rows.map((row, index) => presentAudit(row, abouts[index] ?? null));
      if (!asFile) return { items, total };
      const detail = { rows: items.length };
      await recordAudit(deps.db, { agentId: agent.agentId, address, action: 'audit.exported', detail });
      const { timezone } = await readSettings(deps.db, deps.config);
      return sendCsvFile(response, 'audit-log', auditCsv(items, total, lang, timezone));
    },
  }),
];
