import type {
  BadAnswerFacts,
  EventFacts,
  EventKind,
  MachineryFacts,
  OperatorFacts,
  RecordingFacts,
  RefusedFacts,
} from '../domain/self-test/index.ts';
import type { Executor } from './pool.ts';

const PATHS: Readonly<Record<EventKind, string>> = {
  call: '/events/call',
  summary: '/events/summary',
  recording: '/events/recording',
  record_added: '/events/record/added',
  callback_result: '/result/callback',
};
/** Events, talks and recordings of so long ago still say something. */
const LOOK_BACK = `interval '30 days'`;
/** A call that ended so long ago has its summary, or gets none. */
const SUMMARY_GRACE = `interval '3 minutes'`;
const CLOCK_SAMPLE = 20;
const SEEN_SAMPLE = 2000;

const ms = (at: Date | null | undefined): number | null => at?.getTime() ?? null;

async function lastOfKinds(db: Executor, integrationId: string): Promise<EventFacts['lastOf']> {
  const { rows } = await db.raw<{ rows: { path: string; at: Date | null }[] }>(
    `select path, (select received_at from inbox where source = 'pbx' and integration_id = ? and inbox.path = kind.path
       order by received_at desc limit 1) as at
     from unnest(cast(? as text[])) as kind (path)`,
    [integrationId, Object.values(PATHS)],
  );
  const of = (kind: EventKind): number | null => ms(rows.find(({ path }) => path === PATHS[kind])?.at);
  return {
    call: of('call'),
    summary: of('summary'),
    recording: of('recording'),
    record_added: of('record_added'),
    callback_result: of('callback_result'),
  };
}

/** Since when the account has the key and the salt that it has. */
const KEYED_SINCE = `(select greatest(i.created_at, (select max(a.at) from audit_log a
    where a.action = 'integration.changed' and a.subject = cast(i.id as text)
      and jsonb_exists_any(a.detail->'properties', array['apiKey', 'apiSalt'])))
  from integrations i where i.id = cast(:integrationId as uuid))`;

/**
 * The newest refused request with this account's key; if there is none since the last good event, with a key that nobody here has: whoever
 * has no key must not hide what is wrong with the account's own. What was entered since then decides.
 */
async function lastRefused(db: Executor, integrationId: string, lastAcceptedAt: number | null): Promise<RefusedFacts | null> {
  const row = (await db('refused_events')
    .where((either) => void either.where({ integration_id: integrationId }).orWhereNull('integration_id'))
    .whereRaw(`at > ${KEYED_SINCE}`, { integrationId })
    .orderByRaw('integration_id is not null and at > to_timestamp(? / 1000.0) desc', [lastAcceptedAt ?? 0])
    .orderBy('id', 'desc')
    .first('at', 'reason', 'integration_id', 'address', db.raw(`detail->>'why' as why`))) as
    { at: Date; reason: string; integration_id: string | null; address: string | null; why: string | null } | undefined;
  return row
    ? {
        at: row.at.getTime(),
        reason: row.reason,
        isOurs: row.integration_id === integrationId,
        address: row.address?.replace(/^::ffff:/, '') ?? null,
        why: row.why,
      }
    : null;
}

/** The event's own time (seconds, or milliseconds as some kinds write it) minus the time it came. */
async function clockOffsets(db: Executor, integrationId: string): Promise<number[]> {
  const { rows } = await db.raw<{ rows: { timestamp: string; at: Date }[] }>(
    `select body->>'timestamp' as timestamp, received_at as at from inbox
     where source = 'pbx' and integration_id = ? and path = ? and body->>'timestamp' ~ '^[0-9]{9,13}$'
     order by received_at desc limit ?`,
    [integrationId, PATHS.call, CLOCK_SAMPLE],
  );
  return rows.map(({ timestamp, at }) => Number(timestamp) * (timestamp.length > 11 ? 1 : 1000) - at.getTime());
}

/** Calls of the last day whose legs have ended, and those of them that the PBX has summed up. */
async function endedCalls(db: Executor, integrationId: string): Promise<Pick<EventFacts, 'endedCalls' | 'summarizedCalls'>> {
  const { rows } = await db.raw<{ rows: { ended: string; summarized: string }[] }>(
    `with ended as (
       select entry from inbox where source = 'pbx' and integration_id = :integrationId and path = :path
         and received_at > now() - interval '1 day'
       group by entry having bool_or(body->>'call_state' = 'Disconnected') and max(received_at) < now() - ${SUMMARY_GRACE}
       order by max(received_at) desc limit 50)
     select count(*) as ended, count(*) filter (where exists (
       select from inbox where source = 'pbx' and integration_id = :integrationId and entry = ended.entry
         and path = :summary)) as summarized from ended`,
    { integrationId, path: PATHS.call, summary: PATHS.summary },
  );
  return { endedCalls: Number(rows[0]?.ended ?? 0), summarizedCalls: Number(rows[0]?.summarized ?? 0) };
}

export async function readEventFacts(db: Executor, integrationId: string): Promise<EventFacts> {
  const lastOf = await lastOfKinds(db, integrationId);
  const times = Object.values(lastOf).filter((at) => at !== null);
  const lastAcceptedAt = times.length > 0 ? Math.max(...times) : null;
  return {
    lastOf,
    lastAcceptedAt,
    refused: await lastRefused(db, integrationId, lastAcceptedAt),
    offsetsMs: await clockOffsets(db, integrationId),
    ...(await endedCalls(db, integrationId)),
  };
}

/** Employees that the last events name; groups stand in other fields, menus and queues are no people. */
async function extensionsSeen(db: Executor, integrationId: string): Promise<string[]> {
  const { rows } = await db.raw<{ rows: { extension: string }[] }>(
    `select distinct party->>'extension' as extension from (
       select body from inbox where source = 'pbx' and integration_id = ? and path = ? and received_at > now() - interval '7 days'
       order by received_at desc limit ?) as event,
       lateral (values (body->'from'), (body->'to')) as leg (party)
     where coalesce(body->>'location', 'abonent') = 'abonent' and coalesce(party->>'extension', '') <> ''`,
    [integrationId, PATHS.call, SEEN_SAMPLE],
  );
  return rows.map(({ extension }) => extension);
}

export async function readOperatorFacts(db: Executor, integrationId: string): Promise<OperatorFacts> {
  const { rows } = await db.raw<{
    rows: { read_at: Date | null; known: string[]; mapped: string; active: string; ignored: string }[];
  }>(
    `select i.operators_read_at as read_at, coalesce(array_agg(o.extension) filter (where o.id is not null), '{}') as known,
       count(o.agent_id) as mapped, count(a.id) filter (where a.deactivated_at is null) as active,
       count(*) filter (where o.ignored) as ignored
     from integrations i left join operators o on o.integration_id = i.id and o.present left join agents a on a.id = o.agent_id
     where i.id = ? group by i.id`,
    [integrationId],
  );
  const [row] = rows;
  return {
    readAt: ms(row?.read_at),
    known: row?.known ?? [],
    mapped: Number(row?.mapped ?? 0),
    mappedToActive: Number(row?.active ?? 0),
    ignored: Number(row?.ignored ?? 0),
    seen: await extensionsSeen(db, integrationId),
  };
}

export async function readRecordingFacts(db: Executor, integrationId: string): Promise<RecordingFacts> {
  const { rows } = await db.raw<{ rows: { talks: string }[] }>(
    `select count(*) as talks from conversations v join calls c on c.id = v.call_id
     where c.integration_id = ? and c.started_at > now() - ${LOOK_BACK} and v.outcome = 'talked'`,
    [integrationId],
  );
  const { rows: outcomes } = await db.raw<{ rows: RecordingFacts['outcomes'] }>(
    `select r.state, r.reason from recordings r join calls c on c.id = r.call_id
     where c.integration_id = ? and c.started_at > now() - ${LOOK_BACK} order by c.started_at desc, r.created_at desc limit 20`,
    [integrationId],
  );
  return { talks: Number(rows[0]?.talks ?? 0), outcomes };
}

/** What waits for delivery, in whatever account: the dispatcher serves them all. */
export async function readWaiting(db: Executor): Promise<MachineryFacts['waiting']> {
  const { rows } = await db.raw<{ rows: { count: string; oldest_ms: string | null }[] }>(
    `select count(*) as count, extract(epoch from now() - min(received_at)) * 1000 as oldest_ms
     from inbox where delivered_at is null and entry is not null`,
  );
  return { count: Number(rows[0]?.count ?? 0), oldestMs: Math.round(Number(rows[0]?.oldest_ms ?? 0)) };
}

/** Bad answers of the PBX young enough to matter to its lock-out. */
export async function readBadAnswers(db: Executor, integrationId: string, windowMs: number): Promise<BadAnswerFacts[]> {
  const { rows } = await db.raw<{ rows: { at: Date; kind: BadAnswerFacts['kind']; code: number | null; is_current: boolean }[] }>(
    `select at, kind, code, at > ${KEYED_SINCE} as is_current
     from pbx_invalid_requests where integration_id = cast(:integrationId as uuid) and kind <> 'not_found'
       and at > clock_timestamp() - :windowMs * interval '1 ms' order by at desc`,
    { integrationId, windowMs },
  );
  return rows.map(({ at, kind, code, is_current: isCurrent }) => ({ at: at.getTime(), kind, code, isCurrent }));
}
