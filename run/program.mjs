/** Our programs as JavaScript, made once per state of the sources: a loader of TypeScript in each process costs tens of megabytes. */
import { mkdir, readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { keepMade, ROOT, stateOf } from './made.mjs';

const SOURCES = ['activities', 'api', 'db', 'domain', 'run', 'workflows'];

/**
 * Returns the file to run in place of a script, named from the project's folder, such as `api/server.ts`.
 * @param {string} script
 * @returns {Promise<string>}
 */
export async function ensureProgram(script) {
  const also = `${process.versions.node} ${ROOT} ${resolve(ROOT, script)}`;
  const from = stateOf({ directories: SOURCES, files: ['run/program.mjs', script], also });
  const directory = await keepMade({ kind: 'program', from, make: (draft) => build(script, draft) });
  return join(directory, basename(script).replace(/\.ts$/, '.mjs'));
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
