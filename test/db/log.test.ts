import { expect, test } from 'vitest';
import { createLogger, maskNumbersIn, maskPhone } from '../../db/log.ts';

function logged(write: (log: ReturnType<typeof createLogger>) => void): string {
  let lines = '';
  write(createLogger('test', { level: 'trace', destination: { write: (line) => void (lines += line) } }));
  return lines;
}

test.each([
  ['+79123456789', '…89'],
  ['8 (912) 345-67-89', '…89'],
  ['sip:79123456789@host', '…89'],
  ['101', '…'],
  [null, 'hidden'],
  ['', 'hidden'],
])('a phone %s is shown as %s', (phone, shown) => {
  expect(maskPhone(phone)).toBe(shown);
});

test('secrets and typed text are hidden at any depth', () => {
  const line = logged((log) => {
    log.info(
      {
        password: 'p-1',
        request: { headers: { cookie: 'c-2', authorization: 'a-3' } },
        pbx: [{ api_salt: 's-4', vpbx_api_key: 'k-5' }],
      },
      'x',
    );
    log.info({ gist: 'g-6', body: { sign: 'h-7' }, csrfToken: 't-8', draft: { subject: 'u-9' } }, 'x');
  });
  expect(line).not.toMatch(/[pcaskghtu]-\d/);
  expect(line).toContain('[hidden]');
});

test('a number inside an error of the database driver is masked', () => {
  const error = Object.assign(new Error('duplicate key: (phone)=(+79123456789), 79123456788'), {
    detail: '+79123456787',
    code: '23505',
  });
  const line = logged((log) => log.error({ err: error }, 'calling +79123456786'));
  expect(line).not.toMatch(/7912345/);
  expect(line).toContain('23505');
  expect(JSON.parse(line)).toMatchObject({ level: 'error', name: 'test', msg: 'calling …86' });
});

test.each([
  ['calling +79123456786', 'calling …86'],
  ['calling 89123456786', 'calling …86'],
  ['sip:79123456786@pbx.local', 'sip:…86@pbx.local'],
  ['"+7 912 345-67-86"', '"…86"'],
  ['8 (912) 345-67-86, 8(912)3456786', '…86, …86'],
  ['+7 (912) 345 67 86', '…86'],
  ['7-912-345-67-86', '…86'],
  ['+44 20 7946 0958', '…58'],
])('of the number in %s the last two digits are left: %s', (text, left) => {
  expect(maskNumbersIn(text)).toBe(left);
});

test.each([
  '2026-11-22T21:45:00.000Z',
  '1732300000000',
  '127.0.0.1:54999',
  '9f2c7912-3456-4789-8abc-def012345678',
  'a7912345-6789-4789-8abc-def012345678',
  '71234567-8901-4789-8abc-d79123456789',
  '"ms":7,"attempts":800 of 912',
  '"pid":12345',
])('%s is no phone number', (text) => {
  expect(maskNumbersIn(text)).toBe(text);
});
