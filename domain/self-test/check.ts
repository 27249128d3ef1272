import type { Instant } from '../messages.ts';

export const CHECKS = [
  'credentials',
  'lockout',
  'quota',
  'address',
  'events',
  'signature',
  'clock',
  'operators',
  'mapping',
  'recording',
  'temporal',
  'worker',
  'disk',
] as const;
export type CheckName = (typeof CHECKS)[number];

/** `unknown` says that nothing can be said yet, and is no fault. */
export const VERDICTS = ['failed', 'warning', 'unknown', 'ok'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** Every verdict as a code; the interface has a sentence for each, and for all that is not well the mend. */
export const SELF_TEST_CODES = {
  credentials_ok: 'ok',
  key_wrong: 'failed',
  salt_wrong: 'failed',
  access_denied: 'failed',
  pbx_unreachable: 'failed',
  pbx_misunderstood: 'failed',
  address_forbidden: 'failed',
  secret_missing: 'failed',
  pbx_refused: 'failed',
  pbx_silent: 'failed',
  credentials_not_asked: 'unknown',
  lockout_none: 'ok',
  locked_out: 'failed',
  holding_back: 'warning',
  quota_ok: 'ok',
  rate_limited: 'warning',
  quota_not_asked: 'unknown',
  address_proven: 'ok',
  address_local_demo: 'ok',
  address_reached_refused: 'ok',
  address_not_set: 'failed',
  address_private: 'failed',
  address_not_answering: 'failed',
  address_answered_by_other: 'failed',
  address_events_but_no_ping: 'warning',
  address_not_https: 'warning',
  address_no_event_yet: 'unknown',
  no_call_yet: 'unknown',
  call_events_missing: 'failed',
  summary_events_missing: 'warning',
  recording_events_missing: 'warning',
  events_ok: 'ok',
  no_event_yet: 'unknown',
  sign_wrong: 'failed',
  sign_body_changed: 'failed',
  key_differs: 'failed',
  key_typo: 'failed',
  stranger_key: 'warning',
  not_signed: 'failed',
  stranger_unsigned: 'warning',
  body_damaged: 'failed',
  stranger_damaged: 'warning',
  signature_ok: 'ok',
  clock_unknown: 'unknown',
  clock_ok: 'ok',
  clock_three_hours: 'ok',
  clock_off: 'failed',
  operators_never_read: 'failed',
  operators_none: 'failed',
  extensions_unknown: 'warning',
  operators_changed: 'warning',
  operators_ok: 'ok',
  nobody_to_map: 'unknown',
  none_mapped: 'failed',
  all_ignored: 'failed',
  only_inactive_mapped: 'failed',
  some_unmapped: 'warning',
  mapping_ok: 'ok',
  no_talk_yet: 'unknown',
  recording_mail_only: 'failed',
  recording_refused: 'failed',
  recording_never: 'warning',
  recording_not_arriving: 'warning',
  recording_waiting: 'unknown',
  recording_ok: 'ok',
  temporal_ok: 'ok',
  temporal_away: 'failed',
  worker_ok: 'ok',
  worker_away: 'failed',
  worker_not_known: 'unknown',
  delivery_stuck: 'failed',
  disk_ok: 'ok',
  disk_low: 'warning',
  disk_full: 'failed',
  disk_not_known: 'unknown',
} as const satisfies Readonly<Record<string, Verdict>>;
export type SelfTestCode = keyof typeof SELF_TEST_CODES;

export interface Check {
  readonly check: CheckName;
  readonly verdict: Verdict;
  readonly code: SelfTestCode;
  /** What the sentence names: a number, a status, a word. */
  readonly params: Readonly<Record<string, string | number>>;
  /** Extensions or kinds of events that it is about. */
  readonly items: readonly string[];
  /** The moment it is about. */
  readonly at: Instant | null;
}

interface Details {
  readonly params?: Check['params'];
  readonly items?: readonly string[];
  readonly at?: Instant | null;
}

export const says =
  (check: CheckName) =>
  (code: SelfTestCode, { params = {}, items = [], at = null }: Details = {}): Check => ({
    check,
    verdict: SELF_TEST_CODES[code],
    code,
    params,
    items,
    at,
  });
