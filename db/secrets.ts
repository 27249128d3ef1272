import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FORMAT = 1;
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** A stored secret that the present key cannot open. */
export class SecretUnreadableError extends Error {
  override readonly name = 'SecretUnreadableError';
}

export interface Secrets {
  encrypt(text: string): Buffer;
  decrypt(stored: Buffer): string;
  /** Keyed hash, by which a row is found without decrypting all of them. */
  hashKey(text: string): Buffer;
}

/**
 * Opens the box for what may not lie readable in the database. The key is `SECRET_KEY`, or a file made once under `DATA_DIR`.
 * Whoever loses it must enter the PBX's key and salt again.
 */
export function openSecrets(options: { readonly dataDir: string; readonly secretKey?: string | undefined }): Secrets {
  const master = options.secretKey ?? keyFromFile(options.dataDir);
  const cipherKey = derive(master, 'trubka encryption');
  const hashingKey = derive(master, 'trubka key hash');
  return {
    encrypt(text) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', cipherKey, iv, { authTagLength: TAG_BYTES });
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([Buffer.from([FORMAT]), iv, cipher.getAuthTag(), body]);
    },
    decrypt: (stored) => open(cipherKey, stored),
    hashKey: (text) => createHmac('sha256', hashingKey).update(text, 'utf8').digest(),
  };
}

function open(cipherKey: Buffer, stored: Buffer): string {
  const head = 1 + IV_BYTES + TAG_BYTES;
  if (stored.length < head || stored[0] !== FORMAT) {
    throw new SecretUnreadableError(`A stored secret has an unknown format (${stored.length} bytes)`);
  }
  const decipher = createDecipheriv('aes-256-gcm', cipherKey, stored.subarray(1, 1 + IV_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAuthTag(stored.subarray(1 + IV_BYTES, head));
  try {
    return Buffer.concat([decipher.update(stored.subarray(head)), decipher.final()]).toString('utf8');
  } catch (cause) {
    throw new SecretUnreadableError(
      'A stored secret was encrypted with another key: set SECRET_KEY (or restore DATA_DIR/secret.key) to the one it was stored with',
      { cause },
    );
  }
}

function derive(master: string, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', master, '', purpose, 32));
}

/** Two processes may start at once: the file appears whole (by link) or not at all, and the loser reads the winner's. */
function keyFromFile(dataDir: string): string {
  const path = join(dataDir, 'secret.key');
  try {
    return readKey(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  writeFileSync(draft, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flag: 'wx', flush: true });
  try {
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    unlinkSync(draft);
  }
  return readKey(path);
}

function readKey(path: string): string {
  const key = readFileSync(path, 'utf8').trim();
  if (key.length < 32)
    throw new Error(`${path} holds no key: restore it from a backup, or remove it and enter the PBX's key and salt again`);
  return key;
}
