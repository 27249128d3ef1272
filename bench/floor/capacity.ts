import express from 'express';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createPool, type Db } from '../../db/pool.ts';
import { startFloorWorker } from './worker.ts';

export interface Load {
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  /** What comes in for one call, each written in a transaction of its own. */
  readonly events: number;
  /** Rows that each of these writes. */
  readonly rowsPerEvent: number;
  /** So many calls go on at one time. */
  readonly atOnce: number;
  readonly seconds: number;
}

/** Does `one` over and over, so many at a time; how many a second came to their end, after a warm-up. */
async function perSecond({ atOnce, seconds }: Load, one: () => Promise<void>): Promise<number> {
  const warmUntil = performance.now() + Math.min(5, seconds / 2) * 1000;
  const until = warmUntil + seconds * 1000;
  let ended = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (performance.now() < until) {
        await one();
        const now = performance.now();
        if (now >= warmUntil && now < until) ended += 1;
      }
    }),
  );
  return Math.round((ended / seconds) * 10) / 10;
}

async function prepare(db: Db): Promise<void> {
  await db.raw(
    'create table if not exists bench_floor_rows (id text, step integer, place integer, body text, primary key (id, step, place))',
  );
}
const writeRows = (db: Db, id: string, step: number, rows: number): Promise<unknown> =>
  db.raw(
    `insert into bench_floor_rows select ?, ?, place, repeat('x', 200) from generate_series(1, ?::integer) place on conflict do nothing`,
    [id, step, rows],
  );

export interface EngineFloor {
  /** Workflows a second, of as many seconds as the load says. */
  round(load: Load): Promise<number>;
  stop(): Promise<void>;
}

/** The engine's floor: the smallest workflow with so many signals, each written by a local activity, and nothing decided. */
export async function startEngineFloor(stores: Pick<Load, 'databaseUrl' | 'temporalAddress'>): Promise<EngineFloor> {
  const db = createPool(stores.databaseUrl, { max: 8 });
  await prepare(db);
  let rows = 0;
  const worker = await startFloorWorker(stores.temporalAddress, (id, step) => writeRows(db, id, step, rows));
  let index = 0;
  return {
    round(load) {
      rows = load.rowsPerEvent;
      return perSecond(load, () => worker.call(`capacity-${index++}`, load.events));
    },
    async stop() {
      await worker.stop();
      await db.destroy();
    },
  };
}

/** No engine at all: an Express handler that does the same writes before it answers. */
export async function plainCapacity(load: Load): Promise<number> {
  const db = createPool(load.databaseUrl, { max: 8 });
  await prepare(db);
  const app = express();
  app.post('/:id/:step', express.urlencoded({ extended: false }), async ({ params }, response) => {
    await writeRows(db, `plain-${params.id}`, Number(params.step), load.rowsPerEvent);
    response.send('ok');
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const send = (path: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const outgoing = request({ port, path, method: 'POST', agent }, (response) => {
        response.resume().once('end', resolve);
      });
      outgoing.once('error', reject);
      outgoing.end();
    });
  try {
    let index = 0;
    return await perSecond(load, async () => {
      const id = index++;
      for (let step = 0; step < load.events; step++) await send(`/${id}/${step}`);
    });
  } finally {
    agent.destroy();
    server.closeAllConnections();
    server.close();
    await db.destroy();
  }
}
