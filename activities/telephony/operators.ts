import { inTransaction, type Db } from '../../db/pool.ts';
import { storeOperators } from '../../db/operators.ts';
import type { Answer, TelephonyPort } from './port.ts';

/** Reads the operators from the PBX and keeps them. What the PBX did not tell changes nothing. */
export async function refreshOperators(
  db: Db,
  port: TelephonyPort,
  integrationId: string,
): Promise<Answer<{ readonly operators: number }>> {
  const answer = await port.listOperators();
  if (answer.outcome !== 'accepted') return answer;
  await inTransaction(db, (trx) => storeOperators(trx, integrationId, answer.value));
  return { outcome: 'accepted', value: { operators: answer.value.length } };
}
