import type { Logger } from '../db/log.ts';
import { blockCustomer, callsUnderWay, findErasure, finishErasure, lockErasure, setErasureState } from '../db/erasures.ts';
import { eraseRecordings, eraseRows } from '../db/erasing.ts';
import { inTransaction, type Db } from '../db/pool.ts';
import { cutOldRows, redactOldEvents, removeOldRecordings } from '../db/retention.ts';
import type { Secrets } from '../db/secrets.ts';
import { readRetention } from '../db/settings.ts';
import type { PrivacySteps } from '../workflows/steps.ts';
import { createDiskStore } from './recordings/disk-store.ts';
import { recordingDirectory, type RecordingStore } from './recordings/store.ts';

export interface PrivacyDeps {
  readonly db: Db;
  readonly log: Logger;
  readonly dataDir: string;
  readonly secrets: Pick<Secrets, 'hashKey'>;
  readonly store?: RecordingStore;
}

/** What retention and erasure do, a step each. Whatever is done twice finds nothing left the second time. */
export function createPrivacySteps({ db, log, dataDir, secrets, store: given }: PrivacyDeps): PrivacySteps {
  const store = given ?? createDiskStore(recordingDirectory(dataDir));
  const removeFiles = async (ids: readonly string[]): Promise<void> => {
    for (const id of ids) await store.remove(id);
  };
  const hash = (number: string): string =>
    `#${secrets
      .hashKey(`number:${number.replace(/\D/g, '')}`)
      .toString('hex')
      .slice(0, 16)}`;

  return {
    async removeOldRecordings() {
      const { recordingRetentionDays: days } = await readRetention(db);
      if (days === null) return { count: 0, more: false };
      const { count, more } = await removeOldRecordings(db, days, (id) => store.remove(id));
      if (count > 0) log.info({ recordings: count }, 'Recordings removed as their term is over');
      return { count, more };
    },
    async redactOldEvents() {
      const { rawEventRetentionDays: days } = await readRetention(db);
      return days === null ? { count: 0, more: false } : redactOldEvents(db, days, hash);
    },
    cutOldRows: ({ kind }) => cutOldRows(db, kind),

    blockCustomer: ({ erasureId }) =>
      inTransaction(db, async (trx) => {
        const erasure = await lockErasure(trx, erasureId);
        if (erasure.state === 'ordered') await blockCustomer(trx, erasure);
      }),
    async callsUnderWay({ erasureId }) {
      const erasure = await findErasure(db, erasureId);
      if (!erasure) throw new Error(`Erasure ${erasureId} has no row`);
      return callsUnderWay(db, erasure.customer_id);
    },
    async eraseEverything({ erasureId, state }) {
      await setErasureState(db, erasureId, state);
      await inTransaction(db, (trx) => eraseRows(trx, erasureId));
      await removeFiles(await inTransaction(db, (trx) => eraseRecordings(trx, erasureId)));
    },
    async finishErasure({ erasureId }) {
      await inTransaction(db, (trx) => finishErasure(trx, erasureId));
      log.info({ erasureId }, 'A customer is erased');
    },
  };
}
