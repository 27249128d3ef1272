import type { Condition } from './visibility.ts';

/** Finds of a search are counted so far; whoever has more of them is to search for something narrower. */
export const MAX_FOUND = 10_000;

/** Text inside a LIKE pattern, standing for itself. */
const escapeLike = (text: string): string => text.replace(/[\\%_]/g, '\\$&');

/** A trigram index knows nothing shorter within a word; at a word's beginning it does. */
const SHORTEST_WITHIN_A_WORD = 3;

/**
 * LIKE patterns, any of which may fit (both sides in lower case): the text stands somewhere, or, if it is very short, at the
 * beginning of a word.
 */
export function containing(text: string): string[] {
  const escaped = escapeLike(text.toLowerCase());
  return [...text].length < SHORTEST_WITHIN_A_WORD ? [`${escaped}%`, `% ${escaped}%`] : [`%${escaped}%`];
}

/** Digits with the signs people put between them, and nothing else. */
const PHONE_LIKE = /^[\d\s()+.\-/\u00A0\u2010-\u2015]+$/;
/** A whole date as people write it; `customers.search` has dates as 2001-02-03. */
const DATE_LIKE = /^(\d{1,2})[./](\d{1,2})[./](\d{4})$/;
/** LIKE patterns for a date typed with the day first; empty where it does not look like one. */
export function datePatterns(query: string): string[] {
  const [, day = '', month = '', year = ''] = DATE_LIKE.exec(query.trim()) ?? [];
  return year ? [`%${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}%`] : [];
}

/** Countries where a number is dialled at home with an 8 in front, which stands for the country code 7. */
const EIGHT_FOR_SEVEN = new Set(['RU', 'KZ']);

/**
 * Digits anywhere in numbers. Two are no trigram, but with each digit that may follow, or with a number's end, they are, so that the
 * index finds them where they are rare. One stands in nearly every number: whoever looks has soon found enough.
 */
function anywhere(digits: string): string[] {
  if (digits.length !== 2) return [`%${digits}%`];
  return [...Array.from({ length: 10 }, (_, next) => `%${digits}${next}%`), `%${digits} %`, `%${digits}`];
}

/**
 * LIKE patterns over numbers in E.164, one or several in a text, for what somebody typed, in any form: `8 912` finds +7912… and any
 * number with 8912 in it. Empty where it does not look like a part of a number.
 */
export function phonePatterns(query: string, country: string): string[] {
  const digits = query.replace(/\D/g, '');
  if (!PHONE_LIKE.test(query) || digits === '') return [];
  if (/^\s*\+/.test(query)) return [`%+${digits}%`];
  const trunk = EIGHT_FOR_SEVEN.has(country) && digits.startsWith('8') && digits.length >= SHORTEST_WITHIN_A_WORD;
  return [...anywhere(digits), ...(trunk ? [`%+7${digits.slice(1)}%`] : [])];
}

/** A pattern of a number that is long, and its last digits. */
const LONG_NUMBER = /^%(\+?\d{2,}(\d{6}))%$/;
const PARTS_OF_TAIL = [0, 1, 2, 3];
/** Of the four trigrams of a tail so many differ, or it is found in too many numbers. */
const DISTINCT_PARTS = 3;

/**
 * Of a long number the trigram index is asked for the last digits only, and what it finds is looked at: the digits before them, which most
 * numbers share, it would seek one by one in lists of nearly all rows.
 */
function like(column: string, pattern: string): Condition {
  const [, number = '', tail = ''] = LONG_NUMBER.exec(pattern) ?? [];
  const parts = new Set(PARTS_OF_TAIL.map((start) => tail.slice(start, start + 3)));
  if (parts.size < DISTINCT_PARTS) return { sql: `${column} like ?`, bindings: [pattern] };
  return { sql: `${column} like ? and strpos(${column}, ?) > 0`, bindings: [`%${tail}%`, number] };
}

/** `column like` any of `patterns`; each pattern is a condition of its own, so that an index serves it. */
export function likeAny(column: string, patterns: readonly string[]): Condition {
  const any = patterns.map((pattern) => like(column, pattern));
  return { sql: `(${any.map(({ sql }) => sql).join(' or ')})`, bindings: any.flatMap(({ bindings }) => bindings) };
}
