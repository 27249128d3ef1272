import type { Db, Executor, Transaction } from './pool.ts';
import { publish } from './stream.ts';

export type ErasureReason = 'request' | 'consent_withdrawn' | 'purpose_reached' | 'unlawful';
export type ErasureTexts = 'erase' | 'keep';

export interface ErasureRow {
  readonly id: string;
  readonly number: string;
  readonly customer_id: string;
  readonly reason: ErasureReason;
  readonly texts: ErasureTexts;
  readonly state: 'ordered' | 'blocked' | 'erasing' | 'checking' | 'done';
  readonly ordered_by: string | null;
  readonly ordered_at: Date;
  readonly blocked_at: Date | null;
  readonly finished_at: Date | null;
  readonly counts: Readonly<Record<string, number>>;
}

/** How much of each kind an erasure of this customer would reach. */
export interface ErasurePreview {
  readonly phones: number;
  /** Numbers that another customer has, too: these stay with that one. */
  readonly sharedPhones: number;
  readonly emails: number;
  readonly tickets: number;
  readonly messages: number;
  readonly calls: number;
  readonly recordings: number;
  readonly drafts: number;
  readonly openCalls: number;
}

/** Numbers by which a call, a ticket or an event may be this customer's without naming them. `:id` is the customer. */
const PHONES = `select phone from customer_phones where customer_id = :id
  union select phone from calls where customer_id = :id and phone is not null
  union select phone from tickets where customer_id = :id and phone is not null
  union select phone from conversations where customer_id = :id and phone is not null`;
const SHARED = `exists (select from customer_phones other join customers owner on owner.id = other.customer_id
  where other.phone = mine.phone and owner.id <> :id and owner.erased_at is null)`;
const OWN_PHONES = `select phone from (${PHONES}) mine where not ${SHARED}`;
const UNCLAIMED = `customer_id is null and phone in (${OWN_PHONES})`;

export async function previewErasure(db: Executor, customerId: string): Promise<ErasurePreview> {
  const { rows } = await db.raw<{ rows: ErasurePreview[] }>(
    `with their_calls as (select id, state from calls where customer_id = :id or ${UNCLAIMED}),
       their_tickets as (select id from tickets where customer_id = :id or ${UNCLAIMED})
     select (select count(*)::int from (${OWN_PHONES}) own) as phones,
       (select count(*)::int from (${PHONES}) mine where ${SHARED}) as "sharedPhones",
       (select count(*)::int from customer_emails where customer_id = :id) as emails,
       (select count(*)::int from their_tickets) as tickets,
       (select count(*)::int from messages where ticket_id in (select id from their_tickets)) as messages,
       (select count(*)::int from their_calls) as calls,
       (select count(*)::int from recordings where removed_at is null and call_id in (select id from their_calls)) as recordings,
       (select count(*)::int from drafts where call_id in (select id from their_calls)) as drafts,
       (select count(*)::int from their_calls where state <> 'over') as "openCalls"`,
    { id: customerId },
  );
  if (!rows[0]) throw new Error('Postgres returned no row for a preview');
  return rows[0];
}

/** The order, and its place in the inbox: whatever dies now, the dispatcher starts the workflow. Undefined: it is ordered already. */
export async function orderErasure(
  trx: Transaction,
  order: {
    readonly customerId: string;
    readonly reason: ErasureReason;
    readonly texts: ErasureTexts;
    /** Null: ordered by nobody who is signed in, but from the machine itself. */
    readonly agentId: string | null;
  },
): Promise<ErasureRow | undefined> {
  const { customerId: customer_id, reason, texts, agentId: ordered_by } = order;
  const [row] = (await trx('erasures')
    .insert({ customer_id, reason, texts, ordered_by })
    .onConflict('customer_id')
    .ignore()
    .returning('*')) as ErasureRow[];
  if (!row) return undefined;
  const key = `erasure:${row.id}`;
  await trx('inbox').insert({ source: 'system', key, entry: key, body: '{}' });
  return row;
}

export const findErasure = async (db: Executor, id: string): Promise<ErasureRow | undefined> =>
  (await db('erasures').where({ id }).first()) as ErasureRow | undefined;

export const findErasureOf = async (db: Executor, customerId: string): Promise<ErasureRow | undefined> =>
  (await db('erasures').where({ customer_id: customerId }).first()) as ErasureRow | undefined;

const MOST_UNDER_WAY = 100;
export const listErasuresUnderWay = async (db: Executor): Promise<ErasureRow[]> =>
  (await db('erasures').whereNot({ state: 'done' }).orderBy('ordered_at').limit(MOST_UNDER_WAY)) as ErasureRow[];

/** Erasures that should have a workflow: ordered, not done, and not on their way to one. */
export async function unfinishedErasures(db: Executor): Promise<readonly string[]> {
  const { rows } = await db.raw<{ rows: { id: string }[] }>(
    `select id from erasures where state <> 'done' and not exists (
       select from inbox i where i.entry = 'erasure:' || erasures.id and (i.delivered_at is null or i.delivered_at > now() - interval '20 seconds'))
     order by ordered_at limit ${MOST_UNDER_WAY}`,
  );
  return rows.map(({ id }) => id);
}

export async function lockErasure(trx: Transaction, id: string): Promise<ErasureRow> {
  const row = (await trx('erasures').where({ id }).forUpdate().first()) as ErasureRow | undefined;
  if (!row) throw new Error(`Erasure ${id} has no row`);
  return row;
}

export const pseudonymOf = (number: string): string => `Удалённый пользователь № ${number}`;

/**
 * From here on nobody finds the customer and nothing new becomes theirs: a call from their number makes another one. What is to be
 * looked for in other places is remembered until the end.
 */
export async function blockCustomer(trx: Transaction, erasure: ErasureRow): Promise<void> {
  const { id: erasureId, customer_id: id, number } = erasure;
  await trx('customers').where({ id }).forUpdate().first('id');
  const remember = (kind: string, sql: string) =>
    trx.raw(
      `insert into erasure_identifiers (erasure_id, kind, value)
       select cast(:erasureId as uuid), '${kind}', value from (${sql}) found (value) where value <> '' on conflict do nothing`,
      { erasureId, id },
    );
  await remember('phone', OWN_PHONES);
  await remember('shared_phone', `select phone from (${PHONES}) mine where ${SHARED}`);
  await remember('email', 'select email from customer_emails where customer_id = :id');
  await remember('name', 'select full_name from customers where id = :id');
  for (const table of ['calls', 'conversations', 'tickets']) {
    const own = `select value from erasure_identifiers where erasure_id = :erasureId and kind = 'phone'`;
    await trx.raw(`update ${table} set customer_id = :id where customer_id is null and phone in (${own})`, { erasureId, id });
  }
  const counts = await previewErasure(trx, id);
  await trx('customer_phones').where({ customer_id: id }).delete();
  await trx('customer_emails').where({ customer_id: id }).delete();
  await trx('customers')
    .where({ id })
    .update({ full_name: pseudonymOf(number), company: '', note: '', custom_fields: '{}', erased_at: trx.fn.now() });
  await trx('erasures')
    .where({ id: erasureId })
    .update({
      state: 'blocked',
      blocked_at: trx.fn.now(),
      counts: JSON.stringify({ profile: 1 }),
    });
  await addCounts(trx, erasureId, { phones: counts.phones + counts.sharedPhones, emails: counts.emails });
  await publish(trx, { type: 'customer.changed', agentId: null, payload: { customerId: id } });
}

/** Calls of the customer that go on, and whether one ended so lately that something of it may still come. */
export async function callsUnderWay(
  db: Executor,
  customerId: string,
): Promise<{ readonly open: number; readonly recent: boolean }> {
  const { rows } = await db.raw<{ rows: { open: number; recent: boolean }[] }>(
    `select count(*) filter (where state <> 'over')::int as open,
       coalesce(bool_or(state <> 'over' or coalesce(ended_at, started_at) > now() - interval '1 hour'), false) as recent
     from calls where customer_id = ? and merged_into is null`,
    [customerId],
  );
  return rows[0] ?? { open: 0, recent: false };
}

/** Whether this call's customer is erased or about to be: then what comes late is of no use to anybody. */
export async function isErased(db: Executor, callId: string): Promise<boolean> {
  const { rows } = await db.raw<{ rows: unknown[] }>(
    `select from calls call join erasures e on e.customer_id = call.customer_id
     where call.id = ? and e.state in ('checking', 'done')`,
    [callId],
  );
  return rows.length > 0;
}

/** Adds to what has been erased so far. */
export async function addCounts(trx: Transaction, id: string, more: Readonly<Record<string, number>>): Promise<void> {
  const row = await lockErasure(trx, id);
  const counts: Record<string, number> = { ...row.counts };
  for (const [kind, count] of Object.entries(more)) if (count > 0) counts[kind] = (counts[kind] ?? 0) + count;
  await trx('erasures')
    .where({ id })
    .update({ counts: JSON.stringify(counts) });
}

/** The end: the destruction log has its line, and by what the person was recognised is gone, too. */
export async function finishErasure(trx: Transaction, id: string): Promise<void> {
  const row = await lockErasure(trx, id);
  if (row.state === 'done') return;
  const agent = row.ordered_by
    ? ((await trx('agents').where({ id: row.ordered_by }).first('full_name')) as { full_name: string } | undefined)
    : undefined;
  const categories = Object.entries(row.counts).map(([category, count]) => ({ category, count }));
  await trx('destruction_log').insert({
    cause: 'erasure',
    reason: row.reason,
    subject_number: row.number,
    subject_id: row.customer_id,
    categories: JSON.stringify(categories),
    erasure_id: row.id,
    actor_id: row.ordered_by,
    actor_name: agent?.full_name ?? null,
    ordered_at: row.ordered_at,
    texts: row.texts,
  });
  await trx('erasure_identifiers').where({ erasure_id: id }).delete();
  await trx('erasures').where({ id }).update({ state: 'done', finished_at: trx.fn.now() });
}

export const setErasureState = (db: Db | Transaction, id: string, state: 'erasing' | 'checking'): Promise<number> =>
  db('erasures').where({ id }).whereNot({ state: 'done' }).update({ state }) as unknown as Promise<number>;
