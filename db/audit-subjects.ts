import type { Db } from './pool.ts';

export type AuditSubjectKind =
  'agent' | 'field' | 'integration' | 'operator' | 'customer' | 'ticket' | 'call' | 'workflow' | 'event' | 'channel' | 'section';

/** What a line of the audit log is about, as it is called now. Where nothing has a name (any more), only its id is left. */
export interface AuditSubject {
  readonly kind: AuditSubjectKind;
  readonly id: string;
  readonly name: string | null;
}

interface Line {
  readonly action: string;
  readonly subject: string | null;
}

const ABOUT: Readonly<Record<string, AuditSubjectKind>> = {
  agent: 'agent',
  field: 'field',
  integration: 'integration',
  operator: 'operator',
  customer: 'customer',
  workflow: 'workflow',
  timeline: 'call',
  inspector: 'event',
  sla: 'channel',
  statistics: 'section',
};

function kindOf({ action, subject }: Line): AuditSubjectKind | 'recording' | undefined {
  if (action.startsWith('recording.')) return subject?.includes(':') ? 'workflow' : 'recording';
  return ABOUT[action.split('.')[0] ?? ''];
}

/** Each gives what stands in the log, the id to lead to, and a name. */
const NAMES: Partial<Record<AuditSubjectKind | 'recording', string>> = {
  agent: `select id::text as subject, id::text, full_name as name from agents where id = any(?::uuid[])`,
  field: `select key as subject, key as id, label as name from field_definitions where key = any(?)`,
  integration: `select id::text as subject, id::text, name from integrations where id = any(?::uuid[])`,
  operator: `select id::text as subject, id::text, concat_ws(' · ', extension, nullif(full_name, '')) as name
    from operators where id = any(?::uuid[])`,
  customer: `select id::text as subject, id::text, full_name as name from customers where id = any(?::uuid[])`,
  recording: `select r.id::text as subject, t.id::text, t.number::text as name from recordings r
    join conversations c on c.id = r.conversation_id join tickets t on t.id = c.ticket_id where r.id = any(?::uuid[])`,
};

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

interface Named {
  readonly subject: string;
  readonly id: string;
  readonly name: string;
}

async function namesOf(db: Db, kind: string, subjects: readonly string[]): Promise<ReadonlyMap<string, Named>> {
  const query = NAMES[kind as AuditSubjectKind];
  if (query === undefined) return new Map();
  const wanted = [...new Set(subjects)].filter((subject) => kind === 'field' || UUID.test(subject));
  const { rows } = await db.raw<{ rows: Named[] }>(query, [wanted]);
  return new Map(rows.map((row) => [row.subject, row]));
}

/** For each line what it is about; null where it is about nothing but who did it. */
export async function subjectsOf(db: Db, lines: readonly Line[]): Promise<readonly (AuditSubject | null)[]> {
  const byKind = new Map<string, string[]>();
  for (const line of lines) {
    const kind = kindOf(line);
    if (kind === undefined || line.subject === null) continue;
    const known = byKind.get(kind);
    if (known) known.push(line.subject);
    else byKind.set(kind, [line.subject]);
  }
  const found = await Promise.all([...byKind].map(async ([kind, ids]) => [kind, await namesOf(db, kind, ids)] as const));
  const names = new Map(found);
  return lines.map((line) => {
    const kind = kindOf(line);
    if (kind === undefined || line.subject === null) return null;
    const { id, name } = names.get(kind)?.get(line.subject) ?? { id: line.subject, name: null };
    return { kind: kind === 'recording' ? 'ticket' : kind, id, name: name || null };
  });
}
