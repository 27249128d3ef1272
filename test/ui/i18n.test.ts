import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CODE_WORDS } from '../../activities/telephony/code-words.ts';
import { PROBLEM_CODES } from '../../api/problems.ts';
import { en } from '../../ui/src/text/en.ts';
import { ru } from '../../ui/src/text/ru.ts';
import { fill, type Plural, type TextTree } from '../../ui/src/text/translate.ts';

const SOURCE = join(import.meta.dirname, '../../ui/src');
const isPlural = (node: Plural | TextTree): node is Plural => typeof node['other'] === 'string';

function leaves(tree: TextTree, path = ''): [string, string | Plural][] {
  return Object.entries(tree).flatMap(([key, node]) => {
    const here = path ? `${path}.${key}` : key;
    return typeof node === 'string' || isPlural(node) ? [[here, node]] : leaves(node as TextTree, here);
  });
}
const russian = new Map(leaves(ru));
const english = new Map(leaves(en));

const code = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(ts|vue)$/.test(name) && !/^text\/(ru|en)\.ts$/.test(name))
  .map((name) => readFileSync(join(SOURCE, name), 'utf8'))
  .join('\n');
const literals = new Set([...code.matchAll(/'([a-zA-Z]+(?:\.[a-zA-Z0-9_]+)+)'/g)].map(([, key]) => key!));
/** `status.${value}`: everything under `status.` counts as used. */
const families = [...code.matchAll(/`([a-zA-Z.]+\.)\$\{/g)].map(([, prefix]) => prefix!);
const asked = [...code.matchAll(/\bt\(\s*'([^']+)'/g)].map(([, key]) => key!);

const formsOf = (text: string | Plural): string[] => (typeof text === 'string' ? [text] : (Object.values(text) as string[]));
const namesIn = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!).sort();

describe('texts', () => {
  test('every text that the interface asks for is there', () => {
    expect(asked.filter((key) => !russian.has(key))).toEqual([]);
  });

  test('every text is asked for somewhere', () => {
    const unused = [...russian.keys()].filter((key) => !literals.has(key) && !families.some((prefix) => key.startsWith(prefix)));
    expect(unused).toEqual([]);
  });

  test('both languages have the same texts, none empty', () => {
    expect([...english.keys()].sort()).toEqual([...russian.keys()].sort());
    const empty = [...russian, ...english].filter(([, text]) => formsOf(text).some((form) => !form.trim()));
    expect(empty).toEqual([]);
  });

  test('both languages fill in the same names', () => {
    const names = (text: string | Plural): string[] => [...new Set(formsOf(text).flatMap(namesIn))].sort();
    const different = [...russian].filter(([key, text]) => names(text).join() !== names(english.get(key)!).join());
    expect(different.map(([key]) => key)).toEqual([]);
  });

  test('a plural has every form its language knows', () => {
    const wanting = (texts: Map<string, string | Plural>, forms: readonly string[]): string[] =>
      [...texts].filter(([, text]) => typeof text !== 'string' && !forms.every((form) => form in text)).map(([key]) => key);
    expect(wanting(russian, ['one', 'few', 'many', 'other'])).toEqual([]);
    expect(wanting(english, ['one', 'other'])).toEqual([]);
  });

  test('every refusal that the service or the PBX can give an agent is put into words', () => {
    // What only other programs can cause: webhooks, address bars, ids made by hand.
    const programs = new Set([
      ...[
        'malformed_json',
        'method_not_allowed',
        'not_acceptable',
        'unsupported_type',
        'range_not_satisfiable',
        'foreign_origin',
      ],
      ...['action_id_reused', 'command_id_reused', 'too_many_streams', 'recording_not_ready', 'recording_unavailable'],
      // The board and Temporal's Web UI under /admin have pages of their own.
      ...['not_for_workflows', 'temporal_unavailable', 'temporal_ui_not_configured'],
    ]);
    const missing = PROBLEM_CODES.filter((problem) => !programs.has(problem) && !russian.has(`problem.${problem}`));
    expect(missing).toEqual([]);
  });

  test('every word of the PBX for a call that was not made is put into words', () => {
    // How calls end in menus, groups, campaigns, faxes: never the answer to a callback of ours.
    const elsewhere = new Set<string>([
      ...[
        'done',
        'ended_normally',
        'caller_gave_up',
        'callee_hung_up',
        'too_many_forwards',
        'forwarding_forbidden',
        'caller_blocked',
      ],
      ...['group_failed', 'queue_full', 'nobody_available', 'ended_in_menu', 'menu_misconfigured', 'ended_by_command'],
      ...['taken_by_other_operator', 'operator_session', 'answering_machine', 'bad_request', 'already_used', 'line_unsuitable'],
      ...['file_not_found', 'too_many_results', 'unsupported', 'recording_too_short', 'already_recording', 'sms_failed'],
      ...['conference_failed', 'security_refused', 'campaign_failed', 'operators_failed', 'address_book_failed', 'fax_failed'],
      ...['operator_number_not_found'],
    ]);
    const missing = CODE_WORDS.filter((word) => !elsewhere.has(word) && !russian.has(`problem.${word}`));
    expect(missing).toEqual([]);
  });
});

describe('plural forms', () => {
  const count = ru.tickets.missedCount;
  test.each([
    [1, '1 звонок'],
    [2, '2 звонка'],
    [5, '5 звонков'],
    [11, '11 звонков'],
    [21, '21 звонок'],
    [112, '112 звонков'],
  ])('%i is written «%s»', (n, text) => expect(fill(count, { n }, 'ru')).toBe(text));
});
