import type { Executor, Transaction } from './pool.ts';

/** An operator as the PBX lists one. */
export interface ListedOperator {
  readonly extension: string;
  readonly fullName: string;
  readonly email: string | null;
  readonly devices: readonly object[];
}

/**
 * Takes over what the PBX says of its operators. Whom we mapped or ignored stays so; whoever is listed no more stays as a row that
 * is not present, because calls of the past name them.
 */
export async function storeOperators(
  trx: Transaction,
  integrationId: string,
  operators: readonly ListedOperator[],
): Promise<void> {
  // One order for everybody: two readings at once wait for each other instead of deadlocking.
  const ordered = operators.toSorted((a, b) => (a.extension < b.extension ? -1 : 1));
  for (const { extension, fullName, email, devices } of ordered) {
    await trx.raw(
      `insert into operators as o (integration_id, extension, full_name, email, devices)
       values (:integrationId, :extension, :fullName, :email, cast(:devices as jsonb))
       on conflict (integration_id, extension) do update
         set full_name = excluded.full_name, email = excluded.email, devices = excluded.devices, present = true, updated_at = now()
         where (o.full_name, o.email, o.devices, o.present)
           is distinct from (excluded.full_name, excluded.email, excluded.devices, true)`,
      { integrationId, extension, fullName, email, devices: JSON.stringify(devices) },
    );
  }
  await trx('operators')
    .where({ integration_id: integrationId, present: true })
    .whereNotIn(
      'extension',
      ordered.map(({ extension }) => extension),
    )
    .update({ present: false, updated_at: trx.fn.now() });
  await trx('integrations').where({ id: integrationId }).update({ operators_read_at: trx.fn.now() });
}

/**
 * Accounts whose list of operators is old, or whose calls name an extension that came up since it was read. Whoever's last request the PBX
 * called invalid is left alone: a person has to mend key and salt first.
 */
export async function accountsWithStaleOperators(db: Executor): Promise<string[]> {
  const { rows } = await db.raw<{ rows: { id: string }[] }>(
    `select i.id from integrations i
     where i.removed_at is null and length(i.api_key_encrypted) > 0
       and not exists (select from pbx_invalid_requests b where b.integration_id = i.id and b.kind <> 'not_found' and b.at > now() - interval '1 hour')
       and (coalesce(i.operators_read_at, '-infinity') < now() - interval '6 hours'
         or (i.operators_read_at < now() - interval '5 minutes' and exists (
           select from inbox e, lateral (values (e.body->'from'), (e.body->'to')) as leg (party)
           where e.source = 'pbx' and e.integration_id = i.id and e.path = '/events/call' and e.received_at > i.operators_read_at
             and coalesce(e.body->>'location', 'abonent') = 'abonent' and coalesce(party->>'extension', '') <> ''
             and not exists (select from operators o where o.integration_id = i.id and o.present
               and ltrim(o.extension, '0') = ltrim(party->>'extension', '0')))))
     order by i.id`,
  );
  return rows.map(({ id }) => id);
}

export interface OperatorView {
  readonly id: string;
  readonly integrationId: string;
  readonly extension: string;
  readonly fullName: string;
  readonly email: string | null;
  readonly devices: unknown[];
  readonly agentId: string | null;
  readonly ignored: boolean;
  /** The agent with the same e-mail, else the only one of the same name; null once somebody decided. */
  readonly suggestedAgentId: string | null;
  readonly present: boolean;
}

/** As people write names: capitals, «ё» and spaces play no part. */
const NAME_SQL = (alias: string): string =>
  `lower(replace(replace(trim(regexp_replace(${alias}.full_name, '\\s+', ' ', 'g')), 'ё', 'е'), 'Ё', 'Е'))`;

const VIEW_SQL = `
  select o.id, o.integration_id as "integrationId", o.extension, o.full_name as "fullName", o.email, o.devices,
    o.agent_id as "agentId", o.ignored, o.present,
    case when o.agent_id is null and not o.ignored then coalesce(
      (select a.id from agents a where lower(a.email) = lower(trim(o.email)) and a.deactivated_at is null),
      (select case when count(*) = 1 then min(cast(a.id as text)) end from agents a
        where ${NAME_SQL('a')} = ${NAME_SQL('o')} and trim(o.full_name) <> '' and a.deactivated_at is null)::uuid
    ) end as "suggestedAgentId"
  from operators o
  join integrations i on i.id = o.integration_id and i.removed_at is null`;

/** Operators of the accounts that are connected, or of one of them: those present first, by extension. */
export async function listOperators(db: Executor, integrationId?: string): Promise<OperatorView[]> {
  const { rows } = await db.raw<{ rows: OperatorView[] }>(
    `${VIEW_SQL} ${integrationId === undefined ? '' : 'where o.integration_id = ?'}
     order by o.integration_id, o.present desc, length(o.extension), o.extension`,
    integrationId === undefined ? [] : [integrationId],
  );
  return rows;
}

export async function findOperator(db: Executor, id: string): Promise<OperatorView | undefined> {
  const { rows } = await db.raw<{ rows: OperatorView[] }>(`${VIEW_SQL} where o.id = ?`, [id]);
  return rows[0];
}

export type OperatorPatch = { readonly agentId?: string | null | undefined; readonly ignored?: boolean | undefined };

/** Maps an operator or ignores its calls; one ends the other. Undefined: no such operator. `agent_not_found`: nobody to map to. */
export async function patchOperator(
  trx: Transaction,
  id: string,
  change: OperatorPatch,
): Promise<OperatorView | 'agent_not_found' | undefined> {
  if (!(await findOperator(trx, id))) return undefined;
  const { agentId, ignored } = change;
  if (typeof agentId === 'string') {
    const agent: unknown = await trx('agents').where({ id: agentId }).whereNull('deactivated_at').forShare().first('id');
    if (!agent) return 'agent_not_found';
  }
  await trx('operators')
    .where({ id })
    .update({
      ...(ignored === true ? { ignored: true, agent_id: null } : {}),
      ...(ignored === false ? { ignored: false } : {}),
      ...(typeof agentId === 'string' ? { agent_id: agentId, ignored: false } : {}),
      ...(agentId === null ? { agent_id: null } : {}),
      updated_at: trx.fn.now(),
    });
  return findOperator(trx, id);
}
