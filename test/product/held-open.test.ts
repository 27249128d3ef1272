import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bareCall, inTurn, statusesOf, type BareCall } from '../support/bare-calls.ts';
import { startScene, type RunningScene } from '../support/running-scene.ts';
import { outcomeOf, sql, until } from '../torture/scene.ts';
import type { Stack } from '../torture/stack.ts';
import type { Scene } from '../torture/teller.ts';

/** How long a part is away. */
const AWAY_MS = 60_000;
/** Every deadline of a call, in seconds: long enough for a call to be waiting for it, short enough to be outlasted. */
const DEADLINES = { CALL_SETTLE_SECONDS: '8', DRAFT_GRACE_SECONDS: '6', LEG_MAX_SECONDS: '45', RECORDING_WAIT_SECONDS: '15' };

/** The intake's own deadline, and what a busy machine adds. */
const ANSWERED_WITHIN_MS = 2_500;

let running: RunningScene;
let stack: Stack;
let scene: Scene;
beforeAll(async () => {
  running = await startScene({ secondsAgo: 0 }, DEADLINES);
  ({ stack, scene } = running);
}, 240_000);
afterAll(() => running.stop(), 60_000);

const callOf = (phone: string, extension: string): BareCall => bareCall(running, phone, extension);
const countOf = async (query: string): Promise<number> => (await sql<{ n: number }>(stack, query))[0]?.n ?? Number.NaN;
const waiting = (): Promise<number> => countOf('select count(*)::int as n from inbox where delivered_at is null');
const probe = async (which: 'live' | 'ready'): Promise<number[]> =>
  Promise.all(stack.apiUrls.map(async (url) => (await fetch(`${url}/health/${which}`)).status));
const deaths = (): number => Object.values(stack.services).reduce((sum, service) => sum + service.deaths, 0);

test(
  'R3: with the database away for a minute 200 events are told to come back, soon, and none counts as taken',
  { timeout: 240_000 },
  async () => {
    const events = Array.from({ length: 200 }, (_, index) => callOf(`+7906700${1_000 + index}`, '999'));
    const entries = events.map(({ entry }) => `'${entry}'`).join();
    const kept = (): Promise<number> => countOf(`select count(*)::int as n from inbox where entry in (${entries})`);
    const until = Date.now() + AWAY_MS;
    stack.gates.database.cut(true);
    const answers = await inTurn(events, 4, async (call) => {
      const answer = await call.rings();
      await delay(Math.max(0, AWAY_MS / 50 - answer.ms));
      return answer;
    });
    expect(await probe('live')).toEqual([200, 200]);
    expect(await probe('ready')).toEqual([503, 503]);
    await delay(until - Date.now());
    stack.gates.database.heal();
    expect(statusesOf(answers)).toEqual([503]);
    expect(answers.filter(({ retryAfter }) => !(Number(retryAfter) > 0))).toEqual([]);
    expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(ANSWERED_WITHIN_MS);
    expect(await kept()).toBe(0);

    while (!(await probe('ready')).every((status) => status === 200)) await delay(50);
    expect(statusesOf(await inTurn(events, 8, (call) => call.rings()))).toEqual([200]);
    expect(await kept()).toBe(200);
    expect(deaths()).toBe(0);
  },
);

test(
  'R16: whatever a call waits for, when the time for it passes without worker and Temporal, it comes once, after both are back',
  { timeout: 300_000 },
  async () => {
    const [noEnd, noSummary, noRecording, draft] = ['+79067020001', '+79067020002', '+79067020003', '+79067020004'] as const;
    const calls = { noEnd: callOf(noEnd, '101'), noSummary: callOf(noSummary, '102') };
    const later = { noRecording: callOf(noRecording, '103'), draft: callOf(draft, '104') };
    for (const call of [...Object.values(calls), ...Object.values(later)]) {
      await call.rings();
      await call.answers();
    }
    for (const [phone, extension] of [
      [noEnd, '101'],
      [noSummary, '102'],
      [noRecording, '103'],
      [draft, '104'],
    ] as const)
      expect(await scene.desks.get(extension)?.sees(phone, 'talking', 60_000), phone).toBeDefined();

    const writer = scene.desks.get('104');
    const card = await writer?.sees(draft, 'talking', 1_000);
    if (card) await writer?.act(later.draft.entry, card, { type: 'save_draft', subject: '', gist: 'Недописанное' });
    // The first of these has its ticket already and waits for the word of a recording; of the last two the end was heard a moment ago.
    await later.noRecording.ends();
    await later.noRecording.summary();
    await until(
      () => outcomeOf(scene.admin, noRecording),
      (found) => found.length === 1,
    );
    await calls.noSummary.ends();
    await later.draft.ends();
    await later.draft.summary();
    expect(await until(waiting, (count) => count === 0, 20_000)).toBe(0);

    await stack.down('worker1', 'worker2');
    stack.gates.temporal.cut(true);
    const { pid } = stack.services.temporal;
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
    // Not one of them has come yet, but for what was done before.
    const before = await Promise.all([noEnd, noSummary, draft].map((phone) => outcomeOf(scene.admin, phone)));
    expect(before).toEqual([[], [], []]);
    await delay(50_000);
    stack.gates.temporal.heal();
    await stack.up(['worker1', 'worker2']);

    const phones = [noEnd, noSummary, noRecording, draft];
    const outcomes = () => Promise.all(phones.map((phone) => outcomeOf(scene.admin, phone)));
    const found = await until(
      outcomes,
      (all) => all.every((one) => one.length > 0) && !/in_progress|"pending"/.test(JSON.stringify(all.map(entriesOf))),
      120_000,
    );
    const talk = (status: string, body = '') => [
      expect.objectContaining({ kind: 'incoming', status, entries: [{ outcome: 'talked', body, recordings: ['unavailable'] }] }),
    ];
    expect(found).toEqual([talk('open'), talk('open'), talk('open'), talk('pending', 'Недописанное')]);
    // Nothing more comes of it when all is told once again.
    for (const call of [calls.noSummary, later.draft]) await call.ends();
    expect(await until(waiting, (count) => count === 0, 60_000)).toBe(0);
    expect(await outcomes()).toEqual(found);
  },
);

const entriesOf = (tickets: readonly unknown[]): unknown[] => tickets.map((ticket) => (ticket as { entries: unknown }).entries);
