import { expect, test } from 'vitest';
import { auditCsv, destructionCsv } from '../../api/present/log-csv.ts';

const ENTRY = {
  ...{ id: '1', at: '2026-03-02T09:00:00.000Z', agent: null, address: null },
  ...{ action: 'settings.changed', subject: null, about: null, detail: {} },
} as const;

test.each([
  ['ru', 'Не вошло строк: 4. Выберите период короче.'],
  ['en', 'Rows left out: 4. Choose a shorter period.'],
] as const)('a file that is cut says so in its last line: %s', (lang, said) => {
  expect(auditCsv([ENTRY], 5, lang, 'UTC').trimEnd().split('\r\n').at(-1)).toBe(said);
  expect(destructionCsv([], 4, lang, 'UTC').trimEnd().split('\r\n').at(-1)).toBe(said);
});

test('a whole one has nothing but its rows', () => {
  expect(auditCsv([ENTRY], 1, 'ru', 'UTC').trimEnd().split('\r\n')).toHaveLength(2);
});
