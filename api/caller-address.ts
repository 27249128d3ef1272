import { isIP } from 'node:net';

const IPV4_IN_IPV6 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

const WITH_PORT = /^(?:\[([\da-f:.]+)\]|(\d+\.\d+\.\d+\.\d+))(?::\d+)?$/i;

/**
 * As people write it: a server that listens to both families gives IPv4 callers an address of the other one, and some proxies name
 * the caller's port, which is another one for each connection.
 */
export function plainAddress(address: string): string {
  const [, six, four] = WITH_PORT.exec(address) ?? [];
  const bare = six ?? four ?? address;
  return IPV4_IN_IPV6.exec(bare)?.[1] ?? bare;
}

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
