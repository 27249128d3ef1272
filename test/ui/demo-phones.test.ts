import { describe, expect, test } from 'vitest';
import type { DemoCall, DemoLeg } from '../../ui/src/contract.ts';
import { customerLines, linesOf } from '../../ui/src/demo/phones.ts';

const CUSTOMER = '+79161234567';
const at = '2026-01-01T10:00:00.000Z';
const leg = (from: string | null, to: string | null, state: DemoLeg['state'], more: Partial<DemoLeg> = {}): DemoLeg => ({
  ...{ id: `${from}-${to}`, place: 'phone', from, to, state, transfer: null, startedAt: at, answeredAt: null },
  ...more,
});
const call = (legs: readonly DemoLeg[], actions: DemoCall['actions'] = [], more: Partial<DemoCall> = {}): DemoCall => ({
  ...{ id: 'c', direction: 'incoming', customer: CUSTOMER, line: null, callback: false, startedAt: at },
  legs: [...legs],
  actions,
  ...more,
});
const shown = (one: DemoCall, extension: string) =>
  linesOf([one], extension).map(({ state, others, buttons, canTransfer }) => ({
    state,
    others,
    buttons: buttons.map(({ name, action }) => `${name}=${action.action}${action.who ? ` ${action.who}` : ''}`),
    canTransfer,
  }));

const held = leg(CUSTOMER, '101', 'held');
const mayComplete = [{ action: 'completeTransfer', who: '101' }];

describe('a softphone shows', () => {
  test.each<[string, DemoCall, string, ReturnType<typeof shown>]>([
    ['nothing of a call that rings elsewhere', call([leg(CUSTOMER, '102', 'ringing')]), '101', []],
    ['nothing of a leg that is over', call([leg(CUSTOMER, '101', 'ended')]), '101', []],
    [
      'a ringing call',
      call([leg(CUSTOMER, '101', 'ringing')]),
      '101',
      [{ state: 'ringing', others: [CUSTOMER], buttons: ['answer=answer 101', 'decline=noAnswer 101'], canTransfer: false }],
    ],
    [
      'a call sent blindly, which can go back',
      call([leg(CUSTOMER, '102', 'ringing')], [{ action: 'returnBlind', who: '102' }]),
      '102',
      [
        {
          ...{ state: 'ringing', others: [CUSTOMER], canTransfer: false },
          buttons: ['answer=answer 102', 'sendBack=returnBlind 102', 'decline=noAnswer 102'],
        },
      ],
    ],
    [
      'a callback that rings here first',
      call([leg(CUSTOMER, '101', 'ringing')], [{ action: 'operatorAnswers' }], { direction: 'outgoing', callback: true }),
      '101',
      [
        {
          ...{ state: 'ringing', others: [CUSTOMER], canTransfer: false },
          buttons: ['answer=operatorAnswers', 'decline=operatorDoesNotAnswer'],
        },
      ],
    ],
    [
      'a talk, which can be handed over',
      call([leg(CUSTOMER, '101', 'talking')]),
      '101',
      [{ state: 'talking', others: [CUSTOMER], buttons: ['hold=hold 101', 'hangUp=hangUp 101'], canTransfer: true }],
    ],
    [
      'a call of its own that nobody has answered yet',
      call([leg('101', CUSTOMER, 'ringing')], [], { direction: 'outgoing' }),
      '101',
      [{ state: 'dialling', others: [CUSTOMER], buttons: ['hangUp=hangUp 101'], canTransfer: false }],
    ],
    [
      'whom it holds',
      call([held], [{ action: 'unhold', who: '101' }]),
      '101',
      [{ state: 'holding', others: [CUSTOMER], buttons: ['unhold=unhold 101', 'hangUp=hangUp 101'], canTransfer: false }],
    ],
    [
      'the colleague who is asked, and who waits meanwhile',
      call([held, leg('101', '102', 'ringing', { transfer: 'consultative' })], mayComplete),
      '101',
      [
        {
          ...{ state: 'consultingRinging', others: ['102', CUSTOMER], canTransfer: false },
          buttons: ['complete=completeTransfer 101', 'comeBack=abandonConsultation 101'],
        },
      ],
    ],
    [
      'the asked colleague a talk with who asks, which they can only leave',
      call([held, leg('101', '102', 'talking')], mayComplete),
      '102',
      [{ state: 'consulted', others: ['101'], buttons: ['leave=abandonConsultation 101'], canTransfer: false }],
    ],
    [
      'the way back only, once the colleague has gone',
      call([held, leg('101', '102', 'ended')], mayComplete),
      '101',
      [{ state: 'holding', others: [CUSTOMER], buttons: ['comeBack=abandonConsultation 101'], canTransfer: false }],
    ],
  ])('%s', (_name, one, extension, wanted) => {
    expect(shown(one, extension)).toEqual(wanted);
  });
});

describe("the customer's phone shows", () => {
  const seen = (one: DemoCall) =>
    customerLines([one]).map(({ state, others, buttons }) => ({ state, others, buttons: buttons.map(({ name }) => name) }));
  test.each<[string, DemoCall, ReturnType<typeof seen>]>([
    ['nothing of calls inside', call([leg('101', '102', 'talking')], [], { direction: 'internal', customer: null }), []],
    [
      'the menu',
      call([leg(CUSTOMER, '74950000000', 'ringing', { place: 'menu' })]),
      [{ state: 'inMenu', others: [], buttons: ['toGroup', 'hangUp'] }],
    ],
    [
      'everybody who is rung',
      call([leg(CUSTOMER, '101', 'ringing'), leg(CUSTOMER, '102', 'ringing')]),
      [{ state: 'dialling', others: ['101', '102'], buttons: ['hangUp'] }],
    ],
    [
      'a call that comes',
      call([leg('101', CUSTOMER, 'ringing')], [], { direction: 'outgoing' }),
      [{ state: 'ringing', others: ['101'], buttons: ['answer', 'decline'] }],
    ],
    ['a talk', call([leg(CUSTOMER, '101', 'talking')]), [{ state: 'talking', others: ['101'], buttons: ['hangUp'] }]],
    ['that it is held', call([held, leg('101', '102', 'talking')]), [{ state: 'held', others: ['101'], buttons: ['hangUp'] }]],
    [
      'a hidden caller too',
      call([leg(null, '101', 'talking')], [], { customer: null }),
      [{ state: 'talking', others: ['101'], buttons: ['hangUp'] }],
    ],
  ])('%s', (_name, one, wanted) => {
    expect(seen(one)).toEqual(wanted);
  });
});
