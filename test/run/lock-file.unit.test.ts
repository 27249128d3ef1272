import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

interface Entry {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  /** Comes inside another package, whose digest covers it. */
  readonly inBundle?: true;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = <T>(name: string): T => JSON.parse(readFileSync(root + name, 'utf8')) as T;
const { packages } = read<{ packages: Record<string, Entry> }>('package-lock.json');

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

test('the lock file holds one version and the digest of every package, and no package from elsewhere than the registry', () => {
  const others = Object.entries(packages).filter(([path]) => path !== '');
  expect(others.length).toBeGreaterThan(500);
  const loose = others.filter(([, { version, integrity, inBundle, resolved }]) => {
    const isPinned = /^\d+\.\d+\.\d+/.test(version ?? '') && (inBundle === true || /^sha512-[\w+/]{86}==$/.test(integrity ?? ''));
    return !isPinned || !(resolved ?? 'https://registry.npmjs.org/').startsWith('https://registry.npmjs.org/');
  });
  expect(loose).toEqual([]);
});

test('the bill of materials names every direct dependency, in the version of the lock file and with its digest', () => {
  const { dependencies, devDependencies, scripts } = read<Record<string, Record<string, string>>>('package.json');
  const [npm = '', ...args] = scripts?.['sbom']?.split(' ') ?? [];
  const bill = JSON.parse(execFileSync(npm, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })) as {
    bomFormat: string;
    components: { name: string; version: string; hashes?: { alg: string }[] }[];
  };
  expect(bill.bomFormat).toBe('CycloneDX');
  const direct = Object.keys({ ...dependencies, ...devDependencies });
  expect(direct.length).toBeGreaterThan(50);
  const missing = direct.filter((name) => {
    const { version } = packages[`node_modules/${name}`] ?? {};
    return !bill.components.some((one) => one.name === name && one.version === version && one.hashes?.[0]?.alg === 'SHA-512');
  });
  expect(missing).toEqual([]);
});
