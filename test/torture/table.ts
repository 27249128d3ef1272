import { MUST_BE_NOUGHT, type Verdict } from './checker/check.ts';

export interface Run {
  readonly verdict: Verdict;
  readonly commit: string;
  readonly seed: number;
  readonly seconds: number;
  readonly command: string;
}

/** The table that a run publishes. */
export function tableOf({ verdict, commit, seed, seconds, command }: Run): string {
  const { counts, facts, cases, voidBecause, faults, passed } = verdict;
  const rows = Object.entries({ commit, seed, 'took (s)': seconds, ...facts }).map(([name, value]) => `| ${name} | ${value} |`);
  const wrong = MUST_BE_NOUGHT.filter((name) => counts[name] > 0);
  const right = MUST_BE_NOUGHT.filter((name) => counts[name] === 0);
  const outcome = voidBecause !== null && faults === 0 ? `**void**: ${voidBecause}` : passed ? '**passed**' : '**failed**';
  return [
    `Outcome: ${outcome}`,
    '',
    '| what | how much |',
    '| --- | --- |',
    ...rows,
    `| counts that are 0, as they must be | ${right.join(', ')} |`,
    ...wrong.map((name) => `| **${name}** | **${counts[name]}** |`),
    '',
    `Again: \`${command}\``,
    '',
    ...cases.map((line) => `- ${line}`),
  ].join('\n');
}
