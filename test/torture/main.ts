import { execFileSync } from 'node:child_process';
import { setMaxListeners } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runCampaign } from './campaign.ts';
import { check, type Verdict } from './checker/check.ts';
import type { Evidence } from './checker/evidence.ts';
import { mutantNamed, MUTANTS, type Mutant } from './mutants.ts';
import { runMutant } from './spoiled-copy.ts';
import { tableOf } from './table.ts';

const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '300' },
    kills: { type: 'string', default: '20' },
    /** Faults that are no kill; three for every five kills if not said. */
    others: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    abreast: { type: 'string', default: '16' },
    /** Seconds until what is still under way at the end counts as stuck. */
    drain: { type: 'string', default: '300' },
    /** A fault, by its name, that strikes beside those that are drawn. */
    also: { type: 'string', multiple: true, default: [] },
    /** How often each point of a call's life is held open for each process to be killed at it. */
    windows: { type: 'string', default: '0' },
    /** The names of the only shapes of stories to tell. */
    only: { type: 'string', multiple: true, default: [] },
    /** The name of a mistake to put into a copy of the product first; `all` for one after the other. */
    mutant: { type: 'string' },
    /** The evidence of an earlier run, to be judged once more. */
    judge: { type: 'string' },
    out: { type: 'string', default: 'torture-results' },
  },
});
const { calls, kills, seed, abreast } = values;
const args = ['--calls', calls, '--kills', kills, '--seed', seed];
if (values.others !== undefined) args.push('--others', values.others);
if (values.windows !== '0') args.push('--windows', values.windows);
// Every event on its way listens for the PBX's end.
setMaxListeners(0);
const named = (option: 'also' | 'only'): string[] => values[option].map((name) => `--${option} '${name}'`);
const startedAt = Date.now();
const seconds = (): number => Math.round((Date.now() - startedAt) / 1000);
const say = (line: string): void => void process.stdout.write(`${String(seconds()).padStart(5)} s  ${line}\n`);
const commitOf = (): string => {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return 'a copy';
  }
};

/** Exit code: the product passed; it failed; what happened to it proves nothing, for or against it. */
const [PASSED, FAILED, VOID] = [0, 1, 3];

const exitCodeOf = ({ passed, faults, voidBecause }: Verdict): number =>
  passed ? PASSED : voidBecause !== null && faults === 0 ? VOID : FAILED;

async function torture(): Promise<number> {
  say(`Seed ${seed}: ${calls} calls, ${kills} kills`);
  const wishes = {
    calls: Number(calls),
    kills: Number(kills),
    others: values.others === undefined ? Math.ceil(Number(kills) * 0.6) : Number(values.others),
    seed: Number(seed),
    abreast: Number(abreast),
    also: values.also,
    only: values.only,
    windows: Number(values.windows),
    drainSeconds: Number(values.drain),
  };
  const evidence = await runCampaign({ ...wishes, say });
  mkdirSync(values.out, { recursive: true });
  // First of all: should the judge stumble, it can look again.
  writeFileSync(join(values.out, `${seed}.evidence.json`), JSON.stringify(evidence));
  const verdict = check(evidence);
  const table = tableOf({
    verdict,
    commit: commitOf(),
    seed: Number(seed),
    seconds: seconds(),
    command: ['npm run torture --', ...args, ...named('also'), ...named('only')].join(' '),
  });
  writeFileSync(join(values.out, `${seed}.md`), table);
  writeFileSync(
    join(values.out, `${seed}.json`),
    JSON.stringify({ commit: commitOf(), seed: Number(seed), ...verdict }, null, 2),
  );
  process.stdout.write(`\n${table}\n`);
  return exitCodeOf(verdict);
}

/** True if the checker noticed by the count it should. */
async function caught(mutant: Mutant): Promise<boolean> {
  const { counts } = await runMutant(mutant, [...args, '--abreast', abreast, '--drain', values.drain]);
  const by = mutant.caughtBy.filter((name) => counts[name] > 0).map((name) => `${name} ${counts[name]}`);
  say(`| ${mutant.name} | ${mutant.mistake} | ${by.length > 0 ? by.join(', ') : '**not caught**'} |`);
  return by.length > 0;
}

function judgeAgain(file: string): number {
  const verdict = check(JSON.parse(readFileSync(file, 'utf8')) as Evidence);
  const command = `npm run torture -- --judge ${file}`;
  process.stdout.write(`${tableOf({ verdict, commit: 'as it was', seed: Number.NaN, seconds: 0, command })}\n`);
  return exitCodeOf(verdict);
}

async function main(): Promise<number> {
  if (values.judge !== undefined) return judgeAgain(values.judge);
  if (values.mutant === undefined) return torture();
  const mutants = values.mutant === 'all' ? MUTANTS : [mutantNamed(values.mutant)];
  const outcomes: boolean[] = [];
  for (const mutant of mutants) outcomes.push(await caught(mutant));
  return outcomes.every(Boolean) ? PASSED : FAILED;
}

process.exit(await main());
