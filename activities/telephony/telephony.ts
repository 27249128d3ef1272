import type { Db } from '../../db/pool.ts';
import type { Logger } from '../../db/log.ts';
import { createMangoTelephony } from './mango/adapter.ts';
import { createMangoClient, type MangoAccount, type MangoTiming } from './mango/client.ts';
import type { DownloadLimits } from './mango/recordings.ts';
import type { ReportTiming } from './mango/statistics.ts';
import type { TelephonyPort } from './port.ts';

/** Opens the PBX account of an integration. */
export interface Telephony {
  /** Key, salt and address are read anew for each request, so that a change in the settings holds from the next one on. */
  forIntegration(integrationId: string): TelephonyPort;
  /** An account that is not stored yet: the self-test of what an admin has just typed. Its quota is the integration's own. */
  forAccount(account: MangoAccount): TelephonyPort;
}

export interface TelephonyDeps {
  readonly db: Db;
  readonly log: Logger;
  readonly decryptSecret: (stored: Buffer) => string;
  /** The address that the environment names, which may be a private one. */
  readonly trustedApiUrl?: string | undefined;
  readonly timing?: Partial<MangoTiming>;
  readonly download?: Partial<DownloadLimits>;
  readonly reports?: Partial<ReportTiming>;
}

export function createTelephony(deps: TelephonyDeps): Telephony {
  const { db, log } = deps;

  function forAccount(account: MangoAccount): TelephonyPort {
    const client = createMangoClient({ db, log, account, ...(deps.timing ? { timing: deps.timing } : {}) });
    return createMangoTelephony({
      db,
      client,
      integrationId: account.integrationId,
      ...(deps.download ? { download: deps.download } : {}),
      ...(deps.reports ? { reports: deps.reports } : {}),
    });
  }

  function forIntegration(integrationId: string): TelephonyPort {
    /** Asks the account as it is stored now; an integration that was removed is asked nothing. */
    const asked =
      <Args extends readonly unknown[], Result>(request: (port: TelephonyPort, ...args: Args) => Promise<Result>) =>
      async (...args: Args) => {
        const account = await findAccount(db, integrationId, deps);
        return account ? request(forAccount(account), ...args) : NOT_CONFIGURED;
      };
    return {
      listOperators: asked((port) => port.listOperators()),
      callback: asked((port, order) => port.callback(order)),
      hangUp: asked((port, order) => port.hangUp(order)),
      openRecording: asked((port, recordingId, options) => port.openRecording(recordingId, options)),
      fetchCalls: asked((port, from, to) => port.fetchCalls(from, to)),
      checkConnection: asked((port) => port.checkConnection()),
    };
  }

  return { forIntegration, forAccount };
}

const NOT_CONFIGURED = { outcome: 'refused', code: null, word: 'not_configured' } as const;

interface IntegrationRow {
  readonly kind: 'mango' | 'demo';
  readonly api_url: string;
  readonly api_key_encrypted: Buffer;
  readonly api_salt_encrypted: Buffer;
  readonly from_environment: boolean;
}

async function findAccount(
  db: Db,
  integrationId: string,
  { decryptSecret: decrypt, trustedApiUrl }: Pick<TelephonyDeps, 'decryptSecret' | 'trustedApiUrl'>,
): Promise<MangoAccount | null> {
  const row = (await db('integrations').where({ id: integrationId, removed_at: null }).first()) as IntegrationRow | undefined;
  if (!row) return null;
  return {
    integrationId,
    apiUrl: row.api_url,
    key: decrypt(row.api_key_encrypted),
    salt: decrypt(row.api_salt_encrypted),
    isTrusted: row.from_environment || row.kind === 'demo' || row.api_url === trustedApiUrl,
  };
}
