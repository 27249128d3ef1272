import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from '../run/ports.ts';
import { loadNow, machine, publish } from './results.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PATIENCE_MS = 600_000;

interface Started {
  readonly seconds: number;
  /** What was said of each step. */
  readonly text: string;
}

/** What `npm start` says, until its last step is told; then it is stopped. */
async function start(directory: string): Promise<Started> {
  const startedAt = performance.now();
  const env = { ...process.env, PORT: String(await freePort()), DATA_DIR: join(directory, 'data') };
  const child = spawn('npm', ['start', '--', '--timings'], {
    cwd: directory,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const patience = setTimeout(() => child.kill('SIGTERM'), PATIENCE_MS);
  let said = '';
  const ready = new Promise<number>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (/Waiting for the API: [\d.]+ s\n/.test(said)) resolve(performance.now() - startedAt);
    });
  });
  const ended = new Promise<never>((_, reject) => {
    child.once('exit', (code) => reject(new Error(`npm start ended (${code}):\n${said}`)));
    child.once('error', reject);
  });
  ended.catch(() => undefined);
  try {
    const took = await Promise.race([ready, ended]);
    const installed = /^Packages installed.*$/m.exec(said)?.[0];
    const steps = said.slice(said.indexOf('Steps since'));
    const text = [`${(took / 1000).toFixed(1)} s.${installed ? ` ${installed}.` : ''}`, '', ...steps.trim().split('\n')].join(
      '\n',
    );
    return { seconds: took / 1000, text };
  } finally {
    clearTimeout(patience);
    child.kill('SIGTERM');
    await ended.catch(() => undefined);
  }
}

/** `npm run bench -- start`: `npm start` from a fresh clone and the second time, by step. What npm and Go have cached stays cached. */
export async function run(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'trubka-start-'));
  const load = loadNow();
  try {
    await promisify(execFile)('git', ['clone', '--quiet', ROOT, directory]);
    const [first, second] = [await start(directory), await start(directory)];
    const block = (title: string, { text }: Started): string =>
      `${title}: ${text.replace(/\n\n([^]*)/, '\n\n```text\n$1\n```')}\n`;
    const summary = [block('From a fresh clone', first), block('The second time', second), machine(load)].join('\n');
    await publish('start', summary, { load, first, second });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
