import type { Config } from './config.ts';
import type { Db } from './pool.ts';
import type { Secrets } from './secrets.ts';

export type IntegrationKind = 'mango' | 'demo';

const ENSURE_LOCK = 7_282_003;

/**
 * Makes the account named in the environment (MANGO_API_KEY, MANGO_API_SALT, MANGO_API_URL) an integration like any other; runs at
 * each boot, in however many processes. A new key there is the same account with a new key, so that the mapping of operators stays.
 * Without the variables, an account that came from them stays and becomes an ordinary one. Returns its id, null where none is named.
 */
export async function ensureEnvironmentIntegration(
  db: Db,
  mango: Config['mango'],
  secrets: Secrets,
  as: { readonly kind: IntegrationKind; readonly name: string } = { kind: 'mango', name: 'Mango Office' },
): Promise<string | null> {
  return db.transaction(async (trx) => {
    await trx.raw('select pg_advisory_xact_lock(?)', [ENSURE_LOCK]);
    if (!mango) {
      await trx('integrations').where({ from_environment: true }).update({ from_environment: false });
      return null;
    }
    const hash = secrets.hashKey(mango.apiKey);
    const facts = {
      kind: as.kind,
      api_url: mango.apiUrl,
      api_key_encrypted: secrets.encrypt(mango.apiKey),
      api_salt_encrypted: secrets.encrypt(mango.apiSalt),
      api_key_hash: hash,
      from_environment: true,
    };
    const known = (await trx('integrations')
      .whereNull('removed_at')
      .whereRaw('(api_key_hash = ? or from_environment)', [hash])
      .orderByRaw('(api_key_hash = ?) desc, created_at', [hash])) as { id: string }[];
    const [first, ...others] = known.map(({ id }) => id);
    if (first === undefined) {
      const [made] = (await trx('integrations').insert({ ...facts, name: as.name }, ['id'])) as { id: string }[];
      return made?.id ?? null;
    }
    await trx('integrations').whereIn('id', others).update({ from_environment: false });
    await trx('integrations').where({ id: first }).update(facts);
    return first;
  });
}
