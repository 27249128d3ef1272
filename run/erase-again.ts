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

const USAGE = `Say from which export of the destruction log; and, for lines that do not tell, whether texts are erased, too, or kept without names
and numbers:
npm run erase-again -- destruction-log.csv [erase|keep]`;

/**
 * After a restore from a backup older than an erasure the person is back. The destruction log's export, which was kept elsewhere, tells who
 * they are: each of them who is there is ordered to be erased anew, with their texts as before. Lines older than the column that tells of
 * texts go by `otherwise`; where that is needed and not given nothing is ordered.
 */
export async function eraseAgain(db: Db, csv: string, otherwise?: ErasureTexts): Promise<ErasedAgain> {
  const lines = erasuresIn(csv);
  const erasures = lines.flatMap(({ texts = otherwise, ...line }) => (texts ? [{ ...line, texts }] : []));
  const unsaid = lines.length - erasures.length;
  if (unsaid > 0) throw new StartError(`${unsaid} lines of this log do not say what became of texts.\n${USAGE}`);
  let [ordered, none] = [0, 0];
  for (const { customerId, reason, texts } of erasures) {
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

async function main(args: readonly string[]): Promise<void> {
  const [file, otherwise, ...more] = args;
  const isKnown = otherwise === undefined || otherwise === 'erase' || otherwise === 'keep';
  if (file === undefined || !isKnown || more.length > 0) throw new StartError(USAGE);
  const { databaseUrl, dataDir } = readStartConfig(process.env);
  const db = createPool(databaseUrl ?? embeddedUrls(join(dataDir, 'postgres')).databaseUrl, { max: 1 });
  try {
    const { ordered, none } = await eraseAgain(db, readFileSync(file, 'utf8'), otherwise);
    say(`${ordered} erasures are ordered again and under way; ${none} customers of the log are not there, or erased already.`);
  } finally {
    await db.destroy();
  }
}

await runAsProgram(import.meta.url, main);
