import type { Client } from '@temporalio/client';
import type { Config } from '../../db/config.ts';
import { findWaitingEntries, hurryPostponedRows, nameOfEntry, type EntryKey } from '../../db/inbox.ts';
import type { Logger } from '../../db/log.ts';
import { ownPool, type Db } from '../../db/pool.ts';
import type { Tracing } from '../../db/tracing.ts';
import { limitsOf } from '../call-limits.ts';
import { createBell } from './bell.ts';
import { deliverEntry, LONGEST_DELAY_MS, type EntryDeps } from './entry.ts';
import { createTemporalHealth } from './health.ts';
import { createInspectorBell } from './inspector-bell.ts';
import { listenToInbox, type InboxListener, type News } from './listener.ts';
import { createOperatorDirectories } from './operators.ts';
import { createRinging } from './ringing.ts';
import { createRoom, NO_PLACE, type Place } from './room.ts';
import { TEMPORAL_ERROR_PREFIX } from './temporal-errors.ts';

export interface DispatcherDeps {
  /** Says where Postgres is; the dispatcher opens connections of its own there. */
  readonly db: Db;
  readonly temporalClient: Client;
  readonly log: Logger;
  readonly config: Pick<
    Config,
    'phoneCountry' | 'phoneCountryGiven' | 'callSettleSeconds' | 'legMaxSeconds' | 'draftGraceSeconds' | 'recordingWaitSeconds'
  >;
  readonly taskQueue: string;
  readonly tuning?: Partial<Tuning>;
  readonly tracing?: Tracing | undefined;
}

export interface Tuning {
  /** Entries delivered at one time. */
  readonly concurrency: number;
  /** Of these, how many at most wait for Temporal: a card never stands in line behind them. */
  readonly sending: number;
  /** Rows of one entry per signal. */
  readonly batchSize: number;
  /** How often to look without having been called. */
  readonly pollMs: number;
  /** Of each request to Temporal. */
  readonly deadlineMs: number;
  readonly firstRingMs: number;
  readonly commandPatienceMs: number;
}

const TUNING: Tuning = {
  concurrency: 12,
  sending: 8,
  batchSize: 50,
  pollMs: 1_000,
  deadlineMs: 3_000,
  firstRingMs: 60_000,
  commandPatienceMs: 5_000,
};
const PAGE = 32;
/** How long an entry that another dispatcher holds is left alone. */
const BUSY_MS = 100;
const DATABASE_PAUSE_MS = 1_000;

export interface Dispatcher {
  start(): Promise<void>;
  /** Finishes what is under way. */
  stop(): Promise<void>;
  /** Delivers everything that is due and returns; for those who want to see it happen. */
  drainOnce(): Promise<void>;
}

/**
 * Carries the inbox's rows to the workflows, each at least once and those of one entry in order. Several may run, in any number of
 * processes: an entry belongs to whoever holds its lock. NOTIFY only hurries it; what it finds by looking is the truth.
 */
export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  const tuning = { ...TUNING, ...deps.tuning };
  // While one of its entries waits for Temporal its connection waits too: nobody else's statements shall stand in line behind it.
  const db = ownPool(deps.db, tuning.concurrency + 2);
  deps.tracing?.watchQueries(db);
  const health = createTemporalHealth();
  const entryDeps = entryDepsOf(deps, tuning, db);
  const active = new Map<string, Promise<void>>();
  const busyUntil = new Map<string, number>();
  /** Entries that got something new while they were delivered. */
  const again = new Map<string, News>();
  /** What rings, and could not be looked at for want of connections. */
  const unseen = new Map<string, News>();
  const room = createRoom(tuning.sending);
  const bell = createBell();
  const inspector = createInspectorBell(db);
  let stopping = false;
  let listener: InboxListener | undefined;
  let running: Promise<void> | undefined;
  let stopped: Promise<void> | undefined;

  const slots = (): number => (health.away ? 1 : tuning.concurrency);

  async function deliver(key: EntryKey, place: Place): Promise<void> {
    const outcome = await deliverEntry(entryDeps, key, place).finally(() => place.leave());
    if (health.away || (outcome !== 'shown' && outcome !== 'crowded')) room.waitNoLonger(key);
    else room.wait(key, { isLeft: outcome === 'crowded' });
    if (outcome !== 'busy') inspector.ring();
    else {
      busyUntil.set(nameOfEntry(key), Date.now() + BUSY_MS);
      bell.ring();
    }
    if (outcome === 'postponed') health.failed();
    // From now on who waits is found by looking.
    if (health.away) room.clear();
    if (outcome === 'delivered' && health.succeeded()) {
      await hurryPostponedRows(db, TEMPORAL_ERROR_PREFIX);
      deps.log.info('Temporal takes messages again');
      bell.ring();
    }
  }

  function begin(key: EntryKey, place: Place): void {
    const name = nameOfEntry(key);
    const work = deliver(key, place)
      .catch(async (error: unknown) => {
        busyUntil.set(name, Date.now() + DATABASE_PAUSE_MS);
        deps.log.error({ err: error }, 'Could not deliver an entry');
      })
      .finally(() => {
        active.delete(name);
        const news = again.get(name);
        again.delete(name);
        if (news) hear(news);
        lookOn();
        admit();
      });
    active.set(name, work);
  }

  function lookOn(): void {
    const [next] = unseen;
    if (!next || active.size >= tuning.concurrency) return;
    unseen.delete(next[0]);
    hear(next[1]);
  }

  /** Who has waited for a place has it as soon as one is free. */
  function admit(): void {
    while (!stopping && !health.away && active.size < tuning.concurrency) {
      const next = room.next((key) => active.has(nameOfEntry(key)));
      if (!next) return;
      begin(next.key, next.place);
    }
  }

  /** What rings, or has rung, is looked at at once, even while Temporal is away; all else has its turn. */
  function hear(news?: News): void {
    if (!news || stopping) return bell.ring();
    const { key } = news;
    const name = nameOfEntry(key);
    const before = again.get(name);
    if (active.has(name)) {
      again.set(name, { key, rings: news.rings || before?.rings === true, asked: news.asked || before?.asked === true });
    } else if (busyUntil.has(name)) bell.ring();
    else if (isToBeSeen(news)) {
      if (active.size < tuning.concurrency) begin(key, health.away ? NO_PLACE : room.visit());
      else unseen.set(name, news);
    } else if (health.away) bell.ring();
    else {
      room.wait(key, { first: news.asked });
      admit();
    }
  }

  function isToBeSeen({ key, rings }: News): boolean {
    if (rings) return room.mayRing(key);
    return (health.away || room.isFull) && entryDeps.ringing.shows(key);
  }

  async function slotIsFree(): Promise<void> {
    while (active.size >= slots()) await Promise.race(active.values());
  }

  async function findWork(): Promise<EntryKey[]> {
    for (const [name, until] of busyUntil) if (until <= Date.now()) busyUntil.delete(name);
    const except = [...active.keys(), ...busyUntil.keys(), ...room.waiting];
    // While Temporal is away whoever waits longest asks for all: nothing else would notice that it is back.
    return findWaitingEntries(db, health.away ? { limit: 1, except, aheadMs: LONGEST_DELAY_MS } : { limit: PAGE, except });
  }

  /** Begins all that is due; false if there was nothing. */
  async function round(): Promise<boolean> {
    const found = await findWork();
    for (const key of found) {
      await slotIsFree();
      if (stopping) return false;
      // It may have been heard of meanwhile.
      if (active.has(nameOfEntry(key))) continue;
      begin(key, room.visit());
      if (health.away) await Promise.all(active.values());
      if (health.away) return true;
    }
    return found.length > 0;
  }

  async function run(): Promise<void> {
    while (!stopping) {
      const heard = bell.rung;
      const foundSome = await round().catch((error: unknown) => {
        deps.log.error({ err: error }, 'Could not look into the inbox');
        return false;
      });
      if (stopping) break;
      if (health.away) await bell.pause(health.pauseMs);
      else if (!foundSome) await bell.wait(heard, busyUntil.size > 0 ? BUSY_MS : tuning.pollMs);
    }
    await Promise.all(active.values());
  }

  async function stopOnce(): Promise<void> {
    stopping = true;
    bell.stop();
    await running;
    await Promise.all(active.values());
    await listener?.stop();
    await inspector.stop();
    await db.destroy();
  }

  return {
    async start() {
      listener = listenToInbox(db, deps.log, hear);
      running = run();
    },
    stop() {
      stopped ??= stopOnce();
      return stopped;
    },
    async drainOnce() {
      for (;;) {
        const foundSome = await round();
        while (active.size > 0) await Promise.all(active.values());
        if (!foundSome && busyUntil.size === 0) return;
        if (health.away) return;
        if (!foundSome) await bell.pause(BUSY_MS);
      }
    },
  };
}

function entryDepsOf(deps: DispatcherDeps, tuning: Tuning, db: Db): EntryDeps {
  const { config } = deps;
  return {
    db,
    log: deps.log,
    client: deps.temporalClient,
    taskQueue: deps.taskQueue,
    countryOf: (stored) => (config.phoneCountryGiven ? config.phoneCountry : (stored ?? config.phoneCountry)),
    operators: createOperatorDirectories(db),
    ringing: createRinging({ db, log: deps.log }),
    batchSize: tuning.batchSize,
    tracing: deps.tracing,
    deadlineMs: tuning.deadlineMs,
    callback: { firstRingMs: tuning.firstRingMs, commandPatienceMs: tuning.commandPatienceMs },
    limits: limitsOf(config),
  };
}
