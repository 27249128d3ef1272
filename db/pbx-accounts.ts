import type { Executor, Transaction } from './pool.ts';
import type { Secrets } from './secrets.ts';

/** An integration as administration sees it: key and salt stay where they are. */
export interface PbxAccount {
  readonly id: string;
  readonly kind: 'mango' | 'demo';
  readonly name: string;
  readonly api_url: string;
  readonly from_environment: boolean;
  readonly created_at: Date;
  readonly last_event_at: Date | null;
  readonly operators_read_at: Date | null;
  readonly has_secret: boolean;
  readonly operators: { readonly total: number; readonly mapped: number; readonly ignored: number; readonly unmapped: number };
}

const ACCOUNT_SQL = `select i.id, i.kind, i.name, i.api_url, i.from_environment, i.created_at, i.last_event_at, i.operators_read_at,
    length(i.api_key_encrypted) > 0 as has_secret,
    (select jsonb_build_object('total', count(*), 'mapped', count(o.agent_id), 'ignored', count(*) filter (where o.ignored),
       'unmapped', count(*) filter (where o.agent_id is null and not o.ignored))
     from operators o where o.integration_id = i.id and o.present) as operators
  from integrations i where i.removed_at is null`;

export async function listAccounts(db: Executor): Promise<PbxAccount[]> {
  const { rows } = await db.raw<{ rows: PbxAccount[] }>(`${ACCOUNT_SQL} order by i.created_at, i.id`);
  return rows;
}

export async function findAccountById(db: Executor, id: string): Promise<PbxAccount | undefined> {
  const { rows } = await db.raw<{ rows: PbxAccount[] }>(`${ACCOUNT_SQL} and i.id = ?`, [id]);
  return rows[0];
}

export interface AccountValues {
  readonly name?: string | undefined;
  readonly apiUrl?: string | undefined;
  readonly apiKey?: string | undefined;
  readonly apiSalt?: string | undefined;
}

const columns = ({ name, apiUrl, apiKey, apiSalt }: AccountValues, secrets: Secrets) => ({
  ...(name === undefined ? {} : { name }),
  ...(apiUrl === undefined ? {} : { api_url: apiUrl }),
  ...(apiKey === undefined ? {} : { api_key_encrypted: secrets.encrypt(apiKey), api_key_hash: secrets.hashKey(apiKey) }),
  ...(apiSalt === undefined ? {} : { api_salt_encrypted: secrets.encrypt(apiSalt) }),
});

export async function insertAccount(trx: Transaction, values: Required<AccountValues>, secrets: Secrets): Promise<string> {
  const [row] = (await trx('integrations')
    .insert({ kind: 'mango', ...columns(values, secrets) })
    .returning(['id'])) as { id: string }[];
  if (!row) throw new Error('Postgres returned no row for a new integration');
  return row.id;
}

export async function updateAccount(trx: Transaction, id: string, values: AccountValues, secrets: Secrets): Promise<void> {
  const change = columns(values, secrets);
  if (Object.keys(change).length > 0) await trx('integrations').where({ id }).update(change);
}

/**
 * Its calls, operators and tickets stay; its key and salt go, and the PBX is not listened to any more. The key's keyed hash stays, to
 * tell what this PBX still sends from what a stranger does.
 */
export async function removeAccount(trx: Transaction, id: string): Promise<void> {
  const nothing = Buffer.alloc(0);
  await trx('integrations')
    .where({ id })
    .update({ removed_at: trx.fn.now(), api_key_encrypted: nothing, api_salt_encrypted: nothing });
}
