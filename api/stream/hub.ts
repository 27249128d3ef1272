import type { Response } from 'express';
import type { Logger } from '../../db/log.ts';
import type { Db } from '../../db/pool.ts';
import { livingSessions } from '../../db/sessions.ts';
import { maySee, type Viewer } from '../../db/visibility.ts';
import { ProblemError } from '../problems.ts';
import { followStream, isPast, readBacklog, type StreamRow } from './feed.ts';
import { advance, formatPosition, isTold, parsePosition, type Position } from './position.ts';

const HEARTBEAT_MS = 15_000;
/** A stream outlives its session by no more than this, whatever notice was lost. */
const SESSION_CHECK_MS = 4000;
/** Browsers of one person: the tabs of one share a stream, where the browser can. */
const STREAMS_PER_AGENT = 30;
/** Who leaves this much unread, or anything for so long, is too slow: the browser comes back by itself and resumes. */
const MAX_UNREAD_BYTES = 4_000_000;
const MAX_UNREAD_MS = 10_000;
/** A longer backlog is not worth telling: read everything anew. */
const MAX_BACKLOG_BYTES = 2_000_000;
const RETRY_MS = 2000;
/** Changes of other people's tickets are told together: the more browsers there are, the longer they wait, as each reads its lists anew then. */
const TOLD_TOGETHER_MS = { least: 250, most: 10_000, eachStream: 10 };
/** However many events come, the inspector is told so often at most. */
const INBOX_TOLD_MS = 250;

interface Connection {
  readonly response: Response;
  readonly sessionId: string;
  viewer: Viewer;
  /** Since when the network takes nothing more; null while it does. */
  fullSince: number | null;
  /** Until the backlog is out, what happens meanwhile waits here. */
  waiting: Frame[] | null;
  /** Rows that the backlog has told already and the live part is still to meet. */
  readonly told: Map<string, StreamRow>;
  /** What is not told yet, in order; the last change of a ticket says what those before it said. */
  readonly held: Map<string, Frame>;
}

interface Frame {
  readonly rowId: string;
  readonly text: string;
}

export interface EventHub {
  /** Answers a request with the stream; resolves when it is open. `lastEventId` that means nothing starts from now. */
  open(
    response: Response,
    subscriber: { readonly viewer: Viewer; readonly sessionId: string; readonly lastEventId: string | undefined },
  ): Promise<void>;
  readonly connections: number;
  close(): Promise<void>;
}

/** How long changes and recordings of other people's tickets wait to be told of together: a hundred browsers a second read their lists anew at most. */
export const togetherMs = (streams: number): number =>
  Math.min(TOLD_TOGETHER_MS.most, Math.max(TOLD_TOGETHER_MS.least, streams * TOLD_TOGETHER_MS.eachStream));

const TOLD_TOGETHER: ReadonlySet<string> = new Set(['ticket.changed', 'recording.ready']);

/** Of a ticket that is not the viewer's, nor was a moment before. */
const isAnothers = ({ type, assignee_id, left }: StreamRow, { agentId }: Viewer): boolean =>
  TOLD_TOGETHER.has(type) && assignee_id !== agentId && !left?.includes(agentId);

const frameOf = (row: StreamRow, position: Position): Frame => ({
  rowId: row.id,
  text: `id: ${formatPosition(position)}\nevent: ${row.type}\ndata: ${JSON.stringify(row.payload)}\n\n`,
});

/** Fans out what the database says to the tabs it concerns. One per process; no connection of the pool is held by a stream. */
export function createEventHub(options: { readonly db: Db; readonly databaseUrl: string; readonly logger: Logger }): EventHub {
  const { db, logger } = options;
  const byAgent = new Map<string, Set<Connection>>();
  let position: Position | undefined;
  let count = 0;

  const everyone = function* (): Generator<Connection> {
    for (const connections of byAgent.values()) yield* connections;
  };

  function drop(connection: Connection): void {
    const mine = byAgent.get(connection.viewer.agentId);
    if (!mine?.delete(connection)) return;
    count -= 1;
    if (mine.size === 0) byAgent.delete(connection.viewer.agentId);
  }

  function dropSlow(connection: Connection): void {
    const { response, fullSince } = connection;
    const tooLong = fullSince !== null && Date.now() - fullSince > MAX_UNREAD_MS;
    if (!tooLong && response.writableLength <= MAX_UNREAD_BYTES) return;
    drop(connection);
    response.destroy();
  }

  /** Whatever is written stands after what is held: the id of an event means that everything before it was told. */
  function write(connection: Connection, text: string): void {
    const { response, held } = connection;
    if (response.destroyed || response.writableEnded) return;
    const all = [...held.values()].map((frame) => frame.text).join('') + text;
    held.clear();
    if (!response.write(all) && connection.fullSince === null) {
      connection.fullSince = Date.now();
      response.once('drain', () => (connection.fullSince = null));
    }
    dropSlow(connection);
  }

  function tell(connection: Connection, frame: Frame, row?: StreamRow): void {
    if (connection.waiting) connection.waiting.push(frame);
    else if (connection.told.delete(frame.rowId)) return;
    else if (row && isAnothers(row, connection.viewer)) hold(connection, frame, JSON.stringify([row.type, row.payload]));
    else write(connection, frame.text);
  }

  let holdTimer: NodeJS.Timeout | undefined;
  function hold(connection: Connection, frame: Frame, what: string): void {
    connection.held.delete(what);
    connection.held.set(what, frame);
    holdTimer ??= setTimeout(() => {
      holdTimer = undefined;
      for (const one of everyone()) if (one.held.size > 0) write(one, '');
    }, togetherMs(count));
  }

  function end(connection: Connection): void {
    write(connection, 'event: session.ended\ndata: {}\n\n');
    drop(connection);
    connection.response.end();
  }

  function endSessions(row: StreamRow): void {
    const { sessionIds } = row.payload as { sessionIds: readonly string[] };
    for (const connection of [...(byAgent.get(row.agent_id ?? '') ?? [])])
      if (sessionIds.includes(connection.sessionId)) end(connection);
  }

  function concerned(row: StreamRow): Iterable<Connection> {
    if (row.agent_id !== null) return byAgent.get(row.agent_id) ?? [];
    return row.ticket_id === null ? everyone() : whoMaySee(row);
  }

  function* whoMaySee(row: StreamRow): Generator<Connection> {
    for (const connection of everyone()) {
      if (maySee(connection.viewer, row.assignee_id) || row.left?.includes(connection.viewer.agentId)) yield connection;
    }
  }

  function onRows(rows: readonly StreamRow[]): void {
    if (!position) return;
    const { steps, position: reached } = advance(position, rows);
    for (const [row, after] of steps) {
      if (row.type === 'session.ended') {
        endSessions(row);
        continue;
      }
      const frame = frameOf(row, after);
      for (const connection of concerned(row)) tell(connection, frame, row);
    }
    position = reached;
  }

  let inboxTimer: NodeJS.Timeout | undefined;
  /** No place in the stream: whoever misses it reads the list anew when they come back. */
  function onInbox(): void {
    inboxTimer ??= setTimeout(() => {
      inboxTimer = undefined;
      for (const connection of everyone()) {
        if (connection.viewer.role === 'admin' && !connection.waiting) write(connection, 'event: inbox.changed\ndata: {}\n\n');
      }
    }, INBOX_TOLD_MS);
  }

  const feed = followStream(
    options.databaseUrl,
    {
      onRows,
      onInbox,
      position: () => position,
      begin(now) {
        position = now;
      },
    },
    logger,
  );

  const heartbeat = setInterval(() => {
    const text = `: heartbeat\n${here()}event: stream.beat\ndata: {}\n\n`;
    for (const connection of everyone()) if (!connection.waiting) write(connection, text);
  }, HEARTBEAT_MS);

  async function checkSessions(): Promise<void> {
    const connections = [...everyone()];
    if (connections.length === 0) return;
    const living = await livingSessions(db, [...new Set(connections.map(({ sessionId }) => sessionId))]);
    for (const connection of connections) {
      dropSlow(connection);
      const viewer = living.get(connection.sessionId);
      if (viewer) connection.viewer = viewer;
      else end(connection);
    }
  }
  const sessionCheck = setInterval(() => {
    checkSessions().catch((error: unknown) => logger.warn({ err: error }, 'sessions of open streams cannot be checked'));
  }, SESSION_CHECK_MS);

  function register(connection: Connection): void {
    const { agentId } = connection.viewer;
    const mine = byAgent.get(agentId) ?? new Set();
    if (mine.size >= STREAMS_PER_AGENT) throw new ProblemError('too_many_streams', { retryAfterSeconds: 30 });
    byAgent.set(agentId, mine.add(connection));
    count += 1;
    connection.response.on('close', () => drop(connection));
  }

  const here = (): string => (position ? `id: ${formatPosition(position)}\n` : '');

  /** What was missed since `from`, as text; what the live part will meet again is remembered. */
  async function backlog(connection: Connection, from: Position): Promise<string> {
    const rows = (await isPast(db, from)) ? await readBacklog(db, from, connection.viewer) : undefined;
    let text = '';
    for (const [row, after] of advance(from, rows ?? []).steps) {
      text += frameOf(row, after).text;
      connection.told.set(row.id, row);
    }
    return rows && text.length <= MAX_BACKLOG_BYTES ? text : `${here()}event: stream.reset\ndata: {}\n\n`;
  }

  return {
    get connections() {
      return count;
    },
    async open(response, { viewer, sessionId, lastEventId }) {
      const connection: Connection = {
        response,
        sessionId,
        viewer,
        fullSince: null,
        waiting: [],
        told: new Map(),
        held: new Map(),
      };
      register(connection);
      try {
        const from = parsePosition(lastEventId);
        const missed = from ? await backlog(connection, from) : '';
        response.writeHead(200, {
          'Content-Type': 'text/event-stream; charset=utf-8',
          'Cache-Control': 'no-store',
          'X-Accel-Buffering': 'no',
        });
        const whose = `event: stream.open\ndata: ${JSON.stringify({ agentId: viewer.agentId })}\n\n`;
        write(connection, `retry: ${RETRY_MS}\n${from ? '' : here()}${whose}${missed}`);
      } catch (error) {
        drop(connection);
        throw error;
      }
      const waiting = connection.waiting ?? [];
      connection.waiting = null;
      for (const frame of waiting) tell(connection, frame);
      for (const row of connection.told.values()) if (position && isTold(position, row)) connection.told.delete(row.id);
    },
    async close() {
      clearInterval(heartbeat);
      clearInterval(sessionCheck);
      clearTimeout(inboxTimer);
      clearTimeout(holdTimer);
      for (const connection of [...everyone()]) connection.response.end();
      await feed.close();
    },
  };
}
