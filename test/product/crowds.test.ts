import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { bareCall, inTurn, percentile, statusesOf, type BareCall } from '../support/bare-calls.ts';
import { startScene, type RunningScene } from '../support/running-scene.ts';
import { sql, until } from '../torture/scene.ts';
import type { Stack } from '../torture/stack.ts';
import type { Scene } from '../torture/teller.ts';

/**
 * How long Temporal is away. What grows with an outage, and where it stops: pauses of the dispatcher (5 s, after five refusals in a row),
 * pauses of one entry (a minute), gRPC's between two connections (2 s), those of the workers' pollers (10 s); and every deadline of a call,
 * which the settings below make shorter than this. Longer ones add nothing but events; `TEMPORAL_AWAY_SECONDS=600` is the ten minutes.
 */
const AWAY_MS = 1_000 * Number(process.env['TEMPORAL_AWAY_SECONDS'] ?? 75);
const DEADLINES = { CALL_SETTLE_SECONDS: '8', DRAFT_GRACE_SECONDS: '2', LEG_MAX_SECONDS: '45', RECORDING_WAIT_SECONDS: '15' };
const DRAINED_WITHIN_MS = 120_000;

const CALLS = 200;
const STREAMS = 200;
const REPEATS = 2_000;
/** Of each of the two APIs: its pool, the webhooks', and one that listens; of each worker its own and the dispatcher's. */
const MOST_CONNECTIONS = 2 * (16 + 6 + 2) + 2 * (20 + 14 + 3);

let running: RunningScene;
let stack: Stack;
let scene: Scene;
let temporal: Connection;
beforeAll(async () => {
  running = await startScene({ secondsAgo: 0 }, DEADLINES);
  ({ stack, scene } = running);
  temporal = await Connection.connect({ address: stack.temporalAddress });
}, 240_000);
afterEach(() => stack.gates.temporal.heal());
afterAll(async () => {
  await temporal.close();
  await running.stop();
}, 60_000);

const callsTo = (first: number): BareCall[] =>
  Array.from({ length: CALLS }, (_, index) => bareCall(running, `+790${first + index}`, String(101 + (index % 6))));
const countOf = async (query: string): Promise<number> => (await sql<{ n: number }>(stack, query))[0]?.n ?? Number.NaN;
const waiting = (): Promise<number> => countOf('select count(*)::int as n from inbox where delivered_at is null');
/** How many events the inspector shows as waiting, page after page. */
async function saidToWait(): Promise<number> {
  let count = 0;
  for (let before: string | null = ''; before !== null;) {
    const page: { items: unknown[]; before: string | null } = await scene.admin.get(
      `/api/inspector/events?verdict=waiting&limit=200${before && `&before=${encodeURIComponent(before)}`}`,
    );
    count += page.items.length;
    before = page.before;
  }
  return count;
}
const deaths = (): number => Object.values(stack.services).reduce((sum, service) => sum + service.deaths, 0);
const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Legs' counters in the order in which a workflow was first told of them. */
async function seqsToldTo(workflowId: string): Promise<number[]> {
  const { events } = await new Client({ connection: temporal }).workflow.getHandle(workflowId).fetchHistory();
  const told = (events ?? []).flatMap(({ workflowExecutionSignaledEventAttributes: signal }) => {
    const [payload] = signal?.input?.payloads ?? [];
    return payload?.data ? (JSON.parse(Buffer.from(payload.data).toString()) as { type: string; seq: number }[]) : [];
  });
  return [...new Set(told.flatMap(({ type, seq }) => (type === 'leg' ? [seq] : [])))];
}

test(
  'R9: with Temporal away the events of 200 calls are taken and wait; back again, each call hears them in order and has its one ticket',
  { timeout: AWAY_MS + 420_000 },
  async () => {
    const calls = callsTo(67_010_001);
    const entries = calls.map(({ entry }) => `'${entry}'`).join();
    const underWay = calls.slice(0, 50);
    expect(statusesOf(await inTurn(underWay, 8, (call) => call.rings()))).toEqual([200]);
    expect(await until(waiting, (count) => count === 0)).toBe(0);

    const awayUntil = Date.now() + AWAY_MS;
    stack.gates.temporal.cut(true);
    // Spread over the outage: some wait all of it, some come just before its end.
    const answers = await inTurn(calls, 8, async (call) => {
      const before = underWay.includes(call) ? [] : [await call.rings()];
      const told = [...before, await call.answers(), await call.ends(), await call.summary()];
      await delay((AWAY_MS * 8) / CALLS - told.reduce((sum, { ms }) => sum + ms, 0));
      return told;
    });
    await delay(awayUntil - Date.now());
    const told = answers.flat();
    expect(statusesOf(told)).toEqual([200]);
    expect(told).toHaveLength(4 * CALLS - underWay.length);
    expect(await waiting()).toBe(told.length);
    expect(await until(saidToWait, (count) => count === told.length, 30_000)).toBe(told.length);

    stack.gates.temporal.heal();
    const healedAt = Date.now();
    await until(waiting, (count) => count < told.length, DRAINED_WITHIN_MS);
    const firstMs = Date.now() - healedAt;
    expect(await until(waiting, (count) => count === 0, DRAINED_WITHIN_MS)).toBe(0);
    const drainedMs = Date.now() - healedAt;
    const made = await until(
      () =>
        sql<{ entry_id: string; workflow_id: string; outcome: string; ticket_id: string }>(
          stack,
          `select c.entry_id, c.workflow_id, t.outcome, t.ticket_id from calls c join conversations t on t.call_id = c.id
           where c.entry_id in (${entries}) and t.ticket_id is not null`,
        ),
      (rows) => rows.length >= CALLS,
      180_000,
    );
    const times = [firstMs, drainedMs, Date.now() - healedAt].map((ms) => (ms / 1000).toFixed(1));
    const slowest = Math.round(Math.max(...told.map(({ ms }) => ms)));
    say(`R9: away ${AWAY_MS / 1000} s, slowest answer ${slowest} ms; after: first / drained / tickets ${times.join(' / ')} s`);
    expect(drainedMs).toBeLessThan(DRAINED_WITHIN_MS);
    expect(made).toHaveLength(CALLS);
    expect(new Set(made.map(({ entry_id }) => entry_id)).size).toBe(CALLS);
    expect(new Set(made.map(({ ticket_id }) => ticket_id)).size).toBe(CALLS);
    expect([...new Set(made.map(({ outcome }) => outcome))]).toEqual(['talked']);
    const orders = await inTurn(made, 8, ({ workflow_id }) => seqsToldTo(workflow_id));
    expect([...new Set(orders.map(String))]).toEqual(['1,2,3']);
    expect(deaths()).toBe(0);
  },
);

/** A browser that only listens: when it was first told of which number. */
interface Listener {
  readonly extension: string;
  readonly status: number;
  readonly toldAt: ReadonlyMap<string, number>;
  ended: boolean;
  close(): void;
}

function listen(extension: string, cookie: string): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const outgoing = request(`${stack.url}/api/events`, { headers: { cookie }, agent: false });
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      const toldAt = new Map<string, number>();
      const status = response.statusCode ?? 0;
      const listener: Listener = { extension, status, toldAt, ended: false, close: () => void outgoing.destroy() };
      let rest = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        const blocks = (rest + text).split('\n\n');
        rest = blocks.pop() ?? '';
        for (const block of blocks) {
          const phone = /^event: call\.ringing$/m.test(block) && /"phone":"(\+\d+)"/.exec(block)?.[1];
          if (phone && !toldAt.has(phone)) toldAt.set(phone, performance.now());
        }
      });
      response.on('error', () => undefined).on('close', () => (listener.ended = true));
      resolve(listener);
    });
    outgoing.end();
  });
}

test(
  'R36: 200 idle streams, 200 calls that ring in a burst and one event 2,000 times, all at once: nobody waits, no connection is held, one signal',
  { timeout: 300_000 },
  async () => {
    const connections = (): Promise<number> =>
      countOf(
        `select count(*)::int as n from pg_stat_activity where datname = current_database() and backend_type = 'client backend'`,
      );
    const people = [...scene.desks.values()].filter(({ extension }) => Number(extension) <= 106);
    // Their own desks listen, too, and nobody may have more than thirty.
    const others = [...scene.desks.values()].filter((desk) => !people.includes(desk));
    const listeners = await Promise.all(
      Array.from({ length: STREAMS }, (_, index) => {
        const desk = index < 144 ? people[index % people.length] : others[index % others.length];
        return listen(desk?.extension ?? '', desk?.cookie ?? '');
      }),
    );
    expect([...new Set(listeners.map(({ status }) => status))]).toEqual([200]);
    const open = await connections();
    expect(open).toBeLessThan(MOST_CONNECTIONS);

    const repeated = bareCall(running, '+79067030000', '101');
    expect((await repeated.rings()).status).toBe(200);
    const burst = callsTo(67_040_001);
    const sentAt = new Map<string, number>();
    const [once, again] = await Promise.all([
      inTurn(burst, 20, (call) => {
        sentAt.set(call.phone, performance.now());
        return call.rings();
      }),
      inTurn(Array.from({ length: REPEATS }), 10, () => repeated.rings()),
    ]);
    expect(statusesOf([...once, ...again])).toEqual([200]);
    const heard = (): number[] =>
      listeners.flatMap(({ extension, toldAt }) =>
        burst
          .filter((_, index) => String(101 + (index % 6)) === extension)
          .map(({ phone }) => (toldAt.get(phone) ?? Number.POSITIVE_INFINITY) - (sentAt.get(phone) ?? 0)),
      );
    const cards = await until(
      () => Promise.resolve(heard()),
      (all) => all.every(Number.isFinite),
      30_000,
    );
    expect(cards.length).toBeGreaterThan(4_000);
    const [answered, repeats, shown] = [once.map(({ ms }) => ms), again.map(({ ms }) => ms), cards].map((times) =>
      [0.5, 0.99, 1].map((part) => Math.round(percentile(times, part))),
    );
    const figures = `answered ${answered?.join(' / ')}, repeats ${repeats?.join(' / ')}, cards ${shown?.join(' / ')}`;
    say(`R36: ms p50 / p99 / max: ${figures}; connections ${open}, then ${await connections()}`);

    expect(await until(waiting, (count) => count === 0, 60_000)).toBe(0);
    const [row] = await sql<{ repeats: number; workflow_id: string }>(
      stack,
      `select repeats, workflow_id from inbox where entry = '${repeated.entry}'`,
    );
    expect(row?.repeats).toBeGreaterThan(0);
    const { events = [] } = await new Client({ connection: temporal }).workflow.getHandle(row?.workflow_id ?? '').fetchHistory();
    const signals = (events ?? []).filter(({ workflowExecutionSignaledEventAttributes: signal }) => signal);
    expect(signals).toHaveLength(1);
    expect((events ?? []).length).toBeLessThan(30);
    expect(listeners.filter(({ ended }) => ended)).toEqual([]);
    expect(await connections()).toBeLessThan(MOST_CONNECTIONS);
    for (const { close } of listeners) close();
    expect(deaths()).toBe(0);
  },
);
