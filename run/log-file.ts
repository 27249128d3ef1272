import { createWriteStream, existsSync, mkdirSync, renameSync, statSync, type WriteStream } from 'node:fs';
import { dirname } from 'node:path';

const MAX_BYTES = 20_000_000;

/** Collects what a child process says. Kept small: at 20 MB the file becomes `….1`, and the one before that goes. */
export class LogFile {
  readonly path: string;
  #stream: WriteStream;
  #bytes: number;
  #lastLines: string[] = [];

  constructor(path: string) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.path = path;
    this.#bytes = existsSync(path) ? statSync(path).size : 0;
    this.#stream = open(path);
  }

  write(chunk: Buffer | string): void {
    if (this.#bytes > MAX_BYTES) this.#rotate();
    this.#stream.write(chunk);
    this.#bytes += chunk.length;
    this.#lastLines = [...this.#lastLines, ...String(chunk).split('\n').filter(Boolean)].slice(-12);
  }

  /** The last words, for the console when a process ends unexpectedly. */
  lastLines(): readonly string[] {
    return this.#lastLines;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#stream.end(() => resolve()));
  }

  #rotate(): void {
    this.#stream.end();
    renameSync(this.path, `${this.path}.1`);
    this.#stream = open(this.path);
    this.#bytes = 0;
  }
}

function open(path: string): WriteStream {
  const stream = createWriteStream(path, { flags: 'a', mode: 0o600 });
  // A full disk must not take the service down with its log.
  stream.on('error', () => undefined);
  return stream;
}
