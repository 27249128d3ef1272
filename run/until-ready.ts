import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { StartError } from './console.ts';
import type { Service } from './supervise.ts';

/** A process that dies so often before it was ever ready has a fault that waiting does not mend. */
const DEATHS_TOO_MANY = 3;

/** Waits until `url` answers 200. Gives up, with its last words, on a process that keeps dying. */
export async function untilReady(url: string, service: Service): Promise<void> {
  for (;;) {
    if (await answers(url)) return;
    if (service.deaths >= DEATHS_TOO_MANY) {
      throw new StartError(
        `The ${service.name} does not start. Its last words, from ${service.log.path}:\n${service.log.lastLines().join('\n')}`,
      );
    }
    await delay(100);
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

/** A refusal of the server itself: wrong password, no such role or database. Waiting does not mend it. */
const REFUSED = /^(28|3D)/;
const UNREACHABLE = /^(ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOST|ENET|57P03)/;

/** A PostgreSQL that somebody else starts may still be at it; the wrong address or password is told at once. */
export async function untilReachable(databaseUrl: string): Promise<void> {
  const { host } = new URL(databaseUrl);
  const deadline = Date.now() + 15_000;
  for (;;) {
    const fault = await whyUnreachable(databaseUrl);
    if (!fault) return;
    if (REFUSED.test(fault.code)) throw new StartError(`PostgreSQL at ${host} refuses DATABASE_URL: ${fault.message}`);
    if (!UNREACHABLE.test(fault.code) || Date.now() > deadline) {
      throw new StartError(`No PostgreSQL answers at ${host}: is DATABASE_URL right? (${fault.message || fault.code})`);
    }
    await delay(250);
  }
}

async function whyUnreachable(databaseUrl: string): Promise<{ readonly code: string; readonly message: string } | undefined> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return undefined;
  } catch (error) {
    const { code = '', message } = error as { code?: string; message: string };
    return { code, message };
  } finally {
    await client.end().catch(() => undefined);
  }
}
