import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backUp } from '../../run/backup.ts';
import type { DemoPbx } from '../../run/demo-pbx/pbx.ts';
import { createPool } from '../../db/pool.ts';
import { eraseAgain } from '../../run/erase-again.ts';
import { forgetCallsInFlight, restore } from '../../run/restore.ts';
import { startTemporal } from '../../run/temporal.ts';
import { furnish } from '../torture/campaign.ts';
import { Person } from '../torture/client.ts';
import { accountOf, age, outcomeOf, pastPbx, reconcileNow, sql, until } from '../torture/scene.ts';
import { ADMIN, startStack, type Stack } from '../torture/stack.ts';
import type { Scene } from '../torture/teller.ts';

/** Of somebody who is erased after the backup. */
const forgotten = '+79065560004';
const OURS = ['api1', 'api2', 'worker1', 'worker2'] as const;

describe.each([
  ['with a new Temporal, as after the loss of the machine', false],
  ['with the Temporal that has gone on since, which knows more than the database', true],
])('A backup of a running system, restored %s', (_name, keepsTemporal) => {
  let place: string;
  let pbx: DemoPbx;
  let stack: Stack;
  let scene: Scene;
  beforeAll(async () => {
    place = await mkdtemp(join(tmpdir(), 'trubka-backup-'));
    pbx = await pastPbx({ secondsAgo: 3_600, retries: 200, retryDelayMs: 300 });
    stack = await startStack({ pbx: accountOf(pbx), env: { LEG_MAX_SECONDS: '14400' } });
    pbx.setTarget(stack.url);
    scene = await furnish(stack, pbx);
  }, 240_000);
  afterAll(async () => {
    await pbx.stop();
    await stack.stop();
    await rm(place, { recursive: true, force: true });
  }, 60_000);

  const [before, during, after] = ['+79065560001', '+79065560002', '+79065560003'];

  async function talk(from: string): Promise<void> {
    const call = pbx.incoming({ from });
    await call.ring('101');
    await call.pass(5);
    await call.answer('101');
    await call.pass(40);
    await call.finish();
  }
  const isReady = (found: unknown): boolean => JSON.stringify(found).includes('"recordings":["ready"]');

  test('loses nothing older, ends calls in flight in a ticket, and gets back what came later', { timeout: 360_000 }, async () => {
    await talk(before);
    const kept = await until(() => outcomeOf(scene.admin, before), isReady);
    expect(isReady(kept)).toBe(true);
    const live = pbx.incoming({ from: during });
    await live.ring('102');
    await live.answer('102');
    const card = await scene.desks.get('102')?.sees(during, 'talking', 60_000);
    expect(card?.conversationId).toBeTruthy();

    const { body: person } = await scene.admin.ask('POST', '/api/customers', { fullName: 'Иван Забытый', phones: [forgotten] });
    const { id: forgottenId } = person as { id: string };

    const backup = join(place, 'backup');
    expect((await backUp({ dataDir: stack.dataDir, to: backup })).database).toBe('files');

    // The system goes on: the call ends, another comes; and then all of it is gone.
    await talk(after);
    await live.consult('102', '103');
    await live.answer('103');
    await live.completeTransfer('102');
    await until(() => outcomeOf(scene.admin, after), isReady);
    await until(
      () => outcomeOf(scene.admin, during),
      (found) => found.length > 0,
    );
    await scene.admin.ask('POST', `/api/customers/${forgottenId}/erasure`, { reason: 'request', texts: 'erase' });
    const isErased = async (who: Person): Promise<boolean> =>
      (await who.get<{ items: { state: string }[] }>(`/api/erasures?customerId=${forgottenId}`)).items[0]?.state === 'done';
    expect(await until(() => isErased(scene.admin), Boolean)).toBe(true);
    const { body: destructionLog } = await scene.admin.ask('GET', '/api/destruction-log?format=csv');
    for (const desk of scene.desks.values()) desk.end();
    await stack.down(...OURS);
    const temporalDirectory = join(stack.dataDir, 'temporal');
    await stack.services.temporal.stop(5_000);
    await stack.services.postgres.stop(0);

    const dataDir = join(place, 'data');
    await restore(backup, { dataDir, databaseUrl: undefined, temporal: undefined });
    if (keepsTemporal) await setBack(dataDir, temporalDirectory);
    const restored = await startStack({
      pbx: accountOf(pbx),
      dataDir,
      clearUp: false,
      env: { LEG_MAX_SECONDS: '14400' },
      ...(keepsTemporal ? { temporalDirectory } : {}),
    });
    try {
      pbx.setTarget(restored.url);
      const admin = await new Person(restored.url, ADMIN.email, ADMIN.password).signIn();
      expect(await outcomeOf(admin, before)).toEqual(kept);
      expect(await outcomeOf(admin, after)).toEqual([]);
      await erasedAgain(restored, admin, isErased, destructionLog as string);
      await live.pass(30);
      await live.finish();
      const ended = await until(() => outcomeOf(admin, during), isReady);
      expect(ended.length).toBeGreaterThan(0);

      await age(restored, 1);
      await reconcileNow(restored);
      const later = await until(() => outcomeOf(admin, after), isReady);
      expect(later).toMatchObject([{ kind: 'incoming', entries: [{ outcome: 'talked', recordings: ['ready'] }] }]);
      expect(await outcomeOf(admin, before)).toEqual(kept);
    } finally {
      await restored.stop();
    }
  });
});

/** Whoever was erased since the backup is back, and goes again by the destruction log that was kept elsewhere. */
async function erasedAgain(
  restored: Stack,
  admin: Person,
  isErased: (who: Person) => Promise<boolean>,
  log: string,
): Promise<void> {
  const there = (): Promise<unknown[]> => sql(restored, `select from customer_phones where phone = '${forgotten}'`);
  expect(await there()).toHaveLength(1);
  const db = createPool(restored.databaseUrl, { max: 1 });
  expect(await eraseAgain(db, log)).toEqual({ ordered: 1, none: 0 });
  await db.destroy();
  expect(await until(() => isErased(admin), Boolean)).toBe(true);
  expect(await there()).toEqual([]);
  expect(await sql(restored, `select from customers where full_name like '%Забытый%'`)).toEqual([]);
}

/** What `npm run restore` does where Temporal and Postgres are servers of one's own: here both have to be started for it. */
async function setBack(dataDir: string, temporalDirectory: string): Promise<void> {
  const { startPostgres } = await import('../../run/postgres.ts');
  const postgres = await startPostgres({ directory: join(dataDir, 'postgres'), durable: true });
  const temporal = await startTemporal({ directory: temporalDirectory });
  await forgetCallsInFlight({
    databaseUrl: postgres.databaseUrl,
    temporal: { address: temporal.address, namespace: 'default' },
  });
  await temporal.stop();
  await postgres.stop();
}
