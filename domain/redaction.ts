/** How a person is recognised in texts. */
export interface Person {
  readonly names: readonly string[];
  readonly emails: readonly string[];
  /** E.164. */
  readonly phones: readonly string[];
}

const MARK = '***';
/** What people put between the digits of a number. */
const GAP = '[\\s().\\u2010-\\u2015-]{0,3}';
const SHORTEST_NAME = 3;

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const spaced = (digits: string): string => [...digits].join(GAP);

/** A number however it is written; a Russian one also with 8, or without a country code. */
function phonePattern(phone: string): string {
  const digits = phone.replace(/\D/g, '');
  const russian = /^7(\d{10})$/.exec(digits)?.[1];
  const whole = russian ? `(?:(?:\\+?7|8)${GAP})?\\(?${spaced(russian)}` : `(?:\\+|00)?${spaced(digits)}`;
  return `(?<!\\d)${whole}(?!\\d)`;
}

function namePatterns(name: string): string[] {
  const words = name.split(/\s+/).filter((word) => word.length >= SHORTEST_NAME && /\p{L}/u.test(word));
  return [name.trim(), ...words].filter(Boolean).map((part) => `(?<![\\p{L}\\d])${escaped(part)}(?![\\p{L}\\d])`);
}

/** A text without the person's names, addresses and numbers. Other forms of a name (declined, abbreviated) are not recognised. */
export function withoutPerson(text: string, { names, emails, phones }: Person): string {
  const patterns = [...emails.map(escaped), ...phones.map(phonePattern), ...names.flatMap(namePatterns)];
  return patterns.reduce((rest, pattern) => rest.replace(new RegExp(pattern, 'giu'), MARK), text);
}

const NUMBER_KEY = /number|phone|extension|dtmf|^from$|^to$|sip/i;
const NUMBER = /^(?:sip:)?\+?\d{7,15}(?:@.*)?$/;
/** What a caller typed may be a code or a card; however short or long, it is theirs. */
const TYPED_KEY = /^dtmf$/i;
const PUNCTUATION = /[\s().-]/g;

/** An event of the PBX with `replace` in place of every telephone number; ids, times and states stay as they are. */
export function withoutNumbers(event: unknown, replace: (number: string) => string, key = ''): unknown {
  if (Array.isArray(event)) return event.map((item) => withoutNumbers(item, replace, key));
  if (event !== null && typeof event === 'object')
    return Object.fromEntries(Object.entries(event).map(([name, value]) => [name, withoutNumbers(value, replace, name)]));
  if (typeof event !== 'string' && typeof event !== 'number') return event;
  const text = String(event);
  if (TYPED_KEY.test(key)) return text === '' ? event : replace(text);
  return NUMBER_KEY.test(key) && NUMBER.test(text.replace(PUNCTUATION, '')) ? replace(text) : event;
}

/** What a ticket is called when its own subject has to go. */
export function subjectAfterErasure(kind: 'incoming' | 'outgoing' | 'missed' | null): string {
  switch (kind) {
    case 'incoming':
      return 'Входящий звонок';
    case 'outgoing':
      return 'Исходящий звонок';
    case 'missed':
      return 'Пропущенный звонок';
    case null:
      return 'Обращение';
  }
}
