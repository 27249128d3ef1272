import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { erasuresIn } from '../api/present/log-csv.ts';
import { recordAudit } from '../db/audit.ts';
import { readStartConfig } from '../db/config.ts';
import { lockCustomer } from '../db/customers.ts';
import { orderErasure, type ErasureTexts } from '../db/erasures.ts';
import { createPool, inTransaction, type Db } from '../db/pool.ts';
import { runAsProgram, say, StartError } from './console.ts';
import { embeddedUrls } from './postgres.ts';

export interface ErasedAgain {
  /** Erasures that are under way now. */
  readonly ordered: number;
  /** Customers whom this database does not know, or knows as erased. */
  readonly none: number;
}

/**
 * After a restore from a backup older than an erasure the person is back. The destruction log's export, which was kept elsewhere, tells who
 * they are: each of them who is there is ordered to be erased anew.
 */
export async function eraseAgain(db: Db, csv: string, texts: ErasureTexts): Promise<ErasedAgain> {
  let [ordered, none] = [0, 0];
  for (const { customerId, reason } of erasuresIn(csv)) {
    const isOrdered = await inTransaction(db, async (trx) => {
      if (!(await lockCustomer(trx, customerId))) return false;
      const row = await orderErasure(trx, { customerId, reason, texts, agentId: null });
      if (!row) return false;
      const detail = { erasureId: row.id, reason, texts, again: true };
      await recordAudit(trx, { agentId: null, address: null, action: 'customer.erasure_ordered', subject: customerId, detail });
      return true;
    });
    if (isOrdered) ordered += 1;
    else none += 1;
  }
  return { ordered, none };
}

const USAGE = `Say from which export of the destruction log, and whether texts are erased, too, or kept without names and numbers:
npm run erase-again -- destruction-log.csv erase|keep`;

async function main(args: readonly string[]): Promise<void> {
  const [file, texts, ...more] = args;
  if (file === undefined || (texts !== 'erase' && texts !== 'keep') || more.length > 0) throw new StartError(USAGE);
  const { databaseUrl, dataDir } = readStartConfig(process.env);
  const db = createPool(databaseUrl ?? embeddedUrls(join(dataDir, 'postgres')).databaseUrl, { max: 1 });
  try {
    const { ordered, none } = await eraseAgain(db, readFileSync(file, 'utf8'), texts);
    say(`${ordered} erasures are ordered again and under way; ${none} customers of the log are not there, or erased already.`);
  } finally {
    await db.destroy();
  }
}

await runAsProgram(import.meta.url, main);
