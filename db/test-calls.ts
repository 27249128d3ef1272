import type { TestCallFacts, TestCallLeg } from '../domain/test-call.ts';
import type { Executor, Transaction } from './pool.ts';

export interface TestCall {
  readonly id: string;
  readonly integrationId: string;
  readonly commandId: string;
  readonly extension: string;
  readonly orderedAt: Date;
  readonly answeredAt: Date | null;
  readonly outcome: 'accepted' | 'refused' | 'unknown' | null;
  readonly word: string | null;
}

const COLUMNS = {
  id: 'id',
  integrationId: 'integration_id',
  commandId: 'command_id',
  extension: 'extension',
  orderedAt: 'ordered_at',
  answeredAt: 'answered_at',
  outcome: 'outcome',
  word: 'code',
};

/** One after the other: null if another one of this account was ordered within `pauseMs`. */
export async function insertTestCall(
  trx: Transaction,
  call: Pick<TestCall, 'integrationId' | 'commandId' | 'extension'> & { readonly orderedBy: string; readonly pauseMs: number },
): Promise<string | null> {
  await trx('integrations').where({ id: call.integrationId }).forUpdate().first('id');
  const { rows } = await trx.raw<{ rows: { id: string }[] }>(
    `insert into test_calls (integration_id, command_id, extension, ordered_by)
     select :integrationId, :commandId, :extension, :orderedBy
     where not exists (select from test_calls where integration_id = :integrationId
       and ordered_at > clock_timestamp() - :pauseMs * interval '1 ms') returning id`,
    { ...call },
  );
  return rows[0]?.id ?? null;
}

export async function settleTestCall(
  db: Executor,
  id: string,
  outcome: NonNullable<TestCall['outcome']>,
  word: string | null,
): Promise<void> {
  await db('test_calls')
    .where({ id })
    .update({ outcome, code: word, answered_at: db.raw('clock_timestamp()') });
}

export async function findTestCall(db: Executor, integrationId: string, id: string): Promise<TestCall | undefined> {
  return (await db('test_calls').where({ id, integration_id: integrationId }).first(COLUMNS)) as TestCall | undefined;
}

interface EventRow {
  readonly path: string;
  readonly entry: string | null;
  readonly at: Date;
  readonly waiting_ms: string | null;
  readonly leg: string | null;
  readonly state: string | null;
  readonly to_extension: string | null;
  readonly taken_from: string | null;
  readonly reason: string | null;
  readonly result: string | null;
}

/** The entry begins with a leg that carries our command; its other events follow by the entry's id. */
async function eventsOf(db: Executor, { integrationId, commandId, orderedAt }: TestCall): Promise<EventRow[]> {
  const { rows } = await db.raw<{ rows: EventRow[] }>(
    `with since as (select cast(:orderedAt as timestamptz) - interval '10 seconds' as at),
     own as (select id, entry, path from inbox, since where source = 'pbx' and integration_id = :integrationId
       and path in ('/events/call', '/result/callback') and received_at > since.at and body->>'command_id' = :commandId),
     entries as (select distinct entry from own where path = '/events/call')
     select path, entry, received_at as at, body->>'call_id' as leg, body->>'call_state' as state,
       body->'to'->>'extension' as to_extension, body->'from'->>'taken_from_call_id' as taken_from,
       body->>'disconnect_reason' as reason, body->>'result' as result,
       case when delivered_at is null and entry is not null then extract(epoch from clock_timestamp() - received_at) * 1000 end as waiting_ms
     from inbox where source = 'pbx' and integration_id = :integrationId
       and (id in (select id from own) or entry in (select entry from entries)) order by id`,
    { integrationId, commandId, orderedAt },
  );
  return rows;
}

const number = (text: string | null): number | null => (text !== null && /^\d+$/.test(text) ? Number(text) : null);

function legsOf(rows: readonly EventRow[]): TestCallLeg[] {
  const ids = [...new Set(rows.flatMap(({ leg }) => (leg === null ? [] : [leg])))];
  return ids.map((id) => {
    const own = rows.filter((row) => row.leg === id && row.path === '/events/call');
    const atState = (state: string): number | null => own.find((row) => row.state === state)?.at.getTime() ?? null;
    const first = (pick: (row: EventRow) => string | null): string | null => own.map(pick).find((value) => !!value) ?? null;
    return {
      id,
      toExtension: first((row) => row.to_extension),
      takenFrom: first((row) => row.taken_from),
      appearedAt: atState('Appeared'),
      connectedAt: atState('Connected'),
      endedAt: atState('Disconnected'),
      reason: number(first((row) => row.reason)),
    };
  });
}

/** What the call left behind: its ticket and its recording. */
async function tracesOf(db: Executor, integrationId: string, entry: string | undefined) {
  const { rows } = await db.raw<{
    rows: {
      ticket_id: string | null;
      ticket_number: string | null;
      made_at: Date | null;
      state: NonNullable<TestCallFacts['recording']>['state'] | null;
      reason: string | null;
      updated_at: Date | null;
    }[];
  }>(
    `select v.ticket_id, t.number as ticket_number, coalesce(v.ended_seen_at, t.created_at) as made_at, r.state, r.reason, r.updated_at
     from calls c join conversations v on v.call_id = c.id left join tickets t on t.id = v.ticket_id
     left join recordings r on r.conversation_id = v.id
     where c.integration_id = ? and c.entry_id = ? order by v.ordinal, r.created_at limit 1`,
    [integrationId, entry ?? ''],
  );
  const [row] = rows;
  return {
    ticket: row?.ticket_id && row.ticket_number ? { id: row.ticket_id, number: Number(row.ticket_number) } : null,
    ticketAt: row?.ticket_id ? (row.made_at?.getTime() ?? null) : null,
    recording: row?.state && row.updated_at ? { state: row.state, reason: row.reason, at: row.updated_at.getTime() } : null,
  };
}

export interface TestCallView {
  readonly facts: TestCallFacts;
  readonly ticket: { readonly id: string; readonly number: number } | null;
}

export async function readTestCall(db: Executor, call: TestCall): Promise<TestCallView> {
  const rows = await eventsOf(db, call);
  const entry = rows.find(({ path }) => path === '/events/call')?.entry ?? undefined;
  const [{ ticket, ticketAt, recording }, operator] = await Promise.all([
    tracesOf(db, call.integrationId, entry),
    db('operators').where({ integration_id: call.integrationId, extension: call.extension }).first('agent_id') as Promise<
      { agent_id: string | null } | undefined
    >,
  ]);
  const facts = {
    now: Date.now(),
    orderedAt: call.orderedAt.getTime(),
    extension: call.extension,
    isMapped: operator?.agent_id != null,
    answer: call.outcome && call.answeredAt ? { at: call.answeredAt.getTime(), outcome: call.outcome, word: call.word } : null,
    result: number(rows.find(({ path }) => path === '/result/callback')?.result ?? null),
    legs: legsOf(rows),
    summaryAt: rows.find(({ path }) => path === '/events/summary')?.at.getTime() ?? null,
    waitingMs: Math.max(0, ...rows.map(({ waiting_ms: ms }) => Number(ms ?? 0))),
    ticketAt,
    recording,
  };
  return { facts, ticket };
}
