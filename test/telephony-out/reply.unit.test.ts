import { describe, expect, it } from 'vitest';
import { CODE_WORDS } from '../../activities/telephony/code-words.ts';
import { codeWord, isDone } from '../../activities/telephony/mango/code-words.ts';
import { endpoint } from '../../activities/telephony/mango/client.ts';
import { verdictOn, type BadAnswer } from '../../activities/telephony/mango/lockout.ts';
import { readReply } from '../../activities/telephony/mango/reply.ts';
import { moscowTime, readBasicReport, readExtendedReport } from '../../activities/telephony/mango/reports.ts';
import { mangoSignature } from '../../activities/telephony/mango/signature.ts';
import { readUsers } from '../../activities/telephony/mango/users.ts';

describe('Codes become words', () => {
  it.each([
    [1000, 'done'],
    [1090, 'done'],
    [1110, 'caller_gave_up'],
    [1111, 'no_answer'],
    [1121, 'busy'],
    [1133, 'number_does_not_exist'],
    [1152, 'caller_blocked'],
    [1170, 'ended_in_menu'],
    [1192, 'operator_off'],
    [1236, 'operator_session'],
    [1314, 'answering_machine'],
    [2110, 'account_blocked'],
    [2219, 'limit_reached'],
    [2220, 'limit_reached'],
    [2240, 'not_enough_money'],
    [2253, 'limit_reached'],
    [2300, 'destination_blocked'],
    [2400, 'billing'],
    [3102, 'bad_signature'],
    [3105, 'bad_key'],
    [3118, 'bad_request'],
    [3124, 'line_unsuitable'],
    [3200, 'bad_number'],
    [3320, 'recording_not_found'],
    [3400, 'bad_request'],
    [4002, 'recording_too_short'],
    [4101, 'call_over'],
    [4200, 'subscriber_unreachable'],
    [4392, 'sms_failed'],
    [4405, 'conference_failed'],
    [4501, 'call_too_often'],
    [4999, 'impossible'],
    [5004, 'pbx_error'],
    [5008, 'busy_try_later'],
    [5114, 'campaign_failed'],
    [5201, 'service_not_enabled'],
    [5228, 'operators_failed'],
    [6102, 'fax_failed'],
    [9999, 'pbx_error'],
  ])('%i is %s', (code, word) => {
    expect(codeWord(code)).toBe(word);
  });

  it('every code there can be has a word that the interface knows', () => {
    for (let code = 1000; code < 10_000; code += 1) expect(CODE_WORDS).toContain(codeWord(code));
    expect([1000, 1001, 1099].every(isDone)).toBe(true);
    expect([999, 1100, 3000].some(isDone)).toBe(false);
  });
});

describe('An answer is understood whatever it looks like', () => {
  it.each([
    ['a number', 200, '{"result":1000}', { kind: 'done', code: 1000 }],
    ['quotes', 200, '{"command_id":"a","result":"1000"}', { kind: 'done', code: 1000 }],
    ['no result', 200, '{"users":[]}', { kind: 'done', code: 1000 }],
    ['`code` and 420', 420, '{"code":3104}', { kind: 'invalid', code: 3104, word: 'bad_request' }],
    ['an error with 200', 200, '{"result":"2240"}', { kind: 'refused', code: 2240, word: 'not_enough_money' }],
    [
      'an object that does not exist, with 500',
      500,
      '{"result":3320}',
      { kind: 'invalid', code: 3320, word: 'recording_not_found' },
    ],
    ['429', 429, '', { kind: 'too_many' }],
    [
      '429 in the body',
      503,
      '{"name":"Service Unavailable","message":"Rate limit exceeded.","code":0,"status":429}',
      { kind: 'too_many' },
    ],
    ['the contact centre’s limit', 503, '{"result":5008}', { kind: 'too_many' }],
    ['401', 401, '', { kind: 'locked_out' }],
    ['401 with a code', 401, '{"result":3105}', { kind: 'invalid', code: 3105, word: 'bad_key' }],
    ['403', 403, '<html>', { kind: 'refused', code: null, word: 'access_denied' }],
    ['404', 404, '<html>', { kind: 'refused', code: null, word: 'pbx_misunderstood' }],
    ['a page', 200, '<html>', { kind: 'unclear' }],
    ['a gateway’s 502', 502, 'Bad Gateway', { kind: 'unclear' }],
    ['half an answer', 200, '{"result":10', { kind: 'unclear' }],
    ['a list', 200, '[1000]', { kind: 'unclear' }],
    ['the end of a call as answer to a command', 200, '{"result":1111}', { kind: 'refused', code: 1111, word: 'no_answer' }],
  ])('%s', (_what, status, text, reply) => {
    expect(readReply(status, text)).toMatchObject(reply);
  });
});

describe('Signatures', () => {
  it.each([
    [
      '<YOUR_API_KEY>',
      '{"key":"<REQUEST_KEY>"}',
      '<YOUR_API_SALT>',
      '515069b8c079df62f408e36dd7933912b8e86d833c5927ee77eb4b68d766c4f5',
    ],
    [
      'testkey0001',
      '{"command_id":"Тест/1 + & =","from":{"extension":"101"},"to_number":"79990000001"}',
      'testsalt0002',
      'a6562712fbaeff3bff62a00072503abdda0d6aa4bb2aace7367c3acc480ff5d5',
    ],
    ['testkey0001', '', 'testsalt0002', '80ab010db0dd912c15fa89cb5de336057412ec50e94ca93e8bd9082d9981b5a9'],
  ])('of %s and %s', (key, json, salt, wanted) => {
    expect(mangoSignature(key, json, salt)).toBe(wanted);
  });
});

describe('The base address may be written either way', () => {
  it.each([
    ['https://app.mango-office.ru/vpbx/', 'https://app.mango-office.ru/vpbx/commands/callback'],
    ['https://app.mango-office.ru/vpbx', 'https://app.mango-office.ru/vpbx/commands/callback'],
    ['https://app.mango-office.ru', 'https://app.mango-office.ru/vpbx/commands/callback'],
    ['http://127.0.0.1:8123/pbx/', 'http://127.0.0.1:8123/pbx/vpbx/commands/callback'],
  ])('%s', (base, wanted) => {
    expect(endpoint(new URL(base), '/vpbx/commands/callback').href).toBe(wanted);
  });
});

describe('After an invalid request nothing is sent that may well be the second', () => {
  const bad = (more: Partial<BadAnswer>): BadAnswer => ({
    atMs: 1_000,
    kind: 'invalid',
    method: 'callback',
    code: 3100,
    requestHash: 'this',
    credentialsHash: 'key',
    ...more,
  });
  const callback = { method: 'callback', requestHash: 'this', credentialsHash: 'key' } as const;
  const otherCallback = { ...callback, requestHash: 'other' };
  const users = { method: 'users', requestHash: 'users', credentialsHash: 'key' } as const;
  const recording = { method: 'recording', requestHash: 'rec', credentialsHash: 'key' } as const;
  const wait = { kind: 'wait', untilMs: 121_000 };
  const go = { kind: 'go' };
  const missing = bad({ kind: 'not_found', method: 'recording', code: 3320, requestHash: 'rec' });

  it.each([
    ['nothing bad happened', callback, [], go],
    ['the same request again', callback, [bad({ code: 3200 })], { kind: 'same', code: 3200, word: 'bad_number' }],
    ['another number after a wrong one', otherCallback, [bad({ code: 3200 })], go],
    ['the same command after one that was malformed', otherCallback, [bad({})], wait],
    ['another kind of request after one that was malformed', users, [bad({})], go],
    ['anything after a wrong key', users, [bad({ code: 3105 })], wait],
    ['another key after a wrong key', { ...users, credentialsHash: 'new key' }, [bad({ code: 3105 })], go],
    ['anything after two invalid requests', users, [bad({ atMs: 50_000 }), bad({})], wait],
    ['anything after a lock-out', users, [bad({ kind: 'locked', code: null })], wait],
    ['another key after a lock-out', { ...users, credentialsHash: 'new key' }, [bad({ kind: 'locked', code: null })], wait],
    ['a recording that was not there yet, as the PBX advises', recording, [missing, missing], go],
    ['a callback while recordings are not there yet', callback, [missing, missing], go],
  ])('%s', (_what, intended, recent, wanted) => {
    expect(verdictOn(intended, recent, { windowMs: 120_000, notFoundCounts: false })).toEqual(wanted);
  });

  it('once a lock-out has shown that a missing recording counts, recordings wait and callbacks go on', () => {
    const rules = { windowMs: 120_000, notFoundCounts: true };
    expect(verdictOn(recording, [missing], rules)).toEqual(wait);
    expect(verdictOn(callback, [missing], rules)).toEqual(go);
    expect(verdictOn(callback, [missing, missing], rules)).toEqual(wait);
  });
});

describe('Users are read with all their quirks', () => {
  it('keeps leading zeros, takes numbers as text, leaves out whoever has no extension or comes twice', () => {
    const users = readUsers({
      users: [
        { general: { name: 'Анна', email: 'anna@example.com', user_id: 300 }, telephony: { extension: '0511', numbers: [] } },
        { general: { name: 'Пётр', email: '' }, telephony: { extension: 102, numbers: null } },
        { general: { name: 'Без номера', email: null }, telephony: { extension: '' } },
        { general: { name: 'Робот' } },
        { general: { name: 'Ещё раз' }, telephony: { extension: '0511' } },
        'not a user',
        {
          general: { name: null, email: null },
          telephony: {
            extension: '103',
            outgoingline: null,
            numbers: [
              { number: 'sip:a@b', protocol: 'sip', order: '0', wait_sec: 20, status: 'on' },
              { number: '79161234567', protocol: 'tel', order: 1, wait_sec: '20', status: 'off' },
            ],
          },
        },
      ],
    });
    expect(users).toEqual([
      { extension: '0511', fullName: 'Анна', email: 'anna@example.com', devices: [], userId: '300' },
      { extension: '102', fullName: 'Пётр', email: null, devices: [], userId: null },
      {
        extension: '103',
        fullName: '',
        email: null,
        devices: [
          { number: 'sip:a@b', protocol: 'sip', on: true },
          { number: '79161234567', protocol: 'tel', on: false },
        ],
        userId: null,
      },
    ]);
  });

  it('an answer without a list of users is none', () => {
    expect(readUsers({ result: 1000 })).toBeNull();
  });
});

describe('Statistics', () => {
  it('writes dates in Moscow time', () => {
    expect(moscowTime(new Date('2026-12-31T21:05:09Z'))).toBe('01.01.2027 00:05:09');
  });

  it('reads a group call: the members are the legs, the group’s own row only repeats them', () => {
    const member = {
      call_type: 'user',
      call_abonent_id: 300043135,
      call_abonent_number: 'sip:cu@t1.mangosip.ru',
      call_start_time: 1555660155,
      call_answer_time: 1555660160,
      call_end_time: 1555660169,
      call_end_reason: 1110,
      recording_id: ['MToxMDAw='],
      external_call_id: 'leg=',
      members: null,
    };
    const group = { ...member, call_type: 'group', call_abonent_id: 10051192, members: [member] };
    const call = {
      entry_id: 'NTAw=',
      context_type: 1,
      caller_id: null,
      caller_number: '74956496674',
      called_number: '74952233567',
      context_start_time: 1555660155,
      duration: 14,
      context_calls: [group],
    };
    const data = [{ list: [call, { entry_id: 'broken' }], period: '2019-04-19' }, { list: [] }];
    expect(readExtendedReport(data, new Map([['300043135', '0511']]))).toEqual({
      entries: 2,
      calls: [
        {
          entryId: 'NTAw=',
          direction: 'incoming',
          outsideNumber: '74956496674',
          line: '74952233567',
          isCallback: false,
          startedAt: new Date(1555660155_000),
          endedAt: new Date(1555660169_000),
          legs: [
            {
              legId: 'leg=',
              kind: 'operator',
              extension: '0511',
              number: 'sip:cu@t1.mangosip.ru',
              startedAt: new Date(1555660155_000),
              answeredAt: new Date(1555660160_000),
              endedAt: new Date(1555660169_000),
              reason: 1110,
              recordingIds: ['MToxMDAw='],
            },
          ],
        },
      ],
    });
  });

  it('reads the basic report, one line per leg', () => {
    const csv = [
      '[];1700000000;1700000008;1700000001;;79990000001;;74950000000;1100;74950000000;ivr;E1;1700000000',
      '[R1,R2];1700000008;1700000115;1700000015;;79990000001;0511;sip:u@v;1110;74950000000;abonent;E1;1700000000',
      '[];1700000200;1700000230;0;190;sip:u@v;;79990000002;1111;74950000000;abonent;E2;1700000200',
      'rubbish',
      '',
    ].join('\n');
    const calls = readBasicReport(csv);
    expect(calls).toHaveLength(2);
    expect(calls[0]).toMatchObject({
      entryId: 'E1',
      direction: 'incoming',
      outsideNumber: '79990000001',
      line: '74950000000',
      startedAt: new Date(1700000000_000),
      endedAt: new Date(1700000115_000),
      legs: [
        { kind: 'machine', extension: null },
        { kind: 'operator', extension: '0511', answeredAt: new Date(1700000015_000), recordingIds: ['R1', 'R2'] },
      ],
    });
    expect(calls[1]).toMatchObject({
      direction: 'outgoing',
      outsideNumber: '79990000002',
      legs: [{ kind: 'operator', extension: '190', answeredAt: null, reason: 1111 }],
    });
  });
});
