/** What every entry point does first: the right Node, and the packages of the lock file. No dependencies here. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OLDEST = [20, 19];

export function prepare() {
  process.chdir(ROOT);
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    stop(`Trubka needs Node ${OLDEST.join('.')} or newer, and this is Node ${process.versions.node}: see https://nodejs.org`);
  }
  if (!packagesAreInstalled()) install();
}

/** Compares what npm has put into node_modules with what the lock file wants; times of files say nothing after a clone or a copy. */
function packagesAreInstalled() {
  const installed = packagesOf('node_modules/.package-lock.json');
  const wanted = packagesOf('package-lock.json');
  if (!installed) return false;
  return Object.entries(wanted ?? {}).every(([path, entry]) => {
    if (path === '') return true;
    const present = installed[path];
    if (!present) return entry.optional || entry.devOptional || (entry.dev && process.env.NODE_ENV === 'production');
    return present.version === entry.version && present.integrity === entry.integrity;
  });
}

function packagesOf(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : undefined;
}

function install() {
  console.log('Installing packages with npm …');
  const startedAt = Date.now();
  const args = [existsSync('package-lock.json') ? 'ci' : 'install', '--no-audit', '--no-fund', '--loglevel=error'];
  // Within `npm start` this is the very npm that runs us.
  const npm = process.env.npm_execpath;
  const [command, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  const { status, error } = spawnSync(command, [...first, ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (status !== 0) stop(`npm could not install the packages${error ? ` (${error.message})` : ''}: see its complaint above`);
  console.log(`Packages installed after ${Math.round((Date.now() - startedAt) / 1000)} s`);
}

function stop(sentence) {
  console.error(sentence);
  process.exit(1);
}
