import type { Executor, Transaction } from './pool.ts';

export interface AgentRow {
  readonly id: string;
  readonly full_name: string;
  readonly email: string;
  readonly role: 'agent' | 'admin';
  readonly access: 'all' | 'own';
  readonly team: string | null;
  readonly password_hash: string | null;
  readonly second_factor_at: Date | null;
  readonly preferences: Record<string, unknown>;
  readonly created_at: Date;
  readonly deactivated_at: Date | null;
}

export const listAgents = async (db: Executor): Promise<AgentRow[]> =>
  (await db('agents').orderByRaw('deactivated_at is not null, lower(full_name), id')) as AgentRow[];

export const findAgent = async (db: Executor, id: string): Promise<AgentRow | undefined> =>
  (await db('agents').where({ id }).first()) as AgentRow | undefined;

export const findAgentByEmail = async (db: Executor, email: string): Promise<AgentRow | undefined> =>
  (await db('agents').whereRaw('lower(email) = lower(?)', [email]).first()) as AgentRow | undefined;

export const lockAgent = async (trx: Transaction, id: string): Promise<AgentRow | undefined> =>
  (await trx('agents').where({ id }).forUpdate().first()) as AgentRow | undefined;

export interface AgentValues {
  readonly full_name?: string;
  readonly email?: string;
  readonly role?: AgentRow['role'];
  readonly access?: AgentRow['access'];
  readonly team?: string | null;
  readonly password_hash?: string;
  readonly deactivated_at?: Date | null;
}

export async function insertAgent(trx: Executor, values: AgentValues): Promise<AgentRow> {
  const [row] = (await trx('agents').insert(values).returning('*')) as AgentRow[];
  if (!row) throw new Error('Postgres returned no row for a new agent');
  return row;
}

export async function updateAgent(trx: Executor, id: string, values: AgentValues): Promise<AgentRow> {
  const [row] = (await trx('agents').where({ id }).update(values).returning('*')) as AgentRow[];
  if (!row) throw new Error(`Agent ${id} vanished while it was changed`);
  return row;
}

/** Whether somebody other than `id` can administer. Locks those who can, so that two admins cannot dismiss each other at once. */
export async function hasOtherAdmin(trx: Transaction, id: string): Promise<boolean> {
  const admins = (await trx('agents')
    .where({ role: 'admin' })
    .whereNull('deactivated_at')
    .whereNotNull('password_hash')
    .orderBy('id')
    .forUpdate()
    .select('id')) as { id: string }[];
  return admins.some((admin) => admin.id !== id);
}

/** Merged key by key; null removes a key. */
export async function mergePreferences(
  db: Executor,
  id: string,
  change: Readonly<Record<string, unknown>>,
): Promise<Record<string, unknown>> {
  const removed = Object.keys(change).filter((key) => change[key] === null);
  const [row] = (await db('agents')
    .where({ id })
    .update({ preferences: db.raw('(preferences || ?::jsonb) - ?::text[]', [JSON.stringify(change), removed]) })
    .returning(['preferences'])) as { preferences: Record<string, unknown> }[];
  return row?.preferences ?? {};
}

/** The calls of a PBX operator whose agent has left are nobody's. */
export async function releaseOperators(trx: Executor, agentId: string): Promise<string[]> {
  const rows = (await trx('operators')
    .where({ agent_id: agentId })
    .update({ agent_id: null, updated_at: trx.fn.now() })
    .returning(['id'])) as {
    id: string;
  }[];
  return rows.map((row) => row.id);
}
