import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CODE_WORDS } from '../../activities/telephony/code-words.ts';
import { codeWord } from '../../activities/telephony/mango/code-words.ts';
import { ru as board } from '../../api/admin/words.ru.ts';
import { AUDIT_WORDS } from '../../api/present/audit-words.ts';
import { PROBLEM_CODES } from '../../api/problems.ts';
import { AUDIT_ACTIONS } from '../../db/audit-actions.ts';
import { AUDIT_ACTIONS as AUDIT_ACTIONS_ON_SCREEN } from '../../ui/src/composables/audit-text.ts';
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
const storageKeys = [...code.matchAll(/\b(?:useKept|isKept|getItem|setItem|removeItem)\(`([^`]*)`/g)].map(([, key]) => key!);
const asked = [...code.matchAll(/\bt\(\s*'([^']+)'/g)].map(([, key]) => key!);

const formsOf = (text: string | Plural): string[] => (typeof text === 'string' ? [text] : (Object.values(text) as string[]));
const namesIn = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!).sort();

const through = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, n) => from + n);
/** Mango's list of results and reasons. */
const DOCUMENTED = [
  ...[1000, 1001, 1100, 1110, 1111, 1120, ...through(1121, 1125), ...through(1130, 1135), 1140, ...through(1150, 1152)],
  ...[...through(1160, 1164), 1170, 1171, ...through(1180, 1183), ...through(1190, 1193), ...through(1200, 1202)],
  ...[...through(1210, 1212), ...through(1230, 1236), 1300, ...through(1310, 1314), 2100, 2110, 2120, 2130, 2140, 2200],
  ...[...through(2210, 2212), 2220, 2230, 2240, ...through(2250, 2253), 2300, 2400, 3000, 3100, ...through(3101, 3137), 3200],
  ...[3300, 3310, 3320, 3330, 3340, 3400, 3503, 4000, 4001, 4002, 4100, 4101, 4102, 4104, 4200, 4290, 4300, 4301],
  ...[...through(4391, 4393), ...through(4400, 4405), ...through(4500, 4507), ...through(5000, 5011), ...through(5101, 5114)],
  ...[...through(5200, 5228), ...through(5300, 5302), ...through(6000, 6102)],
];

describe('texts', () => {
  test('every text that the interface asks for is there', () => {
    expect(asked.filter((key) => !russian.has(key))).toEqual([]);
  });

  test('the file of the audit log says what was done as the interface does', () => {
    for (const [lang, texts] of Object.entries({ ru, en })) {
      const said = Object.entries(AUDIT_WORDS).map(([action, words]) => [action.replace('.', '_'), words[lang as 'ru' | 'en']]);
      expect(Object.fromEntries(said)).toEqual(texts.audit.action);
    }
  });

  test.each(['README.md', ...['connecting-mango', 'troubleshooting', 'production', 'privacy'].map((name) => `docs/${name}.md`)])(
    '%s quotes what the screens say',
    (name) => {
      const said = [...leaves(ru), ...leaves(board as TextTree)]
        .flatMap(([, text]) => formsOf(text))
        .map((text) => text.toLowerCase());
      const isSaid = (quote: string): boolean => {
        const parts = quote
          .toLowerCase()
          .replace(/[.,]$/, '')
          .split('…')
          .map((part) => part.trim());
        return said.some((text) => parts.every((part) => text.includes(part)));
      };
      const page = readFileSync(join(SOURCE, '../..', name), 'utf8').replaceAll(/\s+/g, ' ');
      const quotes = [...page.matchAll(/«([^»]+)»/g)].map(([, quote]) => quote!);
      // A heading of a page, and a subject of a ticket.
      const others = ['I connected it and nothing happens', 'Входящий звонок с +7 916 123-45-67'];
      expect(quotes.filter((quote) => !isSaid(quote) && !others.includes(quote))).toEqual([]);
    },
  );

  test('no key of a storage looks like a family of texts, which would count them all as used', () => {
    expect(storageKeys.length).toBeGreaterThan(0);
    expect(
      storageKeys.filter(
        (key) => /^[a-zA-Z.]+\.\$\{/.test(key) && [...russian.keys()].some((text) => text.startsWith(key.split('$')[0]!)),
      ),
    ).toEqual([]);
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
        'request_timeout',
        'head_too_large',
      ],
      ...['action_id_reused', 'command_id_reused', 'too_many_streams', 'recording_not_ready', 'recording_unavailable'],
      // The board and Temporal's Web UI under /admin have pages of their own.
      ...['not_for_workflows', 'temporal_unavailable', 'temporal_ui_not_configured'],
    ]);
    const missing = PROBLEM_CODES.filter((problem) => !programs.has(problem) && !russian.has(`problem.${problem}`));
    expect(missing).toEqual([]);
  });

  test('whatever is noted in the audit log can be chosen there, and is put into words', () => {
    expect([...AUDIT_ACTIONS_ON_SCREEN].sort()).toEqual([...AUDIT_ACTIONS].sort());
    const keys = AUDIT_ACTIONS.map((action) => `audit.action.${action.replace('.', '_')}`);
    expect(keys.filter((key) => !russian.has(key) || !english.has(key))).toEqual([]);
  });

  test('every word that the PBX can refuse with is a sentence in both languages', () => {
    const sentence = (text: unknown): boolean => typeof text === 'string' && /^[А-ЯA-Z].*\.$/.test(text) && !/\d{4}/.test(text);
    for (const texts of [russian, english]) {
      expect(CODE_WORDS.filter((word) => !sentence(texts.get(`problem.${word}`)))).toEqual([]);
    }
  });

  test.each([
    ['every code that Mango documents', DOCUMENTED],
    ['an unlisted code, which is read as its sub-class or class', [1090, 1129, 2219, 2999, 3199, 3999, 4299, 4999, 5399, 6999]],
  ])('%s is a sentence in both languages, and a refusal says what to do', (_name, codes) => {
    const known = codes.map((code) => [code, russian.get(`problem.${codeWord(code)}`), english.get(`problem.${codeWord(code)}`)]);
    expect(known.filter(([, inRussian, inEnglish]) => !inRussian || !inEnglish)).toEqual([]);
    const advice =
      /[Пп]овтор|[Оо]братитесь|[Пп]опросите|[Пп]роверьте|[Вв]ыключите|[Вв]ключите|[Зз]акончите|[Вв]ойдите|[Пп]озвоните|[Сс]узьте|не нужно|уже|не сохранила/;
    expect(known.filter(([, inRussian]) => !advice.test(String(inRussian)))).toEqual([]);
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
