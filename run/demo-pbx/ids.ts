/** Makes ids of the shape seen in production: base64 of digits and colons (mango-api §2.2). Receivers must treat them as opaque. */
export interface IdMint {
  entry(): string;
  /** Voice-menu legs carry one more part. */
  leg(location: 'ivr' | 'queue' | 'abonent'): string;
  recording(): string;
}

/**
 * Ids are unique for the life of the service, so a restarted PBX must not hand out an old one:
 * counting starts at the microsecond of creation.
 */
export function createIdMint(
  productId: number,
  node: number,
  start: number = Date.now() * 1000 + Math.floor(Math.random() * 1000),
): IdMint {
  let counter = start;
  const next = (): number => (counter += 1);
  return {
    entry: () => base64(String(next())),
    leg: (location) => base64(`1:${productId}:${node}:${next()}${location === 'ivr' ? ':1' : ''}`),
    recording: () => base64(`1:${productId}:${next()}:0`),
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
