import { randomBytes } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';
import { ProblemError } from './problems.ts';

/** OWASP's first choice for argon2id (the library's default variant): 19 MiB, two passes, one lane. */
const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
/** Hashing keeps a core busy for tens of milliseconds: more than this at once would starve everything else. */
const AT_ONCE = 2;
const MAX_WAITING = 50;

/** What everybody tries first, as far as it is eight characters long. */
const TRIVIAL = new Set([
  'administrator',
  'changeme',
  'iloveyou',
  'password',
  'password1',
  'passw0rd',
  'qwertyui',
  'qwertyuiop',
  'qwerty123',
  '12345678',
  '123456789',
  '1234567890',
  '87654321',
  '11111111',
  '00000000',
]);

export const isTrivialPassword = (password: string, email: string): boolean => {
  const plain = password.normalize('NFKC').toLowerCase();
  return TRIVIAL.has(plain) || plain === email.toLowerCase() || new Set(plain).size === 1;
};

let running = 0;
const waiting: (() => void)[] = [];

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= AT_ONCE) {
    if (waiting.length >= MAX_WAITING) throw new ProblemError('overloaded', { retryAfterSeconds: 5 });
    await new Promise<void>((resolve) => waiting.push(resolve));
  } else running += 1;
  try {
    return await work();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else running -= 1;
  }
}

/** The same text typed on two systems may come in two Unicode forms: one of them counts. */
const canonical = (password: string): string => password.normalize('NFKC');

export const hashPassword = (password: string): Promise<string> => inTurn(() => hash(canonical(password), PARAMETERS));

const NOBODYS_HASH = hash(randomBytes(16).toString('hex'), PARAMETERS);

/** Takes as long for an account that does not exist or has no password (`null`) as for one that does. */
export async function verifyPassword(stored: string | null, password: string): Promise<boolean> {
  const against = stored ?? (await NOBODYS_HASH);
  const right = await inTurn(() => verify(against, canonical(password)));
  return right && stored !== null;
}
