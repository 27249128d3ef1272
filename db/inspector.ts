import { findDigits, type FoundDigits } from './inspector-digits.ts';
import type { Executor } from './pool.ts';

/** One event as the inspector lists it, from the inbox (`i`) or refused (`r`). */
export interface InspectedRow {
  readonly kind: 'i' | 'r';
  readonly id: string;
  /** Microseconds since the epoch: as exact as the database. */
  readonly at_us: string;
  readonly received_at: Date;
  readonly integration_id: string | null;
  readonly account_name: string | null;
  readonly source: 'pbx' | 'agent' | 'system' | 'reconcile';
  readonly path: string | null;
  readonly verdict: string;
  readonly why: string | null;
  readonly repeats: number;
  readonly repeated_at: Date | null;
  readonly delivered_at: Date | null;
  readonly attempts: number;
  readonly last_error: string | null;
  readonly is_late: boolean;
  readonly call_id: string | null;
  readonly state: string | null;
  readonly seq: string | null;
  readonly from_extension: string | null;
  readonly from_number: string | null;
  readonly to_extension: string | null;
  readonly to_number: string | null;
  readonly line: string | null;
  readonly agent_id: string | null;
  readonly agent_name: string | null;
  /** Of an agent's action. */
  readonly action_id: string | null;
}

export interface InspectedRowDetail extends InspectedRow {
  readonly key: string | null;
  readonly entry: string | null;
  readonly workflow_id: string | null;
  readonly address: string | null;
  readonly detail: unknown;
  readonly body: unknown;
  readonly raw: string | null;
}

export interface InspectorFilter {
  readonly verdict?: string | undefined;
  readonly kind?: string | undefined;
  readonly accountId?: string | undefined;
  readonly extension?: string | undefined;
  /** Entries of the inbox. */
  readonly entries?: readonly string[] | undefined;
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
  readonly digits?: string | undefined;
}

export interface Cursor {
  readonly atUs: string;
  readonly kind: 'i' | 'r';
  readonly id: string;
}

interface Piece {
  readonly sql: string;
  readonly bindings: readonly (string | number | Date | readonly string[])[];
}
const piece = (sql: string, ...bindings: Piece['bindings']): Piece => ({ sql, bindings });
const joined = (pieces: readonly Piece[], glue: string): Piece => ({
  sql: pieces.map(({ sql }) => sql).join(glue),
  bindings: pieces.flatMap(({ bindings }) => bindings),
});

const END = (side: 'from' | 'to', what: 'extension' | 'number'): string =>
  `left(i.body -> '${side}' ->> '${what}', 80) as ${side}_${what}`;
/** Of an accepted event: refused by Temporal once, or older than any delivery that goes well. */
const IS_LATE = `(i.last_error is not null or i.received_at < now() - interval '5 seconds')`;
const INBOX_COLUMNS = `'i' as kind, i.id, (extract(epoch from i.received_at) * 1000000)::bigint as at_us, i.received_at, i.integration_id, a.name as account_name,
  i.source, i.path, inbox_verdict(i.verdict, i.why) as verdict, ${IS_LATE} as is_late, i.why, i.repeats, i.repeated_at, i.delivered_at, i.attempts, i.last_error,
  coalesce(
    (select coalesce(c.merged_into, c.id) from calls c
      where c.integration_id = i.integration_id and c.entry_id = coalesce(i.entry, i.body ->> 'entry_id')),
    (select coalesce(c.merged_into, c.id) from calls c where c.command_id = substr(i.entry, 10) and i.entry like 'callback:%')) as call_id,
  left(coalesce(i.body ->> 'call_state', i.body ->> 'recording_state', i.body ->> 'action', i.body ->> 'result'), 40) as state,
  case when i.body ->> 'seq' ~ '^[0-9]{1,9}$' then i.body ->> 'seq' end as seq,
  ${END('from', 'extension')}, ${END('from', 'number')},
  coalesce(left(i.body -> 'to' ->> 'extension', 80), case when i.path = '/events/recording' then left(i.body ->> 'extension', 80) end) as to_extension,
  ${END('to', 'number')},
  left(coalesce(i.body -> 'to' ->> 'line_number', i.body ->> 'line_number', i.body -> 'from' ->> 'line_number'), 80) as line,
  g.id as agent_id, g.full_name as agent_name, case when i.source = 'agent' then left(i.body ->> 'actionId', 128) end as action_id`;
const INBOX_JOINS = `left join integrations a on a.id = i.integration_id
  left join agents g on i.source = 'agent' and g.id::text = i.body ->> 'agentId'`;
const REFUSED_COLUMNS = `'r' as kind, r.id, (extract(epoch from r.at) * 1000000)::bigint as at_us, r.at as received_at, r.integration_id, a.name as account_name,
  'pbx' as source, r.path, r.reason as verdict, false as is_late, r.detail ->> 'why' as why, 0 as repeats, null::timestamptz as repeated_at,
  null::timestamptz as delivered_at, 0 as attempts, null as last_error, null::uuid as call_id, null as state, null as seq,
  null as from_extension, null as from_number, null as to_extension, null as to_number, null as line, null::uuid as agent_id, null as agent_name, null as action_id`;

const REFUSALS: ReadonlySet<string> = new Set([
  'refused',
  ...['bad_signature', 'missing_signature', 'unknown_key', 'malformed', 'too_large', 'not_a_form'],
]);
const SOURCES: ReadonlySet<string> = new Set(['agent', 'system', 'reconcile']);

/** Newest first, those after the cursor. Each part of the answer is read in the order of an index, and no further than the page. */
export async function listInspected(
  db: Executor,
  filter: InspectorFilter,
  paging: { readonly before?: Cursor | undefined; readonly limit: number },
): Promise<InspectedRow[]> {
  const found = filter.digits === undefined ? undefined : await findDigits(db, filter.digits);
  const parts: Piece[] = [];
  if (!filter.verdict || !REFUSALS.has(filter.verdict)) parts.push(inboxPart(filter, found, paging));
  if (mayBeRefused(filter)) parts.push(refusedPart(filter, paging));
  if (parts.length === 0) return [];
  const all = joined(parts, ' union all ');
  const { rows } = await db.raw<{ rows: InspectedRow[] }>(
    `select * from (${all.sql}) as found order by at_us desc, kind, id desc limit ?`,
    [...all.bindings, paging.limit] as never,
  );
  return rows;
}

/** A refused request says nothing that could be believed about calls, operators and numbers. */
function mayBeRefused({ verdict, kind, extension, entries, digits }: InspectorFilter): boolean {
  if (extension !== undefined || entries !== undefined || digits !== undefined) return false;
  if (kind !== undefined && SOURCES.has(kind)) return false;
  return verdict === undefined || REFUSALS.has(verdict);
}

const at = (atUs: string): Piece => piece(`('epoch'::timestamptz + ? * interval '1 microsecond')`, atUs);

/** Of two events of one microsecond the inbox's comes first, then the later id. */
function afterCursor(kind: 'i' | 'r', column: string, before: Cursor): Piece {
  const moment = at(before.atUs);
  if (before.kind === kind) {
    return piece(`(${column}, ${kind}.id) < (${moment.sql}, ?::bigint)`, ...moment.bindings, before.id);
  }
  return piece(`${column} ${kind === 'i' ? '<' : '<='} ${moment.sql}`, ...moment.bindings);
}

function period(column: string, { from, to }: InspectorFilter): Piece[] {
  return [...(from ? [piece(`${column} >= ?`, from)] : []), ...(to ? [piece(`${column} < ?`, to)] : [])];
}

function inboxPart(
  filter: InspectorFilter,
  digits: FoundDigits | undefined,
  { before, limit }: { readonly before?: Cursor | undefined; readonly limit: number },
): Piece {
  const always = [
    ...period('i.received_at', filter),
    ...(before ? [afterCursor('i', 'i.received_at', before)] : []),
    ...(filter.accountId ? [piece('i.integration_id = ?', filter.accountId)] : []),
    ...(filter.kind ? [kindIs(filter.kind)] : []),
    ...(filter.entries ? [piece('i.entry = any(?::text[])', filter.entries)] : []),
    ...verdictIs(filter.verdict),
  ];
  const branches = alternatives(filter, digits).map((ways) => {
    const where = joined([piece('true'), ...always, ...ways], ' and ');
    return piece(
      `(select i.id from inbox i where ${where.sql} order by i.received_at desc, i.id desc limit ?)`,
      ...where.bindings,
      limit,
    );
  });
  const ids = joined(branches, ' union ');
  return piece(
    `(select ${INBOX_COLUMNS} from inbox i ${INBOX_JOINS} where i.id in (${ids.sql}) order by i.received_at desc, i.id desc limit ?)`,
    ...ids.bindings,
    limit,
  );
}

/** Nearly everything comes from the PBX; the rest has an index of its own. */
const kindIs = (kind: string): Piece =>
  SOURCES.has(kind) ? piece(`i.source <> 'pbx' and i.source = ?`, kind) : piece('i.path = ?', kind);

function verdictIs(verdict: string | undefined): Piece[] {
  switch (verdict) {
    case undefined:
      return [];
    case 'repeated':
      return [piece('i.repeats > 0')];
    case 'accepted':
      return [piece(`inbox_verdict(i.verdict, i.why) = 'accepted' and not ${IS_LATE}`)];
    case 'waiting':
      return [piece(`inbox_verdict(i.verdict, i.why) = 'accepted' and ${IS_LATE}`)];
    case 'delivered':
      // Nearly all are: what is known of the columns says so, what is known of the function's index does not.
      return [
        piece(
          `i.verdict = 'delivered' and coalesce(i.why, '') not in ('operator_unknown', 'operator_unmapped', 'operator_ignored')`,
        ),
      ];
    default:
      return [piece(`inbox_verdict(i.verdict, i.why) = ?`, verdict)];
  }
}

/** Ways in which an event may meet the filter, each with an index of its own. */
function alternatives({ extension }: InspectorFilter, digits: FoundDigits | undefined): (readonly Piece[])[] {
  const byExtension: (readonly Piece[])[] =
    extension === undefined
      ? [[]]
      : [`i.body -> 'from' ->> 'extension' = ?`, `i.body -> 'to' ->> 'extension' = ?`, `i.body ->> 'extension' = ?`].map(
          (sql) => [piece(sql, extension)],
        );
  if (digits === undefined) return byExtension;
  return byExtension.flatMap((ways) => digitWays(digits).map((way) => [...ways, way]));
}

function digitWays({ digits, calls, loose }: FoundDigits): Piece[] {
  const part = `%${digits}%`;
  const ofCalls = calls
    ? piece(
        `(i.integration_id, i.entry) in (select * from unnest(?::uuid[], ?::text[]))`,
        calls.map((call) => call.integration_id),
        calls.map((call) => call.entry_id),
      )
    : // Many have them: the next page's worth is near, so each event is asked in turn (offset 0 keeps the planner from turning it round).
      piece(
        `exists (select from calls c where c.integration_id = i.integration_id and c.entry_id = i.entry
           and (c.line like ? or exists (select from call_numbers n where n.call_id = c.id and n.number like ?)) offset 0)`,
        part,
        part,
      );
  return [ofCalls, ...(loose.length > 0 ? [piece('i.id = any(?::bigint[])', loose)] : [])];
}

function refusedPart(
  filter: InspectorFilter,
  { before, limit }: { readonly before?: Cursor | undefined; readonly limit: number },
): Piece {
  const where = joined(
    [
      piece('true'),
      ...period('r.at', filter),
      ...(before ? [afterCursor('r', 'r.at', before)] : []),
      ...(filter.accountId ? [piece('r.integration_id = ?', filter.accountId)] : []),
      ...(filter.kind ? [piece('r.path = ?', filter.kind)] : []),
      ...(filter.verdict && filter.verdict !== 'refused' ? [piece('r.reason = ?', filter.verdict)] : []),
    ],
    ' and ',
  );
  return piece(
    `(select ${REFUSED_COLUMNS} from refused_events r left join integrations a on a.id = r.integration_id
      where ${where.sql} order by r.at desc, r.id desc limit ?)`,
    ...where.bindings,
    limit,
  );
}

export async function findInspected(db: Executor, kind: 'i' | 'r', id: string): Promise<InspectedRowDetail | undefined> {
  const sql =
    kind === 'i'
      ? `select ${INBOX_COLUMNS}, i.key, i.entry, i.workflow_id, null as address, null::jsonb as detail, i.body, i.raw
         from inbox i ${INBOX_JOINS} where i.id = ?`
      : `select ${REFUSED_COLUMNS}, null as key, null as entry, null as workflow_id, r.address, r.detail, null::jsonb as body, null as raw
         from refused_events r left join integrations a on a.id = r.integration_id where r.id = ?`;
  const { rows } = await db.raw<{ rows: InspectedRowDetail[] }>(sql, [id]);
  return rows[0];
}

/** Under which entries events of a call stand in the inbox: its own, and while it was only ordered its command's. */
export async function entriesOfCall(db: Executor, callId: string): Promise<string[]> {
  const { rows } = await db.raw<{ rows: { entry_id: string | null; command_id: string | null }[] }>(
    'select entry_id, command_id from calls where id = ? or merged_into = ?',
    [callId, callId],
  );
  return rows.flatMap(({ entry_id, command_id }) => [
    ...(entry_id === null ? [] : [entry_id]),
    ...(command_id === null ? [] : [`callback:${command_id}`]),
  ]);
}

/** Every path in the inbox, found by leaps through its index. */
export async function inboxPaths(db: Executor): Promise<string[]> {
  const { rows } = await db.raw<{ rows: { path: string }[] }>(
    `with recursive paths as (
       (select path from inbox where path is not null order by path limit 1)
       union all
       select (select i.path from inbox i where i.path > p.path order by i.path limit 1) from paths p where p.path is not null)
     select path from paths where path is not null limit 100`,
  );
  return rows.map(({ path }) => path);
}

/** Tells whoever looks at the inspector that an event's fate has changed; new rows of the inbox tell of themselves. */
export const INSPECTOR_CHANNEL = 'inspector';
