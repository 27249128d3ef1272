import { describe, expect, test } from 'vitest';
import { classifyNumber, deviceOf, digitsOf, formatPhone, parsePhone, serviceNumber } from '../../domain/phone.ts';

describe('numbers are accepted as people type them and stored as E.164', () => {
  test.each([
    // Russian habits
    ['89161234567', '+79161234567'],
    ['8 916 123 45 67', '+79161234567'],
    ['8 (916) 123-45-67', '+79161234567'],
    ['8-916-123-45-67', '+79161234567'],
    ['8(916)123/45/67', '+79161234567'],
    ['8.916.123.45.67', '+79161234567'],
    ['+7 (916) 123-45-67', '+79161234567'],
    ['+79161234567', '+79161234567'],
    ['79161234567', '+79161234567'],
    ['7 916 123 45 67', '+79161234567'],
    ['9161234567', '+79161234567'],
    ['(916) 123-45-67', '+79161234567'],
    ['+8 916 123-45-67', '+79161234567'],
    ['8-800-555-35-35', '+78005553535'],
    ['8 800 5553535', '+78005553535'],
    ['78005553535', '+78005553535'],
    ['4951234567', '+74951234567'],
    ['8 (495) 123-45-67', '+74951234567'],
    ['8 701 234 56 78', '+77012345678'],
    ['+7 495 123-45-67 доб. 123', '+74951234567'],
    ['+7 495 123-45-67, ext 4', '+74951234567'],
    ['8 (495) 123-45-67 #45', '+74951234567'],
    // The PBX's way: international digits without a plus
    ['79607164646', '+79607164646'],
    ['74950000000', '+74950000000'],
    ['79990000001', '+79990000001'],
    ['375291234567', '+375291234567'],
    ['380671234567', '+380671234567'],
    ['998901234567', '+998901234567'],
    ['442079460018', '+442079460018'],
    ['4915112345678', '+4915112345678'],
    ['12025550123', '+12025550123'],
    ['8617012345678', '+8617012345678'],
    // Other countries, written in full
    ['+375 29 123-45-67', '+375291234567'],
    ['8 10 375 29 123-45-67', '+375291234567'],
    ['+1 (202) 555-0123', '+12025550123'],
    ['+44 20 7946 0018', '+442079460018'],
    // Links and addresses
    ['tel:+79161234567', '+79161234567'],
    ['TEL:8-916-123-45-67', '+79161234567'],
    ['tel:+7-916-123-45-67;phone-context=example.com', '+79161234567'],
    // Unicode kin
    ['８（９１６）１２３－４５－６７', '+79161234567'],
    ['＋７９１６１２３４５６７', '+79161234567'],
    ['8 916 123 45 67', '+79161234567'],
    ['+7\u00a0916\u00a0123\u201145\u201167', '+79161234567'],
    ['+7 916 123–45—67', '+79161234567'],
    ['+7 916 123\u221245\u221267', '+79161234567'],
    ['\u202a+7 916 123-45-67\u202c', '+79161234567'],
    ['\ufeff89161234567\u200b', '+79161234567'],
    ['۸۹۱۶۱۲۳۴۵۶۷', '+79161234567'],
    ['\t8 916\n123 45 67 ', '+79161234567'],
  ])('%j → %s', (text, expected) => {
    expect(parsePhone(text, 'RU')).toBe(expected);
  });

  test.each([
    [''],
    ['   '],
    ['-'],
    ['+'],
    ['101'],
    ['0511'],
    ['112'],
    ['900'],
    ['12345'],
    ['1234567'],
    ['anonymous'],
    ['call 89161234567'],
    ['89161234567 or 89161112233'],
    ['89161234567, 89161112233'],
    ['891612345'],
    ['79161234567890'],
    ['8 916 123 45 67 x'],
    ['8 916 123 45 67 89'],
    ['+7916123456'],
    ['+799912345678901234'],
    ['+999'],
    ['user1'],
    ['sip:user1@vpbx400000000.mangosip.ru'],
    ['1'.repeat(5000)],
  ])('%j is no number', (text) => {
    expect(parsePhone(text, 'RU')).toBeNull();
  });

  test('a number without its country code is read in the country configured', () => {
    expect(parsePhone('8 029 123-45-67', 'BY')).toBe('+375291234567');
    expect(parsePhone('020 7946 0018', 'GB')).toBe('+442079460018');
    expect(parsePhone('0664 1234567', 'AT')).toBe('+436641234567');
    expect(parsePhone('8 701 234 56 78', 'KZ')).toBe('+77012345678');
  });

  test('a number of a range not yet known is kept, as the PBX has seen it', () => {
    expect(parsePhone('70000000000', 'RU')).toBe('+70000000000');
  });

  test('reading is steady: what was read reads as itself', () => {
    for (const text of ['8 916 123-45-67', '375291234567', '8-800-555-35-35', '70000000000']) {
      const once = parsePhone(text, 'RU');
      expect(parsePhone(once ?? '', 'RU')).toBe(once);
    }
  });
});

describe("what stands in the PBX's number field", () => {
  test.each([
    ['79607164646', { kind: 'pstn', e164: '+79607164646' }],
    ['+79607164646', { kind: 'pstn', e164: '+79607164646' }],
    ['88005553535', { kind: 'pstn', e164: '+78005553535' }],
    ['375291234567', { kind: 'pstn', e164: '+375291234567' }],
    ['sip:user1@vpbx400000000.mangosip.ru', { kind: 'device' }],
    ['SIP:User1@VPBX400000000.MangoSIP.ru', { kind: 'device' }],
    ['user1@vpbx400000000.mangosip.ru', { kind: 'device' }],
    ['sip:user1', { kind: 'device' }],
    ['sips:user1@example.com', { kind: 'device' }],
    ['sip:79161234567@vpbx400000000.mangosip.ru', { kind: 'device' }],
    ['sip:79161234567@mangosip.ru', { kind: 'device' }],
    ['sip:79161234567@vpbx4.example.com', { kind: 'device' }],
    ['sip:79161234567@trunk.example.com', { kind: 'pstn', e164: '+79161234567' }],
    ['sip:+79161234567@10.0.0.1:5060;user=phone', { kind: 'pstn', e164: '+79161234567' }],
    ['79161234567@trunk.example.com', { kind: 'pstn', e164: '+79161234567' }],
    ['sip:79161234567@notmangosip.ru', { kind: 'pstn', e164: '+79161234567' }],
    ['sip:89161234567@trunk.example.com', { kind: 'pstn', e164: '+79161234567' }],
    ['sip:4951234567@trunk.example.com', { kind: 'pstn', e164: '+74951234567' }],
    ['sip:400000101@trunk.example.com', { kind: 'device' }],
    ['sip:101@trunk.example.com', { kind: 'device' }],
    ['101', { kind: 'short' }],
    ['0511', { kind: 'short' }],
    ['112', { kind: 'short' }],
    ['900', { kind: 'short' }],
    ['4950000', { kind: 'short' }],
    ['', { kind: 'hidden' }],
    ['  ', { kind: 'hidden' }],
    ['anonymous', { kind: 'hidden' }],
    ['Unknown', { kind: 'hidden' }],
    ['Скрытый номер', { kind: 'hidden' }],
    [null, { kind: 'hidden' }],
    [undefined, { kind: 'hidden' }],
  ])('%j', (raw, expected) => {
    expect(classifyNumber(raw, 'RU')).toEqual(expected);
  });

  test('one device is recognised with and without its scheme, host and case', () => {
    expect(deviceOf('sip:User1@vpbx400000000.mangosip.ru')).toBe('user1');
    expect(deviceOf('user1@vpbx400000000.mangosip.ru')).toBe('user1');
    expect(deviceOf('user1')).toBe('user1');
  });
});

describe('numbers are shown as +7 912 345-67-89', () => {
  test.each([
    ['+79123456789', '+7 912 345-67-89'],
    ['+78005553535', '+7 800 555-35-35'],
    ['+77012345678', '+7 701 234-56-78'],
    ['+375291234567', '+375 29 123 45 67'],
    ['+442079460018', '+44 20 7946 0018'],
    ['+12025550123', '+1 202 555 0123'],
    ['900', '900'],
    ['+900', '900'],
    ['+112', '112'],
    ['', ''],
  ])('%s → %s', (e164, shown) => {
    expect(formatPhone(e164)).toBe(shown);
  });
});

test.each([
  ['+7 912 345-67-89', '79123456789'],
  ['９１６', '916'],
  ['٣٤', '34'],
  ['abc', ''],
])('the digits of %j are %j', (text, digits) => {
  expect(digitsOf(text)).toBe(digits);
});

test.each([
  ['900', '+900'],
  ['4950000', '+4950000'],
  ['12', null],
  ['', null],
  ['1'.repeat(16), null],
])('the service number %j is kept as %j', (digits, kept) => {
  expect(serviceNumber(digits)).toBe(kept);
});
