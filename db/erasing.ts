import { subjectAfterErasure, withoutNumbers, withoutPerson, type Person } from '../domain/redaction.ts';
import type { TicketKind } from '../domain/tickets.ts';
import { addCounts, lockErasure, type ErasureRow } from './erasures.ts';
import type { Transaction } from './pool.ts';
import { storeRedacted } from './retention.ts';
import { publishTicketChanged } from './stream.ts';

const CALLS = 'select id from calls where customer_id = :customer';
const TICKETS = 'select id from tickets where customer_id = :customer';
const OWN = `select value from erasure_identifiers where erasure_id = :erasure and kind = 'phone'`;
/** The PBX writes digits only: one own number stands somewhere in the text of `column`. */
const namesNumber = (column: string): string =>
  `exists (select from erasure_identifiers known where known.erasure_id = :erasure and known.kind = 'phone'
     and ${column} like '%' || substr(known.value, 2) || '%')`;

interface Erasing {
  readonly trx: Transaction;
  readonly erasure: ErasureRow;
}

/** Runs one statement; `:customer`, `:erasure` and `:blockedAt` are known to all. How many rows it touched. */
async function run({ trx, erasure }: Erasing, sql: string): Promise<number> {
  const bindings = { customer: erasure.customer_id, erasure: erasure.id, blockedAt: erasure.blocked_at as Date };
  const { rowCount } = await trx.raw<{ rowCount: number }>(sql, bindings);
  return rowCount;
}

async function personOf({ trx, erasure }: Erasing): Promise<Person> {
  const rows = (await trx('erasure_identifiers').where({ erasure_id: erasure.id })) as { kind: string; value: string }[];
  const of = (kind: string): string[] => rows.filter((row) => row.kind === kind).map(({ value }) => value);
  return { names: of('name'), emails: of('email'), phones: [...of('phone'), ...of('shared_phone')] };
}

/** All that Postgres knows of the customer, in one transaction; a repeat finds nothing left and counts nothing. */
export async function eraseRows(trx: Transaction, erasureId: string): Promise<void> {
  const erasure = await lockErasure(trx, erasureId);
  if (erasure.state === 'done') return;
  const context: Erasing = { trx, erasure };
  const tickets = await eraseTickets(context);
  const messages = await eraseMessages(context);
  const calls = await eraseCalls(context);
  const rawEvents = await eraseEvents(context);
  const streamEvents = await eraseStream(context);
  await addCounts(trx, erasureId, { tickets, messages, calls, raw_events: rawEvents, stream_events: streamEvents });
}

async function eraseTickets(context: Erasing): Promise<number> {
  const { trx, erasure } = context;
  const rows = (await trx('tickets').where({ customer_id: erasure.customer_id }).orderBy('id').forUpdate()) as {
    id: string;
    subject: string;
    kind: TicketKind | null;
    phone: string | null;
  }[];
  const person = await personOf(context);
  let changed = 0;
  for (const { id, subject, kind, phone } of rows) {
    const next = erasure.texts === 'erase' ? subjectAfterErasure(kind) : withoutPerson(subject, person);
    if (next === subject && phone === null) continue;
    await trx('tickets').where({ id }).update({ subject: next, phone: null });
    await publishTicketChanged(trx, id);
    changed += 1;
  }
  await run(
    context,
    `update ticket_events set from_value = null, to_value = null
     where type = 'subject' and (from_value is not null or to_value is not null) and ticket_id in (${TICKETS})`,
  );
  return changed;
}

async function eraseMessages(context: Erasing): Promise<number> {
  if (context.erasure.texts === 'erase')
    return run(context, `update messages set body = '' where body <> '' and ticket_id in (${TICKETS})`);
  const person = await personOf(context);
  const { rows } = await context.trx.raw<{ rows: { id: string; body: string }[] }>(
    `select id, body from messages where body <> '' and ticket_id in (${TICKETS})`,
    { customer: context.erasure.customer_id },
  );
  const changed = rows
    .map(({ id, body }) => ({ id, before: body, body: withoutPerson(body, person) }))
    .filter(({ before, body }) => before !== body);
  for (const { id, body } of changed) await context.trx('messages').where({ id }).update({ body });
  return changed.length;
}

async function eraseCalls(context: Erasing): Promise<number> {
  await run(context, `delete from drafts where call_id in (${CALLS})`);
  await run(context, `update actions set body = '{}' where body <> '{}' and call_id in (${CALLS})`);
  await run(context, `update conversations set phone = null where phone is not null and customer_id = :customer`);
  await run(
    context,
    `delete from call_numbers n using calls c where c.id = n.call_id
       and (c.customer_id = :customer or (n.number in (${OWN}) and c.started_at <= :blockedAt))`,
  );
  return run(context, `update calls set phone = null where phone is not null and customer_id = :customer`);
}

/** Of the customer's calls whatever came, also without a place in a call; of others only what names the number and came before. */
async function eraseEvents(context: Erasing): Promise<number> {
  const { trx, erasure } = context;
  const { rows } = await trx.raw<{ rows: { id: string; body: unknown }[] }>(
    `select i.id, i.body from inbox i
     where i.redacted_at is null and i.source in ('pbx', 'reconcile') and i.delivered_at is not null and (
       exists (select from calls c where c.customer_id = :customer and c.integration_id = i.integration_id
         and c.entry_id in (i.entry, i.body ->> 'entry_id'))
       or (i.received_at <= :blockedAt and ${namesNumber('i.body::text')}))
     order by i.id for update`,
    { customer: erasure.customer_id, erasure: erasure.id, blockedAt: erasure.blocked_at as Date },
  );
  await storeRedacted(
    trx,
    rows.map(({ id, body }) => ({ id, body: withoutNumbers(body, () => 'erased') })),
  );
  await run(context, `delete from refused_events e where e.at <= :blockedAt and ${namesNumber('e.detail::text')}`);
  return rows.length;
}

const eraseStream = (context: Erasing): Promise<number> =>
  run(
    context,
    `delete from stream_events s where s.type <> 'ticket.changed' and (
       s.payload::text like '%' || :customer || '%' or s.payload ->> 'callId' in (select id::text from calls where customer_id = :customer)
       or (s.at <= :blockedAt and ${namesNumber('s.payload::text')}))`,
  );

/** Recordings of the customer's calls are gone from this commit on; their files are removed by their ids. */
export async function eraseRecordings(trx: Transaction, erasureId: string): Promise<string[]> {
  const erasure = await lockErasure(trx, erasureId);
  const { rows } = await trx.raw<{ rows: { id: string; removed_now: boolean }[] }>(
    `with theirs as (select r.id, r.removed_at is null as removed_now from recordings r where r.call_id in (${CALLS}) for update),
       gone as (update recordings r set state = 'unavailable', reason = 'erased', removed_at = coalesce(removed_at, now()),
         updated_at = now(), bytes = null, sha256 = null from theirs where r.id = theirs.id and theirs.removed_now)
     select id, removed_now from theirs`,
    { customer: erasure.customer_id },
  );
  await addCounts(trx, erasureId, { recordings: rows.filter((row) => row.removed_now).length });
  return rows.map(({ id }) => id);
}
