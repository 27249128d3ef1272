import { spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { say, step, StartError } from './console.ts';

const SOURCES = ['ui', 'api/contract', 'package-lock.json'];
const COMPLAINT_LINES = 15;
/** Made by the build itself. */
const MADE = /(^|\/)(dist|auto-imports\.d\.ts|components\.d\.ts)(\/|$)/;

/** Builds the interface unless `ui/dist` is there and newer than everything it is made from. */
export async function ensureUi(root: string): Promise<void> {
  const index = join(root, 'ui/dist/index.html');
  const vite = join(root, 'node_modules/vite/bin/vite.js');
  if (existsSync(index) && (!existsSync(vite) || statSync(index).mtimeMs > newest(root))) return;
  if (!existsSync(join(root, 'ui/index.html'))) return;
  try {
    await step('Building the user interface', () => build(root, vite));
  } catch (error) {
    if (!existsSync(index)) throw error;
    say(`${(error as Error).message}\nGoing on with the interface as it was built before`);
  }
}

function build(root: string, vite: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [vite, 'build', '--config', 'ui/vite.config.ts', '--logLevel', 'warn'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_ENV: 'production', NO_COLOR: '1' },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve() : reject(new StartError(complaint(output)))));
  });
}

function complaint(output: string): string {
  return ['The user interface could not be built:', ...output.split('\n').slice(0, COMPLAINT_LINES)].join('\n');
}

function newest(root: string): number {
  const times = SOURCES.filter((source) => existsSync(join(root, source))).flatMap((source) => {
    const path = join(root, source);
    if (!statSync(path).isDirectory()) return [statSync(path).mtimeMs];
    return readdirSync(path, { recursive: true, encoding: 'utf8' })
      .filter((name) => !MADE.test(name))
      .map((name) => statSync(join(path, name)).mtimeMs);
  });
  return Math.max(...times);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await ensureUi(process.cwd());
