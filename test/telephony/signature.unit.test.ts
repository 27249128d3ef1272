import { describe, expect, test } from 'vitest';
import { isSignedBy, mangoSignature, recordingLinkSignature } from '../../activities/telephony/mango/signature.ts';

const OFFICIAL = { key: '<YOUR_API_KEY>', salt: '<YOUR_API_SALT>' };
const OURS = { key: 'testkey0001', salt: 'testsalt0002' };

describe('Mango signs sha256(key + json + salt), over the json exactly as it came', () => {
  test.each([
    [
      OFFICIAL,
      '{"command_id":"your-command-id","from":{"extension":"<extension>","number":""},"to_number":"<to_number>"}',
      'afdeb462cd5e0e422a9c9220390124608df06a4472cb1add6ebd6e24184bd15a',
    ],
    [
      OFFICIAL,
      '{"command_id":"your-command-id","call_id":"<CALL_ID>"}',
      '2d1d01246f52cec1fdb44f2a4d7091dc54f67e318369c0628201d66b5d336ef0',
    ],
    [
      OFFICIAL,
      '{"date_from":"1445288400","date_to":"1445374859","from":{"extension":"","number":""},"to":{"extension":"","number":""}}',
      '94e263aa0aa65d77481b86e9224fa2230265faa387322e40716389406982c0fb',
    ],
    [OFFICIAL, '{"key":"<REQUEST_KEY>"}', '515069b8c079df62f408e36dd7933912b8e86d833c5927ee77eb4b68d766c4f5'],
    [
      OURS,
      '{"entry_id":"MToxMDAxOTkzMDoxOjU4NTE2OTYzMQ==","call_id":"MToxMDAxOTkzMDoxOjU4NTE2OTYzMTox","timestamp":1700000000,"seq":1,"call_state":"Appeared","location":"abonent","from":{"number":"79990000001"},"to":{"extension":"101","number":"sip:user1@vpbx400000000.mangosip.ru","line_number":"74950000000"}}',
      '865d1c03f02e4d99a58b410863afb3f91e08cd8adf09624125c2c9dc94cdc53f',
    ],
    [
      OURS,
      '{"command_id":"Тест/1 + & =","from":{"extension":"101"},"to_number":"79990000001"}',
      'a6562712fbaeff3bff62a00072503abdda0d6aa4bb2aace7367c3acc480ff5d5',
    ],
    [
      OURS,
      String.raw`{"command_id":"\u0422\u0435\u0441\u0442\/1 + & =","from":{"extension":"101"},"to_number":"79990000001"}`,
      '38d4bbd1adbffb05b16ae9acc0c5a74f46b87a8e7f74175408c0556ca0259d5b',
    ],
    [OURS, '{}', 'c57b9b9fa4e01915b2e4b4a7a6244a1803322f291a849c0f4face692c809a542'],
    [OURS, '', '80ab010db0dd912c15fa89cb5de336057412ec50e94ca93e8bd9082d9981b5a9'],
    [
      { key: '123', salt: '789' },
      '{"command_id":"cmd-12532543651","from":{"extension":"101"},"to_number":"74952129298"}',
      '11fd9538c28f575bb72a7d342338d7f8d08b93a68f8ecf2ddb91961556a32afc',
    ],
  ])('vector %#', ({ key, salt }, json, sign) => {
    expect(mangoSignature(key, json, salt)).toBe(sign);
    expect(isSignedBy(key, json, salt, sign)).toBe(true);
  });
});

describe('a link to a recording is signed by key, expiry and recording', () => {
  test.each([
    [OURS, '1700003600', 'MToxMDAxOTkzMDo0NjI4OTI0NzM6MA==', 'c2cb092b1e28ca66e018ac3ed914a19dc480af2a16eb6d315d13c0c5f7ac3564'],
    [
      { key: '123', salt: '789' },
      '1525597727500',
      'Rofkdgl33fd=',
      '9867bfdc661049959450fbad35c10ef2a41120094bda492dd0f085ba4def7df0',
    ],
    [
      { key: '123', salt: '789' },
      '1525598918779',
      'Jsgdfg2323=',
      '73ae025f1b4f7e201b2bf8df8a98547faa916a906115c22356cd056ab8edd5cd',
    ],
  ])('vector %#', ({ key, salt }, timestamp, recordingId, sign) => {
    expect(recordingLinkSignature(key, timestamp, recordingId, salt)).toBe(sign);
  });
});

describe('what is not the signature is refused and never throws', () => {
  const json = '{}';
  const right = mangoSignature(OURS.key, json, OURS.salt);
  test.each([
    ['empty', ''],
    ['short', right.slice(1)],
    ['long', `${right}0`],
    ['upper case', right.toUpperCase()],
    ['the wrong one', mangoSignature(OURS.key, json, 'othersalt')],
    ['not ASCII, as many characters', 'я'.repeat(64)],
    ['not ASCII, as many bytes', 'я'.repeat(32)],
    ['lone surrogate', '\ud800'.repeat(64)],
    ['blank before it', ` ${right}`],
  ])('%s', (_name, sign) => {
    expect(isSignedBy(OURS.key, json, OURS.salt, sign)).toBe(false);
  });

  test('bytes moved from the json into the key keep the hash, so the key itself must be compared by who asks', () => {
    expect(mangoSignature(`${OURS.key}{`, '}', OURS.salt)).toBe(right);
  });
});
