import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { StartError } from './console.ts';

/** How to start a program that refuses to run as root. */
export interface Unprivileged {
  readonly uid?: number;
  readonly gid?: number;
  /** Stands in front of the command line; empty unless capabilities are needed. */
  readonly prefix: readonly string[];
}

const ACCOUNT = 'postgres';
const SEARCH_CAPABILITIES = ['dac_read_search', 'dac_override'];

/**
 * For everybody but root: nothing special. Root gets the account of an unprivileged user, and where that user could not walk to the
 * files (a checkout under /root, a private temporary directory), the one capability to do so.
 */
export function unprivileged(paths: {
  readonly own: readonly string[];
  readonly initdb: string;
  readonly data: string;
}): Unprivileged {
  if (process.getuid?.() !== 0) return { prefix: [] };
  const account = ownerOf(paths.data) ?? accountNamed(ACCOUNT) ?? createAccount() ?? accountNamed('nobody');
  if (!account) throw new StartError('PostgreSQL does not run as root, and there is no other user on this machine: start as one');
  for (const path of paths.own) letPass(path);
  if ([paths.initdb, dirname(paths.data)].every((path) => canWalkTo(path, account))) return { ...account, prefix: [] };
  // With -s it looks for its files, shows what it found, and makes nothing.
  const looksAround = ([command = '', ...rest]: readonly string[]): boolean =>
    spawnSync(command, [...rest, paths.initdb, '-s', '-D', paths.data]).status === 0;
  const prefix = SEARCH_CAPABILITIES.map((capability) => setpriv(account, capability)).find(looksAround);
  if (prefix) return { prefix };
  throw new StartError(
    `PostgreSQL does not run as root, and user ${account.uid} may not enter ${dirname(paths.data)} or ${dirname(paths.initdb)}: ` +
      'move the checkout (or DATA_DIR) where everybody may pass, such as /opt or /srv, or start as an ordinary user',
  );
}

interface Account {
  readonly uid: number;
  readonly gid: number;
}

function setpriv({ uid, gid }: Account, capability: string): readonly string[] {
  // The secure bit keeps the capability in force for access(2), by which initdb looks for its programs.
  const capabilities = ['--securebits=+no_setuid_fixup', `--inh-caps=+${capability}`, `--ambient-caps=+${capability}`];
  return ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', ...capabilities, '--'];
}

/** Who started with one account goes on with it, whatever accounts have come since. */
function ownerOf(data: string): Account | undefined {
  try {
    const { uid, gid } = statSync(data);
    return uid === 0 ? undefined : { uid, gid };
  } catch {
    return undefined;
  }
}

function accountNamed(name: string): Account | undefined {
  try {
    const id = (flag: string): number =>
      Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    return undefined;
  }
}

/** initdb wants its user to have a name, therefore an account and not just a number. */
function createAccount(): Account | undefined {
  spawnSync('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', ACCOUNT], {
    stdio: 'ignore',
  });
  return accountNamed(ACCOUNT);
}

function letPass(path: string): void {
  const { mode } = statSync(path);
  if ((mode & 0o011) !== 0o011) chmodSync(path, (mode & 0o777) | 0o011);
}

function canWalkTo(path: string, account: Account): boolean {
  for (let directory = path; directory !== dirname(directory); directory = dirname(directory)) {
    const { mode, uid, gid } = statSync(directory);
    const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
  }
  return true;
}
