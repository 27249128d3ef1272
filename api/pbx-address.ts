import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { isPublicAddress } from '../activities/outbound-addresses.ts';
import type { ApiDeps } from './deps.ts';
import { fieldProblem } from './problems.ts';

type Lookup = NonNullable<ApiDeps['lookup']>;
const lookupAll: Lookup = (host) => lookup(host, { all: true, verbatim: true });

async function addressesOf(host: string, resolve: Lookup): Promise<readonly string[]> {
  if (isIP(host)) return [host];
  try {
    return (await resolve(host)).map(({ address }) => address);
  } catch {
    // A name that nobody knows now may be known later; each request is checked again when it is made.
    return [];
  }
}

/**
 * The PBX's address as an admin types it, made canonical. Only https and only hosts on the public internet, so that nobody can make
 * the service knock at its own neighbours; the one address named in the environment is trusted as it stands.
 */
export async function readPbxAddress(
  typed: string,
  trusted: string | undefined,
  { lookup: resolve = lookupAll }: Pick<ApiDeps, 'lookup'>,
): Promise<string> {
  const text = typed.trim().replace(/\/+$/, '');
  if (trusted !== undefined && text === trusted) return trusted;
  const wrong = (code: string) => fieldProblem('apiUrl', code);
  if (!URL.canParse(text)) throw wrong('invalid_address');
  const url = new URL(text);
  if (url.protocol !== 'https:') throw wrong('https_only');
  if (url.username || url.password || url.search || url.hash) throw wrong('invalid_address');
  if (url.port && url.port !== '443') throw wrong('port_not_allowed');
  const addresses = await addressesOf(url.hostname.replace(/^\[|\]$/g, ''), resolve);
  if (addresses.some((address) => !isPublicAddress(address))) throw wrong('private_address');
  return url.href.replace(/\/+$/, '');
}
