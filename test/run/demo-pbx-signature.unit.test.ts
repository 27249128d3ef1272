import { describe, expect, test } from 'vitest';
import { sameSignature, sign, signLink, signedForm } from '../../run/demo-pbx/signature.ts';

const OFFICIAL = { key: '<YOUR_API_KEY>', salt: '<YOUR_API_SALT>' };
const OURS = { key: 'testkey0001', salt: 'testsalt0002' };

describe('the vectors of mango-api §1.3', () => {
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
    [OFFICIAL, '{"key":"<REQUEST_KEY>"}', '515069b8c079df62f408e36dd7933912b8e86d833c5927ee77eb4b68d766c4f5'],
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
  ])('%# %s', (credentials, json, wanted) => {
    expect(sign(json, credentials)).toBe(wanted);
  });

  test.each([
    [OURS, '1700003600', 'MToxMDAxOTkzMDo0NjI4OTI0NzM6MA==', 'c2cb092b1e28ca66e018ac3ed914a19dc480af2a16eb6d315d13c0c5f7ac3564'],
    [
      { key: '123', salt: '789' },
      '1525597727500',
      'Rofkdgl33fd=',
      '9867bfdc661049959450fbad35c10ef2a41120094bda492dd0f085ba4def7df0',
    ],
  ])('the link to a recording: %# %s', (credentials, timestamp, recordingId, wanted) => {
    expect(signLink(timestamp, recordingId, credentials)).toBe(wanted);
  });
});

test('the form body escapes what a form would spoil', () => {
  expect(signedForm('{"command_id":"Тест/1 + & =","from":{"extension":"101"},"to_number":"79990000001"}', OURS)).toBe(
    'vpbx_api_key=testkey0001&sign=a6562712fbaeff3bff62a00072503abdda0d6aa4bb2aace7367c3acc480ff5d5&json=' +
      '%7B%22command_id%22%3A%22%D0%A2%D0%B5%D1%81%D1%82%2F1+%2B+%26+%3D%22%2C%22from%22%3A%7B%22extension%22%3A%22101%22%7D%2C' +
      '%22to_number%22%3A%2279990000001%22%7D',
  );
});

test('signatures of another length or with strange letters are simply wrong', () => {
  expect([sameSignature('', 'aa'), sameSignature('aé', 'aa'), sameSignature('AA', 'aa')]).toEqual([false, false, true]);
});
