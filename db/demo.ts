import type { Db } from './pool.ts';

/** The integration of the demo PBX that is connected, if one is. */
export async function findDemoIntegration(db: Db): Promise<string | undefined> {
  const row = (await db('integrations').where({ kind: 'demo' }).whereNull('removed_at').first('id')) as
    { id: string } | undefined;
  return row?.id;
}

/** Whom the operators of an integration are mapped to, by extension. */
export async function agentsByExtension(db: Db, integrationId: string): Promise<Map<string, { id: string; fullName: string }>> {
  const rows = (await db('operators as o')
    .join('agents as a', 'a.id', 'o.agent_id')
    .where({ 'o.integration_id': integrationId })
    .whereNull('a.deactivated_at')
    .select('o.extension', 'a.id', 'a.full_name')) as { extension: string; id: string; full_name: string }[];
  return new Map(rows.map(({ extension, id, full_name }) => [extension, { id, fullName: full_name }]));
}

/** The names of those who have one of these numbers, by number. */
export async function namesByPhone(db: Db, phones: readonly string[]): Promise<Map<string, string[]>> {
  const rows = (await db('customer_phones as p')
    .join('customers as c', 'c.id', 'p.customer_id')
    .whereIn('p.phone', phones)
    .orderBy('c.full_name')
    .select('p.phone', 'c.full_name')) as { phone: string; full_name: string }[];
  const names = new Map<string, string[]>();
  for (const { phone, full_name } of rows) names.set(phone, [...(names.get(phone) ?? []), full_name]);
  return names;
}
