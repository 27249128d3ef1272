import type { Db } from '../../../db/pool.ts';
import type { TelephonyPort } from '../port.ts';
import type { MangoClient } from './client.ts';
import { callback, hangUp } from './commands.ts';
import { DOWNLOAD_LIMITS, openRecording, type DownloadLimits } from './recordings.ts';
import { fetchCalls, REPORT_TIMING, type ReportTiming } from './statistics.ts';
import { listOperators } from './users.ts';

/** Mango Office behind the telephony port; the demo PBX speaks the same protocol. */
export function createMangoTelephony(deps: {
  readonly db: Db;
  readonly client: MangoClient;
  readonly integrationId: string;
  readonly download?: Partial<DownloadLimits>;
  readonly reports?: Partial<ReportTiming>;
}): TelephonyPort {
  const { db, client, integrationId } = deps;
  return {
    listOperators: () => listOperators(client),
    callback: (order) => callback(db, client, integrationId, order),
    hangUp: (order) => hangUp(client, order),
    openRecording: (recordingId, options) =>
      openRecording(client, recordingId, { ...DOWNLOAD_LIMITS, ...deps.download }, options?.signal),
    fetchCalls: (from, to) => fetchCalls(client, from, to, { ...REPORT_TIMING, ...deps.reports }),
    async checkConnection() {
      const operators = await listOperators(client);
      return operators.outcome === 'accepted' ? { outcome: 'accepted', value: { operators: operators.value.length } } : operators;
    },
  };
}
