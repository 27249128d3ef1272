import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isRecord } from './wire.ts';

/** How a running demo PBX is reached, in `DATA_DIR/demo-pbx.json`; readable by its owner alone, as the salt is in it. */
export interface Connection {
  /** Base address of the PBX's API. */
  readonly url: string;
  /** Base address of the control interface. */
  readonly control: string;
  readonly key: string;
  readonly salt: string;
  readonly target: string;
}

export function connectionFileOf(dataDir: string): string {
  return join(dataDir, 'demo-pbx.json');
}

/** What stands in the file, complete or not; empty where there is none. */
export function readConnection(dataDir: string): Partial<Connection> {
  const known = readObject(connectionFileOf(dataDir));
  const text = (name: keyof Connection): Partial<Connection> => (typeof known[name] === 'string' ? { [name]: known[name] } : {});
  return { ...text('url'), ...text('control'), ...text('key'), ...text('salt'), ...text('target') };
}

/** Fields that others keep in the same file stay. The file appears whole or not at all. */
export function writeConnection(dataDir: string, connection: Connection): void {
  const path = connectionFileOf(dataDir);
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.demo-pbx-draft`;
  rmSync(draft, { force: true });
  writeFileSync(draft, `${JSON.stringify({ ...readObject(path), ...connection }, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  renameSync(draft, path);
}

function readObject(path: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return isRecord(value) ? value : {};
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new Error(`${path} cannot be read as JSON: move it away`, { cause: error });
  }
}
