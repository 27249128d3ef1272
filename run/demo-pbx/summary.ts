import type { Entry, Leg } from './entry.ts';
import type { Party } from './staff.ts';
import type { SummaryEvent, WireParty } from './wire.ts';

const DIRECTIONS = { internal: 0, incoming: 1, outgoing: 2 } as const;

/** The final event (mango-api §2.4): `to` is whoever answered, or else the first who missed. */
export function summaryOf(entry: Entry, claimedResult?: 0 | 1): SummaryEvent {
  const { facts, settings } = entry;
  const people = entry.legs.filter((leg) => leg.location === 'abonent' && !leg.talkless);
  const talks = people.filter((leg) => leg.facts.answeredAt !== null && isCustomersTalk(entry, leg));
  const talkedAt = Math.min(...talks.map((leg) => leg.facts.answeredAt ?? Infinity));
  const menuOnly = entry.legs.length > 0 && entry.legs.every((leg) => leg.location === 'ivr');
  return {
    entry_id: entry.id,
    call_direction: DIRECTIONS[settings.direction],
    from: fromOf(entry),
    to: settings.direction === 'incoming' ? answererOf(people, talks) : wire(calleeOf(entry)),
    ...(settings.line && settings.direction !== 'internal' ? { line_number: settings.line } : {}),
    create_time: facts.startedAt,
    forward_time: forwardedAt(entry),
    talk_time: talks.length > 0 ? talkedAt : 0,
    end_time: facts.endedAt ?? entry.now,
    // The documentation's call that ends in the menu claims a conversation.
    entry_result: claimedResult ?? (talks.length > 0 || menuOnly ? 1 : 0),
    disconnect_reason: facts.reason ?? 1100,
    ...(settings.sipCallId ? { sip_call_id: settings.sipCallId } : {}),
  };
}

function isCustomersTalk(entry: Entry, leg: Leg): boolean {
  return entry.settings.direction === 'internal' || leg.from.kind === 'customer' || leg.to.kind === 'customer';
}

function answererOf(people: readonly Leg[], talks: readonly Leg[]): WireParty {
  const answered = talks.at(-1);
  if (answered) return wire(answered.to);
  const first = people[0];
  if (!first) return {};
  return first.group ? { extension: first.group } : wire(first.to);
}

function fromOf(entry: Entry): WireParty {
  if (entry.settings.direction === 'incoming') return wire(entry.customer);
  const caller = entry.legs.flatMap((leg) => [leg.from, leg.to]).find((party) => party.kind === 'operator');
  return caller ? wire(caller) : {};
}

function calleeOf(entry: Entry): Party {
  const first = entry.legs[0];
  return entry.settings.direction === 'internal' && first ? first.to : entry.customer;
}

/** Leaving the voice menu; the beginning where there was none. */
function forwardedAt(entry: Entry): number {
  const menu = entry.legs.findLast((leg) => leg.location === 'ivr');
  return menu?.facts.endedAt ?? entry.facts.startedAt;
}

function wire(party: Party): WireParty {
  if (party.kind === 'operator') return { extension: party.extension, number: party.device };
  if (party.kind === 'group') return { extension: party.extension };
  return party.number === null ? {} : { number: party.number };
}
