import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Verdict } from './checker/check.ts';
import type { Mutant } from './mutants.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Runs a campaign against a throw-away copy of the sources into which the mistake was put. Judge and faults are the same. */
export async function runMutant(mutant: Mutant, args: readonly string[]): Promise<Verdict> {
  const copy = mkdtempSync(join(tmpdir(), `trubka-mutant-${mutant.name}-`));
  try {
    const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' })
      .split('\n')
      .filter(Boolean);
    for (const file of files.filter((name) => !name.startsWith('ui/src/'))) {
      mkdirSync(dirname(join(copy, file)), { recursive: true });
      cpSync(join(ROOT, file), join(copy, file));
    }
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
    for (const { file, find, put } of mutant.edits) spoil(join(copy, file), find, put);
    const needs = (mutant.needs ?? []).flatMap((name) => ['--also', name]);
    const only = (mutant.only ?? []).flatMap((name) => ['--only', name]);
    const wishes = [...args, ...needs, ...only, '--out', join(copy, 'out')];
    const code = await run(copy, ['--import', 'tsx', 'test/torture/main.ts', ...wishes]);
    const results = execFileSync('ls', [join(copy, 'out')], { encoding: 'utf8' }).split('\n');
    const report = results.find((name) => /^\d+\.json$/.test(name));
    if (!report) throw new Error(`The campaign of ${mutant.name} ended with ${code} and no report`);
    return JSON.parse(readFileSync(join(copy, 'out', report), 'utf8')) as Verdict;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function spoil(path: string, find: string, put: string): void {
  const source = readFileSync(path, 'utf8');
  if (source.split(find).length !== 2) throw new Error(`${path} does not hold exactly once: ${find}`);
  writeFileSync(
    path,
    source.replace(find, () => put),
  );
}

function run(cwd: string, args: readonly string[]): Promise<number | null> {
  const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
  return new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
}
