import { afterEach, describe, expect, test } from 'vitest';
import { formatDayTime, formatDuration, formatMoment, formatPhone, formatWait, initialsOf } from '../../ui/src/format.ts';
import { daysOf, instantsOf, presetOf } from '../../ui/src/statistics/period.ts';
import { figureText } from '../../ui/src/statistics/value.ts';
import { aboutText, detailsOf } from '../../ui/src/composables/audit-text.ts';
import type { AuditEntry } from '../../ui/src/contract.ts';
import { setLanguage } from '../../ui/src/text/index.ts';

afterEach(() => setLanguage('ru'));

describe('as people write it', () => {
  test.each([
    [7, '0:07'],
    [222, '3:42'],
    [3723, '1:02:03'],
    [-1, '0:00'],
  ])('%i seconds: %s', (seconds, text) => expect(formatDuration(seconds)).toBe(text));

  test.each([
    [40, '40 с'],
    [720, '12 мин'],
    [10_900, '3 ч'],
    [2 * 86_400, '2 дня'],
    [2 * 86_400 + 5 * 3600, '2 д 5 ч'],
    [9 * 86_400 + 5 * 3600, '9 дней'],
    [5 * 86_400, '5 дней'],
  ])('a wait of %i seconds: %s', (seconds, text) => expect(formatWait(seconds)).toBe(text));

  test('numbers: Russian ones at once, others as soon as their library is here', async () => {
    expect(formatPhone('+79123456789')).toBe('+7 912 345-67-89');
    expect(formatPhone('101')).toBe('101');
    formatPhone('+442079460123');
    await expect.poll(() => formatPhone('+442079460123')).toBe('+44 20 7946 0123');
  });

  test('moments: the time today, «вчера», the day, the date', async () => {
    const now = new Date(2024, 4, 17, 12).getTime();
    expect(formatMoment(new Date(2024, 4, 17, 9, 5).toISOString(), now)).toBe('09:05');
    expect(formatMoment(new Date(2024, 4, 16, 23, 50).toISOString(), now)).toBe('вчера, 23:50');
    expect(formatMoment(new Date(2024, 0, 2).toISOString(), now)).toBe('2 янв.');
    expect(formatMoment(new Date(2021, 0, 2).toISOString(), now)).toBe('02.01.2021');
    await setLanguage('en');
    expect(formatMoment(new Date(2024, 4, 16, 23, 50).toISOString(), now)).toBe('yesterday, 23:50');
  });

  test('day and time, for what waits over nights and weekends', async () => {
    const now = new Date(2024, 4, 17, 12).getTime();
    expect(formatDayTime(new Date(2024, 4, 17, 9, 5).toISOString(), now)).toBe('09:05');
    expect(formatDayTime(new Date(2024, 4, 16, 23, 50).toISOString(), now)).toBe('вчера, 23:50');
    expect(formatDayTime(new Date(2024, 4, 12, 3, 7).toISOString(), now)).toBe('вс, 12 мая, 03:07');
    expect(formatDayTime(new Date(2024, 3, 2, 18).toISOString(), now)).toBe('2 апр., 18:00');
    expect(formatDayTime(new Date(2023, 11, 31, 18).toISOString(), now)).toBe('31 дек. 2023 г., 18:00');
    await setLanguage('en');
    expect(formatDayTime(new Date(2024, 4, 12, 3, 7).toISOString(), now)).toBe('Sun 12 May, 03:07');
  });

  test('initials', () => {
    expect(initialsOf('Иван Петров')).toBe('ИП');
    expect(initialsOf('+7 912 345-67-89')).toBe('');
  });

  test.each([
    [null, 'tickets', '—'],
    [1234, 'tickets', '1 234'],
    [1.25, 'replies', '1,3'],
    [45, 'seconds', '45 с'],
    [3900, 'seconds', '1 ч 5 мин'],
    [100_000, 'seconds', '1 д 3 ч'],
  ] as const)('a figure of %s %s: %s', (value, unit, text) => expect(figureText(value, unit).replace(/\s/g, ' ')).toBe(text));
});

describe('periods', () => {
  const now = new Date(2024, 2, 31, 15);
  test.each([
    ['today', '2024-03-31', '2024-03-31'],
    ['week', '2024-03-25', '2024-03-31'],
    ['month', '2024-03-02', '2024-03-31'],
    ['lastMonth', '2024-02-01', '2024-02-29'],
  ] as const)('%s: %s to %s', (preset, from, to) => expect(daysOf(preset, now)).toEqual({ from, to }));

  test('whole days, the last one included', () => {
    const { from, to } = instantsOf({ from: '2024-03-01', to: '2024-03-31' });
    expect(new Date(from)).toEqual(new Date(2024, 2, 1));
    expect(new Date(to)).toEqual(new Date(2024, 3, 1));
  });

  test('a period that is one of the usual ones is known as that', () => {
    expect(presetOf(daysOf('yesterday'))).toBe('yesterday');
    expect(presetOf({ from: '2020-01-01', to: '2020-01-05' })).toBeUndefined();
  });
});

describe('a line of the audit log', () => {
  const entry = (more: Partial<AuditEntry>): AuditEntry => ({
    ...{ id: '1', at: '2026-01-01T00:00:00Z', agent: null, address: null, action: 'x', subject: null, about: null, detail: {} },
    ...more,
  });
  const names = (id: string): string => ({ a: 'Анна', b: 'Борис' })[id] ?? id;
  test.each([
    [{ role: 'admin', access: 'own' }, ['роль: Администратор', 'доступ: Свои и ничьи']],
    [{ properties: ['fullName', 'apiSalt'] }, ['что изменено: полное имя, соль']],
    [{ closeSeconds: 7200, firstReplySeconds: null }, ['Закрытие: 2 ч', 'Первый ответ: нет']],
    [{ adminSecondFactorRequired: true, timezone: 'Asia/Almaty' }, ['второй фактор обязателен: Да', 'часовой пояс: Asia/Almaty']],
    [{ noRecording: false }, ['Не записывать разговоры: Нет']],
    [{ runId: 'x', type: 'call', how: 'reset' }, ['процесс: call', 'как: с последнего удачного шага']],
    [{ reason: 'request', texts: 'erase', erasureId: 'x' }, ['основание: Требование человека', 'темы и сообщения: Удалить']],
    [{ somethingNew: { n: 1 } }, ['somethingNew: {"n":1}']],
  ])('%j is put into words', (detail, words) => expect(detailsOf(entry({ detail }), names)).toEqual(words));

  test('a mapping is told by names', () => {
    const told = (from: object, to: object) =>
      detailsOf(entry({ action: 'operator.mapped', detail: { from, to } as AuditEntry['detail'] }), names);
    expect(told({ agentId: 'a', ignored: false }, { agentId: 'b', ignored: false })).toEqual(['Анна → Борис']);
    expect(told({ agentId: null, ignored: false }, { agentId: null, ignored: true })).toEqual([
      'без сотрудника → звонки игнорируются',
    ]);
  });

  test.each([
    [{ kind: 'agent', id: 'a', name: 'Анна' }, 'Анна', false],
    [{ kind: 'field', id: 'tariff', name: null }, 'уже удалено', false],
    [{ kind: 'ticket', id: '7', name: '12' }, 'обращение № 12', true],
    [{ kind: 'channel', id: 'email', name: null }, 'Почта', false],
    [{ kind: 'section', id: 'peak', name: null }, 'Пиковая нагрузка', false],
    [{ kind: 'event', id: 'i42', name: null }, 'событие № 42', false],
    [{ kind: 'workflow', id: 'call:x', name: null }, 'процесс', true],
  ] as const)('%j is «%s»', (about, text, leads) => {
    const told = aboutText(entry({ about }));
    expect([told?.text, told?.at !== null]).toEqual([text, leads]);
  });
});
