import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DemoPbx, DemoPbxOptions, IncomingCall } from '../support/pbx.ts';
import { signedPost, startPbx } from '../support/pbx.ts';
import type { Sink } from './demo-pbx-sink.ts';
import { inWords, soon, startSink } from './demo-pbx-sink.ts';

let sink: Sink;
let pbx: DemoPbx;

beforeEach(async () => {
  sink = await startSink();
  pbx = await startPbx({ targetUrl: sink.url });
});

afterEach(async () => {
  expect(pbx.problems).toEqual([]);
  expect(pbx.log.sent.filter(({ failure }) => failure !== null)).toEqual([]);
  await pbx.stop();
  await sink.close();
});

async function restartWith(options: Partial<DemoPbxOptions>): Promise<void> {
  await pbx.stop();
  pbx = await startPbx({ targetUrl: sink.url, ...options });
}

async function command(
  path: string,
  json: unknown,
): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
  const { status, body } = await signedPost(pbx.url, `/vpbx/${path}`, json);
  return { status, body: JSON.parse(body) as Record<string, unknown> };
}

const CALLBACK = { command_id: 'c-1', from: { extension: '101' }, to_number: '79990000001' };

async function eventually(lines: number): Promise<string[]> {
  await soon(() => sink.received.length).toBe(lines);
  return inWords(sink.received);
}

async function talking() {
  const call = pbx.incoming({ record: 'none' });
  const leg = await call.ring('101');
  await call.answer('101');
  return { call, leg };
}

describe('who may ask', () => {
  test.each([
    ['a wrong key', { key: 'other', salt: 'testsalt0002' }, 3105],
    ['a wrong salt', { key: 'testkey0001', salt: 'other' }, 3102],
  ])('%s is refused with its code', async (_what, credentials, code) => {
    const { status, body } = await signedPost(pbx.url, '/vpbx/account/balance', {}, credentials);
    expect([status, JSON.parse(body)]).toEqual([400, { result: code, message: expect.any(String) }]);
  });

  test('a request without the three fields, without readable JSON, by GET, or to an unknown path', async () => {
    const form = await fetch(`${pbx.url}/vpbx/account/balance`, { method: 'POST' });
    expect(await form.json()).toMatchObject({ result: 3103 });
    expect((await command('account/balance', '{"cut')).body).toMatchObject({ result: 3400 });
    expect(await (await fetch(`${pbx.url}/vpbx/account/balance`)).json()).toMatchObject({ result: 3101 });
    expect((await command('no/such/thing', {})).status).toBe(404);
  });

  test('the path may end with a slash', async () => {
    expect((await command('account/balance/', {})).body).toMatchObject({ result: 1000 });
  });

  test('every command stands in the log with its answer', async () => {
    await command('commands/callback', { ...CALLBACK, from: {} });
    expect(pbx.log.received).toEqual([
      { path: '/vpbx/commands/callback', json: JSON.stringify({ ...CALLBACK, from: {} }), status: 400, result: 3103 },
    ]);
  });
});

describe('callback', () => {
  test('is accepted and rings the operator, who looks like someone being called by the customer', async () => {
    expect(await command('commands/callback', CALLBACK)).toEqual({ status: 200, body: { result: 1000, command_id: 'c-1' } });
    const call = await pbx.nextCallback();
    await call.operatorAnswers();
    await call.customerAnswers();
    await call.finish();
    expect(inWords(sink.received).slice(0, 6)).toEqual([
      'A#1 Appeared 79990000001→101 command API',
      'result/callback 1000',
      'A#2 Connected 79990000001→101 command API',
      'A#3 Disconnected 79990000001→101 1100 command API',
      'B#1 Appeared 101→79990000001 <A command API',
      'B#2 Connected 101→79990000001 <A command API',
    ]);
    expect(sink.events.flatMap((event) => event['command_id'] ?? [])).toEqual(Array(7).fill('c-1'));
  });

  test.each([
    ['no operator', { ...CALLBACK, from: { number: 'sip:user101@vpbx400000000.mangosip.ru' } }, 3103],
    ['an unknown operator', { ...CALLBACK, from: { extension: '999' } }, 3100],
    ['a number that is none', { ...CALLBACK, to_number: 'x' }, 3200],
    ['a line of somebody else', { ...CALLBACK, line_number: '70000000000' }, 3124],
    ['no command id', { ...CALLBACK, command_id: '' }, 3103],
    ['a command id that is too long', { ...CALLBACK, command_id: 'x'.repeat(129) }, 3109],
  ])('with %s is refused and rings nobody', async (_what, json, code) => {
    expect((await command('commands/callback', json)).body).toMatchObject({ result: code });
    expect(pbx.calls.size).toBe(0);
  });

  test('rings another device where one is named', async () => {
    await command('commands/callback', { ...CALLBACK, from: { extension: '0103', number: '79030000000' } });
    await pbx.nextCallback();
    expect(sink.events[0]?.to).toEqual({ extension: '0103', number: '79030000000' });
  });

  test('to a colleague names the extension', async () => {
    await command('commands/callback', { ...CALLBACK, to_number: '102' });
    const call = await pbx.nextCallback();
    await call.operatorAnswers();
    await call.customerAnswers();
    expect(sink.events[0]?.from).toMatchObject({ extension: '102' });
    expect(sink.events.findLast((event) => event.call_state === 'Connected')?.to).toMatchObject({ extension: '102' });
  });

  test('may be refused after it was accepted, and then rings nobody', async () => {
    pbx.callbacks.set({ result: 2240 });
    expect((await command('commands/callback', CALLBACK)).body).toMatchObject({ result: 1000 });
    expect(await eventually(1)).toEqual(['result/callback 2240']);
    expect(pbx.calls.size).toBe(0);
  });

  test.each([
    ['first', ['result/callback 1000', 'A#1 Appeared 79990000001→101 command API']],
    ['never', ['A#1 Appeared 79990000001→101 command API']],
  ] as const)('the result may come %s', async (resultComes, lines) => {
    pbx.callbacks.set({ resultComes });
    await command('commands/callback', CALLBACK);
    await pbx.nextCallback();
    expect(inWords(sink.received)).toEqual(lines);
  });

  test('of a group rings its first member', async () => {
    await command('commands/callback_group', { command_id: 'g', from: '800', to: '79990000001', line_number: '74950000000' });
    await pbx.nextCallback();
    expect(inWords(sink.received)).toEqual(['A#1 Appeared 79990000001→101 command API', 'result/callback_group 1000']);
    const refused = await command('commands/callback_group', { command_id: 'g', from: '1', to: '2', line_number: '74950000000' });
    expect(refused.body).toMatchObject({ result: 3100 });
  });
});

describe('callbacks that people answer by themselves', () => {
  test('the operator and the customer pick up and talk until the product hangs up', async () => {
    await restartWith({ callbacks: { mode: 'auto' } });
    await command('commands/callback', CALLBACK);
    await soon(() => sink.events.at(-1)?.recording_state).toBe('Started');
    const talk = sink.events.findLast((event) => event.call_state === 'Connected');
    expect((await command('commands/call/hangup', { command_id: 'h', call_id: talk?.call_id })).body).toMatchObject({
      result: 1000,
    });
    await soon(() => sink.received.at(-1)?.path).toBe('/mango/events/record/added');
    expect(pbx.log.calls[0]?.talks).toMatchObject([{ extension: '101', with: 'customer' }]);
  });

  test.each([
    ['the operator does not pick up', { operatorAnswers: false }, 'summary 2 101→79990000001 not talked 0 1111'],
    ['the customer is busy', { customerAnswers: 1121 as const }, 'summary 2 101→79990000001 not talked 0 1121'],
    ['they talk for a while', { talk: 5 }, 'summary 2 101→79990000001 talked 1 1120'],
  ])('%s', async (_what, behaviour, summary) => {
    await restartWith({ callbacks: { mode: 'auto', ...behaviour } });
    await command('commands/callback', CALLBACK);
    await soon(() => inWords(sink.received)).toContain(summary);
  });
});

describe('hanging up', () => {
  test('ends the call, says so, and is refused the second time', async () => {
    const { leg } = await talking();
    await command('commands/call/hangup', { command_id: 'h', call_id: leg.id });
    expect((await eventually(5)).slice(2)).toEqual([
      'A#3 Disconnected 79161234567→101 1181 command',
      'result/call/hangup 1000',
      'summary 1 79161234567→101 talked 1 1181',
    ]);
    expect((await command('commands/call/hangup', { command_id: 'h', call_id: leg.id })).body).toMatchObject({ result: 4101 });
  });

  test('a queue cannot be hung up', async () => {
    const leg = await pbx.incoming().queue('800');
    expect((await command('commands/call/hangup', { command_id: 'h', call_id: leg.id })).body).toMatchObject({ result: 4001 });
  });

  test('of a consultation brings the customer back, of a blind transfer rings the sender', async () => {
    const { call } = await talking();
    const consultation = await call.consult('101', '102');
    await command('commands/call/hangup', { command_id: 'h', call_id: consultation.id });
    expect((await eventually(7)).slice(4)).toEqual([
      'B#2 Disconnected 101→102 <A consultative 1110',
      'A#4 Connected 79161234567→101',
      'result/call/hangup 1000',
    ]);
    const blind = await call.blindTransfer('101', '102');
    await command('commands/call/hangup', { command_id: 'h', call_id: blind.id });
    expect((await eventually(12)).slice(9)).toEqual([
      'C#2 Disconnected 79161234567→102 <A blind 1181',
      'D#1 Appeared 79161234567→101 <C return_blind',
      'result/call/hangup 1000',
    ]);
  });

  test.each([
    ['a blind transfer', async (call: IncomingCall) => call.blindTransfer('101', '102')],
    ['a consultation', async (call: IncomingCall) => call.consult('101', '102')],
    ['a release', async (call: IncomingCall) => call.release('101', '102')],
  ])('finds a leg at every moment of %s, however slow the product answers', async (_what, step) => {
    const { call } = await talking();
    sink.setDelay(50);
    const stepping = step(call);
    const counts = new Set([call.openLegs.length]);
    const watching = setInterval(() => counts.add(call.openLegs.length), 1);
    await stepping;
    clearInterval(watching);
    expect(counts).not.toContain(0);
  });

  test('in the middle of a script ends the script', async () => {
    const { call, leg } = await talking();
    await command('commands/call/hangup', { command_id: 'h', call_id: leg.id });
    await soon(() => call.isOver).toBe(true);
    await expect(call.pass(5)).rejects.toThrow('ended before its script did');
  });
});

describe('handing over', () => {
  test('blind and with a consultation, by command', async () => {
    const { leg, call } = await talking();
    const order = { command_id: 't', call_id: leg.id, to_number: '102', initiator: '101' };
    expect((await command('commands/transfer', { ...order, method: 'hold' })).body).toMatchObject({ result: 1000 });
    expect((await eventually(5)).slice(2)).toEqual([
      'A#3 OnHold 79161234567→101 to.hold_initiator command',
      'B#1 Appeared 101→102 <A consultative command',
      'result/transfer 1000',
    ]);
    await command('commands/transfer_cancel', { command_id: 'x', call_id: leg.id });
    await soon(() => leg.state).toBe('Connected');
    await command('commands/transfer', { ...order, method: 'blind' });
    await soon(() => inWords(sink.received)).toContain('C#1 Appeared 79161234567→102 <A blind command');
    await call.finish();
  });

  test.each([
    ['a stranger as initiator', { initiator: '79161234567' }, 3100],
    ['an unknown method', { method: 'magic' }, 3104],
    ['an unknown leg', { call_id: 'nothing' }, 4101],
  ])('with %s is refused', async (_what, change, code) => {
    const { leg } = await talking();
    const order = { command_id: 't', call_id: leg.id, to_number: '102', initiator: '101', method: 'blind', ...change };
    expect((await command('commands/transfer', order)).body).toMatchObject({ result: code });
  });

  test('a leg that only rings can be routed, not transferred; one that talks the other way round', async () => {
    const call = pbx.incoming();
    const ringing = await call.ring('101');
    const transfer = { command_id: 't', call_id: ringing.id, to_number: '102', initiator: '101', method: 'blind' };
    expect((await command('commands/transfer', transfer)).body).toMatchObject({ result: 4100 });
    await command('commands/route', { command_id: 'r', call_id: ringing.id, to_number: '102' });
    expect((await eventually(4)).slice(1)).toEqual([
      'A#2 Disconnected 79161234567→101 1110',
      'result/route 1000',
      'B#1 Appeared 79161234567→102 <A command',
    ]);
    await call.answer('102');
    const { id } = call.openLegs[0] ?? { id: '' };
    expect((await command('commands/route', { command_id: 'r', call_id: id, to_number: '101' })).body).toMatchObject({
      result: 4100,
    });
  });

  test('holding by command', async () => {
    const { leg } = await talking();
    await command('commands/call/hold/on', { command_id: 'o', call_id: leg.id, initiator: '101' });
    expect((await eventually(4)).slice(2)).toEqual([
      'A#3 OnHold 79161234567→101 to.hold_initiator command',
      'result/call/hold/on 1000',
    ]);
  });
});

test('recording starts by command for an operator of the call, once', async () => {
  const { leg } = await talking();
  const order = { command_id: 'r', call_id: leg.id, call_party_number: '101' };
  expect((await command('commands/recording/start', { ...order, call_party_number: '79161234567' })).body).toMatchObject({
    result: 3330,
  });
  expect((await command('commands/recording/start', order)).body).toMatchObject({ result: 1000 });
  expect((await eventually(4)).slice(2)).toEqual(['recording of 101#1 Started A', 'result/recording/start 1000']);
  expect(sink.events[2]).toMatchObject({ command_id: 'r' });
  expect((await command('commands/recording/start', order)).body).toMatchObject({ result: 4102 });
});
