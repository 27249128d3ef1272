import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DemoPbx } from '../../run/demo-pbx/pbx.ts';
import { startScene, type RunningScene } from '../support/running-scene.ts';
import { age, outcomeOf, reconcileNow, sql, until } from '../torture/scene.ts';
import type { Stack } from '../torture/stack.ts';
import type { Scene } from '../torture/teller.ts';

const OURS = ['api1', 'api2', 'worker1', 'worker2'] as const;
let running: RunningScene;
let pbx: DemoPbx;
let stack: Stack;
let scene: Scene;
beforeAll(async () => {
  // No second try: what is not heard is lost for good, as the PBX promises nothing else.
  running = await startScene({ secondsAgo: 3_600, timeoutMs: 3_000 }, { LEG_MAX_SECONDS: '14400' });
  ({ pbx, stack, scene } = running);
}, 240_000);
afterAll(() => running.stop(), 60_000);

const [TALKED, MISSED, CUT_OFF] = ['+79065550001', '+79065550002', '+79065550003'];

async function talk(from: string): Promise<void> {
  const call = pbx.incoming({ from });
  await call.ring('101');
  await call.pass(5);
  await call.answer('101');
  await call.pass(40);
  await call.finish();
}

test(
  'what happened while everything was down is completed from the statistics, marked, and once',
  { timeout: 300_000 },
  async () => {
    const cutOff = pbx.incoming({ from: CUT_OFF });
    await cutOff.ring('102');
    await cutOff.pass(5);
    await cutOff.answer('102');
    const { admin } = scene;
    await scene.desks.get('102')?.sees(CUT_OFF, 'talking', 60_000);

    await stack.down(...OURS);
    await talk(TALKED);
    const missed = pbx.incoming({ from: MISSED });
    await missed.ring('101');
    await missed.pass(20);
    await missed.giveUp();
    await missed.finish();
    await cutOff.pass(30);
    await cutOff.finish();
    expect(pbx.log.sent.filter(({ status }) => status === null).length).toBeGreaterThan(10);

    await stack.up(OURS);
    expect(await outcomeOf(admin, TALKED)).toEqual([]);
    await age(stack, 1);
    await reconcileNow(stack);

    const outcomes = () => Promise.all([TALKED, MISSED, CUT_OFF].map((phone) => outcomeOf(admin, phone)));
    const found = await until(
      outcomes,
      (all) => all.every((one) => one.length > 0) && !JSON.stringify(all).includes('"pending"]'),
    );
    const talked = (number: string) => [
      {
        kind: 'incoming',
        status: 'open',
        subject: `Входящий звонок с ${number}`,
        missedCount: 0,
        entries: [{ outcome: 'talked', body: '', recordings: ['ready'] }],
      },
    ];
    expect(found).toEqual([
      talked('+7 906 555-00-01'),
      [
        {
          kind: 'missed',
          status: 'open',
          subject: 'Пропущенный звонок с +7 906 555-00-02',
          missedCount: 1,
          entries: [expect.objectContaining({ outcome: 'missed' })],
        },
      ],
      talked('+7 906 555-00-03'),
    ]);
    const marked = await sql<{ phone: string }>(stack, `select phone from conversations where reconciled order by phone`);
    // Of the third only the end was missing: its talk had been told by events.
    expect(marked.map(({ phone }) => phone)).toEqual([TALKED, MISSED]);

    // The statistics are read once more, and now the PBX remembers its events after all.
    await reconcileNow(stack);
    const late = pbx.log.sent.filter(({ status, path }) => status === null && path.startsWith('/events/'));
    for (const { path, json } of late) await pbx.send(path, JSON.parse(json) as Record<string, unknown>);
    const [left] = await until(
      () =>
        sql<{ waiting: number }>(
          stack,
          'select count(*)::int as waiting from inbox where delivered_at is null and entry is not null',
        ),
      ([row]) => row?.waiting === 0,
    );
    expect(left?.waiting).toBe(0);
    expect(await outcomes()).toEqual(found);
  },
);
