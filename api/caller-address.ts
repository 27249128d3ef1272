import { isIP } from 'node:net';

const IPV4_IN_IPV6 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** As people write it: a server that listens to both families gives IPv4 callers an address of the other one. */
export const plainAddress = (address: string): string => IPV4_IN_IPV6.exec(address)?.[1] ?? address;

/** The eight groups of an IPv6 address, as the URL parser spells them out. */
function groupsOf(address: string): readonly string[] {
  const canonical = new URL(`http://[${address.replace(/%.*$/, '')}]`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  const before = head ? head.split(':') : [];
  const after = tail ? tail.split(':') : [];
  const missing = tail === undefined ? 0 : 8 - before.length - after.length;
  return [...before, ...Array.from({ length: missing }, () => '0'), ...after];
}

/**
 * Whom a limit per address counts as one: an IPv4 address, or the /64 of an IPv6 address, as whoever has one address of a /64
 * has all of them.
 */
export function networkOf(address: string): string {
  const plain = plainAddress(address);
  if (isIP(plain.replace(/%.*$/, '')) !== 6) return plain;
  return `${groupsOf(plain).slice(0, 4).join(':')}::/64`;
}
