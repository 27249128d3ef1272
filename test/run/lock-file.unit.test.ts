import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

interface Entry {
  readonly version?: string;
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const path = fileURLToPath(new URL('../../package-lock.json', import.meta.url));
const { packages } = JSON.parse(readFileSync(path, 'utf8')) as { packages: Record<string, Entry> };

/** Where Node would find `name` from inside the package at `from`. */
function found(from: string, name: string): boolean {
  for (let directory = from; ; directory = directory.slice(0, directory.lastIndexOf('/node_modules/'))) {
    if (`${directory ? `${directory}/` : ''}node_modules/${name}` in packages) return true;
    if (!directory.includes('/node_modules/')) return `node_modules/${name}` in packages;
  }
}

// Without an entry for each platform `npm ci` refuses the lock file as a whole, on every platform.
test('the lock file holds every platform’s variant of a native package', () => {
  const missing = Object.entries(packages).flatMap(([from, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !found(from, name))
      .map((name) => `${name} of ${from}`),
  );
  expect(missing).toEqual([]);
});
