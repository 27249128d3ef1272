import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SCENARIOS, scenarioNamed } from '../../run/demo-pbx/scenarios/index.ts';
import type { ScenarioOptions } from '../../run/demo-pbx/scenarios/index.ts';
import type { DemoPbx } from '../support/pbx.ts';
import { startPbx, wasAnswered } from '../support/pbx.ts';
import { EXPECTED } from './demo-pbx-sequences.ts';
import type { Sink } from './demo-pbx-sink.ts';
import { inWords, startSink } from './demo-pbx-sink.ts';

let sink: Sink;
let pbx: DemoPbx;

beforeEach(async () => {
  sink = await startSink();
  pbx = await startPbx({ targetUrl: sink.url });
});

afterEach(async () => {
  expect(pbx.log.sent.filter(({ failure }) => failure !== null)).toEqual([]);
  await pbx.stop();
  await sink.close();
});

async function play(name: string, options: ScenarioOptions = {}) {
  const found = scenarioNamed(name);
  if (!found) throw new Error(`no scenario ${name}`);
  const playing = found.play(pbx, options);
  await playing.done;
  return playing.call;
}

const linesOf = (name: string): string[] =>
  (EXPECTED[name] ?? '')
    .trim()
    .split('\n')
    .map((line) => line.trim());

describe('each scenario sends exactly the events of mango-api §3', () => {
  test.each(SCENARIOS.map(({ name }) => name))('%s', async (name) => {
    await play(name);
    expect(inWords(sink.received)).toEqual(linesOf(name));
  });

  test('every scenario has an expected sequence, and the other way round', () => {
    expect(SCENARIOS.map(({ name }) => name).toSorted()).toEqual(Object.keys(EXPECTED).toSorted());
  });

  test('a group where nobody answers ends every leg and the queue, and the summary names the group without a number', async () => {
    await play('group', { winner: 'none', to: ['101', '0103'] });
    expect(inWords(sink.received).slice(-4)).toEqual([
      'B#2 Disconnected 79161234567→101 <A group 800 1110',
      'C#2 Disconnected 79161234567→0103 <A group 800 1110',
      'A#2 Disconnected queue 79161234567→74950000000 group 800 1110',
      'summary 1 79161234567→800 not talked 0 1110',
    ]);
    expect(sink.events.at(-1)?.to).toEqual({ extension: '800' });
  });
});

describe('fields of API v1', () => {
  test.each(SCENARIOS.map(({ name }) => name).filter((name) => !/blind|returned/.test(name)))(
    '%s: the same events without transfer, was_transferred and hold_initiator',
    async (name) => {
      await play(name, { fields: 'v1' });
      const v2 = / (consultative|blind|return_blind|(from|to)\.(was_transferred|hold_initiator))/g;
      expect(inWords(sink.received)).toEqual(linesOf(name).map((line) => line.replaceAll(v2, '')));
    },
  );

  test('a blind transfer shows the operator as caller until the target answers, as drawn', async () => {
    await play('blind-by-command', { fields: 'v1' });
    expect(inWords(sink.received).filter((line) => line.startsWith('B') || line.startsWith('A#4'))).toEqual([
      'A#4 Disconnected 79161234567→101 1120 command',
      'B#1 Appeared 101→102 <A command',
      'B#2 Connected 79161234567→102 <A command',
      'B#3 Disconnected 79161234567→102 <A 1110 command',
    ]);
  });

  test('a blind transfer that nobody answers rings the operator back, for the customer', async () => {
    await play('transfer-returned', { fields: 'v1' });
    expect(inWords(sink.received).filter((line) => /^[BC]#[12]/.test(line))).toEqual([
      'B#1 Appeared 101→102 <A',
      'B#2 Disconnected 101→102 <A 1111',
      'C#1 Appeared 79161234567→101 <B',
      'C#2 Connected 79161234567→101 <B',
    ]);
  });
});

describe('what stands on the wire', () => {
  test.each(SCENARIOS.map(({ name }) => name))(
    '%s: signed form, one entry, seq grows by leg, times never run back',
    async (name) => {
      const call = await play(name);
      expect(sink.received.every((one) => one.signedWell && one.key === 'testkey0001')).toBe(true);
      expect(new Set(sink.received.map((one) => one.contentType))).toEqual(new Set(['application/x-www-form-urlencoded']));
      expect(new Set(sink.events.flatMap((event) => event.entry_id ?? []))).toEqual(new Set([call.id]));
      const lastSeq = new Map<string, number>();
      for (const event of sink.events) {
        const counter = event.recording_id ?? event.call_id;
        if (counter === undefined || event.seq === undefined) continue;
        expect(event.seq).toBeGreaterThan(lastSeq.get(counter) ?? 0);
        lastSeq.set(counter, event.seq);
      }
      const times = sink.events.flatMap((event) => event.timestamp ?? []);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    },
  );

  test('the first event of a leg has production’s shape', async () => {
    await play('group', { to: ['0103'], from: '8 (916) 123-45-67' });
    expect(sink.events[1]).toEqual({
      entry_id: expect.stringMatching(/^[\w=]+$/),
      call_id: expect.stringMatching(/^[\w=]+$/),
      timestamp: expect.any(Number),
      seq: 1,
      call_state: 'Appeared',
      location: 'abonent',
      from: { number: '79161234567', taken_from_call_id: sink.events[0]?.call_id },
      to: {
        extension: '101',
        number: 'sip:user101@vpbx400000000.mangosip.ru',
        line_number: '74950000000',
        acd_group: '800',
      },
      dct: { type: 0 },
    });
    expect(sink.events[3]?.to?.['extension']).toBe('0103');
  });

  test('a leg behind the menu has an empty group, one without a menu none', async () => {
    await play('incoming-menu');
    await play('incoming');
    const ringing = sink.events.filter((event) => event.call_state === 'Appeared' && event.location === 'abonent');
    expect(ringing.map((event) => event.to?.['acd_group'])).toEqual(['', undefined]);
  });

  test('a hidden caller has no number anywhere', async () => {
    await play('hidden');
    expect(sink.events.flatMap((event) => (event.from ? [event.from['number']] : []))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('a softphone call shows the device only once it is answered, and the outgoing line', async () => {
    await play('outgoing', { from: '0103' });
    const [appeared, connected] = sink.events;
    expect(appeared?.from).toEqual({ extension: '0103', line_number: '74950000000' });
    expect(connected?.from).toEqual({
      extension: '0103',
      number: 'sip:user0103@vpbx400000000.mangosip.ru',
      line_number: '74950000000',
    });
    expect(appeared?.to).toEqual({ number: '79161234567' });
  });

  test('an internal call has no line and no call tracking', async () => {
    await play('internal');
    expect(sink.events.every((event) => event['dct'] === undefined && event['line_number'] === undefined)).toBe(true);
  });

  test('a call that ended in the menu claims a conversation although nobody talked', async () => {
    await play('ivr-only');
    expect(sink.events.at(-1)).toMatchObject({ to: {}, talk_time: 0, entry_result: 1, disconnect_reason: 1170 });
  });
});

describe('the ground truth', () => {
  test('knows who talked with the customer, and with whom else, and for how long', async () => {
    const call = await play('transfer-consultative', { talk: 30 });
    const talks = call.facts.talks.map((talk) => ({
      who: talk.extension,
      with: talk.with,
      seconds: (talk.endedAt ?? 0) - talk.startedAt,
    }));
    expect(talks).toEqual([
      { who: '101', with: 'customer', seconds: expect.any(Number) },
      { who: '101', with: 'operator', seconds: expect.any(Number) },
      { who: '102', with: 'operator', seconds: expect.any(Number) },
      { who: '102', with: 'customer', seconds: expect.any(Number) },
    ]);
    expect(talks[0]?.seconds).toBeGreaterThan(30);
    expect(wasAnswered(call.facts)).toBe(true);
  });

  test.each([
    ['missed', false],
    ['ivr-only', false],
    ['callback-no-answer', false],
    ['callback-operator-away', false],
    ['transfer-returned-missed', true],
    ['callback', true],
    ['outgoing-unanswered', false],
  ] as const)('%s: answered is %s', async (name, answered) => {
    const call = await play(name);
    expect(wasAnswered(call.facts)).toBe(answered);
  });
});
