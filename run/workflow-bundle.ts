import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CACHE = join(ROOT, 'node_modules/.cache/trubka');
const KEEP_MS = 86_400_000;

/** The workflows as the worker loads them, bundled once per state of their sources: bundling takes seconds. Returns the file. */
export async function ensureWorkflowBundle(): Promise<string> {
  const file = join(CACHE, `workflows-${await sourcesHash()}.js`);
  if (!existsSync(file)) {
    const { bundleWorkflows } = await import('../activities/workflow-bundle.ts');
    const code = await bundleWorkflows();
    await mkdir(CACHE, { recursive: true });
    const draft = `${file}.${process.pid}`;
    await writeFile(draft, code);
    await rename(draft, file);
    await removeOldOnes();
  }
  return file;
}

async function removeOldOnes(): Promise<void> {
  for (const name of await readdir(CACHE)) {
    const path = join(CACHE, name);
    if (name.startsWith('workflows-') && Date.now() - (await stat(path)).mtimeMs > KEEP_MS) await rm(path, { force: true });
  }
}

/** Everything the bundle is made from: the sources, and the packages by the lock file. */
async function sourcesHash(): Promise<string> {
  const hash = createHash('sha256').update(await readFile(join(ROOT, 'package-lock.json')));
  hash.update(await readFile(join(ROOT, 'activities/workflow-bundle.ts'))).update(process.env['WORKFLOW_STACK_TRACES'] ?? '');
  for (const directory of ['workflows', 'domain']) {
    const names = (await readdir(join(ROOT, directory), { recursive: true })).filter((name) => name.endsWith('.ts')).sort();
    for (const name of names) {
      const path = join(ROOT, directory, name);
      hash.update(relative(ROOT, path)).update(await readFile(path));
    }
  }
  return hash.digest('hex').slice(0, 16);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(`${await ensureWorkflowBundle()}\n`);
