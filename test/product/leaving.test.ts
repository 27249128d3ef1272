import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DemoPbx } from '../../run/demo-pbx/pbx.ts';
import { startScene, type RunningScene } from '../support/running-scene.ts';
import { outcomeOf, sql, until } from '../torture/scene.ts';
import type { Stack } from '../torture/stack.ts';
import type { Scene } from '../torture/teller.ts';

const PHONE = '+79065560001';
let running: RunningScene;
let pbx: DemoPbx;
let stack: Stack;
let scene: Scene;
beforeAll(async () => {
  running = await startScene({ secondsAgo: 0, retries: 200, retryDelayMs: 200 });
  ({ pbx, stack, scene } = running);
}, 240_000);
afterAll(() => running.stop(), 60_000);

/** Nobody can write a conversation until it is let go. */
async function holdConversations(): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: stack.databaseUrl });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('begin');
  await client.query('lock table conversations in share mode');
  return async () => {
    await client.query('rollback');
    await client.end();
  };
}

const waitingForIt = async (): Promise<number> => {
  const [row] = await sql<{ count: number }>(
    stack,
    `select count(*)::int from pg_locks where not granted and relation = 'conversations'::regclass`,
  );
  return row?.count ?? 0;
};

test(
  'workers asked to leave in the middle of a task that does not end are gone in ten seconds, and nothing is lost',
  { timeout: 240_000 },
  async () => {
    const { admin, desks } = scene;
    const call = pbx.incoming({ from: PHONE });
    await call.ring('101');
    expect(await desks.get('101')?.sees(PHONE, 'ringing', 60_000)).toBeDefined();
    const letGo = await holdConversations();
    await call.answer('101');
    expect(await until(waitingForIt, (count) => count > 0)).toBeGreaterThan(0);

    const askedAt = Date.now();
    // Patient beyond the ten seconds: what has to be killed shows.
    await Promise.all((['worker1', 'worker2'] as const).map((name) => stack.services[name].stop(30_000)));
    expect(Date.now() - askedAt).toBeLessThan(10_000);

    await letGo();
    await stack.up(['worker1', 'worker2']);
    await call.pass(20);
    await call.finish();
    const found = await until(
      () => outcomeOf(admin, PHONE),
      (tickets) => tickets.length > 0 && !/in_progress|"recordings":\["pending/.test(JSON.stringify(tickets)),
      120_000,
    );
    const entries = [{ outcome: 'talked', body: '', recordings: ['ready'] }];
    expect(found).toEqual([
      { kind: 'incoming', status: 'open', subject: 'Входящий звонок с +7 906 556-00-01', missedCount: 0, entries },
    ]);
  },
);
