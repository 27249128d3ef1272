const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const WORDS = ['me', 'none'];
const LAST_PAGE = 1_000_000; // as the API has it

/** The page of a list in the address; what is no page is the first. */
export function pageIn(raw: unknown): number {
  const page = Math.floor(Number(raw));
  return page >= 1 ? Math.min(page, LAST_PAGE) : 1;
}

/** Somebody's id in the address, or `me` or `none`; anything else narrows nothing. */
export const personIn = (raw: unknown): string | undefined =>
  typeof raw === 'string' && (UUID.test(raw) || WORDS.includes(raw)) ? raw : undefined;
