import type { AuditAction } from './audit-actions.ts';
import type { Db, Executor } from './pool.ts';

export interface AuditRecord {
  readonly agentId: string | null;
  readonly address: string | null;
  readonly action: AuditAction;
  /** The id of the thing. */
  readonly subject?: string | null;
  /** Ids, names of changed properties, figures: never a secret, never what somebody typed. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** Appends to the audit log, in the transaction of the change it tells of. */
export async function recordAudit(trx: Executor, record: AuditRecord): Promise<void> {
  await trx('audit_log').insert({
    agent_id: record.agentId,
    address: record.address,
    action: record.action,
    subject: record.subject ?? null,
    detail: JSON.stringify(record.detail ?? {}),
  });
}

/** A page that asks anew at every event is one look, and one line. */
const LOOK_MINUTES = 15;

/** Appends that somebody looked at something, unless their latest look at it stands there already. */
export async function recordLook(
  db: Executor,
  record: { readonly agentId: string; readonly address: string | null; readonly action: AuditAction; readonly subject?: string },
): Promise<void> {
  const known: unknown = await db('audit_log')
    .where({ agent_id: record.agentId, action: record.action, subject: record.subject ?? null })
    .whereRaw('at > now() - make_interval(mins => ?)', [LOOK_MINUTES])
    .first('id');
  if (known === undefined) await recordAudit(db, record);
}

export interface AuditFilter {
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
  readonly agentId?: string | undefined;
  readonly action?: string | undefined;
  readonly subject?: string | undefined;
}

export interface AuditRow {
  readonly id: string;
  readonly at: Date;
  readonly agent_id: string | null;
  readonly full_name: string | null;
  readonly address: string | null;
  readonly action: string;
  readonly subject: string | null;
  readonly detail: Record<string, unknown>;
}

/** Newest first. */
export async function listAudit(
  db: Db,
  filter: AuditFilter,
  paging: { readonly offset: number; readonly limit: number },
): Promise<{ readonly rows: AuditRow[]; readonly total: number }> {
  const matching = () => {
    const query = db('audit_log as l');
    if (filter.from) void query.where('l.at', '>=', filter.from);
    if (filter.to) void query.where('l.at', '<', filter.to);
    if (filter.agentId) void query.where('l.agent_id', filter.agentId);
    if (filter.action) void query.where('l.action', filter.action);
    if (filter.subject) void query.where('l.subject', filter.subject);
    return query;
  };
  const rows = (await matching()
    .leftJoin('agents as a', 'a.id', 'l.agent_id')
    .orderBy([
      { column: 'l.at', order: 'desc' },
      { column: 'l.id', order: 'desc' },
    ])
    .offset(paging.offset)
    .limit(paging.limit)
    .select('l.*', 'a.full_name')) as AuditRow[];
  const [count] = (await matching().count('* as total')) as { total: string }[];
  return { rows, total: Number(count?.total ?? 0) };
}
