import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { embeddedUrls } from '../../run/postgres.ts';
import { urlOfDatabase } from '../../run/postgres-server.ts';
import type { Dice } from './random.ts';
import { PROCESSES, type ProcessName, type Stack } from './stack.ts';
import { end, NotHeld, type Strike, type Target } from './strikes.ts';

/** How long a call may take to come to the point that is to be held open. */
const PATIENCE_MS = 90_000;
/** A call of which nothing has come for so long is over, and its workflow closed. */
const LONG_OVER_S = 60;

/**
 * Statements at which the database makes whoever comes wait, by triggers of the campaign's own: the product knows nothing of it.
 * Each says on which table, when, and under which condition.
 */
const STOPS = {
  stored: ['inbox', 'insert', "new.source = 'pbx'"],
  marked: ['inbox', 'update', 'old.delivered_at is null and new.delivered_at is not null'],
  repeated: ['inbox', 'update', `new.repeats > old.repeats and old.received_at < now() - interval '${LONG_OVER_S} seconds'`],
  written: ['messages', 'insert', 'true'],
  ended: ['conversations', 'update', "old.outcome = 'in_progress' and new.outcome <> 'in_progress'"],
  ready: ['recordings', 'update', "old.state <> 'ready' and new.state = 'ready'"],
  destroyed: ['destruction_log', 'insert', 'true'],
} as const;
type Stop = keyof typeof STOPS;
const STOP_NAMES = Object.keys(STOPS) as Stop[];
/** The first half of the advisory locks that the triggers wait for; the second is the stop's place in the list. */
const LOCKS = 7_906;

const urlOf = (stack: Stack): string => {
  const { serverUrl, databaseUrl } = embeddedUrls(join(stack.dataDir, 'postgres'));
  return urlOfDatabase(serverUrl, new URL(databaseUrl).pathname.slice(1));
};

async function connect(stack: Stack): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: urlOf(stack) });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** Puts the triggers in place; they let everybody pass until a stop is held. */
export async function installStops(stack: Stack): Promise<void> {
  const client = await connect(stack);
  await client.query(`create schema torture; grant usage on schema torture to public;
    create function torture.wait() returns trigger language plpgsql as $$
      begin perform pg_advisory_xact_lock_shared(${LOCKS}, tg_argv[0]::int); return new; end $$`);
  for (const [index, name] of STOP_NAMES.entries()) {
    const [table, event, condition] = STOPS[name];
    await client.query(
      `create trigger torture_${name} before ${event} on ${table} for each row when (${condition}) execute function torture.wait(${index})`,
    );
  }
  await client.end();
}

interface Held {
  release(): Promise<void>;
}

type Hold = (target: Target) => Promise<Held>;

async function untilTrue(condition: () => Promise<boolean>, patienceMs = PATIENCE_MS): Promise<void> {
  const deadline = Date.now() + patienceMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new NotHeld();
    await delay(20);
  }
}

const isSome = async (client: pg.Client, sql: string): Promise<boolean> => (await client.query(sql)).rows.length > 0;
/** Those at a stop: waiting there, or past it with their transaction not over. */
const atStop = (stop: Stop, granted: boolean): string =>
  `select from pg_locks where locktype = 'advisory' and classid = ${LOCKS} and objid = ${STOP_NAMES.indexOf(stop)} and objsubid = 2
   and granted = ${granted} and mode = 'ShareLock'`;

/** Nobody passes from now on; comes back when somebody waits. */
async function holdAt(stack: Stack, stop: Stop): Promise<Held & { readonly client: pg.Client }> {
  const client = await connect(stack);
  // Where the database was killed meanwhile, the connection is gone already, and the lock with it.
  const release = (): Promise<void> => client.end().catch(() => undefined);
  try {
    await client.query('select pg_advisory_lock($1, $2)', [LOCKS, STOP_NAMES.indexOf(stop)]);
    await untilTrue(() => isSome(client, atStop(stop, false)));
    return { client, release };
  } catch (error) {
    await release();
    throw error;
  }
}

/** Until a query finds something. */
async function untilFound(stack: Stack, sql: string, patienceMs?: number): Promise<void> {
  const client = await connect(stack);
  try {
    await untilTrue(() => isSome(client, sql), patienceMs);
  } finally {
    await client.end().catch(() => undefined);
  }
}

const stopAt =
  (stop: Stop) =>
  ({ stack }: Target): Promise<Held> =>
    holdAt(stack, stop);

/** Undoes what was done if it does not come to what it was for. */
async function orUndo(work: Promise<void>, undo: () => void): Promise<Held> {
  const release = async (): Promise<void> => undo();
  try {
    await work;
    return { release };
  } catch (error) {
    undo();
    throw error;
  }
}

/** With Temporal away for long nobody has a talk to act upon. */
const AWAY_AT_A_TIME_MS = 8_000;

/** What the API has taken of the PBX or of an agent stays with it. */
const undelivered =
  (source: 'pbx' | 'agent') =>
  async ({ stack }: Target): Promise<Held> => {
    const gate = stack.gates.temporal;
    const waiting = `select from inbox where source = '${source}' and delivered_at is null and entry is not null`;
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      gate.cut(true);
      try {
        return await orUndo(untilFound(stack, waiting, AWAY_AT_A_TIME_MS), () => gate.heal());
      } catch (error) {
        if (!(error instanceof NotHeld) || Date.now() > deadline) throw error;
        await delay(AWAY_AT_A_TIME_MS);
      }
    }
  };

/** Nothing is held: a call stands so for as long as people need, and its agent has been told. */
const during =
  (state: 'ringing' | 'talking', event: 'call.ringing' | 'call.answered') =>
  async ({ stack }: Target): Promise<Held> => {
    const pushed = `select from call_cards card where card.state = '${state}' and exists (select from stream_events told
      where told.type = '${event}' and told.agent_id = card.agent_id and told.payload->>'callId' = card.call_id::text)`;
    await untilFound(stack, pushed);
    return { release: async () => undefined };
  };

async function committedUnanswered({ stack }: Target): Promise<Held> {
  const client = await connect(stack);
  const gate = stack.gates.webhooks;
  const undo = (): void => {
    gate.heal();
    gate.cut();
  };
  try {
    const { rows } = await client.query<{ last: string }>(`select coalesce(max(id), 0) as last from inbox where source = 'pbx'`);
    gate.swallow(true, 'answers');
    const committed = `select from inbox where source = 'pbx' and id > ${rows[0]?.last}`;
    return await orUndo(
      untilTrue(() => isSome(client, committed)),
      undo,
    );
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** An activity's transaction is let go on only when what comes of it can no longer be told to Temporal. */
async function committedUnreported({ stack }: Target): Promise<Held> {
  const held = await holdAt(stack, 'written');
  const gate = stack.gates.temporal;
  const undo = (): void => {
    gate.heal();
    gate.cut();
  };
  try {
    gate.swallow(true);
    await held.client.query('select pg_advisory_unlock_all()');
    return await orUndo(
      untilTrue(async () => !(await isSome(held.client, atStop('written', true)))),
      undo,
    );
  } finally {
    await held.release();
  }
}

async function lateEvents(target: Target): Promise<Held> {
  const { pbx } = target;
  const before = Date.now() - (LONG_OVER_S + 10) * 1000;
  const old = (): typeof pbx.log.sent =>
    pbx.log.sent.filter(({ status, path, at }) => status === 200 && path.startsWith('/events/call') && at < before);
  await untilTrue(async () => old().length > 0);
  const sending = old().slice(-3);
  for (const { path, json } of sending) pbx.inBackground(() => pbx.send(path, JSON.parse(json) as never));
  return holdAt(target.stack, 'repeated');
}

async function halfADownload({ pbx, usual }: Target): Promise<Held> {
  let goOn = (): void => undefined;
  const closing = new Promise<void>((resolve) => (goOn = resolve));
  let isHalfWay = false;
  const halfWay = async (): Promise<void> => {
    isHalfWay = true;
    await closing;
  };
  pbx.setFaults({ ...usual, recordings: { ...usual.recordings, halfWay } });
  const undo = (): void => {
    goOn();
    pbx.setFaults(usual);
  };
  // The first half has to come to the disk.
  return orUndo(
    untilTrue(async () => isHalfWay).then(() => delay(300)),
    undo,
  );
}

async function dialledUnanswered({ pbx, usual }: Target): Promise<Held> {
  const known = pbx.log.received.length;
  const isOrdered = (): boolean => pbx.log.received.slice(known).some(({ path }) => path.includes('commands/callback'));
  pbx.setFaults({ ...usual, commands: [{ path: 'commands/callback', delayMs: 30_000 }] });
  return orUndo(
    untilTrue(async () => isOrdered()),
    () => pbx.setFaults(usual),
  );
}

/** The points in a call's life, each held open from outside; P9 at two places. */
const POINTS: readonly (readonly [point: string, hold: Hold])[] = [
  ['P0 request in, not committed', stopAt('stored')],
  ['P1 committed, not answered', committedUnanswered],
  ['P2 answered, not dispatched', undelivered('pbx')],
  ['P3 signalled, not marked', stopAt('marked')],
  ['P4 ringing, card pushed', during('ringing', 'call.ringing')],
  ['P5 activity committed, not reported', committedUnreported],
  ['P6 agent’s action taken, not applied', undelivered('agent')],
  ['P7 talk, timers pending', during('talking', 'call.answered')],
  ['P8 end: the final transaction', stopAt('ended')],
  ['P9 half of a recording', halfADownload],
  ['P9 recording kept, not marked', stopAt('ready')],
  ['P10 late events', lateEvents],
  ['P11 erasure running', stopAt('destroyed')],
  ['P12 callback dialled, answer not out', dialledUnanswered],
];

const VICTIMS: readonly (readonly [name: string, processes: readonly ProcessName[]])[] = [
  ['api', ['api1', 'api2']],
  ['worker', ['worker1', 'worker2']],
  ['temporal', ['temporal']],
  ['postgres', ['postgres']],
  ['all', PROCESSES],
];

/** Every point with every victim, so many times, in any order. */
export function drawWindows(dice: Dice, rounds: number): Strike[] {
  const all = Array.from({ length: rounds }, () =>
    POINTS.flatMap(([point, hold]) => VICTIMS.map((victim) => cell(point, hold, victim))),
  );
  return dice.some(all.flat(), all.flat().length);
}

const cell = (point: string, hold: Hold, [victim, processes]: (typeof VICTIMS)[number]): Strike => ({
  name: `${point}: kill -9 ${victim}`,
  kind: 'kill',
  window: point,
  async hit(target) {
    const held = await hold(target);
    try {
      const at = Date.now();
      await end(target.stack, processes, 'SIGKILL');
      return at;
    } finally {
      await held.release();
    }
  },
});
