export type RequestedRange =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly start: number; readonly end: number }
  | { readonly kind: 'unsatisfiable' };

const WHOLE: RequestedRange = { kind: 'whole' };
const SINGLE = /^bytes=(\d{0,15})-(\d{0,15})$/;

/**
 * What a `Range` header asks of a file of `size` bytes (RFC 9110, 14.2). Several ranges, other units and nonsense are answered with
 * the whole, which is always allowed.
 */
export function parseByteRange(header: string | undefined, size: number): RequestedRange {
  const match = header === undefined ? null : SINGLE.exec(header.replace(/\s/g, ''));
  const [, first = '', last = ''] = match ?? [];
  if (!match || (first === '' && last === '')) return WHOLE;
  if (first === '') {
    const suffix = Math.min(Number(last), size);
    return suffix === 0 ? { kind: 'unsatisfiable' } : { kind: 'part', start: size - suffix, end: size - 1 };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return WHOLE;
  if (start >= size) return { kind: 'unsatisfiable' };
  return { kind: 'part', start, end: last === '' ? size - 1 : Math.min(Number(last), size - 1) };
}
