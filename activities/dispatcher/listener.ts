import pg from 'pg';
import type { Logger } from '../../db/log.ts';
import { entryNamed, INBOX_CHANNELS, type EntryKey } from '../../db/inbox.ts';
import type { Db } from '../../db/pool.ts';

const RECONNECT_MS = 2_000;

/** An entry has something new. */
export interface News {
  readonly key: EntryKey;
  /** Perhaps a phone that rings. */
  readonly rings: boolean;
  /** An agent, or the service itself, asks for something. */
  readonly asked: boolean;
}

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
      wake(key && { key, rings: channel === 'inbox_ringing', asked: channel === 'inbox_asked' });
    });
    fresh.once('error', (error) => lost(fresh, error));
    fresh.once('end', () => lost(fresh, new Error('The connection ended')));
    try {
      await fresh.connect();
      await fresh.query(INBOX_CHANNELS.map((channel) => `listen ${channel}`).join('; '));
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
