import pg from 'pg';
import type { Logger } from '../../db/log.ts';
import { INBOX_CHANNELS } from '../../db/inbox.ts';
import { GENERIC_PLANS, type Executor } from '../../db/pool.ts';
import { INSPECTOR_CHANNEL } from '../../db/inspector.ts';
import { ticketVisible, type Viewer } from '../../db/visibility.ts';
import type { Placed, Position } from './position.ts';

export interface StreamRow extends Placed {
  readonly agent_id: string | null;
  readonly ticket_id: string | null;
  readonly type: string;
  readonly payload: unknown;
  readonly assignee_id: string | null;
  /** Whose the ticket was until a moment before: they have to hear that it is gone. */
  readonly left: readonly string[] | null;
}

const COLUMNS = `e.id::text, e.xid::text, e.xid < pg_snapshot_xmin(pg_current_snapshot()) as settled,
  e.agent_id, e.ticket_id, e.type, e.payload, t.assignee_id`;
const LEFT = `case when e.type = 'ticket.changed' then (select array_agg(te.from_value) from ticket_events te
  where te.ticket_id = e.ticket_id and te.type = 'assigned' and te.at between e.at - interval '10 seconds' and e.at) end`;
const PAGE = 2000;
const RECONNECT_MS = 500;
/** NOTIFY is the wake-up, looking is the truth. */
const LOOK_MS = 2000;

/** What of a backlog one agent may be told; undefined where it is more than is worth telling. */
export async function readBacklog(db: Executor, from: Position, viewer: Viewer): Promise<StreamRow[] | undefined> {
  const visible = ticketVisible(viewer);
  const { rows } = await db.raw<{ rows: StreamRow[] }>(
    `select ${COLUMNS} from stream_events e left join tickets t on t.id = e.ticket_id
     where (e.xid, e.id) > (?::xid8, ?::bigint) and e.type <> 'session.ended'
       and (e.agent_id = ? or (e.agent_id is null and (e.ticket_id is null or ${visible.sql})))
     order by e.xid, e.id limit ${PAGE + 1}`,
    [from.xid.toString(), from.id.toString(), viewer.agentId, ...visible.bindings],
  );
  return rows.length > PAGE ? undefined : rows;
}

/** False for a position of another database, or of one restored from a backup: its transactions lie in the future. */
export async function isPast(db: Executor, position: Position): Promise<boolean> {
  const { rows } = await db.raw<{ rows: { past: boolean }[] }>(
    'select ?::xid8 < pg_snapshot_xmax(pg_current_snapshot()) as past',
    [position.xid.toString()],
  );
  return rows[0]?.past ?? false;
}

export interface Feed {
  close(): Promise<void>;
}

export interface FeedListener {
  /** All rows visible after the present position. */
  onRows(rows: readonly StreamRow[]): void;
  position(): Position | undefined;
  /** Called once, with where the stream stands now. */
  begin(position: Position): void;
  /** Events of the PBX, or their fate: of interest to the inspector only. */
  onInbox(): void;
}

/** Follows `stream_events` over one connection of its own, come what may; the pool's connections stay free for requests. */
export function followStream(databaseUrl: string, listener: FeedListener, logger: Logger): Feed {
  let client: pg.Client | undefined;
  let closed = false;
  let looking: Promise<void> | undefined;
  let again = false;
  let reconnect: NodeJS.Timeout | undefined;

  async function read(connection: pg.Client): Promise<void> {
    const from = listener.position();
    if (!from) return begin(connection);
    const rows: StreamRow[] = [];
    let after = { xid: from.xid.toString(), id: from.id.toString() };
    for (;;) {
      const page = await connection.query<StreamRow>({
        name: 'feed',
        text: `select ${COLUMNS}, ${LEFT} as left from stream_events e left join tickets t on t.id = e.ticket_id
         where (e.xid, e.id) > ($1::xid8, $2::bigint) order by e.xid, e.id limit ${PAGE}`,
        values: [after.xid, after.id],
      });
      rows.push(...page.rows);
      const last = page.rows.at(-1);
      if (!last || page.rows.length < PAGE) break;
      after = { xid: last.xid, id: last.id };
    }
    if (rows.length > 0 && !closed) listener.onRows(rows);
  }

  async function begin(connection: pg.Client): Promise<void> {
    const { rows } = await connection.query<{ xid: string }>('select pg_snapshot_xmin(pg_current_snapshot())::text as xid');
    listener.begin({ xid: BigInt(rows[0]?.xid ?? 0) - 1n, id: 2n ** 63n - 1n, beyond: new Set() });
  }

  function look(): void {
    if (closed || !client) return;
    again = true;
    looking ??= (async () => {
      while (again && client && !closed) {
        again = false;
        await read(client);
      }
    })()
      .catch((error: unknown) => {
        if (!closed) logger.warn({ err: error }, 'the event stream cannot be read; trying again');
        lost();
      })
      .finally(() => {
        looking = undefined;
      });
  }

  function lost(): void {
    const gone = client;
    client = undefined;
    gone?.removeAllListeners();
    gone?.on('error', () => undefined);
    gone?.end().catch(() => undefined);
    if (closed) return;
    clearTimeout(reconnect);
    reconnect = setTimeout(() => void connect(), RECONNECT_MS);
  }

  async function connect(): Promise<void> {
    const fresh = new pg.Client({
      connectionString: databaseUrl,
      application_name: 'trubka events',
      keepAlive: true,
      connectionTimeoutMillis: 5000,
      query_timeout: 20_000,
      options: GENERIC_PLANS,
    });
    fresh.on('error', () => client === fresh && lost());
    fresh.on('end', () => client === fresh && lost());
    fresh.on('notification', ({ channel }) => (channel === 'stream_events' ? look() : listener.onInbox()));
    try {
      await fresh.connect();
      const channels = ['stream_events', ...INBOX_CHANNELS, INSPECTOR_CHANNEL];
      await fresh.query(channels.map((channel) => `listen ${channel}`).join('; '));
    } catch (error) {
      fresh.removeAllListeners();
      fresh.on('error', () => undefined);
      fresh.end().catch(() => undefined);
      if (closed) return;
      logger.warn({ err: error }, 'the event stream has no database; trying again');
      reconnect = setTimeout(() => void connect(), RECONNECT_MS);
      return;
    }
    if (closed) return void fresh.end();
    client = fresh;
    look();
  }

  const timer = setInterval(look, LOOK_MS);
  const connecting = connect();
  return {
    async close() {
      closed = true;
      clearInterval(timer);
      clearTimeout(reconnect);
      await connecting;
      await looking;
      const open = client;
      client = undefined;
      await open?.end();
    },
  };
}
