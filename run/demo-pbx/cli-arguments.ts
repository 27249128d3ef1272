import { parseArgs } from 'node:util';
import type { ScenarioOptions } from './scenarios/index.ts';
import { SCENARIOS, scenarioNamed } from './scenarios/index.ts';

/** Said to whoever typed the command, without a stack. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export type Order =
  { readonly kind: 'list' } | { readonly kind: 'call'; readonly scenario: string; readonly options: ScenarioOptions };

export const USAGE = `npm run call -- <scenario> [options]        make a call on the demo PBX
npm run call -- --list                      all scenarios

  --from <number|extension>   who calls; for calls out of the PBX the operator
  --to <extension,…|number>   whom; several extensions for a group
  --then <extension|number>   where the call is handed over to
  --how <way>                 transfer: consultative, blind, release, returned, abandoned, outside, …
  --why <reason>              missed: no-answer, busy, rejected, in-turn
  --winner <extension|none>   who of a group answers
  --menu                      an incoming call comes through the voice menu
  --line <number>             the PBX number
  --answer-after <3s>         how long it rings
  --talk <8s>                 how long they talk
  --record <plan>             stored, none, too_short, mail, never_arrives, …
  --fields <v1|v2>            with or without the fields of API v2

Examples:
  npm run call -- incoming --from +79161234567 --to 101 --answer-after 3s --talk 8s
  npm run call -- transfer --to 101 --then 102 --how blind
  npm run call -- group --to 101,102,0103 --winner none
  npm run call -- outgoing --from 101 --to +79161234567`;

const OPTIONS = {
  list: { type: 'boolean' },
  help: { type: 'boolean' },
  menu: { type: 'boolean' },
  from: { type: 'string' },
  to: { type: 'string' },
  then: { type: 'string' },
  how: { type: 'string' },
  why: { type: 'string' },
  winner: { type: 'string' },
  line: { type: 'string' },
  record: { type: 'string' },
  fields: { type: 'string' },
  'answer-after': { type: 'string' },
  talk: { type: 'string' },
} as const;

const RECORD_PLANS = [
  'stored',
  'none',
  'too_short',
  'no_quota',
  'mail',
  'unannounced',
  'never_arrives',
  'never_completed',
] as const;

export function readArguments(args: readonly string[]): Order {
  const { values, positionals } = parse(args);
  if (values.list) return { kind: 'list' };
  const [name, ...rest] = positionals;
  if (values.help || name === undefined) throw new UsageError(USAGE);
  if (rest.length > 0) throw new UsageError(`One scenario at a time: ${rest.join(' ')} is too much.\n\n${USAGE}`);
  const scenario = fullName(name, values);
  if (!scenarioNamed(scenario)) throw new UsageError(`There is no scenario ${scenario}. ${closeTo(scenario)}`);
  const seconds = (option: 'answer-after' | 'talk'): number | undefined => duration(option, values[option]);
  const [answerAfter, talk] = [seconds('answer-after'), seconds('talk')];
  const { from, then, winner, line } = values;
  const options: ScenarioOptions = {
    ...(from ? { from } : {}),
    ...(values.to ? { to: values.to.split(',').filter(Boolean) } : {}),
    ...(then ? { then } : {}),
    ...(winner ? { winner } : {}),
    ...(line ? { line } : {}),
    ...(answerAfter === undefined ? {} : { answerAfter }),
    ...(talk === undefined ? {} : { talk }),
    ...(values.record ? { record: oneOf('record', values.record, RECORD_PLANS) } : {}),
    ...(values.fields ? { fields: oneOf('fields', values.fields, ['v1', 'v2'] as const) } : {}),
  };
  return { kind: 'call', scenario, options };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  }
}

/** `transfer --how blind` is `transfer-blind`, `missed --why busy` is `missed-busy`, `incoming --menu` is `incoming-menu`. */
function fullName(
  name: string,
  { how, why, menu }: { readonly how?: string; readonly why?: string; readonly menu?: boolean },
): string {
  if (name === 'transfer') return `transfer-${how ?? 'consultative'}`;
  if (name === 'missed' && why) return why === 'gave-up' ? 'missed' : `missed-${why}`;
  return name === 'incoming' && menu ? 'incoming-menu' : name;
}

function closeTo(name: string): string {
  const family = name.split('-')[0] ?? name;
  const kin = SCENARIOS.map((one) => one.name).filter((one) => one.startsWith(family));
  return kin.length > 0 ? `There are: ${kin.join(', ')}` : 'npm run call -- --list shows them all';
}

/** `3s`, `500ms`, `1m`, or plain seconds. */
export function duration(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text);
  if (!match) throw new UsageError(`--${option} ${text}: a duration such as 3s, 500ms or 1m is wanted`);
  return Number(match[1]) * { ms: 0.001, s: 1, m: 60 }[(match[2] ?? 's') as 'ms' | 's' | 'm'];
}

function oneOf<T extends string>(option: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found) return found;
  throw new UsageError(`--${option} ${text}: one of ${choices.join(', ')} is wanted`);
}
