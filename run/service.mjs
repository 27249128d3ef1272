/** `node run/service.mjs SCRIPT`: runs one of our programs; with `--build` it is only made, for a machine that will not write. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureProgram } from './program.mjs';

const [script, ...rest] = process.argv.slice(2);
if (script === '--build') {
  for (const one of rest) await ensureProgram(one);
} else {
  const program = await ensureProgram(script);
  process.argv.splice(1, 2, resolve(script));
  process.setSourceMapsEnabled(true);
  await import(pathToFileURL(program).href);
}
