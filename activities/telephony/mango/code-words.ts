import type { CodeWord } from '../code-words.ts';

/**
 * Mango's codes of results, disconnect reasons and recordings alike (mango-api §4.10). A code that is not listed means what its
 * nearest listed class means: 2219 → 2210 → 2200 → 2000.
 */
const WORDS: Readonly<Record<number, CodeWord>> = {
  1000: 'done',
  1100: 'ended_normally',
  1110: 'caller_gave_up',
  1111: 'no_answer',
  1120: 'callee_hung_up',
  1121: 'busy',
  1122: 'rejected',
  1123: 'do_not_disturb',
  1124: 'do_not_disturb',
  1125: 'ended_by_command',
  1130: 'number_restricted',
  1131: 'number_unavailable',
  1132: 'number_not_served',
  1133: 'number_does_not_exist',
  1134: 'too_many_forwards',
  1135: 'forwarding_forbidden',
  1140: 'region_forbidden',
  1150: 'caller_blocked',
  1160: 'group_failed',
  1161: 'queue_full',
  1162: 'queue_full',
  1163: 'no_answer',
  1164: 'nobody_available',
  1170: 'ended_in_menu',
  1171: 'menu_misconfigured',
  1180: 'ended_by_command',
  1182: 'taken_by_other_operator',
  1183: 'taken_by_other_operator',
  1190: 'operator_off',
  1193: 'busy',
  1200: 'operator_session',
  1300: 'answering_machine',
  2000: 'account_unavailable',
  2100: 'account_unavailable',
  2110: 'account_blocked',
  2120: 'account_blocked',
  2130: 'account_blocked',
  2140: 'account_unavailable',
  2200: 'limit_reached',
  2230: 'service_off',
  2240: 'not_enough_money',
  2250: 'limit_reached',
  2300: 'destination_blocked',
  2400: 'billing',
  3000: 'bad_request',
  3102: 'bad_signature',
  3105: 'bad_key',
  3106: 'already_used',
  3124: 'line_unsuitable',
  3136: 'bad_number',
  3200: 'bad_number',
  3300: 'not_found',
  3310: 'call_not_found',
  3320: 'recording_not_found',
  3330: 'operator_number_not_found',
  3340: 'file_not_found',
  3503: 'too_many_results',
  4000: 'impossible',
  4001: 'unsupported',
  4002: 'recording_too_short',
  4100: 'forbidden_by_pbx',
  4101: 'call_over',
  4102: 'already_recording',
  4104: 'too_many_forwards',
  4200: 'subscriber_unreachable',
  4290: 'busy_try_later',
  4300: 'sms_failed',
  4390: 'sms_failed',
  4400: 'conference_failed',
  4500: 'security_refused',
  4501: 'call_too_often',
  4502: 'caller_blocked',
  4507: 'subscriber_blocked',
  5000: 'pbx_error',
  5001: 'pbx_overloaded',
  5002: 'pbx_restarting',
  5005: 'pbx_maintenance',
  5006: 'access_denied',
  5008: 'busy_try_later',
  5010: 'not_enough_money',
  5011: 'pbx_timeout',
  5100: 'campaign_failed',
  5200: 'operators_failed',
  5201: 'service_not_enabled',
  5300: 'address_book_failed',
  6000: 'fax_failed',
};

/** The word of a code; a code of no known class is the PBX's own trouble. */
export function codeWord(code: number): CodeWord {
  for (const step of [1, 10, 100, 1000]) {
    const word = WORDS[Math.floor(code / step) * step];
    if (word) return word;
  }
  return 'pbx_error';
}

/** 1000 and 1001: done, the latter with remarks. */
export const isDone = (code: number): boolean => code >= 1000 && code < 1100;

/** 3xxx: the request itself was wrong. A second one within two minutes locks the account out (mango-api §1.4). */
export const isInvalidRequest = (code: number): boolean => code >= 3000 && code < 4000;
