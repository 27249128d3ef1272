import { randomUUID } from 'node:crypto';
import type { Db } from '../../db/pool.ts';
import { createLogger } from '../../db/log.ts';
import type { TelephonyPort } from '../../activities/telephony/port.ts';
import { createTelephony, type TelephonyDeps } from '../../activities/telephony/telephony.ts';
import { KEY, SALT, startFakeMango, type FakeMango } from './fake-mango.ts';

export interface OpenMango {
  readonly mango: FakeMango;
  readonly port: TelephonyPort;
  readonly integrationId: string;
}

/** The real adapter, connected to a fake Mango on loopback, with an account and therefore a quota of its own. */
export async function createOpenMango(
  db: Db,
  more: Partial<TelephonyDeps> & { readonly salt?: string; readonly integrationId?: string; readonly mango?: FakeMango } = {},
): Promise<OpenMango> {
  const mango = more.mango ?? (await startFakeMango());
  const integrationId = more.integrationId ?? randomUUID();
  const telephony = createTelephony({
    db,
    log: createLogger('test', { level: 'silent' }),
    decryptSecret: String,
    reports: { pollMs: 10, basicPollMs: 10, readyWithinMs: 5_000 },
    ...more,
  });
  const port = telephony.forAccount({ integrationId, apiUrl: mango.url, key: KEY, salt: more.salt ?? SALT, isTrusted: true });
  return { mango, port, integrationId };
}
