import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { keepMade, stateOf } from './made.mjs';

/** The workflows as the worker loads them, bundled once per state of their sources: bundling takes seconds. Returns the file. */
export function ensureWorkflowBundle(): Promise<string> {
  const from = stateOf({
    directories: ['workflows', 'domain'],
    files: ['activities/workflow-bundle.ts'],
    also: process.env['WORKFLOW_STACK_TRACES'] ?? '',
  });
  return keepMade({ kind: 'workflows', from, suffix: '.js', make: writeBundle });
}

async function writeBundle(file: string): Promise<void> {
  const { bundleWorkflows } = await import('../activities/workflow-bundle.ts');
  await writeFile(file, await bundleWorkflows());
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(`${await ensureWorkflowBundle()}\n`);
