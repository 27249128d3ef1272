import { describe, expect, test } from 'vitest';
import { canonicalPath, carrierEventOf, parseWebhook } from '../../activities/telephony/mango/webhooks.ts';

const ENTRY = 'MTAwMDAwMDAwMDE=';
const LEG = 'MToxMDAwMTo1MDE6NzAwMQ==';
const NO_SIDE = { extension: null, number: null, line: null, takenFrom: null };
const call = {
  entry_id: ENTRY,
  call_id: LEG,
  timestamp: 1_700_000_008,
  seq: 1,
  call_state: 'Appeared',
  location: 'abonent',
  from: { number: '79990000001', taken_from_call_id: 'MToxMDAwMTo1MDE6NzAwMDox' },
  to: { extension: '0511', number: 'sip:user1@vpbx400000000.mangosip.ru', line_number: '74950000000', acd_group: '' },
  dct: { type: 0 },
};
const summary = {
  entry_id: ENTRY,
  call_direction: 1,
  from: { number: '79990000001' },
  to: { extension: '101', number: 'sip:user1@vpbx400000000.mangosip.ru' },
  line_number: '74950000000',
  create_time: 1_700_000_000,
  forward_time: 1_700_000_008,
  talk_time: 1_700_000_015,
  end_time: 1_700_000_115,
  entry_result: 1,
  disconnect_reason: 1110,
};
const recording = {
  recording_id: 'MToxMDAwMToxMDAwMDAwMDAwMTow',
  recording_state: 'Completed',
  seq: 2,
  entry_id: ENTRY,
  call_id: LEG,
  extension: '101',
  timestamp: 1_700_000_115,
  completion_code: 1000,
  recipient: 'Cloud',
};
const added = { entry_id: ENTRY, product_id: 400_000_000, user_id: -1, timestamp: 1_700_000_130, recording_id: 'rec' };

const parse = (path: string, value: unknown) => parseWebhook(path, JSON.stringify(value));
const event = (path: string, value: unknown) => carrierEventOf(path, value);

describe('every event has the key by which its repeat is known', () => {
  test.each([
    ['/events/call', call, `call:${LEG}:1:Appeared`, ENTRY],
    ['/events/summary', summary, `summary:${ENTRY}`, ENTRY],
    ['/events/recording', recording, 'recording:MToxMDAwMToxMDAwMDAwMDAwMTow:2:Completed', ENTRY],
    ['/events/record/added', added, 'stored:rec', ENTRY],
    ['/result/callback', { command_id: 'hd-0001', result: '1000' }, 'result:callback:hd-0001', 'callback:hd-0001'],
    ['/result/call/hangup', { command_id: 'hd-0002', result: 4101 }, 'result:call/hangup:hd-0002', null],
    ['/result/stat', { key: 'abc', request_id: '1' }, expect.stringMatching(/^other:\/result\/stat:[0-9a-f]{64}$/), null],
    ['/events/dtmf', { seq: 1, dtmf: '1' }, expect.stringMatching(/^other:\/events\/dtmf:[0-9a-f]{64}$/), null],
    ['/', {}, expect.stringMatching(/^other:\/:[0-9a-f]{64}$/), null],
  ])('%s', (path, body, key, entry) => {
    expect(parse(path, body)).toEqual({ webhook: { key, entry, body } });
  });
});

describe('the shapes seen in production are understood', () => {
  test('a leg, with an extension whose leading zero stays', () => {
    expect(event('/events/call', call)).toEqual({
      type: 'leg',
      entryId: ENTRY,
      legId: LEG,
      seq: 1,
      at: 1_700_000_008_000,
      state: 'appeared',
      location: 'person',
      from: { extension: null, number: '79990000001', line: null, takenFrom: 'MToxMDAwMTo1MDE6NzAwMDox' },
      to: { extension: '0511', number: 'sip:user1@vpbx400000000.mangosip.ru', line: '74950000000', takenFrom: null },
      transfer: null,
      commandId: null,
      initiator: null,
      taskId: null,
      reason: null,
    });
  });

  test('numbers may come quoted and texts bare', () => {
    const quoted = { ...call, seq: '1', timestamp: '1700000008', disconnect_reason: '1110', to: { extension: 101 }, task_id: 77 };
    expect(event('/events/call', quoted)).toMatchObject({
      seq: 1,
      at: 1_700_000_008_000,
      reason: 1110,
      to: { extension: '101' },
      taskId: '77',
    });
  });

  test.each([
    ['absent', {}],
    ['null', { from: null, to: null }],
    ['empty', { from: {}, to: {} }],
    ["PHP's empty array", { from: [], to: [] }],
    ['of an odd type', { from: 'x', to: 7 }],
  ])('the parties of a leg may be %s', (_name, parties) => {
    const { from: _from, to: _to, ...rest } = call;
    expect(event('/events/call', { ...rest, ...parties })).toMatchObject({ from: NO_SIDE, to: NO_SIDE });
  });

  test('fields of a party of an odd type count as absent, and empty ones too', () => {
    const odd = { ...call, from: { number: {}, extension: ' ', line_number: null, taken_from_call_id: [] } };
    expect(event('/events/call', odd)).toMatchObject({ from: NO_SIDE });
  });

  test.each([
    ['ivr', 'menu'],
    ['IVR', 'menu'],
    ['ivr.2', 'menu'],
    ['queue', 'queue'],
    ['abonent', 'person'],
    ['something new', 'person'],
  ])('the location %s is a %s', (location, expected) => {
    expect(event('/events/call', { ...call, location })).toMatchObject({ location: expected });
  });

  test('the misspelt «locaton» counts, and without either a leg to our own line is a menu', () => {
    const { location: _location, ...rest } = call;
    expect(event('/events/call', { ...rest, locaton: 'queue' })).toMatchObject({ location: 'queue' });
    const toLine = { ...rest, to: { number: '74950000000', line_number: '74950000000' } };
    expect(event('/events/call', toLine)).toMatchObject({ location: 'menu' });
    expect(event('/events/call', rest)).toMatchObject({ location: 'person' });
  });

  test.each([
    ['Appeared', 'appeared'],
    ['Connected', 'connected'],
    ['OnHold', 'held'],
    ['Disconnected', 'disconnected'],
    ['appeared', 'appeared'],
    ['Levitating', null],
  ])('the state %s', (call_state, state) => {
    expect(event('/events/call', { ...call, call_state })).toMatchObject({ state });
  });

  test.each([
    ['CC', 'CC'],
    ['СС', 'CC'],
    ['MissGroupCallCallback', 'MissGroupCallCallback'],
    ['MissGroupСallCallback', 'MissGroupCallCallback'],
  ])('whoever ordered a callback is read alike in Latin and Cyrillic letters (%s)', (callback_initiator, initiator) => {
    expect(event('/events/call', { ...call, callback_initiator })).toMatchObject({ initiator });
  });

  test('transfers are known by name, and others kept as ordinary legs', () => {
    expect(event('/events/call', { ...call, transfer: 'return_blind' })).toMatchObject({ transfer: 'return_blind' });
    expect(event('/events/call', { ...call, transfer: 'quantum' })).toMatchObject({ transfer: null });
  });

  test('a summary, with seconds turned into milliseconds', () => {
    expect(event('/events/summary', summary)).toEqual({
      type: 'summary',
      entryId: ENTRY,
      direction: 'incoming',
      from: { ...NO_SIDE, number: '79990000001' },
      to: { ...NO_SIDE, extension: '101', number: 'sip:user1@vpbx400000000.mangosip.ru' },
      line: '74950000000',
      startedAt: 1_700_000_000_000,
      talkedAt: 1_700_000_015_000,
      endedAt: 1_700_000_115_000,
      reason: 1110,
    });
  });

  test('talk_time 0 means that nobody talked, whatever entry_result says, and `to` may be empty', () => {
    const missed = { ...summary, to: {}, talk_time: 0, entry_result: 1, disconnect_reason: 1170 };
    expect(event('/events/summary', missed)).toMatchObject({ talkedAt: null, to: NO_SIDE });
    expect(event('/events/summary', { ...missed, talk_time: '0' })).toMatchObject({ talkedAt: null });
  });

  test('an unknown direction and times that are none are left open', () => {
    const odd = { ...summary, call_direction: 7, create_time: 'yesterday', end_time: -5 };
    expect(event('/events/summary', odd)).toMatchObject({ direction: null, startedAt: null, endedAt: null });
  });

  test.each([
    ['Cloud', 'cloud'],
    ['Mail', 'mail'],
    ['CloudAndMail', 'cloud_and_mail'],
    ['Pigeon', null],
  ])('a recording kept in %s', (recipient, expected) => {
    expect(event('/events/recording', { ...recording, recipient })).toMatchObject({
      state: 'completed',
      completionCode: 1000,
      recipient: expected,
      extension: '101',
      legId: LEG,
    });
  });

  test('an employee without extension and nobody at all are told apart on recordings', () => {
    const { extension: _extension, ...without } = recording;
    expect(event('/events/recording', { ...recording, extension: '' })).toMatchObject({ extension: '' });
    expect(event('/events/recording', without)).toMatchObject({ extension: null });
  });

  test('a recording that is in the cloud now', () => {
    expect(event('/events/record/added', added)).toMatchObject({
      type: 'recording',
      state: 'stored',
      recordingId: 'rec',
      legId: null,
    });
  });

  test.each([['1000'], [1000]])('a result %j', (result) => {
    expect(event('/result/callback', { command_id: 'hd-0001', result })).toEqual({
      type: 'result',
      kind: 'callback',
      commandId: 'hd-0001',
      code: 1000,
    });
  });
});

describe('an event that does not fit its path is refused with the fields named', () => {
  const { entry_id: _entry, ...noEntry } = call;
  test.each([
    ['/events/call', summary, ['call_id', 'seq', 'call_state']],
    ['/events/call', recording, ['recording_state']],
    ['/events/call', added, ['call_id', 'seq', 'call_state']],
    ['/events/call', noEntry, ['entry_id']],
    ['/events/call', { ...call, seq: 'first' }, ['seq']],
    ['/events/call', { ...call, seq: 1.5 }, ['seq']],
    ['/events/call', { ...call, call_id: '' }, ['call_id']],
    ['/events/call', { ...call, entry_id: 'x'.repeat(129) }, ['entry_id']],
    ['/events/call', { ...call, entry_id: 'a\nb' }, ['entry_id']],
    ['/events/call', { ...call, entry_id: { $ne: 1 } }, ['entry_id']],
    ['/events/call', [call], ['json']],
    ['/events/call', 'text', ['json']],
    ['/events/call', null, ['json']],
    ['/events/summary', call, ['call_state']],
    ['/events/summary', recording, ['recording_state', 'recording_id']],
    ['/events/summary', { entry_id: ENTRY }, ['create_time']],
    ['/events/recording', call, ['call_state']],
    ['/events/recording', added, ['recording_state']],
    ['/events/record/added', call, ['call_state']],
    ['/events/record/added', recording, ['recording_state']],
    ['/events/record/added', summary, ['end_time']],
    ['/result/callback', call, ['call_state']],
    ['/result/callback', { ...summary, command_id: 'x' }, ['result']],
    ['/result/callback', { command_id: 'x', result: 'fine' }, ['result']],
  ])('%s %#', (path, body, fields) => {
    const parsed = parse(path, body);
    expect('errors' in parsed && parsed.errors.map((error) => error.field)).toEqual(fields);
  });

  test.each([
    ['no JSON', '{"entry_id":'],
    ['nothing', ''],
    ['an escaped NUL', '{"entry_id":"a\\u0000b"}'],
    ['an escaped NUL in a name', '{"a\\u0000":1}'],
    ['half of a character', '{"entry_id":"\\ud800"}'],
    ['a thousand levels', '['.repeat(1000) + ']'.repeat(1000)],
    ['a hundred thousand levels', '{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000)],
  ])('%s', (_name, json) => {
    const parsed = parseWebhook('/events/call', json);
    expect('errors' in parsed && parsed.errors.map((error) => error.field)).toEqual(['json']);
  });

  test('names of the language itself are only names', () => {
    const parsed = parseWebhook('/events/call', '{"__proto__":{"polluted":true},"constructor":1}');
    expect('errors' in parsed).toBe(true);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('kinds that we do not use are kept whatever they hold', () => {
  test.each([[''], ['not json'], ['{"a":"\\u0000"}'], ['[1,2]'], ['null']])('%j', (json) => {
    expect(parseWebhook('/events/ab/contacts', json)).toMatchObject({ webhook: { entry: null } });
  });
});

test.each([
  ['/events/call', '/events/call'],
  ['/events/call/', '/events/call'],
  ['/vpbx/events/call', '/events/call'],
  ['/vpbx/api/v1/events/summary/', '/events/summary'],
  ['/vpbx/result/callback', '/result/callback'],
  ['/result/call/hold/on/', '/result/call/hold/on'],
  ['/api/v1/ping', '/ping'],
  ['/vpbxx/ping', '/vpbxx/ping'],
  ['/', '/'],
  ['', '/'],
])('the path %s is %s', (given, canonical) => {
  expect(canonicalPath(given)).toBe(canonical);
});
