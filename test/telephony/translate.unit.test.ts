import { describe, expect, test } from 'vitest';
import { createOperatorDirectory } from '../../activities/dispatcher/operators.ts';
import type { CarrierLeg, CarrierRecording, CarrierSummary } from '../../activities/telephony/mango/carrier-events.ts';
import { translateLeg, translateRecording, translateSummary, type Lookups } from '../../activities/telephony/mango/translate.ts';
import { carrierEventOf } from '../../activities/telephony/mango/webhooks.ts';

const ARRIVAL = { inboxId: 7, receivedAt: 1_700_000_009_123 };
const OPERATORS = createOperatorDirectory(
  [
    {
      extension: '101',
      agentId: 'anna',
      ignored: false,
      devices: [{ number: 'sip:user1@vpbx400000000.mangosip.ru', protocol: 'sip' }],
    },
    { extension: '102', agentId: null, ignored: true, devices: [{ number: '79161112233', protocol: 'tel' }] },
    {
      extension: '0511',
      agentId: 'boris',
      ignored: false,
      devices: ['sip:boris@vpbx400000000.mangosip.ru', '8 (916) 444-55-66'],
    },
    { extension: '77', agentId: null, ignored: false, devices: null },
  ],
  'RU',
);
const OURS = { agentId: 'anna', ticketId: '5' };
const FOREIGN = { commandId: 'foreign', ours: null };

function lookups(): Lookups & { readonly numbers: string[] } {
  const numbers: string[] = [];
  return {
    numbers,
    country: 'RU',
    operatorByExtension: (extension) => OPERATORS.byExtension(extension),
    operatorByDevice: (number) => OPERATORS.byDevice(number),
    refOf(number) {
      if (!numbers.includes(number)) numbers.push(number);
      return numbers.indexOf(number);
    },
    commandOf: (commandId) => (commandId === 'ours' ? OURS : null),
  };
}

function leg(fields: Record<string, unknown>) {
  const body = {
    entry_id: 'e',
    call_id: 'l',
    seq: 1,
    timestamp: 1_700_000_008,
    call_state: 'Appeared',
    location: 'abonent',
    ...fields,
  };
  const known = lookups();
  return { ...translateLeg(carrierEventOf('/events/call', body) as CarrierLeg, ARRIVAL, known), numbers: known.numbers };
}

const ANNA = { kind: 'agent', agentId: 'anna' };
const BORIS = { kind: 'agent', agentId: 'boris' };
const CUSTOMER = { kind: 'outside', number: 0 };
const HIDDEN = { kind: 'outside', number: null };
const LINE = '74950000000';

test.each([
  [1182, true],
  ['1182', true],
  [1183, undefined],
  [1111, undefined],
  [undefined, undefined],
])('of a ring that ended by reason %s it is known that another one answered: %s', (reason, answeredElsewhere) => {
  const { message } = leg({
    ...{ call_state: 'Disconnected', disconnect_reason: reason },
    ...{ from: { number: '79990000001' }, to: { extension: '101' } },
  });
  expect(message?.answeredElsewhere).toBe(answeredElsewhere);
});

describe('who stands at the ends of a leg', () => {
  test.each<[string, Record<string, unknown>, unknown, unknown]>([
    ['a customer rings an agent', { from: { number: '79990000001' }, to: { extension: '101' } }, CUSTOMER, ANNA],
    ['a hidden caller', { from: {}, to: { extension: '101' } }, HIDDEN, ANNA],
    ['a caller who calls himself Anonymous', { from: { number: 'Anonymous' }, to: { extension: '101' } }, HIDDEN, ANNA],
    ['an ignored operator', { from: { number: '79990000001' }, to: { extension: '102' } }, CUSTOMER, { kind: 'ignored' }],
    ['an operator nobody mapped', { from: { number: '79990000001' }, to: { extension: '77' } }, CUSTOMER, { kind: 'unmapped' }],
    [
      'an operator (or group) nobody knows',
      { from: { number: '79990000001' }, to: { extension: '900' } },
      CUSTOMER,
      { kind: 'unmapped' },
    ],
    ['the exact extension with its zero', { from: { number: '79990000001' }, to: { extension: '0511' } }, CUSTOMER, BORIS],
    ['the extension without its zero', { from: { number: '79990000001' }, to: { extension: '511' } }, CUSTOMER, BORIS],
    ['an extension with too many zeros', { from: { number: '79990000001' }, to: { extension: '00101' } }, CUSTOMER, ANNA],
    [
      'a device without extension',
      { from: { number: '79990000001' }, to: { number: 'sip:user1@vpbx400000000.mangosip.ru' } },
      CUSTOMER,
      ANNA,
    ],
    [
      'an unknown device',
      { from: { number: '79990000001' }, to: { number: 'sip:x@vpbx400000000.mangosip.ru' } },
      CUSTOMER,
      { kind: 'unmapped' },
    ],
    ["an agent's own mobile", { from: { number: '79990000001' }, to: { number: '79164445566' } }, CUSTOMER, BORIS],
    [
      "an ignored operator's mobile",
      { from: { number: '79990000001' }, to: { number: '79161112233' } },
      CUSTOMER,
      { kind: 'ignored' },
    ],
    ['a short number that is an extension', { from: { number: '79990000001' }, to: { number: '101' } }, CUSTOMER, ANNA],
    ['nobody yet', { from: { number: '79990000001' }, to: {} }, CUSTOMER, { kind: 'unmapped' }],
    [
      'somebody outside (forwarding)',
      { from: { number: '79990000001' }, to: { number: '79990000002' } },
      CUSTOMER,
      { kind: 'outside', number: 1 },
    ],
    ['an agent calls out', { from: { extension: '101' }, to: { number: '79990000001' } }, ANNA, CUSTOMER],
    [
      'an agent calls out, line named',
      { from: { extension: '101', line_number: LINE }, to: { number: '79990000001' } },
      ANNA,
      CUSTOMER,
    ],
    ['an agent calls a service number', { from: { extension: '101' }, to: { number: '112' } }, ANNA, CUSTOMER],
    ['agent to agent', { from: { extension: '101' }, to: { extension: '0511' } }, ANNA, BORIS],
    [
      'a caller through a SIP trunk',
      { from: { number: 'sip:79990000001@trunk.example.com' }, to: { extension: '101' } },
      CUSTOMER,
      ANNA,
    ],
    [
      'a line is never a customer',
      { from: { number: '79990000001' }, to: { number: LINE, line_number: LINE } },
      CUSTOMER,
      { kind: 'machine' },
    ],
    [
      'a line that calls is no customer',
      { from: { number: LINE, line_number: `8${LINE.slice(1)}` }, to: { number: '79990000001' } },
      { kind: 'unmapped' },
      CUSTOMER,
    ],
  ])('%s', (_name, sides, from, to) => {
    expect(leg(sides).message).toMatchObject({ from, to });
  });

  test.each(['ivr', 'queue'])('on a leg in the %s nobody is called, whatever the field says', (location) => {
    const { message } = leg({
      location,
      from: { number: '79990000001' },
      to: { number: LINE, line_number: LINE, extension: '9' },
    });
    expect(message).toMatchObject({ from: CUSTOMER, to: { kind: 'machine' }, location: location === 'ivr' ? 'menu' : 'queue' });
  });

  test('numbers stay out of the message: they are named by their place in the call', () => {
    const { message, numbers } = leg({ from: { number: '79990000001' }, to: { number: '+7 999 000-00-02' } });
    expect(numbers).toEqual(['+79990000001', '+79990000002']);
    expect(JSON.stringify(message)).not.toMatch(/7999/);
  });

  test.each([
    ['102', 'operator_ignored'],
    ['77', 'operator_unmapped'],
    ['900', 'operator_unknown'],
    ['101', null],
  ])('the inspector learns why a leg to %s does nothing: %s', (extension, remark) => {
    expect(leg({ from: { number: '79990000001' }, to: { extension } }).remark).toBe(remark);
  });
});

describe('whose number is the customer', () => {
  test.each<[string, Record<string, unknown>, string | null]>([
    ['who calls', { from: { number: '79990000001' }, to: { extension: '101' } }, '+79990000001'],
    ['who is called by an agent', { from: { extension: '101' }, to: { number: '79990000001' } }, '+79990000001'],
    [
      'the client on the first leg of a callback',
      { from: { number: '79990000001' }, to: { extension: '101' }, command_id: 'ours' },
      '+79990000001',
    ],
    [
      'the client on its second',
      { from: { extension: '101', taken_from_call_id: 'x' }, to: { number: '79990000001' }, command_id: 'ours' },
      '+79990000001',
    ],
    ['nobody: a hidden caller', { from: {}, to: { extension: '101' } }, null],
    ['nobody: colleagues', { from: { extension: '101' }, to: { extension: '0511' } }, null],
    [
      'nobody: the next one in a transfer',
      { from: { extension: '101', taken_from_call_id: 'x' }, to: { number: '79990000009' } },
      null,
    ],
    ['who calls a service number', { from: { extension: '101' }, to: { number: '900' } }, '+900'],
  ])('%s', (_name, fields, number) => {
    expect(leg(fields).customerNumber).toBe(number);
  });

  test.each([
    [{ to: { extension: '101', line_number: LINE } }, '+74950000000'],
    [{ from: { extension: '101', line_number: LINE } }, '+74950000000'],
    [{ to: { line_number: 'sip:office@vpbx400000000.mangosip.ru' } }, 'sip:office@vpbx400000000.mangosip.ru'],
    [{}, null],
  ])('the line of %j is %s', (fields, line) => {
    expect(leg(fields).line).toBe(line);
  });
});

describe('the command that caused a leg', () => {
  test.each<[string, Record<string, unknown>, unknown]>([
    ['one of ours', { command_id: 'ours' }, { commandId: 'ours', ours: OURS }],
    ["another system's, whose name for it may hold a number", { command_id: 'crm-79990000001' }, FOREIGN],
    ['a callback ordered in the cabinet', { callback_initiator: 'WEB' }, FOREIGN],
    ['a campaign', { task_id: 12, callback_initiator: 'ObDial' }, FOREIGN],
    ['none', {}, null],
  ])('%s', (_name, fields, command) => {
    expect(leg({ from: { number: '79990000001' }, to: { extension: '101' }, ...fields }).message).toMatchObject({ command });
  });
});

test('a leg without a time of its own has that of its arrival, and an unknown state is nothing to tell', () => {
  expect(leg({ timestamp: undefined }).message?.at).toBe(ARRIVAL.receivedAt);
  const unknown = carrierEventOf('/events/call', { entry_id: 'e', call_id: 'l', seq: 1, call_state: 'Levitating' }) as CarrierLeg;
  expect(translateLeg(unknown, ARRIVAL, lookups())).toBeNull();
});

describe('summaries', () => {
  const of = (fields: Record<string, unknown>) => {
    const body = {
      entry_id: 'e',
      call_direction: 1,
      create_time: 1_700_000_000,
      talk_time: 0,
      end_time: 1_700_000_030,
      ...fields,
    };
    return translateSummary(carrierEventOf('/events/summary', body) as CarrierSummary, ARRIVAL, lookups());
  };

  test.each<[string, Record<string, unknown>, unknown, unknown, string | null]>([
    ['incoming, answered', { from: { number: '79990000001' }, to: { extension: '101' } }, CUSTOMER, ANNA, '+79990000001'],
    ['ended in the menu', { from: { number: '79990000001' }, to: {} }, CUSTOMER, { kind: 'machine' }, '+79990000001'],
    [
      'unanswered group',
      { from: { number: '79990000001' }, to: { extension: '9' } },
      CUSTOMER,
      { kind: 'unmapped' },
      '+79990000001',
    ],
    ['hidden caller, forwarded outside', { from: {}, to: { number: '79990000002' } }, HIDDEN, CUSTOMER, null],
    [
      'outgoing',
      { call_direction: 2, from: { extension: '101', number: 'sip:u@x' }, to: { number: '79990000001' } },
      ANNA,
      CUSTOMER,
      '+79990000001',
    ],
    ['internal', { call_direction: 0, from: { extension: '101' }, to: { extension: '0511' } }, ANNA, BORIS, null],
    [
      'of a direction unknown',
      { call_direction: 9, from: { extension: '101' }, to: { number: '79990000001' } },
      ANNA,
      CUSTOMER,
      '+79990000001',
    ],
  ])('%s', (_name, fields, from, to, customerNumber) => {
    const { message, customerNumber: found } = of(fields);
    expect(message).toMatchObject({ from, to, talkedAt: null });
    expect(found).toBe(customerNumber);
  });

  test('missing times are filled from those that are there', () => {
    expect(of({ create_time: undefined, end_time: undefined, talk_time: 1_700_000_010 }).message).toMatchObject({
      startedAt: 1_700_000_010_000,
      talkedAt: 1_700_000_010_000,
      endedAt: ARRIVAL.receivedAt,
    });
  });
});

describe('recordings belong to the recorded employee', () => {
  const of = (fields: Record<string, unknown>) => {
    const body = { entry_id: 'e', recording_id: 'r', recording_state: 'Started', seq: 1, call_id: 'l', ...fields };
    return translateRecording(carrierEventOf('/events/recording', body) as CarrierRecording, ARRIVAL, lookups())?.message;
  };
  test.each([
    [{ extension: '101' }, ANNA],
    [{ extension: '102' }, { kind: 'ignored' }],
    [{ extension: '' }, { kind: 'unmapped' }],
    [{}, null],
  ])('%j', (fields, party) => {
    expect(of(fields)).toMatchObject({ party, legId: 'l', state: 'started' });
  });

  test('an unknown state is nothing to tell', () => {
    expect(of({ recording_state: 'Rewound' })).toBeUndefined();
  });
});

describe('operators are found without guessing', () => {
  const directory = createOperatorDirectory(
    [
      { extension: '511', agentId: 'a', ignored: false, devices: ['sip:shared@vpbx1.mangosip.ru'] },
      { extension: '0511', agentId: 'b', ignored: false, devices: ['sip:shared@vpbx1.mangosip.ru'] },
      { extension: '007', agentId: 'c', ignored: false, devices: 'odd' },
    ],
    'RU',
  );
  test.each([
    ['511', 'a'],
    ['0511', 'b'],
    ['00511', undefined],
    ['7', 'c'],
    ['8', undefined],
    ['', undefined],
    ['0', undefined],
  ])('extension %j', (extension, agentId) => {
    expect(directory.byExtension(extension)?.agentId).toBe(agentId);
  });

  test("a device that two share is nobody's", () => {
    expect(directory.byDevice('sip:shared@vpbx1.mangosip.ru')).toBeNull();
  });
});
