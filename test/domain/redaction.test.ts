import { describe, expect, test } from 'vitest';
import { subjectAfterErasure, withoutNumbers, withoutPerson } from '../../domain/redaction.ts';

const PERSON = { names: ['Иван Петров'], emails: ['ivan@example.org'], phones: ['+79161234567', '+442079460123'] };

describe('a text without a person', () => {
  test.each([
    ['звонил Иван Петров', 'звонил ***'],
    ['ИВАН и Петров, но не Петровский и не Иванов', '*** и ***, но не Петровский и не Иванов'],
    ['+7 916 123-45-67', '***'],
    ['8 (916) 123 45 67 добавочный 5', '*** добавочный 5'],
    ['тел. 9161234567.', 'тел. ***.'],
    ['79161234567', '***'],
    ['+44 20 7946 0123', '***'],
    ['номер заказа 791612345678', 'номер заказа 791612345678'],
    ['заказ 1239161234567', 'заказ 1239161234567'],
    ['пишите на Ivan@Example.org', 'пишите на ***'],
    ['+7 926 000-00-00', '+7 926 000-00-00'],
    ['', ''],
  ])('«%s» → «%s»', (text, wanted) => {
    expect(withoutPerson(text, PERSON)).toBe(wanted);
  });

  test('a name with signs of patterns is taken as it is; short words alone say nothing', () => {
    const person = { names: ['Ли (Bo) *'], emails: [], phones: [] };
    expect(withoutPerson('Ли пришёл; Ли (Bo) * ушёл', person)).toBe('Ли пришёл; *** ушёл');
  });
});

describe('an event without numbers', () => {
  test('keeps ids, times, states, extensions and operators’ devices; every number is replaced', () => {
    const event = {
      entry_id: 'NzkxNjEyMzQ1Njc=',
      timestamp: 1_700_000_000,
      call_state: 'Appeared',
      from: { number: '79161234567' },
      to: { extension: '101', number: 'sip:user101@vpbx400000000.mangosip.ru', line_number: '74950000000' },
      list: [{ called_number: '+79161234567' }],
      sip_call_id: 'abc@host',
    };
    expect(withoutNumbers(event, () => 'x')).toEqual({
      ...event,
      from: { number: 'x' },
      to: { ...event.to, line_number: 'x' },
      list: [{ called_number: 'x' }],
    });
  });

  test('a number in a SIP address is one, too', () => {
    expect(withoutNumbers({ from: { number: 'sip:79161234567@pbx' } }, (number) => String(number.length))).toEqual({
      from: { number: '19' },
    });
  });

  test.each([
    [{ from: { number: '+7 (916) 123-45-67' } }, { from: { number: 'x' } }],
    [{ from: { number: 79161234567 } }, { from: { number: 'x' } }],
    [{ dtmf: '4321' }, { dtmf: 'x' }],
    [{ dtmf: '4276123412341234567' }, { dtmf: 'x' }],
    [
      { dtmf: '', to: { extension: '101' }, seq: 12345678 },
      { dtmf: '', to: { extension: '101' }, seq: 12345678 },
    ],
  ])('%j → %j', (event, wanted) => {
    expect(withoutNumbers(event, () => 'x')).toEqual(wanted);
  });

  test('what is no object stays', () => {
    expect([withoutNumbers(null, () => 'x'), withoutNumbers(5, () => 'x'), withoutNumbers('79161234567', () => 'x')]).toEqual([
      null,
      5,
      '79161234567',
    ]);
  });
});

test('a ticket keeps what kind of call it was', () => {
  expect((['incoming', 'outgoing', 'missed', null] as const).map(subjectAfterErasure)).toEqual([
    'Входящий звонок',
    'Исходящий звонок',
    'Пропущенный звонок',
    'Обращение',
  ]);
});
