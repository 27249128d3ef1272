import type { WireParty } from './wire.ts';
import { isRecord } from './wire.ts';

/**
 * Puts one call's events into words, in the notation of mango-api §3: `B#1 Appeared 101→102 <A consultative` is leg B's first
 * event, taken from leg A. Legs are lettered in the order in which they show up.
 */
export function createNarrator(): (path: string, event: unknown) => string {
  const letters = new Map<string, string>();
  const letterOf = (id: unknown): string => {
    const key = String(id);
    if (!letters.has(key)) letters.set(key, String.fromCharCode(65 + letters.size));
    return letters.get(key) ?? '?';
  };
  return (path, value) => {
    const kind = path.replace(/^.*?(?=events\/|result\/)/, '');
    const event = isRecord(value) ? value : {};
    if (kind === 'events/call') return leg(event, letterOf);
    if (kind === 'events/summary') return summary(event);
    if (kind === 'events/recording') return recording(event, letterOf);
    return kind.startsWith('result/') ? `${kind} ${String(event['result'])}` : kind;
  };
}

type Fields = Readonly<Record<string, unknown>>;

function leg(event: Fields, letterOf: (id: unknown) => string): string {
  const [from, to] = [side(event['from']), side(event['to'])];
  return words([
    `${letterOf(event['call_id'])}#${String(event['seq'])} ${String(event['call_state'])}`,
    event['location'] === 'abonent' ? '' : event['location'],
    `${end(from)}→${end(to)}`,
    from.taken_from_call_id === undefined ? '' : `<${letterOf(from.taken_from_call_id)}`,
    to.acd_group ? `group ${to.acd_group}` : '',
    event['transfer'],
    event['disconnect_reason'],
    from.was_transferred ? 'from.was_transferred' : to.was_transferred ? 'to.was_transferred' : '',
    from.hold_initiator ? 'from.hold_initiator' : to.hold_initiator ? 'to.hold_initiator' : '',
    event['command_id'] === undefined ? '' : 'command',
    event['callback_initiator'],
  ]);
}

function summary(event: Fields): string {
  return words([
    'summary',
    event['call_direction'],
    `${end(side(event['from']))}→${end(side(event['to']))}`,
    Number(event['talk_time']) === 0 ? 'not talked' : 'talked',
    event['entry_result'],
    event['disconnect_reason'],
  ]);
}

function recording(event: Fields, letterOf: (id: unknown) => string): string {
  return words([
    `recording of ${String(event['extension'])}#${String(event['seq'])}`,
    event['recording_state'],
    letterOf(event['call_id']),
    event['completion_code'],
    event['recipient'],
  ]);
}

function side(value: unknown): WireParty {
  return isRecord(value) ? (value as WireParty) : {};
}

function end(party: WireParty): string {
  return party.extension ?? party.number ?? '?';
}

function words(parts: readonly unknown[]): string {
  return parts
    .filter((part) => part !== undefined && part !== '')
    .map(String)
    .join(' ');
}
