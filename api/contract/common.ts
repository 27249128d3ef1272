import { z } from 'zod';

/** No NUL (Postgres stores none) and no half of a surrogate pair (not text in any encoding). */
const STORABLE = /^[^\u0000\uD800-\uDFFF]*$/u;

const codePoints = (text: string): number => {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
};

/** Text of at most `max` characters, counted as people and JSON Schema count them (not in UTF-16 units). */
export const text = (max: number, min = 0) =>
  z
    .string()
    .regex(STORABLE, { error: 'characters_not_allowed' })
    .refine((value) => codePoints(value) <= max, { error: 'too_long' })
    .refine((value) => codePoints(value) >= min, { error: 'too_short' })
    .meta({ maxLength: max, ...(min > 0 ? { minLength: min } : {}) });

/** One line that must show something: a name, a subject. */
export const line = (max: number) =>
  text(max, 1)
    .refine((value) => hasVisibleCharacter(value), { error: 'empty' })
    .meta({ maxLength: max, minLength: 1, pattern: '\\S' });

/** Whether a person would see anything: white space, controls and zero-width characters are nothing. */
export const hasVisibleCharacter = (value: string): boolean => /[^\p{White_Space}\p{C}\u115F\u1160\u3164\uFFA0]/u.test(value);

/** Any JSON, as it goes out. */
export const json = z.unknown() as unknown as z.ZodType<z.core.util.JSONType>;

/** In JSON's own writing: NUL or half of a surrogate pair, which Postgres would not store. */
const UNSTORABLE_JSON = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/;
/** Any JSON that can be stored, as it comes in. */
export const isStorableJson = (value: unknown): boolean => !UNSTORABLE_JSON.test(JSON.stringify(value));

export const uuid = z.uuid();
/** A bigint of Postgres, as a string. */
export const serialId = z.string().regex(/^[1-9][0-9]{0,17}$/, { error: 'invalid_id' });
/** ISO 8601, UTC. */
export const instant = z.iso.datetime();
/** ISO 8601 with any offset, as a caller may write it. */
export const instantInput = z.iso.datetime({ offset: true });
/** E.164, e.g. +79123456789. */
export const phoneNumber = z.string().regex(/^\+[0-9]{3,15}$/);
/** A phone number as people type it. */
export const phoneInput = text(40, 1);
/** zod's own rule, with the lengths of RFC 5321: 64 characters before the @, 63 in each part of the name behind it. */
const EMAIL =
  /^(?=[^@]{1,64}@)(?:[A-Za-z0-9_'+-]+\.)*[A-Za-z0-9_'+-]*[A-Za-z0-9_+-]@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}$/;
export const email = z.email({ pattern: EMAIL }).max(254);

export const person = z.strictObject({ id: z.string(), fullName: z.string() });
export type Person = z.infer<typeof person>;

export const MAX_PAGE_SIZE = 200;
export const MAX_PAGE = 1_000_000;
const integerInput = (max: number, fallback: number) => z.coerce.number().int().min(1).max(max).default(fallback);

export const paging = {
  page: integerInput(MAX_PAGE, 1),
  pageSize: integerInput(MAX_PAGE_SIZE, 50),
};

export const listOf = <T extends z.ZodType>(item: T) => z.strictObject({ items: z.array(item) });
/** `more`: a search found more than `total` says, which is as far as its finds are counted. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.strictObject({ items: z.array(item), total: z.number().int().min(0), more: z.boolean().optional() });

/** One or several of `values` in a query parameter, separated by commas. */
export const someOf = <const T extends readonly [string, ...string[]]>(values: T) =>
  z.preprocess((raw) => (typeof raw === 'string' ? raw.split(',') : raw), z.array(z.enum(values)).min(1).max(values.length));
