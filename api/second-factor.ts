import { randomInt } from 'node:crypto';
import { findAgent } from '../db/agents.ts';
import { recordAudit } from '../db/audit.ts';
import { inTransaction, type Transaction } from '../db/pool.ts';
import {
  CODE_LIMIT,
  lockSecondFactor,
  noteTakenCode,
  noteWrongCode,
  replaceRecoveryCodes,
  takeRecoveryCode,
  type SecondFactorRow,
} from '../db/second-factors.ts';
import type { ApiDeps } from './deps.ts';
import { ProblemError } from './problems.ts';
import { fromBase32, stepOf } from './totp.ts';

const RECOVERY_CODES = 10;
/** Letters and digits that nobody mistakes for one another; ten of them are some fifty bits. */
const ALPHABET = 'abcdefghjkmnpqrstuvwxyz23456789';
const letters = (count: number): string => Array.from({ length: count }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');

const plain = (code: string): string => code.replace(/[\s-]/g, '').toLowerCase();
const hashOf = (deps: ApiDeps, agentId: string, code: string): Buffer =>
  deps.secrets.hashKey(`recovery ${agentId} ${plain(code)}`);

/** New codes for when the authenticator is lost, each good once; earlier ones are void. They are shown this once. */
export async function makeRecoveryCodes(deps: ApiDeps, trx: Transaction, agentId: string): Promise<string[]> {
  const codes = Array.from({ length: RECOVERY_CODES }, () => `${letters(5)}-${letters(5)}`);
  await replaceRecoveryCodes(
    trx,
    agentId,
    codes.map((code) => hashOf(deps, agentId, code)),
  );
  return codes;
}

type Outcome = 'taken' | 'recovered' | 'wrong' | { readonly waitSeconds: number };

async function tryCode(deps: ApiDeps, trx: Transaction, agentId: string, row: SecondFactorRow, code: string): Promise<Outcome> {
  if (row.failures >= CODE_LIMIT.failures && row.wait_seconds > 0) return { waitSeconds: row.wait_seconds };
  const step = stepOf(fromBase32(deps.secrets.decrypt(row.secret_encrypted)), plain(code), new Date());
  // A code that was read over somebody's shoulder, or sent twice, has been used.
  if (step !== undefined && step > Number(row.last_step)) {
    await noteTakenCode(trx, agentId, step);
    return 'taken';
  }
  if (step === undefined && (await takeRecoveryCode(trx, agentId, hashOf(deps, agentId, code)))) {
    await noteTakenCode(trx, agentId);
    return 'recovered';
  }
  await noteWrongCode(trx, agentId);
  return 'wrong';
}

/** Takes a code of the authenticator, or a recovery code, once. What was wrong is counted whatever happens to the request. */
export async function takeCode(deps: ApiDeps, agentId: string, code: string, address: string): Promise<void> {
  const outcome = await inTransaction(deps.db, async (trx) => {
    const row = await lockSecondFactor(trx, agentId);
    if (!row) throw new ProblemError('second_factor_off');
    const result = await tryCode(deps, trx, agentId, row, code);
    if (result === 'recovered') await recordAudit(trx, { agentId, address, action: 'session.recovery_code_used' });
    if (result === 'wrong') await recordAudit(trx, { agentId, address, action: 'session.code_refused' });
    return result;
  });
  if (outcome === 'wrong') throw new ProblemError('wrong_code');
  if (typeof outcome === 'object') throw new ProblemError('too_many_attempts', { retryAfterSeconds: outcome.waitSeconds });
}

/** After the password: nobody who has a second factor comes in without it. */
export async function requireSecondFactor(
  deps: ApiDeps,
  agentId: string,
  code: string | undefined,
  address: string,
): Promise<void> {
  const agent = await findAgent(deps.db, agentId);
  if (!agent?.second_factor_at) return;
  if (code === undefined) throw new ProblemError('code_required');
  await takeCode(deps, agentId, code, address);
}
