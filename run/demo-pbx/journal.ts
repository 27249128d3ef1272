import { appendFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CallFacts } from './facts.ts';

/** Finished calls, a line each: a restarted PBX still serves their recordings and statistics. */
export interface Journal {
  /** The last calls of earlier processes, oldest first. */
  read(): CallFacts[];
  append(call: CallFacts): void;
}

export function openJournal(dataDir: string, keep = 2000): Journal {
  const directory = join(dataDir, 'demo-pbx');
  const path = join(directory, 'calls.jsonl');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return {
    read() {
      const lines = linesOf(path).slice(-keep);
      writeFileSync(`${path}.draft`, lines.map((line) => `${line}\n`).join(''), { mode: 0o600 });
      renameSync(`${path}.draft`, path);
      return lines.flatMap(parse);
    },
    append: (call) => appendFileSync(path, `${JSON.stringify(call)}\n`, { mode: 0o600 }),
  };
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').filter(Boolean);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** The last line may have been cut by a kill. */
function parse(line: string): CallFacts[] {
  try {
    return [JSON.parse(line) as CallFacts];
  } catch {
    return [];
  }
}
