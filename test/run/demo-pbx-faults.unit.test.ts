import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DemoPbx, DemoPbxOptions, IncomingCall } from '../support/pbx.ts';
import { startPbx } from '../support/pbx.ts';
import type { Sink } from './demo-pbx-sink.ts';
import { inWords, startSink } from './demo-pbx-sink.ts';

let sink: Sink;
let pbx: DemoPbx;

beforeEach(async () => {
  sink = await startSink();
});

afterEach(async () => {
  await pbx.stop();
  await sink.close();
});

async function withFaults(faults: DemoPbxOptions['faults'], options: Partial<DemoPbxOptions> = {}): Promise<IncomingCall> {
  pbx = await startPbx({ targetUrl: sink.url, ...(faults ? { faults } : {}), ...options });
  return pbx.incoming({ record: 'none' });
}

async function talk(call: IncomingCall): Promise<void> {
  await call.ring('101');
  await call.answer('101');
  await call.hangUp();
  await call.finish();
}

const ALL = [
  'A#1 Appeared 79161234567→101',
  'A#2 Connected 79161234567→101',
  'A#3 Disconnected 79161234567→101 1110',
  'summary 1 79161234567→101 talked 1 1110',
];

test('a duplicated event comes twice, byte for byte', async () => {
  await talk(await withFaults({ deliveries: [{ state: 'Connected', duplicate: 1 }] }));
  expect(inWords(sink.received)).toEqual([ALL[0], ALL[1], ALL[1], ALL[2], ALL[3]]);
  expect(sink.received[1]?.json).toBe(sink.received[2]?.json);
});

test('a lost event never arrives, and the log says so', async () => {
  await talk(await withFaults({ deliveries: [{ path: 'events/summary', lose: true }] }));
  expect(inWords(sink.received)).toEqual(ALL.slice(0, 3));
  expect(pbx.log.sent.at(-1)).toMatchObject({ path: '/events/summary', failure: 'lost', status: null });
  expect(pbx.log.calls[0]?.endedAt).not.toBeNull();
});

test('a delayed event keeps nobody waiting, and comes', async () => {
  const call = await withFaults({ deliveries: [{ state: 'Appeared', delayMs: 300 }] });
  await call.ring('101');
  expect(sink.received).toEqual([]);
  await pbx.settled();
  expect(inWords(sink.received)).toEqual([ALL[0]]);
});

test('a withheld event waits until it is released', async () => {
  await talk(await withFaults({ deliveries: [{ path: 'events/summary', withhold: true }] }));
  expect(inWords(sink.received)).toEqual(ALL.slice(0, 3));
  await pbx.release();
  expect(inWords(sink.received)).toEqual(ALL);
});

test('reordering sends all of a window at once, each event once, in an order that the seed decides', async () => {
  sink.setDelay(200);
  await talk(await withFaults({ reorder: 4 }, { seed: 3 }));
  await pbx.settled();
  expect(sink.peak()).toBe(4);
  const sent = pbx.log.sent.map((one) => one.json);
  expect(sent).toHaveLength(4);
  expect(sink.received.map((one) => one.json).toSorted()).toEqual(sent.toSorted());
});

test('events left over from reordering leave on release', async () => {
  await talk(await withFaults({ reorder: 3 }));
  await pbx.settled();
  expect(sink.received).toHaveLength(3);
  await pbx.release();
  expect(inWords(sink.received).toSorted()).toEqual(ALL.toSorted());
});

test('an event that waits for a neighbour waits so long and no longer', async () => {
  await talk(await withFaults({ reorder: 3, reorderWithinMs: 50 }));
  await expect.poll(() => inWords(sink.received).toSorted()).toEqual(ALL.toSorted());
});

test('quoted numbers are texts, and the signature is over them', async () => {
  await talk(await withFaults({ deliveries: [{ quoteNumbers: true }] }));
  expect(sink.events[0]).toMatchObject({ seq: '1', timestamp: expect.stringMatching(/^\d+$/), dct: { type: '0' } });
  expect(sink.events[3]).toMatchObject({ talk_time: expect.stringMatching(/^\d+$/), call_direction: '1' });
  expect(sink.received.every((one) => one.signedWell)).toBe(true);
});

test('optional fields can be left out, all of them or by name', async () => {
  await talk(await withFaults({ deliveries: [{ omitOptional: true }, { state: 'Connected', omit: ['location', 'to.number'] }] }));
  expect(Object.keys(sink.events[0] ?? {})).toEqual([
    'entry_id',
    'call_id',
    'timestamp',
    'seq',
    'call_state',
    'location',
    'from',
    'to',
  ]);
  expect(sink.events[1]).toMatchObject({ to: { extension: '101' } });
  expect(sink.events[1]?.location).toBeUndefined();
});

test('a clock that is off shows in the events it is ordered for', async () => {
  const call = await withFaults({ deliveries: [{ path: 'events/call', clockSeconds: 600, times: 1 }] });
  await talk(call);
  const [first, second] = sink.events.map(({ timestamp }) => Number(timestamp));
  expect(first! - second!).toBeGreaterThan(500);
});

test('a bad signature or a wrong key goes out where ordered, so many times as ordered', async () => {
  const call = await withFaults({
    deliveries: [
      { badSignature: true, times: 1 },
      { path: 'summary', wrongKey: true },
    ],
  });
  await talk(call);
  expect(sink.received.map((one) => one.signedWell)).toEqual([false, true, true, false]);
  expect(sink.received.map((one) => one.key)).toEqual(['testkey0001', 'testkey0001', 'testkey0001', 'testkey0001-wrong']);
});

test('a chance is drawn from the seed: the same seed loses the same events', async () => {
  const lost = async (): Promise<number[]> => {
    const call = await withFaults({ deliveries: [{ lose: true, chance: 0.5 }] }, { seed: 7 });
    await talk(call);
    return pbx.log.sent.flatMap((sent, index) => (sent.failure === 'lost' ? [index] : []));
  };
  const first = await lost();
  await pbx.stop();
  expect(await lost()).toEqual(first);
  expect(first.length).toBeGreaterThan(0);
});

test('faults can be changed between two events', async () => {
  const call = await withFaults(undefined);
  await call.ring('101');
  pbx.setFaults({ deliveries: [{ lose: true }] });
  await call.answer('101');
  pbx.setFaults({});
  await call.finish();
  expect(inWords(sink.received)).toEqual([ALL[0], ALL[2], ALL[3]]);
});

test('an event that is refused is not sent again, unless retries are asked for', async () => {
  sink.statuses.push(503);
  await talk(await withFaults(undefined));
  expect(sink.received).toHaveLength(4);
  await pbx.stop();

  sink.statuses.push(503, 503);
  await talk(await withFaults(undefined, { retries: 3, retryDelayMs: 5 }));
  expect(inWords(sink.received.slice(4))).toEqual([ALL[0], ALL[0], ALL[0], ALL[1], ALL[2], ALL[3]]);
  expect(pbx.log.sent.map((one) => one.status)).toEqual([503, 503, 200, 200, 200, 200]);
});

test('a product that is away costs the events, not the call', async () => {
  pbx = await startPbx({ targetUrl: 'http://127.0.0.1:1' });
  await talk(pbx.incoming({ record: 'none' }));
  expect(pbx.log.sent.every((one) => one.status === null && one.failure !== null)).toBe(true);
  expect(pbx.log.calls[0]?.talks).toHaveLength(1);
});

test('by default each event waits for the answer to the one before; parallel ones do not', async () => {
  sink.setDelay(200);
  const call = await withFaults(undefined);
  await call.ringAll(['101', '102', '0103']);
  expect(sink.peak()).toBe(1);
  await pbx.stop();
  await (await withFaults(undefined, { parallel: true })).ringAll(['101', '102', '0103']);
  expect(sink.peak()).toBe(3);
});

test('a step that does not fit the call says what stands open', async () => {
  const call = await withFaults(undefined);
  await call.ring('101');
  await expect(call.answer('102')).rejects.toThrow('102 is not ringing (open legs: 79161234567→101 Appeared)');
});
