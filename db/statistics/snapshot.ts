import type { Db, Transaction } from '../pool.ts';

/** Statements that all see the same moment; several run at a time. */
export interface SnapshotReader {
  rows<R>(sql: string, bindings: Readonly<Record<string, unknown>>): Promise<R[]>;
}

/** Connections for one answer: as many as the smallest machine has cores. */
const LANES = 2;
/** Answers at a time in this process: the other connections of the pool stay free for calls and tickets. */
const ANSWERS = 2;

/** Compiling plans costs more than it saves; groups stay in memory; helpers of a statement would take the cores from the one beside it. */
const PLANNER = `set local jit = off; set local work_mem = '64MB'; set local max_parallel_workers_per_gather = 0`;

/** Hands out a few things to many, first come, first served. */
class Turnstile<T> {
  private readonly free: T[];
  private readonly waiting: ((thing: T) => void)[] = [];

  constructor(things: readonly T[]) {
    this.free = [...things];
  }

  async with<R>(work: (thing: T) => Promise<R>): Promise<R> {
    const thing = this.free.length > 0 ? (this.free.pop() as T) : await new Promise<T>((resolve) => this.waiting.push(resolve));
    try {
      return await work(thing);
    } finally {
      const next = this.waiting.shift();
      if (next) next(thing);
      else this.free.push(thing);
    }
  }
}

const answers = new WeakMap<Db, Turnstile<number>>();

function answersOf(db: Db): Turnstile<number> {
  const known = answers.get(db) ?? new Turnstile<number>(Array.from({ length: ANSWERS }, (_, index) => index));
  answers.set(db, known);
  return known;
}

const begin = (db: Db): Promise<Transaction> => db.transaction({ isolationLevel: 'repeatable read', readOnly: true });

async function openLanes(db: Db, opened: Transaction[]): Promise<void> {
  const first = await begin(db);
  opened.push(first);
  const { rows } = await first.raw<{ rows: { snapshot: string }[] }>('select pg_export_snapshot() as snapshot');
  const snapshot = rows[0]?.snapshot ?? '';
  while (opened.length < LANES) {
    const next = await begin(db);
    opened.push(next);
    // Not a value but a name, which takes no parameter; it is Postgres' own.
    await next.raw(`set transaction snapshot '${snapshot.replaceAll("'", '')}'`);
  }
  for (const lane of opened) await lane.raw(PLANNER);
}

/** Runs `work` on one moment of the database. Nothing is written, so there is nothing to commit. */
export async function inSnapshot<T>(db: Db, work: (reader: SnapshotReader) => Promise<T>): Promise<T> {
  return answersOf(db).with(async () => {
    const opened: Transaction[] = [];
    const running = new Set<Promise<unknown>>();
    try {
      await openLanes(db, opened);
      const lanes = new Turnstile(opened);
      return await work({
        rows<R>(sql: string, bindings: Readonly<Record<string, unknown>>) {
          const reading = lanes.with(async (lane) => (await lane.raw<{ rows: R[] }>(sql, bindings as never)).rows);
          running.add(reading);
          return reading;
        },
      });
    } finally {
      // After a failure others may still be reading.
      await Promise.allSettled(running);
      await Promise.all(opened.map((lane) => lane.rollback()));
    }
  });
}
