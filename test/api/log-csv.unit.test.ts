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

test('what was done stands in words and as the code, at its second, also at midnight', () => {
  const at = '2026-03-01T21:00:07.000Z';
  const [, row = ''] = auditCsv([{ ...ENTRY, at }], 1, 'ru', 'Europe/Moscow').split('\r\n');
  expect(row).toBe('2026-03-02 00:00:07;;;Изменены настройки;settings.changed;;;');
});

test('a whole one has nothing but its rows', () => {
  expect(auditCsv([ENTRY], 1, 'ru', 'UTC').trimEnd().split('\r\n')).toHaveLength(2);
});
