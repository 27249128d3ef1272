import { describe, expect, it } from 'vitest';
import { judge, worstOf, type Check, type CheckName, type SelfTestFacts } from '../../domain/self-test/index.ts';

const NOW = Date.parse('2026-03-02T12:00:00Z');
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const GIB = 1024 ** 3;

/** An account where all is well and calls come in. */
const HEALTHY: SelfTestFacts = {
  now: NOW,
  isDemo: false,
  pbx: { answer: { outcome: 'accepted', extensions: ['101', '0102'] }, badAnswers: [] },
  address: { publicUrl: 'https://desk.example.com', isPublic: true, ping: { outcome: 'answered' } },
  events: {
    lastOf: { call: NOW, summary: NOW, recording: NOW, record_added: NOW, callback_result: null },
    lastAcceptedAt: NOW - MINUTE,
    refused: null,
    offsetsMs: [-900, -400, -100],
    endedCalls: 4,
    summarizedCalls: 4,
  },
  operators: { readAt: NOW - HOUR, known: ['101', '0102'], mapped: 2, mappedToActive: 2, ignored: 0, seen: ['101', '102'] },
  recordings: { talks: 3, outcomes: [{ state: 'ready', reason: null }] },
  machinery: {
    temporal: 'there',
    workers: 1,
    waiting: { count: 0, oldestMs: 0 },
    disk: { freeBytes: 90 * GIB, totalBytes: 100 * GIB },
  },
};
/** Connected a moment ago: nothing has happened yet. */
const NEW: Partial<SelfTestFacts> = {
  events: {
    lastOf: { call: null, summary: null, recording: null, record_added: null, callback_result: null },
    lastAcceptedAt: null,
    refused: null,
    offsetsMs: [],
    endedCalls: 0,
    summarizedCalls: 0,
  },
  recordings: { talks: 0, outcomes: [] },
};

const { pbx, address, events, operators, machinery } = HEALTHY;
const fresh = NEW.events!;
const refused = (reason: string, isOurs = false, at = NOW, why: string | null = null) => ({
  ...{ at, reason, isOurs, why },
  address: '81.88.80.132',
});
const answered = (word: string, code: number | null = null): Partial<SelfTestFacts> => ({
  pbx: { ...pbx, answer: { outcome: 'refused', word, code } },
});
const locked = (...badAnswers: SelfTestFacts['pbx']['badAnswers']): Partial<SelfTestFacts> => ({
  pbx: { answer: { outcome: 'locked_out', until: NOW + MINUTE }, badAnswers },
});
const bad = (code: number) => ({ at: NOW - MINUTE, kind: 'invalid' as const, code, isCurrent: true });
const came = (change: Partial<SelfTestFacts['events']>): Partial<SelfTestFacts> => ({ events: { ...events, ...change } });
const reached = (change: Partial<SelfTestFacts['address']>, more: Partial<SelfTestFacts> = NEW): Partial<SelfTestFacts> => ({
  ...more,
  address: { ...address, ...change },
});
const people = (change: Partial<SelfTestFacts['operators']>): Partial<SelfTestFacts> => ({
  operators: { ...operators, ...change },
});
const recorded = (state: 'ready' | 'pending' | 'unavailable', reason: string | null = null): Partial<SelfTestFacts> => ({
  recordings: { talks: 2, outcomes: [{ state, reason }] },
});
const machines = (change: Partial<SelfTestFacts['machinery']>): Partial<SelfTestFacts> => ({
  machinery: { ...machinery, ...change },
});
const disk = (freeGib: number, totalGib: number): Partial<SelfTestFacts> =>
  machines({ disk: { freeBytes: freeGib * GIB, totalBytes: totalGib * GIB } });

const checkOf = (check: CheckName, facts: Partial<SelfTestFacts>): Check =>
  judge({ ...HEALTHY, ...facts }).find((one) => one.check === check)!;

type Row = readonly [situation: string, check: CheckName, facts: Partial<SelfTestFacts>, expected: Partial<Check>];

const TABLE: readonly Row[] = [
  ['key and salt are right', 'credentials', {}, { verdict: 'ok', code: 'credentials_ok', params: { n: 2 } }],
  ['3105', 'credentials', answered('bad_key', 3105), { verdict: 'failed', code: 'key_wrong' }],
  ['3102', 'credentials', answered('bad_signature', 3102), { verdict: 'failed', code: 'salt_wrong' }],
  ['3102 a minute ago, not asked again', 'credentials', locked(bad(3102)), { code: 'salt_wrong', at: NOW - MINUTE }],
  ['3105 a minute ago, not asked again', 'credentials', locked(bad(3105)), { code: 'key_wrong', at: NOW - MINUTE }],
  [
    'locked out for another reason',
    'credentials',
    locked(bad(3200)),
    { verdict: 'unknown', code: 'credentials_not_asked', at: null },
  ],
  [
    'that was the salt before this one',
    'credentials',
    locked({ ...bad(3102), isCurrent: false }),
    { verdict: 'unknown', code: 'credentials_not_asked' },
  ],
  [
    'quota used up',
    'credentials',
    { pbx: { ...pbx, answer: { outcome: 'busy_try_later' } } },
    { verdict: 'unknown', code: 'credentials_not_asked' },
  ],
  ['the PBX lets no address in', 'credentials', answered('access_denied'), { code: 'access_denied' }],
  ['nobody answers', 'credentials', answered('pbx_unreachable'), { code: 'pbx_unreachable' }],
  ['something else answers', 'credentials', answered('pbx_misunderstood'), { code: 'pbx_misunderstood' }],
  ['no secret stored', 'credentials', answered('not_configured'), { code: 'secret_missing' }],
  ['another refusal', 'credentials', answered('account_blocked', 2110), { code: 'pbx_refused', params: { code: '2110' } }],

  ['nothing invalid', 'lockout', {}, { verdict: 'ok', code: 'lockout_none' }],
  ['one invalid request', 'lockout', locked(bad(3102)), { verdict: 'warning', code: 'holding_back', at: NOW + MINUTE }],
  ['two invalid requests', 'lockout', locked(bad(3102), bad(3200)), { verdict: 'failed', code: 'locked_out' }],
  ['401', 'lockout', locked({ at: NOW, kind: 'locked', code: null, isCurrent: true }), { verdict: 'failed', code: 'locked_out' }],

  ['within the quota', 'quota', {}, { verdict: 'ok', code: 'quota_ok' }],
  ['429', 'quota', { pbx: { ...pbx, answer: { outcome: 'busy_try_later' } } }, { verdict: 'warning', code: 'rate_limited' }],
  ['not asked', 'quota', locked(bad(3102)), { verdict: 'unknown', code: 'quota_not_asked' }],

  ['events come', 'address', {}, { verdict: 'ok', code: 'address_proven' }],
  ['the demo PBX', 'address', { ...NEW, isDemo: true }, { verdict: 'ok', code: 'address_local_demo' }],
  [
    'no address is set',
    'address',
    reached({ publicUrl: null, isPublic: null, ping: null }),
    { verdict: 'failed', code: 'address_not_set' },
  ],
  ['no address is set, yet events come', 'address', reached({ publicUrl: null, ping: null }, {}), { code: 'address_proven' }],
  ['a private address', 'address', reached({ isPublic: false }), { verdict: 'failed', code: 'address_private' }],
  [
    'nobody answers there',
    'address',
    reached({ ping: { outcome: 'failed', reason: 'ENOTFOUND' } }),
    { code: 'address_not_answering', params: { reason: 'ENOTFOUND' } },
  ],
  [
    'another server answers',
    'address',
    reached({ ping: { outcome: 'other', status: 404 } }),
    { code: 'address_answered_by_other', params: { status: 404 } },
  ],
  [
    'events come though we cannot reach ourselves',
    'address',
    reached({ ping: { outcome: 'failed', reason: 'timeout' } }, {}),
    { verdict: 'warning', code: 'address_events_but_no_ping' },
  ],
  ['not encrypted', 'address', reached({ publicUrl: 'http://desk.example.com' }), { code: 'address_not_https' }],
  ['answers to us, no event yet', 'address', NEW, { verdict: 'unknown', code: 'address_no_event_yet' }],
  [
    'refused requests with our key came',
    'address',
    { events: { ...fresh, refused: refused('bad_signature', true) } },
    { verdict: 'ok', code: 'address_reached_refused' },
  ],

  ['all kinds come', 'events', {}, { verdict: 'ok', code: 'events_ok' }],
  ['nothing came yet', 'events', NEW, { verdict: 'unknown', code: 'no_call_yet' }],
  [
    'call not ticked',
    'events',
    came({ lastOf: { ...events.lastOf, call: null } }),
    { verdict: 'failed', code: 'call_events_missing', items: ['call'] },
  ],
  [
    'summary not ticked',
    'events',
    came({ lastOf: { ...events.lastOf, summary: null }, summarizedCalls: 0 }),
    { verdict: 'warning', code: 'summary_events_missing', items: ['summary'] },
  ],
  [
    'a call is going on, and there was no summary yet',
    'events',
    came({ lastOf: { ...events.lastOf, summary: null }, endedCalls: 0, summarizedCalls: 0 }),
    { code: 'events_ok' },
  ],
  [
    'recordings not ticked',
    'events',
    came({ lastOf: { ...events.lastOf, recording: null, record_added: null } }),
    { verdict: 'warning', code: 'recording_events_missing', items: ['recording', 'record_added'] },
  ],
  [
    'nobody has talked yet',
    'events',
    { ...came({ lastOf: { ...events.lastOf, recording: null, record_added: null } }), recordings: { talks: 0, outcomes: [] } },
    { code: 'events_ok' },
  ],

  ['the last event was good', 'signature', {}, { verdict: 'ok', code: 'signature_ok' }],
  ['no event', 'signature', NEW, { verdict: 'unknown', code: 'no_event_yet' }],
  [
    'the sign is wrong',
    'signature',
    came({ refused: refused('bad_signature', true) }),
    { verdict: 'failed', code: 'sign_wrong', at: NOW },
  ],
  [
    'the key is not ours, and nothing good ever came',
    'signature',
    { events: { ...fresh, refused: refused('unknown_key') } },
    { verdict: 'failed', code: 'key_differs', params: { address: '81.88.80.132' } },
  ],
  [
    'something on the way rewrites the body',
    'signature',
    came({ refused: refused('bad_signature', true, NOW, 'body_rewritten') }),
    { verdict: 'failed', code: 'sign_body_changed' },
  ],
  [
    'the key has a slip of the pen',
    'signature',
    came({ refused: refused('unknown_key', false, NOW, 'key_differs_salt_fits') }),
    { verdict: 'failed', code: 'key_typo' },
  ],
  ['a stranger knocks', 'signature', came({ refused: refused('unknown_key') }), { verdict: 'warning', code: 'stranger_key' }],
  [
    'the account’s own request is not signed',
    'signature',
    came({ refused: refused('missing_signature', true) }),
    { verdict: 'failed', code: 'not_signed', at: NOW },
  ],
  [
    'a stranger’s is not signed, while good events are known',
    'signature',
    came({ refused: refused('missing_signature') }),
    { verdict: 'warning', code: 'stranger_unsigned', params: { address: '81.88.80.132' } },
  ],
  [
    'a stranger’s is not signed, and nothing good ever came',
    'signature',
    { events: { ...fresh, refused: refused('missing_signature') } },
    { verdict: 'warning', code: 'stranger_unsigned' },
  ],
  [
    'a stranger’s was not signed, and good events came since',
    'signature',
    came({ refused: refused('missing_signature', false, NOW - HOUR) }),
    { verdict: 'ok', code: 'signature_ok' },
  ],
  [
    'the body of the account’s own request is damaged',
    'signature',
    came({ refused: refused('malformed', true) }),
    { verdict: 'failed', code: 'body_damaged' },
  ],
  [
    'whatever comes is damaged, and nothing good ever came',
    'signature',
    { events: { ...fresh, refused: refused('not_a_form') } },
    { verdict: 'failed', code: 'body_damaged' },
  ],
  [
    'a stranger sends something damaged while good events are known',
    'signature',
    came({ refused: refused('not_a_form') }),
    { verdict: 'warning', code: 'stranger_damaged' },
  ],
  [
    'refused once, good since',
    'signature',
    came({ refused: refused('bad_signature', true, NOW - HOUR) }),
    { verdict: 'ok', code: 'signature_ok' },
  ],

  ['clocks agree', 'clock', {}, { verdict: 'ok', code: 'clock_ok' }],
  ['one event was late', 'clock', came({ offsetsMs: [-HOUR, -500, -400] }), { code: 'clock_ok' }],
  ['nothing to compare', 'clock', NEW, { verdict: 'unknown', code: 'clock_unknown' }],
  ['three hours ahead', 'clock', came({ offsetsMs: [3 * HOUR - 700] }), { verdict: 'ok', code: 'clock_three_hours' }],
  ['three hours behind', 'clock', came({ offsetsMs: [-3 * HOUR - 700] }), { verdict: 'ok', code: 'clock_three_hours' }],
  [
    'ten minutes ahead',
    'clock',
    came({ offsetsMs: [10 * MINUTE, 10 * MINUTE, 10 * MINUTE] }),
    { verdict: 'failed', code: 'clock_off', params: { seconds: 600, sign: 'ahead' } },
  ],
  [
    'ten minutes behind',
    'clock',
    came({ offsetsMs: [-10 * MINUTE] }),
    { code: 'clock_off', params: { seconds: 600, sign: 'behind' } },
  ],

  ['all are known, leading zeros aside', 'operators', {}, { verdict: 'ok', code: 'operators_ok' }],
  ['never read', 'operators', people({ readAt: null, known: [] }), { verdict: 'failed', code: 'operators_never_read' }],
  ['the PBX has nobody with an extension', 'operators', people({ known: [] }), { verdict: 'failed', code: 'operators_none' }],
  [
    'an extension nobody has',
    'operators',
    people({ seen: ['101', '107'] }),
    { verdict: 'warning', code: 'extensions_unknown', items: ['107'] },
  ],
  [
    'the PBX has changed since',
    'operators',
    people({ known: ['101', '105'], seen: [] }),
    { verdict: 'warning', code: 'operators_changed', items: ['+0102', '−105'] },
  ],
  ['the PBX says nothing of them', 'operators', answered('pbx_unreachable'), { code: 'operators_ok' }],

  ['all mapped', 'mapping', {}, { verdict: 'ok', code: 'mapping_ok', params: { n: 2 } }],
  ['none mapped', 'mapping', people({ mapped: 0 }), { verdict: 'failed', code: 'none_mapped', params: { n: 2 } }],
  ['all ignored', 'mapping', people({ mapped: 0, ignored: 2 }), { verdict: 'failed', code: 'all_ignored' }],
  ['some unmapped', 'mapping', people({ mapped: 1 }), { verdict: 'warning', code: 'some_unmapped', params: { n: 1 } }],
  ['mapped to people who left', 'mapping', people({ mappedToActive: 0 }), { code: 'only_inactive_mapped' }],
  ['no operators', 'mapping', people({ known: [] }), { verdict: 'unknown', code: 'nobody_to_map' }],

  ['the last one is there', 'recording', {}, { verdict: 'ok', code: 'recording_ok' }],
  ['nobody has talked', 'recording', NEW, { verdict: 'unknown', code: 'no_talk_yet' }],
  ['by mail only', 'recording', recorded('unavailable', 'mail_only'), { verdict: 'failed', code: 'recording_mail_only' }],
  ['3xxx', 'recording', recorded('unavailable', 'refused'), { verdict: 'failed', code: 'recording_refused' }],
  ['52xx, still tried', 'recording', recorded('pending', 'refused'), { verdict: 'failed', code: 'recording_refused' }],
  ['none ever', 'recording', recorded('unavailable', 'not_recorded'), { verdict: 'warning', code: 'recording_never' }],
  ['announced, not there', 'recording', recorded('unavailable', 'never_arrived'), { code: 'recording_not_arriving' }],
  ['still on its way', 'recording', recorded('pending'), { verdict: 'unknown', code: 'recording_waiting' }],
  ['too short to keep', 'recording', recorded('unavailable', 'too_short'), { code: 'recording_ok' }],

  ['Temporal is there', 'temporal', {}, { verdict: 'ok', code: 'temporal_ok' }],
  ['Temporal is away', 'temporal', machines({ temporal: 'away', workers: null }), { verdict: 'failed', code: 'temporal_away' }],
  ['a worker works', 'worker', {}, { verdict: 'ok', code: 'worker_ok', params: { n: 1 } }],
  ['no worker', 'worker', machines({ workers: 0 }), { verdict: 'failed', code: 'worker_away' }],
  ['not known', 'worker', machines({ temporal: 'away', workers: null }), { verdict: 'unknown', code: 'worker_not_known' }],
  [
    'events wait',
    'worker',
    machines({ waiting: { count: 7, oldestMs: 2 * MINUTE } }),
    { verdict: 'failed', code: 'delivery_stuck', params: { count: 7, seconds: 120 } },
  ],
  ['events wait for a moment', 'worker', machines({ waiting: { count: 7, oldestMs: 2000 } }), { code: 'worker_ok' }],

  ['room enough', 'disk', {}, { verdict: 'ok', code: 'disk_ok', params: { gigabytes: 90 } }],
  ['a small disk with room enough', 'disk', disk(5, 10), { code: 'disk_ok' }],
  ['a huge disk, five percent left', 'disk', disk(50, 1000), { code: 'disk_ok' }],
  ['little left', 'disk', disk(1.5, 100), { verdict: 'warning', code: 'disk_low' }],
  ['four percent left', 'disk', disk(4, 100), { code: 'disk_low' }],
  ['nothing left', 'disk', disk(0.1, 100), { verdict: 'failed', code: 'disk_full' }],
  ['not readable', 'disk', machines({ disk: null }), { verdict: 'unknown', code: 'disk_not_known' }],
];

describe('The self-test', () => {
  it.each(TABLE)('%s → %s', (_situation, check, facts, expected) => {
    expect(checkOf(check, facts)).toMatchObject(expected);
  });

  it('finds nothing wrong with an account where all is well', () => {
    expect(judge(HEALTHY).filter(({ verdict }) => verdict !== 'ok')).toEqual([]);
    expect(worstOf(judge(HEALTHY))).toBe('ok');
  });

  it('knows «not yet» as a state of its own, which is no fault', () => {
    const checks = judge({ ...HEALTHY, ...NEW });
    expect(checks.filter(({ verdict }) => verdict === 'failed' || verdict === 'warning')).toEqual([]);
    expect(worstOf(checks)).toBe('unknown');
  });

  it('says each thing once', () => {
    const names = judge(HEALTHY).map(({ check }) => check);
    expect(new Set(names).size).toBe(names.length);
  });
});
