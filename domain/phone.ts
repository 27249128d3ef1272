import { parsePhoneNumberFromString, type CountryCode, type PhoneNumber } from 'libphonenumber-js';

/** A number as it is stored: plus, country code, national number. */
export type E164 = `+${string}`;

/** What a carrier's `number` field holds. */
export type ClassifiedNumber =
  | { readonly kind: 'pstn'; readonly e164: E164 }
  /** An employee's device: a sip address at the PBX. */
  | { readonly kind: 'device' }
  /** An extension, a service number (112, 900), or digits that are no number of any country. */
  | { readonly kind: 'short' }
  | { readonly kind: 'hidden' };

const SCHEME = /^tel:/iu;
const PARAMETERS = /;.*$/u;
const EXTENSION = /[\s,]*(?:доб|вн|ext|x|#)[.:\s]*\d{1,7}$/iu;
/** Digits with what people put between them. */
const WRITTEN_NUMBER = /^[+\d\s()./\\-]+$/u;
/** Nobody writes a number longer than this; expressions need not be run over a book. */
const MAX_LENGTH = 100;
/** Numbers whose reading is kept. */
const MOST_REMEMBERED = 2_000;
const ADDRESS = /^(?:(?:sips?|tel):)?([^@;?]*)(?:@([^;?:]+))?/iu;
/** Hosts where the PBX keeps its own employees' devices: vpbx400000000.mangosip.ru. */
const PBX_HOST = /(^|\.)(mangosip\.ru|vpbx[^.]*(\..*)?)$/iu;

/**
 * Reads a number as people type it and as the PBX writes it. National reading comes first: ten digits are a number of `country`,
 * other lengths may be a number of any country without its plus. Null where the text is not one whole number.
 */
export const parsePhone: (text: string, country: string) => E164 | null = remembered((text, country) => {
  const plain = plainText(text).replace(SCHEME, '').replace(PARAMETERS, '').replace(EXTENSION, '');
  if (!WRITTEN_NUMBER.test(plain) || digitsOf(plain) === '') return null;
  const found = readings(plain, country);
  const best = found.find((reading) => reading.isValid()) ?? found.find(isWorthKeeping);
  return best ? (best.number as E164) : null;
});

/** A call's events hold the same few numbers over and over. */
function remembered(read: (text: string, country: string) => E164 | null): (text: string, country: string) => E164 | null {
  const known = new Map<string, E164 | null>();
  return (text, country) => {
    if (text.length > MAX_LENGTH) return null;
    const key = `${country} ${text}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const found = read(text, country);
    if (known.size >= MOST_REMEMBERED) known.clear();
    known.set(key, found);
    return found;
  };
}

function readings(plain: string, country: string): PhoneNumber[] {
  const digits = digitsOf(plain);
  // «+8 916 …»: no country has that code, so the plus is a slip.
  const asWritten = national(plain, country) ?? national(digits, country);
  const withoutPlus = plain.startsWith('+') ? undefined : international(digits);
  return [asWritten, withoutPlus].filter((reading) => reading !== undefined);
}

/** Numbering plans grow before libraries learn of it: a number of an unknown range is kept if its length is a usual one. */
function isWorthKeeping(reading: PhoneNumber): boolean {
  const digits = reading.number.length - 1;
  return reading.isPossible() && digits >= 11 && digits <= 13;
}

/** What stands in a carrier's `number` field. A sip address counts as a number only where its host is not the PBX itself. */
export function classifyNumber(raw: string | null | undefined, country: string): ClassifiedNumber {
  const text = plainText((raw ?? '').slice(0, MAX_LENGTH * 3));
  if (!/\d/u.test(text) && !text.includes('@') && !/^sips?:/iu.test(text)) return { kind: 'hidden' };
  if (isAddress(text)) return classifyAddress(text, country);
  const e164 = parsePhone(text, country);
  if (e164) return { kind: 'pstn', e164 };
  return digitsOf(text) === '' ? { kind: 'hidden' } : { kind: 'short' };
}

/** Digits that belong to no country's plan (112, 900, a local number): kept with a plus like any other, so that one form serves all. */
export function serviceNumber(digits: string): E164 | null {
  return /^\d{3,15}$/u.test(digits) ? `+${digits}` : null;
}

/** `+7 912 345-67-89`; other countries in libphonenumber's international form; a service number without its plus. */
export function formatPhone(e164: string): string {
  const seven = /^\+7(\d{3})(\d{3})(\d{2})(\d{2})$/u.exec(e164);
  if (seven) return `+7 ${seven[1]} ${seven[2]}-${seven[3]}-${seven[4]}`;
  if (/^\+\d{3,6}$/u.test(e164)) return e164.slice(1);
  return parsePhoneNumberFromString(e164)?.formatInternational() ?? e164;
}

/** The digits of a text, whatever script they are written in. */
export function digitsOf(text: string): string {
  return plainText(text).replace(/\D/gu, '');
}

/** The user part of a sip address, or the text itself: what tells one device from another. */
export function deviceOf(raw: string): string {
  return (ADDRESS.exec(plainText(raw))?.[1] ?? '').toLowerCase();
}

function isAddress(text: string): boolean {
  return text.includes('@') || /^sips?:/iu.test(text) || /mangosip\.ru/iu.test(text);
}

function classifyAddress(text: string, country: string): ClassifiedNumber {
  const [, user = '', host] = ADDRESS.exec(text) ?? [];
  if (host === undefined || PBX_HOST.test(host) || !/^\+?\d+$/u.test(user)) return { kind: 'device' };
  // A trunk hands on what its own exchange writes: «8 916 …» as well as the international form.
  const found = readings(user, country).find((reading) => reading.isValid());
  return found ? { kind: 'pstn', e164: found.number as E164 } : { kind: 'device' };
}

function national(text: string, country: string): PhoneNumber | undefined {
  return parsePhoneNumberFromString(text, { defaultCountry: country as CountryCode, extract: false });
}

function international(digits: string): PhoneNumber | undefined {
  return parsePhoneNumberFromString(`+${digits}`, { extract: false });
}

/** Plain digits, spaces, dashes and plus: typed text may hold any Unicode kin of them, and marks that nobody sees. */
function plainText(text: string): string {
  return text
    .normalize('NFKC')
    .replace(/(?![0-9])\p{Nd}/gu, digitValue)
    .replace(/\p{Cf}/gu, '')
    .replace(/[\p{Z}\s]+/gu, ' ')
    .replace(/[\p{Pd}\u2212]/gu, '-')
    .trim();
}

/** Decimal digits come in runs of ten, each beginning at its zero. */
function digitValue(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  let zero = code;
  while (code - zero < 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero -= 1;
  return String((code - zero) % 10);
}
