import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { isPublicAddress } from '../../activities/outbound-addresses.ts';
import { createOutbound, OutboundError, readText } from '../../activities/outbound-http.ts';
import type { AddressFacts } from '../../domain/self-test/index.ts';

const ANSWER_WITHIN_MS = 4000;
const MAX_BYTES = 64 * 1024;

/** Whether the PBX could find the way: where the name leads, and what answers there. The address is the operator's own, so it may be a private one. */
export async function readAddressFacts(publicUrl: string | undefined): Promise<AddressFacts> {
  if (publicUrl === undefined) return { publicUrl: null, isPublic: null, ping: null };
  const [isPublic, ping] = await Promise.all([leadsOutside(new URL(publicUrl).hostname), pingOf(publicUrl)]);
  return { publicUrl, isPublic, ping };
}

async function leadsOutside(hostname: string): Promise<boolean | null> {
  const host = hostname.replace(/^\[|\]$/g, '');
  if (isIP(host)) return isPublicAddress(host);
  try {
    const found = await lookup(host, { all: true });
    return found.some(({ address }) => isPublicAddress(address));
  } catch {
    return null;
  }
}

async function pingOf(publicUrl: string): Promise<AddressFacts['ping']> {
  const url = new URL(`${publicUrl}/mango/ping`);
  try {
    const answer = await createOutbound({ trustedOrigins: [url.origin] }).send({
      method: 'POST',
      url,
      answerWithinMs: ANSWER_WITHIN_MS,
    });
    const text = await readText(answer, { maxBytes: MAX_BYTES, withinMs: ANSWER_WITHIN_MS });
    return answer.status === 200 && isOurs(text) ? { outcome: 'answered' } : { outcome: 'other', status: answer.status };
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
    return { outcome: 'failed', reason: reasonOf(error) };
  }
}

/** What `/mango/ping` says; a page that says «200 OK» to everything is somebody else's. */
function isOurs(text: string): boolean {
  try {
    return (JSON.parse(text) as { success?: unknown } | null)?.success === true;
  } catch {
    return false;
  }
}

/** The network's own word (ENOTFOUND, CERT_HAS_EXPIRED …): people search for it. */
function reasonOf(error: OutboundError): string {
  const cause = error.cause;
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : error.kind;
}
