import { describe, expect, test } from 'vitest';
import { maskDigits, maskJson } from '../../domain/masking.ts';

describe('digits', () => {
  test.each([
    ['+79161234567', '+7••••••4567'],
    ['79161234567', '7••••••4567'],
    ['8 (916) 123-45-67', '8••••••4567'],
    ['sip:user101@vpbx400012345.mangosip.ru', 'sip:user101@vpbx•••••2345.mangosip.ru'],
    ['101', '101'],
    ['0103', '0103'],
    ['12345', '•2345'],
    ['', ''],
    ['от 79161234567 на 74950000001', 'от 7••••••4567 на 7••••••0001'],
  ])('%s is shown as %s', (text, shown) => expect(maskDigits(text)).toBe(shown));
});

describe('an event', () => {
  const event = {
    entry_id: 'MToxMDA2NzE3OToyODc6NTI4NTc0NTQ3',
    call_id: '1234567890123',
    timestamp: 1_700_000_000,
    seq: 1,
    from: { number: '79161234567', taken_from_call_id: '9876543210' },
    to: { extension: '101', number: 'sip:a@b', line_number: 74_950_000_001 },
    sign: 'abc',
    vpbx_api_key: 'key',
    token: { deep: 'secret' },
    parties: ['79161234567', 'no number'],
  };

  test('keeps its ids, moments and extensions, and shows four digits of its numbers', () => {
    expect(maskJson(event, 'numbers_masked')).toEqual({
      ...event,
      from: { number: '7••••••4567', taken_from_call_id: '9876543210' },
      to: { extension: '101', number: 'sip:a@b', line_number: '7••••••0001' },
      sign: '[…]',
      vpbx_api_key: '[…]',
      token: '[…]',
      parties: ['7••••••4567', 'no number'],
    });
  });

  test('shows its numbers on demand, and its secrets never', () => {
    expect(maskJson(event, 'numbers_shown')).toEqual({ ...event, sign: '[…]', vpbx_api_key: '[…]', token: '[…]' });
  });

  test('does not show what an agent typed', () => {
    expect(maskJson({ type: 'action', gist: 'a secret 12345678', actionId: '12345678' }, 'numbers_shown')).toEqual({
      type: 'action',
      gist: '[…]',
      actionId: '12345678',
    });
  });
});
