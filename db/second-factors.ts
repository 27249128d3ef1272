import type { Executor, Transaction } from './pool.ts';

/** So many wrong codes in so many seconds, from wherever they come; then all wait. */
export const CODE_LIMIT = { failures: 10, seconds: 15 * 60 } as const;

export interface SecondFactorRow {
  readonly secret_encrypted: Buffer;
  readonly last_step: string;
  readonly failures: number;
  /** Of the present window of failures; 0 when a new one begins. */
  readonly wait_seconds: number;
}

/** Locked to the end of the transaction, so that one code is taken once and a hundred guesses at once are a hundred. */
export async function lockSecondFactor(trx: Transaction, agentId: string): Promise<SecondFactorRow | undefined> {
  const { rows } = await trx.raw<{ rows: SecondFactorRow[] }>(
    `select secret_encrypted, last_step, failures,
       greatest(ceil(extract(epoch from failures_since + make_interval(secs => ${CODE_LIMIT.seconds}) - now())), 0)::int as wait_seconds
     from second_factors where agent_id = ? for update`,
    [agentId],
  );
  return rows[0];
}

/** Begins an enrolment, or begins it anew: an earlier secret that was never proved is forgotten. Failures stay counted. */
export async function storeSecret(trx: Executor, agentId: string, secretEncrypted: Buffer): Promise<void> {
  await trx('second_factors')
    .insert({ agent_id: agentId, secret_encrypted: secretEncrypted })
    .onConflict('agent_id')
    .merge({ secret_encrypted: secretEncrypted, created_at: trx.fn.now(), last_step: 0 });
}

export async function noteTakenCode(trx: Executor, agentId: string, step?: number): Promise<void> {
  const taken = step === undefined ? {} : { last_step: step };
  await trx('second_factors')
    .where({ agent_id: agentId })
    .update({ failures: 0, ...taken });
}

export async function noteWrongCode(trx: Executor, agentId: string): Promise<void> {
  const begins = `failures_since < now() - make_interval(secs => ${CODE_LIMIT.seconds}) or failures = 0`;
  await trx('second_factors')
    .where({ agent_id: agentId })
    .update({
      failures: trx.raw(`case when ${begins} then 1 else failures + 1 end`),
      failures_since: trx.raw(`case when ${begins} then now() else failures_since end`),
    });
}

export async function switchOn(trx: Executor, agentId: string): Promise<void> {
  await trx('agents').where({ id: agentId }).update({ second_factor_at: trx.fn.now() });
}

/** Forgets secret and recovery codes; true if there was a second factor. */
export async function switchOff(trx: Executor, agentId: string): Promise<boolean> {
  await trx('recovery_codes').where({ agent_id: agentId }).delete();
  await trx('second_factors').where({ agent_id: agentId }).delete();
  return (await trx('agents').where({ id: agentId }).whereNotNull('second_factor_at').update({ second_factor_at: null })) === 1;
}

export async function replaceRecoveryCodes(trx: Executor, agentId: string, hashes: readonly Buffer[]): Promise<void> {
  await trx('recovery_codes').where({ agent_id: agentId }).delete();
  await trx('recovery_codes').insert(hashes.map((hash) => ({ agent_id: agentId, code_hash: hash })));
}

export async function takeRecoveryCode(trx: Executor, agentId: string, hash: Buffer): Promise<boolean> {
  const code = { agent_id: agentId, code_hash: hash };
  return (await trx('recovery_codes').where(code).whereNull('used_at').update({ used_at: trx.fn.now() })) === 1;
}

export async function countRecoveryCodes(db: Executor, agentId: string): Promise<number> {
  const [row] = (await db('recovery_codes').where({ agent_id: agentId }).whereNull('used_at').count('* as n')) as { n: string }[];
  return Number(row?.n ?? 0);
}
