import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection, type WorkflowClient } from '@temporalio/client';
import pg from 'pg';
import type { ErasureRecord, Evidence, InboxRecord, StoryRecord, StrikeRecord, TicketRecord } from './checker/evidence.ts';
import type { Person } from './client.ts';
import type { Stack } from './stack.ts';
import type { Scene } from './teller.ts';

interface Sources {
  readonly stack: Stack;
  readonly scene: Scene;
  readonly seed: number;
  readonly stories: readonly StoryRecord[];
  readonly strikes: readonly StrikeRecord[];
  readonly erasures: readonly ErasureRecord[];
  readonly secrets: readonly string[];
  readonly drainMs: number;
  readonly say: (line: string) => void;
}

/** Why workflows that were ended from outside were ended, by run: it does not change, and is asked for many times. */
const TERMINATED = new Map<string, string>();

/** Waits until the product has nothing left to do, then reads everything that is to be judged, from outside. */
export async function gather(sources: Sources): Promise<Evidence> {
  const { stack, scene, seed, stories, strikes, drainMs, say } = sources;
  const { pbx, desks, admin } = scene;
  const drain = await drained(stack, scene, drainMs, say);
  const erasures = await erased(stack, admin, sources.erasures, drainMs);
  const tickets = await allTickets(admin);
  const acts = [...desks.values()].flatMap((desk) => desk.acts);
  for (const act of acts) act.outcome = await outcomeOf(desks, act);
  await delay(1_500);
  for (const desk of desks.values()) desk.end();
  return {
    seed,
    staff: [...desks.values()].map(({ extension, id, email }) => ({ extension, agentId: id, name: email })),
    stories,
    calls: pbx.log.calls,
    sent: pbx.log.sent,
    received: pbx.log.received,
    acts,
    orders: scene.orders,
    erasures,
    streams: [...desks.values()].map(({ stream }) => stream),
    tickets,
    downloads: await downloads(admin, tickets),
    files: recordingFiles(join(stack.dataDir, 'recordings')),
    inbox: await inboxOf(stack.databaseUrl),
    statistics: await statisticsOf(admin),
    leaks: leaksIn(stack.logs, sources),
    drain,
    tail: await tailOf(admin, tickets),
    strikes,
    smallDisk: stack.smallDisk,
    settleMs: stack.settleMs,
  };
}

async function drained(
  stack: Stack,
  { admin, pbx }: Scene,
  limitMs: number,
  say: (line: string) => void,
): Promise<Evidence['drain']> {
  await pbx.settled();
  const deadline = Date.now() + limitMs;
  for (let round = 1; ; round += 1) {
    const now = await underWay(stack, absentRecordings(pbx)).catch(() => undefined);
    const left = now && now.openCalls + now.inboxWaiting + now.recordingsPending + now.runningWorkflows;
    if (now && (left === 0 || Date.now() > deadline)) return now;
    if (round % 10 === 0) {
      say(`Under way: ${JSON.stringify(now)}`);
      await askAgain(admin);
    }
    await delay(500);
  }
}

/** What is left of those who were to be erased, once no erasure is under way any more. */
async function erased(stack: Stack, admin: Person, orders: readonly ErasureRecord[], limitMs: number): Promise<ErasureRecord[]> {
  type Found = { items: { state: string; finishedAt: string | null }[] };
  const deadline = Date.now() + limitMs;
  while ((await admin.get<Found>('/api/erasures')).items.length > 0 && Date.now() < deadline) await delay(500);
  const traces = await tracesOf(stack.databaseUrl, orders);
  const records: ErasureRecord[] = [];
  for (const order of orders) {
    const { items } = await admin.get<Found>(`/api/erasures?customerId=${order.customerId}`);
    const { status } = await admin.ask('GET', `/api/customers/${order.customerId}`);
    const [log] = await query<{ lines: number }>(
      stack.databaseUrl,
      'select count(*)::int as lines from destruction_log where subject_id = $1',
      [order.customerId],
    );
    records.push({
      ...order,
      state: items[0]?.state ?? null,
      finishedAt: items[0]?.finishedAt ? Date.parse(items[0].finishedAt) : null,
      customerStatus: status,
      logLines: log?.lines ?? 0,
      traces: traces.get(order) ?? [],
    });
  }
  return records;
}

type Traces = Map<ErasureRecord, { table: string; at: number | null }[]>;

/** A number as it is kept or as it is shown, and how everything begins that was typed in a story: what a row could still tell. */
const TELLING = /906(?= ?(\d{3})-?(\d{2})-?(\d{2}))| т(\d+)\./g;
const ROWS_AT_ONCE = 2_000;

/** The rows of all tables in which something still stands of those who were to be erased. Read row by row: there may be a million. */
async function tracesOf(databaseUrl: string, orders: readonly ErasureRecord[]): Promise<Traces> {
  const traces: Traces = new Map();
  if (orders.length === 0) return traces;
  const owners = new Map<string, ErasureRecord>();
  for (const order of orders) {
    owners.set(order.phone.slice(-7), order);
    if (order.texts === 'erase') owners.set(`т${order.story}`, order);
  }
  await eachRow(databaseUrl, ({ table, line, at }) => {
    const found = [...line.matchAll(TELLING)].flatMap(
      ([, a, b, c, story]) => owners.get(story === undefined ? `${a}${b}${c}` : `т${story}`) ?? [],
    );
    for (const order of new Set(found)) traces.set(order, [...(traces.get(order) ?? []), { table, at }]);
  });
  return traces;
}

interface Row {
  readonly table: string;
  readonly line: string;
  /** When it came, where it says so. */
  readonly at: number | null;
}

async function eachRow(databaseUrl: string, see: (row: Row) => void): Promise<void> {
  const tables = await query<{ name: string; came: boolean }>(
    databaseUrl,
    `select quote_ident(t.schemaname) || '.' || quote_ident(t.tablename) as name, exists (
       select from information_schema.columns c
       where c.table_schema = t.schemaname and c.table_name = t.tablename and c.column_name = 'received_at') as came
     from pg_tables t where t.schemaname not in ('pg_catalog', 'information_schema')`,
  );
  await connected(databaseUrl, async (client) => {
    for (const { name, came } of tables) {
      const at = came ? 'extract(epoch from t.received_at)::float8 * 1000' : 'null::float8';
      await client.query('begin');
      await client.query(
        `declare all_rows no scroll cursor for select '${name}' as "table", t::text as line, ${at} as at from ${name} t`,
      );
      for (;;) {
        const { rows } = await client.query<Row>(`fetch ${ROWS_AT_ONCE} from all_rows`);
        for (const row of rows) see(row);
        if (rows.length === 0) break;
      }
      await client.query('commit');
    }
  });
}

/** What the PBX's statistics name and the PBX never hands out: waited for by the product for hours, but not by us. */
function absentRecordings(pbx: Scene['pbx']): string[] {
  return pbx.log.calls.flatMap(({ recordings }) =>
    recordings.flatMap(({ sha256, recordingId }) => (sha256 === null ? [recordingId] : [])),
  );
}

async function underWay(stack: Stack, absent: readonly string[]): Promise<Evidence['drain']> {
  const connection = await Connection.connect({ address: stack.temporalAddress });
  try {
    const { workflow } = new Client({ connection });
    const count = async (status: string): Promise<number> =>
      (await workflow.count(`ExecutionStatus = "${status}" and WorkflowType in ("call", "callback")`)).count;
    const running = await count('Running');
    const failed = (await count('Failed')) + (await count('Terminated')) + (await count('TimedOut'));
    const begunAnew = await countBegunAnew(workflow);
    const [row] = await query<{ open: number; waiting: number; pending: number; hopeless: number }>(
      stack.databaseUrl,
      `select (select count(*)::int from calls where state <> 'over') as open,
         (select count(*)::int from inbox where delivered_at is null and entry is not null) as waiting,
         (select count(*)::int from recordings where state = 'pending' and not (recording_id = any($1) and reason is not null)) as pending,
         (select count(distinct call_id)::int from recordings where state = 'pending' and recording_id = any($1) and reason is not null) as hopeless`,
      [absent],
    );
    return {
      openCalls: row?.open ?? 0,
      inboxWaiting: row?.waiting ?? 0,
      recordingsPending: row?.pending ?? 0,
      runningWorkflows: Math.max(0, running - (row?.hopeless ?? 0)),
      failedWorkflows: failed - begunAnew,
      begunAnew,
    };
  } finally {
    await connection.close();
  }
}

/** What the upkeep ended itself, as its history did not replay any more, and made anew: what became of these calls is judged by all the rest. */
async function countBegunAnew(workflow: WorkflowClient): Promise<number> {
  const ended = workflow.list({ query: 'ExecutionStatus = "Terminated" and WorkflowType = "call"' });
  let known = 0;
  for await (const { workflowId, runId } of ended) {
    const why = TERMINATED.get(runId) ?? (await reasonOf(workflow, workflowId, runId));
    TERMINATED.set(runId, why);
    if (why.startsWith('Its history does not replay any more')) known += 1;
  }
  return known;
}

async function reasonOf(workflow: WorkflowClient, workflowId: string, runId: string): Promise<string> {
  const { events } = await workflow.getHandle(workflowId, runId).fetchHistory();
  return events?.at(-1)?.workflowExecutionTerminatedEventAttributes?.reason ?? '';
}

/** The pause after a failed fetch is a minute and more: an admin who does not want to wait presses «try again». */
async function askAgain(admin: Person): Promise<void> {
  for (const { messages } of await allTickets(admin)) {
    for (const { conversation } of messages) {
      for (const recording of conversation?.recordings ?? []) {
        if (conversation === null || recording.state !== 'pending' || recording.reason === null) continue;
        const body = {
          actionId: `again-${recording.id}-${Date.now()}`,
          type: 'fetch_recording_again',
          recordingId: recording.id,
        };
        await admin.ask('POST', `/api/calls/${conversation.callId}/actions`, body);
      }
    }
  }
}

async function allTickets(admin: Person): Promise<TicketRecord[]> {
  const ids: string[] = [];
  for (let page = 1; ; page += 1) {
    const { items } = await admin.get<{ items: { id: string }[] }>(`/api/tickets?sort=number&page=${page}&pageSize=100`);
    ids.push(...items.map(({ id }) => id));
    if (items.length < 100) break;
  }
  const tickets: TicketRecord[] = [];
  for (let at = 0; at < ids.length; at += 8) {
    const some = ids.slice(at, at + 8).map((id) => admin.get<TicketRecord>(`/api/tickets/${id}`));
    tickets.push(...(await Promise.all(some)));
  }
  return tickets;
}

async function outcomeOf(desks: Scene['desks'], act: Evidence['acts'][number]): Promise<Evidence['acts'][number]['outcome']> {
  const { status, body } = (await desks.get(act.extension)?.ask('GET', `/api/calls/${act.callId}/actions/${act.actionId}`)) ?? {};
  return status === 200 ? (body as NonNullable<Evidence['acts'][number]['outcome']>) : null;
}

async function downloads(admin: Person, tickets: readonly TicketRecord[]): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const recordings = tickets.flatMap(({ messages }) => messages.flatMap(({ conversation }) => conversation?.recordings ?? []));
  for (const { id, state, url } of recordings) {
    if (state !== 'ready' || url === null) continue;
    const response = await fetch(new URL(url, admin.url), { headers: { cookie: admin.cookie, connection: 'close' } });
    const bytes = Buffer.from(await response.arrayBuffer());
    found[id] = response.status === 200 ? createHash('sha256').update(bytes).digest('hex') : `status ${response.status}`;
  }
  return found;
}

function recordingFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
}

async function inboxOf(databaseUrl: string): Promise<InboxRecord[]> {
  const sql = `select source, path, body, verdict, delivered_at is null and entry is not null as waiting from inbox order by id`;
  return query<InboxRecord>(databaseUrl, sql);
}

async function query<T extends pg.QueryResultRow>(
  databaseUrl: string,
  sql: string,
  values: readonly unknown[] = [],
): Promise<T[]> {
  return connected(databaseUrl, async (client) => (await client.query<T>(sql, [...values])).rows);
}

async function connected<T>(databaseUrl: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: databaseUrl });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function statisticsOf(admin: Person): Promise<Evidence['statistics']> {
  const day = 86_400_000;
  const [from, to] = [new Date(Date.now() - day).toISOString(), new Date(Date.now() + day).toISOString()];
  type Section = { figures: Record<string, number | null>; agents?: Evidence['statistics']['agents']; behind: number };
  const read = (section: string): Promise<Section> =>
    admin.get<Section>(`/api/statistics/${section}?from=${from}&to=${to}&tz=UTC&channel=call`);
  const deadline = Date.now() + 60_000;
  while ((await read('load')).behind > 0 && Date.now() < deadline) await delay(300);
  const [load, team] = [await read('load'), await read('team')];
  return { from, to, load: load.figures, totalReplies: team.figures['totalReplies'] ?? null, agents: team.agents ?? [] };
}

/** Phone numbers, secrets, cookies and typed text, wherever any process wrote them down. */
function leaksIn(logs: readonly string[], { secrets, scene }: Sources): string[] {
  const cookies = [...scene.desks.values()].flatMap(({ cookie }) => cookie.split('=')[1] ?? []);
  const words = [...secrets, ...cookies, 'Тема т', 'Суть т', 'Другая т'];
  const leaks: string[] = [];
  for (const path of logs) {
    for (const line of readFileSync(path, 'utf8').split('\n')) {
      const found = words.find((word) => line.includes(word)) ?? /(?<!\d)\+?[78]?906\d{7}(?!\d)/.exec(line)?.[0];
      if (found !== undefined) leaks.push(`${path.split('/').at(-1)}: ${line.replaceAll(found, '<HERE>').slice(0, 300)}`);
    }
  }
  return leaks;
}

/** «0 lost» also holds where everything errored: at the end each of these answers five times, and well. */
async function tailOf(admin: Person, tickets: readonly TicketRecord[]): Promise<Evidence['tail']> {
  const [ticket] = tickets;
  const paths = [
    '/health/ready',
    '/health/live',
    '/api/session',
    '/api/tickets?pageSize=5',
    '/api/calls',
    '/api/customers?q=7906',
  ];
  if (ticket) paths.push(`/api/tickets/${ticket.id}`);
  const tail: { path: string; statuses: (number | null)[] }[] = [];
  for (const path of paths) {
    const statuses: (number | null)[] = [];
    for (let count = 0; count < 5; count += 1) statuses.push((await admin.send('GET', path))?.status ?? null);
    tail.push({ path, statuses });
  }
  return tail;
}
