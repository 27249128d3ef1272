/** Our programs as JavaScript, made once per state of the sources: a loader of TypeScript in each process costs tens of megabytes. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CACHE = join(ROOT, 'node_modules/.cache/trubka');
const SOURCES = ['activities', 'api', 'db', 'domain', 'run', 'workflows'];
const KEEP_MS = 86_400_000;

/**
 * Returns the file to run in place of a script, named from the project's folder, such as `api/server.ts`.
 * @param {string} script
 * @returns {Promise<string>}
 */
export async function ensureProgram(script) {
  const directory = join(CACHE, `program-${hashOfSources(script)}`);
  const file = join(directory, basename(script).replace(/\.ts$/, '.mjs'));
  if (existsSync(file)) return file;
  const draft = `${directory}.${process.pid}`;
  await build(script, draft);
  // Whoever made the same one meanwhile was as good.
  await rename(draft, directory).catch(() => rm(draft, { recursive: true, force: true }));
  await removeOldOnes();
  return file;
}

async function build(script, directory) {
  const { build: bundle } = await import('esbuild');
  await mkdir(directory, { recursive: true });
  await bundle({
    entryPoints: [resolve(ROOT, script)],
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    absWorkingDir: ROOT,
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: true,
    sourcesContent: false,
    logLevel: 'error',
    plugins: [{ name: 'own-address', setup: ({ onLoad }) => onLoad({ filter: /\.ts$/ }, withItsOwnAddress) }],
  });
}

/** Files are found beside their sources, wherever the program lies. */
async function withItsOwnAddress({ path }) {
  const address = { url: pathToFileURL(path).href, filename: path };
  const text = await readFile(path, 'utf8');
  return {
    contents: text.replace(/\bimport\.meta\.(url|filename)\b/g, (_, what) => JSON.stringify(address[what])),
    loader: 'ts',
  };
}

/** Everything a program is made from: our sources, the packages by the lock file, and where it all lies. */
function hashOfSources(script) {
  const hash = createHash('sha256').update(`${process.versions.node} ${ROOT} ${relative(ROOT, resolve(ROOT, script))}`);
  for (const name of ['package-lock.json', 'run/program.mjs', script]) hash.update(readFileSync(resolve(ROOT, name)));
  for (const directory of SOURCES) {
    const names = readdirSync(join(ROOT, directory), { recursive: true }).filter((name) => name.endsWith('.ts'));
    for (const name of names.sort()) hash.update(name).update(readFileSync(join(ROOT, directory, name)));
  }
  return hash.digest('hex').slice(0, 16);
}

async function removeOldOnes() {
  for (const name of await readdir(CACHE)) {
    const path = join(CACHE, name);
    if (name.startsWith('program-') && Date.now() - (await stat(path)).mtimeMs > KEEP_MS) {
      await rm(path, { recursive: true, force: true });
    }
  }
}
