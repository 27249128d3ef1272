/** Text inside a LIKE pattern, standing for itself. */
export const escapeLike = (text: string): string => text.replace(/[\\%_]/g, '\\$&');

/** Contains `text`, in whatever case (both sides in lower case). */
export const containing = (text: string): string => `%${escapeLike(text.toLowerCase())}%`;

/** Digits with the signs people put between them, and nothing else. */
const PHONE_LIKE = /^[\d\s()+.\-/\u00A0\u2010-\u2015]+$/;
/** Countries where a number is dialled at home with an 8 in front, which stands for the country code 7. */
const EIGHT_FOR_SEVEN = new Set(['RU', 'KZ']);

/**
 * LIKE patterns over numbers in E.164 for what somebody typed, in any form: `8 912` finds +7912… and any number with 8912 in it.
 * Empty where it does not look like a part of a number.
 */
export function phonePatterns(query: string, country: string): string[] {
  const digits = query.replace(/\D/g, '');
  if (!PHONE_LIKE.test(query) || digits.length < 2) return [];
  if (/^\s*\+/.test(query)) return [`%+${digits}%`];
  const trunk = EIGHT_FOR_SEVEN.has(country) && digits.startsWith('8') && digits.length > 1;
  return [`%${digits}%`, ...(trunk ? [`%+7${digits.slice(1)}%`] : [])];
}
