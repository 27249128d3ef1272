import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createApiApp } from './api/app.ts';
import { createStatistics } from './api/statistics.ts';
import type { CallbackBehaviour } from './callback-desk.ts';
import { createCallbackDesk, untilInterrupted } from './callback-desk.ts';
import { createLimits } from './limits.ts';
import type { SwitchboardOptions } from './switchboard.ts';
import { createSwitchboard } from './switchboard.ts';

export interface DemoPbxOptions extends SwitchboardOptions {
  readonly callbacks?: Partial<CallbackBehaviour>;
  /** Enforce the documented quotas and the lock-out after invalid requests. */
  readonly limits?: boolean;
  readonly signedLinks?: boolean;
  readonly statistics?: { readonly readyAfterMs?: number; readonly lagSeconds?: number };
}

export type DemoPbx = ReturnType<typeof createDemoPbx>;

/** The PBX with both its directions: events to the product, commands from it. Command handlers run in the background. */
export function createDemoPbx(options: DemoPbxOptions) {
  const switchboard = createSwitchboard(options);
  const callbacks = createCallbackDesk(options.callbacks);
  const problems: unknown[] = [];
  const background = (work: () => Promise<void>): void =>
    void untilInterrupted(work).catch((error: unknown) => problems.push(error));
  const statistics = createStatistics({
    account: switchboard.account,
    log: switchboard.log,
    nowMs: Date.now,
    readyAfterMs: options.statistics?.readyAfterMs ?? 0,
    lagSeconds: options.statistics?.lagSeconds ?? 0,
    announce: (key, requestId) =>
      background(() => switchboard.send('/result/stat', { key, ...(requestId ? { request_id: requestId } : {}) })),
  });
  const app = createApiApp({
    switchboard,
    callbacks,
    background,
    statistics,
    limits: options.limits ? createLimits() : null,
    signedLinks: options.signedLinks ?? true,
  });
  let server: Server | null = null;

  return {
    ...switchboard,
    callbacks,
    /** What went wrong while nobody waited for it. */
    problems,
    /** Does something that nobody waits for; what goes wrong is kept in `problems`. */
    inBackground: background,
    /** The base address for the product's `MANGO_API_URL`. */
    get url(): string {
      return urlOf(server);
    },
    get targetUrl(): string {
      return switchboard.targetUrl;
    },
    /** The next callback ordered by the product; see `CallbackDesk.next`. */
    nextCallback: () => callbacks.next(),
    async start(port = 0, host = '127.0.0.1'): Promise<void> {
      server = await listen(createServer(app), port, host);
    },
    async stop(): Promise<void> {
      await switchboard.stop();
      if (server) await close(server);
      server = null;
    },
  };
}

export function listen(server: Server, port: number, host: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve(server));
  });
}

export function urlOf(server: Server | null): string {
  const address = server?.address() as AddressInfo | null | undefined;
  if (!address) throw new Error('The demo PBX is not started: call start() first');
  const host = address.address === '::' || address.address === '0.0.0.0' ? '127.0.0.1' : address.address;
  return `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`;
}

export function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve, reject) => server.close((error) => (error ? reject(error) : resolve())));
}
