import pg from 'pg';
import type { Logger } from '../../db/log.ts';
import { entryNamed, type EntryKey } from '../../db/inbox.ts';
import type { Db } from '../../db/pool.ts';

const RECONNECT_MS = 2_000;

/** What an entry has that is new: a phone that rings, something that an agent or the service itself asks for, or anything else. */
export interface News {
  readonly key: EntryKey;
  readonly kind: 'ringing' | 'asked' | 'told';
}
const KINDS: Readonly<Record<string, News['kind']>> = { inbox: 'told', inbox_asked: 'asked', inbox_ringing: 'ringing' };

export interface InboxListener {
  stop(): Promise<void>;
}

/**
 * Calls `wake` with the news whenever rows were committed to the inbox, and once without any after each connection, as some may have
 * come while there was none. Only a hint: whoever listens also looks on their own.
 */
export function listenToInbox(db: Db, log: Logger, wake: (news?: News) => void): InboxListener {
  let stopped = false;
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;

  async function connect(): Promise<void> {
    const fresh = new pg.Client({
      ...(db.client.connectionSettings as pg.ClientConfig),
      application_name: 'trubka-listen',
      keepAlive: true,
    });
    client = fresh;
    fresh.on('notification', ({ channel, payload }) => {
      const key = entryNamed(payload ?? '');
      wake(key && { key, kind: KINDS[channel] ?? 'told' });
    });
    fresh.once('error', (error) => lost(fresh, error));
    fresh.once('end', () => lost(fresh, new Error('The connection ended')));
    try {
      await fresh.connect();
      for (const channel of Object.keys(KINDS)) await fresh.query(`listen ${channel}`);
      wake();
    } catch (error) {
      lost(fresh, error);
    }
  }

  function lost(which: pg.Client, error: unknown): void {
    if (stopped || which !== client) return;
    client = undefined;
    which.end().catch(() => undefined);
    log.warn({ err: error }, 'Lost the connection that listens to the inbox');
    timer = setTimeout(() => void connect(), RECONNECT_MS);
  }

  void connect();
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await client?.end().catch(() => undefined);
    },
  };
}
