/** How much of what the PBX sent may be shown: numbers by their last four digits, or whole. Secrets never. */
export type Masking = 'numbers_masked' | 'numbers_shown';

const HIDDEN = '[…]';
const SECRET_KEY = /passw|cookie|salt|authorization|secret|token|^sign(ature)?$|api_?key/i;
/** The PBX's own names of things and its moments: long runs of digits in them are nobody's number. */
const ID_KEY = /(_id|Id|_time)$|^(id|key|seq|timestamp|link_id|ct|dct)$/;
const TYPED_KEY = /^(gist|subject|note|draft|text)$/i;
/** Shorter ones are extensions, service numbers and codes. */
const LONG_RUN = /\d(?:[\s().-]{0,3}\d){4,}/g;

/** `+79161234567` → `+7•••••••4567`: the shape stays, so that two numbers can still be told apart. */
export function maskDigits(text: string): string {
  return text.replace(LONG_RUN, (run) => {
    const digits = run.replace(/\D/g, '');
    const head = digits.length >= 10 ? digits.slice(0, 1) : '';
    const tail = digits.slice(-4);
    return `${head}${'•'.repeat(Math.max(1, digits.length - head.length - tail.length))}${tail}`;
  });
}

/** Any JSON as an admin may see it. */
export function maskJson(value: unknown, masking: Masking, key = ''): unknown {
  if (SECRET_KEY.test(key) && !ID_KEY.test(key)) return HIDDEN;
  if (TYPED_KEY.test(key)) return HIDDEN;
  if (Array.isArray(value)) return value.map((item) => maskJson(item, masking, key));
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, maskJson(item, masking, name)]));
  }
  if (masking === 'numbers_shown' || ID_KEY.test(key)) return value;
  if (typeof value === 'string') return maskDigits(value);
  return typeof value === 'number' && /number/i.test(key) ? maskDigits(String(value)) : value;
}
