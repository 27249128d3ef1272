import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const WITH_STAND_INS = fileURLToPath(new URL('stand-ins/start.ts', import.meta.url));

/** `npm start` as a process of its own, with stand-ins for the API and the worker unless another script is given. */
export class StartedTrubka {
  readonly #child: ChildProcess;
  readonly #exit: Promise<number | null>;
  #output = '';

  constructor(env: NodeJS.ProcessEnv, script = WITH_STAND_INS) {
    const { TEST_DATABASE_URL: _database, TEST_TEMPORAL_ADDRESS: _temporal, ...inherited } = process.env;
    this.#child = spawn(process.execPath, ['--import', 'tsx', script], {
      cwd: ROOT,
      env: { ...inherited, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.#output += chunk.toString('utf8')));
    }
    this.#exit = once(this.#child, 'close').then(([code]) => code as number | null);
  }

  get output(): string {
    return this.#output;
  }

  /** Waits for what the console says; a process that ends before it does is a failure. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    const ended = new AbortController();
    void this.#exit.then(() => ended.abort());
    for (;;) {
      const match = pattern.exec(this.#output);
      if (match) return match;
      if (ended.signal.aborted) throw new Error(`It ended before it said ${pattern}:\n${this.#output}`);
      await delay(25);
    }
  }

  exitCode(): Promise<number | null> {
    return this.#exit;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}
