import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { listInspected, type Cursor, type InspectorFilter } from '../db/inspector.ts';
import { migrate } from '../db/migrate.ts';
import { createPool, type Db } from '../db/pool.ts';
import { startPostgres } from '../run/postgres.ts';
import { percentile, table } from './measure.ts';

const PAGE = 51;
const ROUNDS = 15;
const EVENTS_PER_CALL = 8;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Three accounts of very different size, fifty busy operators and a rare one, a few of every verdict. */
async function fill(db: Db, events: number): Promise<void> {
  await db.raw(`insert into integrations (kind, name, api_url, api_key_encrypted, api_salt_encrypted, api_key_hash)
    select 'mango', 'PBX ' || n, '', '', '', n::text::bytea from generate_series(1, 3) n`);
  await db.raw(
    `with account as (select id, row_number() over (order by name) as n from integrations)
     insert into calls (integration_id, entry_id, state, line, started_at)
     select account.id, 'entry-' || c, 'over', '+7495000' || lpad((c % 20)::text, 4, '0'), now() - (:calls - c) * interval '20 seconds'
     from generate_series(1, :calls) c
     join account on account.n = case when c % 1000 = 0 then 3 when c % 10 = 0 then 2 else 1 end`,
    { calls: Math.ceil(events / EVENTS_PER_CALL) },
  );
  await db.raw(`insert into call_numbers (call_id, ref, number)
    select id, 0, '+79' || lpad((abs(hashtext(id::text)) % 1000000000)::text, 9, '0') from calls`);
  await db.raw(
    `insert into inbox (source, integration_id, key, entry, path, body, raw, verdict, why, received_at, delivered_at, repeats)
     select 'pbx', c.integration_id, 'k' || e, c.entry_id, path,
       case path when '/events/call' then jsonb_build_object('entry_id', c.entry_id, 'call_id', 'leg-' || e, 'seq', e % 4, 'timestamp', e,
           'call_state', (array['Appeared', 'Connected', 'OnHold', 'Disconnected'])[1 + e % 4], 'location', 'abonent',
           'from', jsonb_build_object('number', n.number), 'to', jsonb_build_object('extension', case when e % 100003 = 0 then '999' else (100 + e % 50)::text end))
         else jsonb_build_object('entry_id', c.entry_id, 'recording_id', 'r' || e, 'extension', (100 + e % 50)::text) end,
       repeat('x', 300), case when e % 50000 = 7 then 'failed' when e % 300 = 1 then 'late' else 'delivered' end,
       case when e % 50 = 3 then 'operator_unmapped' when e % 70 = 5 then 'operator_ignored' end,
       c.started_at + (e % :each) * interval '2 seconds', c.started_at + (e % :each) * interval '2 seconds' + interval '30 ms',
       case when e % 90 = 0 then 1 else 0 end
     from calls c join call_numbers n on n.call_id = c.id
     join lateral (select (substr(c.entry_id, 7)::int * :each + s) as e,
       case when s < 5 then '/events/call' when s = 5 then '/events/recording' when s = 6 then '/events/record/added'
         when substr(c.entry_id, 7)::int % 5000 = 0 then '/result/callback' else '/events/summary' end as path
       from generate_series(0, :each - 1) s) event on true`,
    { each: EVENTS_PER_CALL },
  );
  await db.raw(`insert into inbox (source, key, entry, body, verdict, received_at, delivered_at)
    select 'agent', 'a' || c.id, c.entry_id, jsonb_build_object('actionId', c.id, 'action', 'save_draft'), 'delivered', c.started_at, c.started_at
    from calls c where substr(c.entry_id, 7)::int % 3 = 0`);
  await db.raw(
    `insert into refused_events (at, path, reason) select now() - n * interval '1 hour', '/events/call', 'bad_signature' from generate_series(1, 1000) n`,
  );
  await db.raw('vacuum analyze inbox');
  await db.raw('analyze calls, call_numbers, refused_events');
}

async function filters(db: Db): Promise<[string, InspectorFilter][]> {
  const accounts = (await db('integrations').orderBy('name').select('id')) as { id: string }[];
  const [sample] = (await db('call_numbers').limit(1)) as { number: string; call_id: string }[];
  const digits = sample?.number.slice(1) ?? '';
  const day = new Date(Date.now() - 20 * 86_400_000);
  return [
    ['everything', {}],
    ['the large account', { accountId: accounts[0]?.id }],
    ['the small account', { accountId: accounts[2]?.id }],
    ['a common kind', { kind: '/events/call' }],
    ['a rare kind', { kind: '/result/callback' }],
    ['agents', { kind: 'agent' }],
    ['the system, which did nothing', { kind: 'system' }],
    ['delivered', { verdict: 'delivered' }],
    ['unknown operator', { verdict: 'unknown_operator' }],
    ['failed', { verdict: 'failed' }],
    ['repeated', { verdict: 'repeated' }],
    ['refused', { verdict: 'refused' }],
    ['a busy operator', { extension: '101' }],
    ['a rare operator', { extension: '999' }],
    ['a call', { entries: ['entry-5000'] }],
    ['a period', { from: day, to: new Date(day.getTime() + 86_400_000) }],
    ['a whole number', { digits }],
    ['its last four digits', { digits: digits.slice(-4) }],
    ['three digits that many have', { digits: '790' }],
    ['a busy operator, delivered', { extension: '101', verdict: 'delivered' }],
    ['agents and digits that many have', { kind: 'agent', digits: '790' }],
    ['a busy operator, unknown, of a day', { extension: '101', verdict: 'unknown_operator', from: day }],
    ['the small account, late', { accountId: accounts[2]?.id, verdict: 'late' }],
    ['a busy operator and digits', { extension: '101', digits: digits.slice(-4) }],
  ];
}

async function time(db: Db, filter: InspectorFilter, before?: Cursor): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < ROUNDS; n++) {
    const began = performance.now();
    await listInspected(db, filter, { before, limit: PAGE });
    times.push(performance.now() - began);
  }
  return times;
}

/** `npm run bench inspector [-- --events 1000000]`: each filter's first page, and one in the middle of the whole list. */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: { events: { type: 'string', default: '1000000' } } });
  const directory = await mkdtemp(join(tmpdir(), 'trubka-bench-'));
  const postgres = await startPostgres({ directory: join(directory, 'postgres'), durable: false });
  try {
    await migrate(postgres.databaseUrl);
    const db = createPool(postgres.databaseUrl, { max: 1 });
    await db.raw('set statement_timeout = 0');
    await fill(db, Number(values.events));
    const { rows } = await db.raw<{ rows: { us: string; id: string; rows: string; size: string }[] }>(
      `select (extract(epoch from received_at) * 1000000)::bigint as us, id, (select count(*) from inbox) as rows,
         pg_size_pretty(pg_indexes_size('inbox')) as size from inbox order by id offset (select count(*) / 2 from inbox) limit 1`,
    );
    const middle = rows[0];
    say(`${middle?.rows ?? 0} events, indexes ${middle?.size ?? ''}`);
    const deep: Cursor = { atUs: middle?.us ?? '0', kind: 'i', id: middle?.id ?? '0' };
    const lines: Record<string, string>[] = [];
    for (const [name, filter] of await filters(db)) {
      const [first, later] = [await time(db, filter), await time(db, filter, deep)];
      const cell = (times: readonly number[]): string =>
        `${percentile(times, 0.5).toFixed(1)} (${percentile(times, 0.95).toFixed(1)})`;
      lines.push({ filter: name, 'first page, p50 (p95) ms': cell(first), 'deep page, p50 (p95) ms': cell(later) });
    }
    say(table(lines));
    await db.destroy();
  } finally {
    await postgres.stop();
    await rm(directory, { recursive: true, force: true });
  }
}
