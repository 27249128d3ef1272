import { says, type Check } from './check.ts';
import { EVENT_KINDS, type EventKind, type SelfTestFacts } from './facts.ts';

const SECOND_MS = 1000;
const HOUR_MS = 3_600_000;
/** Timestamps have whole seconds, and an event may travel for a while. */
const TOLERATED_MS = 90 * SECOND_MS;
/** The PBX's documents leave open whether its times are universal or Moscow's (mango-api §2.2). */
const MOSCOW_MS = 3 * HOUR_MS;

/** Which kinds of events came, and which never did although there was reason for them. */
export function checkEvents({ events, recordings }: SelfTestFacts): Check {
  const say = says('events');
  const has = (kind: EventKind): boolean => events.lastOf[kind] !== null;
  if (!EVENT_KINDS.some(has)) return say('no_call_yet');
  if (!has('call')) return say('call_events_missing', { items: ['call'] });
  const missing = [
    ...(events.endedCalls > 0 && events.summarizedCalls === 0 ? ['summary'] : []),
    ...(recordings.talks > 0 && !has('recording') && !has('record_added') ? ['recording', 'record_added'] : []),
  ];
  if (missing.includes('summary')) return say('summary_events_missing', { items: missing });
  if (missing.length > 0) return say('recording_events_missing', { items: missing });
  return say('events_ok', { at: events.lastAcceptedAt });
}

const DAMAGED = new Set(['malformed', 'not_a_form', 'too_large']);

/** What was wrong with the last request that was refused, unless a good one came since. */
export function checkSignature({ events: { refused, lastAcceptedAt } }: SelfTestFacts): Check {
  const say = says('signature');
  if (!refused || (lastAcceptedAt !== null && lastAcceptedAt > refused.at)) {
    return lastAcceptedAt === null ? say('no_event_yet') : say('signature_ok', { at: lastAcceptedAt });
  }
  const about = { at: refused.at, params: { address: refused.address ?? '?' } };
  if (refused.reason === 'bad_signature')
    return say(refused.why === 'body_rewritten' ? 'sign_body_changed' : 'sign_wrong', about);
  // Our salt fits, only the key does not: whoever sent it has this account's secret.
  if (refused.why === 'key_differs_salt_fits' || refused.why === 'key_with_spaces') return say('key_typo', about);
  // Anybody may knock: with good events known, a foreign key is a stranger's rather than the PBX's.
  if (refused.reason === 'unknown_key') return say(lastAcceptedAt === null ? 'key_differs' : 'stranger_key', about);
  if (DAMAGED.has(refused.reason)) {
    const code = refused.isOurs || lastAcceptedAt === null ? 'body_damaged' : 'stranger_damaged';
    return say(code, { ...about, params: { ...about.params, reason: refused.reason } });
  }
  return say(refused.isOurs ? 'not_signed' : 'stranger_unsigned', about);
}

/** The middle of the last differences: one late event moves it little. */
export function checkClock({ events: { offsetsMs } }: SelfTestFacts): Check {
  const say = says('clock');
  const sorted = offsetsMs.toSorted((a, b) => a - b);
  const offset = sorted[Math.floor(sorted.length / 2)];
  if (offset === undefined) return say('clock_unknown');
  if (Math.abs(offset) <= TOLERATED_MS) return say('clock_ok');
  if (Math.abs(Math.abs(offset) - MOSCOW_MS) <= TOLERATED_MS) return say('clock_three_hours');
  return say('clock_off', {
    params: { seconds: Math.round(Math.abs(offset) / SECOND_MS), sign: offset > 0 ? 'ahead' : 'behind' },
  });
}

/** The newest recording that is settled speaks for the account. */
export function checkRecording({ recordings }: SelfTestFacts): Check {
  const say = says('recording');
  if (recordings.talks === 0) return say('no_talk_yet');
  const settled = recordings.outcomes.find(({ state, reason }) => state !== 'pending' || reason !== null);
  if (!settled) return say(recordings.outcomes.length > 0 ? 'recording_waiting' : 'recording_never');
  if (settled.state === 'ready') return say('recording_ok');
  switch (settled.reason) {
    case 'mail_only':
      return say('recording_mail_only');
    case 'refused':
      return say('recording_refused');
    case 'not_recorded':
      return say('recording_never', { params: { n: recordings.talks } });
    case 'too_short':
    case 'removed':
      return say('recording_ok');
    default:
      return say('recording_not_arriving', { params: { reason: settled.reason ?? '' } });
  }
}
