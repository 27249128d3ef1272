import { says, type Check, type SelfTestCode } from './check.ts';
import type { SelfTestFacts } from './facts.ts';

const BAD_SIGNATURE = 3102;
const BAD_KEY = 3105;
const WORDS: Readonly<Record<string, SelfTestCode>> = {
  bad_signature: 'salt_wrong',
  bad_key: 'key_wrong',
  access_denied: 'access_denied',
  pbx_unreachable: 'pbx_unreachable',
  pbx_misunderstood: 'pbx_misunderstood',
  address_forbidden: 'address_forbidden',
  not_configured: 'secret_missing',
  answer_lost: 'pbx_silent',
};

/** Are key and salt those of the account? What the PBX said of them a moment ago counts while it must not be asked again. */
export function checkCredentials({ pbx }: SelfTestFacts): Check {
  const say = says('credentials');
  const { answer } = pbx;
  switch (answer.outcome) {
    case 'accepted':
      return say('credentials_ok', { params: { n: answer.extensions.length } });
    case 'refused':
    case 'unknown': {
      const code = WORDS[answer.word] ?? 'pbx_refused';
      const named = 'code' in answer && answer.code !== null ? String(answer.code) : answer.word;
      return say(code, code === 'pbx_refused' ? { params: { code: named } } : {});
    }
    case 'locked_out':
    case 'busy_try_later': {
      const told = pbx.badAnswers.find(({ code, isCurrent }) => isCurrent && (code === BAD_SIGNATURE || code === BAD_KEY));
      if (answer.outcome === 'busy_try_later' || !told) return say('credentials_not_asked');
      return say(told.code === BAD_KEY ? 'key_wrong' : 'salt_wrong', { at: told.at });
    }
  }
}

/** After two invalid requests within two minutes the PBX answers nobody; after one we keep still (mango-api §1.4). */
export function checkLockout({ pbx }: SelfTestFacts): Check {
  const say = says('lockout');
  const { answer, badAnswers } = pbx;
  if (answer.outcome !== 'locked_out') return say('lockout_none');
  const isPbx = badAnswers.some(({ kind }) => kind === 'locked') || badAnswers.length > 1;
  return say(isPbx ? 'locked_out' : 'holding_back', { at: answer.until });
}

export function checkQuota({ pbx: { answer } }: SelfTestFacts): Check {
  const say = says('quota');
  if (answer.outcome === 'busy_try_later') return say('rate_limited');
  const wasAsked = answer.outcome === 'accepted' || (answer.outcome === 'refused' && answer.code !== null);
  return say(wasAsked ? 'quota_ok' : 'quota_not_asked');
}

/**
 * Can the PBX reach us? Only a request that came proves it; that our own request found the way says that name, proxy and service
 * fit together, and no more.
 */
export function checkAddress(facts: SelfTestFacts): Check {
  const { address, events, isDemo } = facts;
  const say = says('address');
  if (isDemo) return say('address_local_demo');
  const isOpen = address.publicUrl?.startsWith('http:') ?? false;
  if (events.lastAcceptedAt !== null) {
    const code = pingTrouble(facts) ? 'address_events_but_no_ping' : isOpen ? 'address_not_https' : 'address_proven';
    return say(code, { at: events.lastAcceptedAt });
  }
  if (events.refused?.isOurs) return say('address_reached_refused', { at: events.refused.at });
  if (address.publicUrl === null) return say('address_not_set');
  if (address.isPublic === false) return say('address_private');
  const trouble = pingTrouble(facts);
  if (trouble) return say(trouble, { params: paramsOf(facts) });
  return say(isOpen ? 'address_not_https' : 'address_no_event_yet');
}

function pingTrouble({ address: { ping } }: SelfTestFacts): SelfTestCode | null {
  if (ping?.outcome === 'other') return 'address_answered_by_other';
  return ping?.outcome === 'failed' ? 'address_not_answering' : null;
}

function paramsOf({ address: { ping } }: SelfTestFacts): Check['params'] {
  if (ping?.outcome === 'other') return { status: ping.status };
  return { reason: ping?.outcome === 'failed' ? ping.reason : '' };
}
