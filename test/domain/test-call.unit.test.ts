import { describe, expect, it } from 'vitest';
import { isTestCallOver, testCallSteps, type TestCallFacts, type TestCallLeg } from '../../domain/test-call.ts';

const T = Date.parse('2026-03-02T12:00:00Z');
const at = (seconds: number): number => T + seconds * 1000;

const leg = (id: string, change: Partial<TestCallLeg>): TestCallLeg => ({
  ...{ id, toExtension: null, takenFrom: null, appearedAt: null, connectedAt: null, endedAt: null, reason: null },
  ...change,
});
const agentLeg = (change: Partial<TestCallLeg> = {}): TestCallLeg =>
  leg('L1', { toExtension: '101', appearedAt: at(2), ...change });
const customerLeg = (change: Partial<TestCallLeg> = {}): TestCallLeg =>
  leg('L2', { takenFrom: 'L1', appearedAt: at(6), ...change });
/** The operator's other device. */
const mobileLeg = (change: Partial<TestCallLeg> = {}): TestCallLeg => agentLeg({ id: 'L1b', ...change });
const pickedUp = agentLeg({ connectedAt: at(5), endedAt: at(5), reason: 1100 });
const talked = customerLeg({ connectedAt: at(9), endedAt: at(30), reason: 1110 });

const ORDERED: TestCallFacts = {
  now: at(1),
  orderedAt: at(0),
  extension: '101',
  isMapped: true,
  answer: null,
  result: null,
  legs: [],
  summaryAt: null,
  waitingMs: 0,
  ticketAt: null,
  recording: null,
};
const taken = { ...ORDERED, answer: { at: at(1), outcome: 'accepted' as const, word: null } };
const over = { ...taken, legs: [pickedUp, talked], summaryAt: at(31), now: at(32) };

/** «sent accepted | agent_rings»: what is done, and what is waited for or failed. */
const told = (facts: TestCallFacts): string => {
  const steps = testCallSteps(facts);
  const done = steps.filter(({ state }) => state === 'done').length;
  const next = steps.find(({ state }) => state === 'waiting' || state === 'failed');
  return `${done} ${next ? `${next.step} ${next.state}${next.code ? ` ${next.code}` : ''}${next.reason === null ? '' : ` ${next.reason}`}` : 'over'}`;
};

describe('A test call', () => {
  it.each<[string, TestCallFacts, string]>([
    ['was ordered', ORDERED, '1 accepted waiting'],
    ['was taken by the PBX', taken, '2 agent_rings waiting'],
    ['rings at the agent', { ...taken, legs: [agentLeg()] }, '3 agent_answers waiting'],
    ['was answered by the agent', { ...taken, now: at(6), legs: [pickedUp] }, '4 customer_rings waiting'],
    ['rings at the customer', { ...taken, legs: [pickedUp, customerLeg()] }, '5 customer_answers waiting'],
    ['was answered by the customer', { ...taken, legs: [pickedUp, customerLeg({ connectedAt: at(9) })] }, '6 ended waiting'],
    ['is over', over, '7 ticket waiting'],
    ['has its ticket', { ...over, ticketAt: at(32) }, '8 recording waiting'],
    ['has its recording', { ...over, ticketAt: at(32), recording: { state: 'ready', reason: null, at: at(40) } }, '9 over'],
    ['has lost an event on the way', { ...taken, legs: [talked] }, '6 ended waiting'],

    [
      'was refused by the PBX',
      { ...ORDERED, answer: { at: at(1), outcome: 'refused', word: 'bad_signature' } },
      '1 accepted failed command_refused bad_signature',
    ],
    ['was refused later', { ...taken, result: 2240 }, '1 accepted failed command_refused 2240'],
    ['got no answer', { ...ORDERED, now: at(31) }, '1 accepted failed answer_lost'],
    ['got no answer but rings', { ...ORDERED, now: at(31), legs: [agentLeg()] }, '3 agent_answers waiting'],
    ['was taken, and no event came', { ...taken, now: at(60) }, '2 agent_rings failed no_event'],
    [
      'was not answered by the agent',
      { ...taken, legs: [agentLeg({ endedAt: at(30), reason: 1111 })], summaryAt: at(30), now: at(31) },
      '4 agent_answers failed agent_not_answered 1111',
    ],
    [
      'was not answered by the agent, and its summary was lost',
      { ...taken, legs: [agentLeg({ endedAt: at(30), reason: 1111 })], now: at(51) },
      '3 agent_answers failed agent_not_answered 1111',
    ],
    ['never rang at the customer', { ...taken, now: at(40), legs: [pickedUp] }, '4 customer_rings failed customer_not_rung 1100'],
    [
      'was not answered by the customer',
      { ...taken, legs: [pickedUp, customerLeg({ endedAt: at(20), reason: 1121 })] },
      '5 customer_answers failed customer_not_answered 1121',
    ],
    [
      'was not answered by the customer, and has its ticket',
      { ...taken, legs: [pickedUp, customerLeg({ endedAt: at(20), reason: 1121 })], summaryAt: at(21), ticketAt: at(22) },
      '7 customer_answers failed customer_not_answered 1121',
    ],
    ['got no summary', { ...over, summaryAt: null, now: at(120) }, '6 ended failed summary_missing'],
    ['waits for a worker', { ...over, waitingMs: 20_000 }, '7 ticket failed worker_away'],
    ['was one of an operator whom nobody is mapped to', { ...over, isMapped: false }, '7 ticket failed operator_unmapped'],
    ['got no ticket', { ...over, now: at(120) }, '7 ticket failed no_ticket'],
    [
      'was not recorded',
      { ...over, ticketAt: at(32), recording: { state: 'unavailable', reason: 'not_recorded', at: at(60) } },
      '8 recording failed recording_missing not_recorded',
    ],

    [
      'rings on, as the operator’s other device has not given up yet',
      { ...taken, legs: [agentLeg({ endedAt: at(4), reason: 1131 }), mobileLeg()] },
      '3 agent_answers waiting',
    ],
    [
      'was answered on the operator’s second device',
      {
        ...taken,
        now: at(6),
        legs: [agentLeg({ endedAt: at(5), reason: 1183 }), mobileLeg({ connectedAt: at(5), endedAt: at(6) })],
      },
      '4 customer_rings waiting',
    ],
    [
      'was answered on the second device, and the customer’s leg continues that one',
      {
        ...taken,
        legs: [
          agentLeg({ endedAt: at(5), reason: 1183 }),
          mobileLeg({ connectedAt: at(5), endedAt: at(6), reason: 1100 }),
          customerLeg({ takenFrom: 'L1b', connectedAt: at(9) }),
        ],
      },
      '6 ended waiting',
    ],
    [
      'was answered on a device to which the first one forwards',
      {
        ...taken,
        now: at(13),
        legs: [
          agentLeg({ endedAt: at(10), reason: 1111 }),
          mobileLeg({ takenFrom: 'L1', appearedAt: at(10), connectedAt: at(12) }),
        ],
      },
      '4 customer_rings waiting',
    ],
    [
      'was answered on none of the operator’s devices',
      {
        ...taken,
        now: at(51),
        legs: [agentLeg({ endedAt: at(10), reason: 1131 }), mobileLeg({ endedAt: at(30), reason: 1111 })],
      },
      '3 agent_answers failed agent_not_answered 1111',
    ],
    [
      'rings at an operator with a leading zero',
      { ...taken, extension: '0511', legs: [agentLeg({ toExtension: '0511' })] },
      '3 agent_answers waiting',
    ],
    [
      'rings at an operator whose leading zero the PBX’s events leave out',
      { ...taken, extension: '0511', legs: [agentLeg({ toExtension: '511' })] },
      '3 agent_answers waiting',
    ],
    [
      'was not answered by an operator whose leading zero the order left out',
      { ...taken, now: at(51), extension: '511', legs: [agentLeg({ toExtension: '0511', endedAt: at(30), reason: 1111 })] },
      '3 agent_answers failed agent_not_answered 1111',
    ],
    [
      'goes to a colleague whose extension differs by a leading zero alone',
      {
        ...taken,
        extension: '0511',
        legs: [
          agentLeg({ toExtension: '0511', connectedAt: at(5), endedAt: at(5), reason: 1100 }),
          customerLeg({ toExtension: '511' }),
        ],
      },
      '5 customer_answers waiting',
    ],
    [
      'goes to a colleague, one of whose two devices is off',
      {
        ...taken,
        legs: [
          pickedUp,
          customerLeg({ toExtension: '102', endedAt: at(7), reason: 1131 }),
          customerLeg({ id: 'L2b', toExtension: '102' }),
        ],
      },
      '5 customer_answers waiting',
    ],
  ])('%s', (_what, facts, expected) => {
    expect(told(facts)).toBe(expected);
  });

  const device = (id: string, change: Partial<TestCallLeg> = {}): TestCallLeg => ({ ...agentLeg(change), id });
  const silent = { endedAt: at(5), reason: 1182 };
  it.each<[string, TestCallFacts, string]>([
    ['rings at two devices at once', { ...taken, legs: [device('L1'), device('L3')] }, '3 agent_answers waiting'],
    [
      'was answered at the second of two devices that rang at once',
      { ...taken, legs: [device('L1', silent), device('L3', { connectedAt: at(5), endedAt: at(5), reason: 1100 })], now: at(6) },
      '4 customer_rings waiting',
    ],
    [
      'was answered at the second device, and rings at the customer',
      {
        ...taken,
        legs: [
          device('L1', silent),
          device('L3', { connectedAt: at(5), endedAt: at(5), reason: 1100 }),
          customerLeg({ takenFrom: 'L3' }),
        ],
      },
      '5 customer_answers waiting',
    ],
    [
      'was answered at the first device while the second still rang',
      { ...taken, legs: [device('L1', { connectedAt: at(5), endedAt: at(5), reason: 1100 }), device('L3')], now: at(6) },
      '4 customer_rings waiting',
    ],
    [
      'waits for the next device after one that was not picked up',
      { ...taken, legs: [device('L1', { endedAt: at(12), reason: 1111 })], now: at(13) },
      '3 agent_answers waiting',
    ],
    [
      'was passed on from a silent device to the next, which was picked up',
      {
        ...taken,
        legs: [
          device('L1', { endedAt: at(12), reason: 1111 }),
          device('L3', { takenFrom: 'L1', appearedAt: at(12), connectedAt: at(15), endedAt: at(15), reason: 1100 }),
        ],
        now: at(16),
      },
      '4 customer_rings waiting',
    ],
    [
      'was picked up at none of the devices',
      {
        ...taken,
        legs: [device('L1', { endedAt: at(12), reason: 1111 }), device('L3', { endedAt: at(24), reason: 1121 })],
        summaryAt: at(24),
        now: at(25),
      },
      '4 agent_answers failed agent_not_answered 1121',
    ],
    [
      'rings at an operator whose extension the PBX writes with a zero',
      { ...taken, legs: [agentLeg({ toExtension: '0101' })] },
      '3 agent_answers waiting',
    ],
    [
      'rings at an operator whose extension the PBX writes without its zero',
      { ...taken, extension: '0511', legs: [agentLeg({ toExtension: '511' })] },
      '3 agent_answers waiting',
    ],
    [
      'went to a number that the PBX knows as the operator’s own',
      { ...taken, legs: [pickedUp, customerLeg({ toExtension: '101', connectedAt: at(9) })] },
      '6 ended waiting',
    ],
    [
      'went on after the customer had answered: to a colleague who does not answer',
      { ...taken, legs: [pickedUp, talked, leg('L4', { toExtension: '102', takenFrom: 'L2', endedAt: at(29), reason: 1111 })] },
      '6 ended waiting',
    ],
  ])('%s', (_what, facts, expected) => {
    expect(told(facts)).toBe(expected);
  });

  it('is over when something failed or all is done, and not before', () => {
    expect(isTestCallOver(testCallSteps(taken))).toBe(false);
    expect(isTestCallOver(testCallSteps({ ...taken, now: at(60) }))).toBe(true);
    const all = { ...over, ticketAt: at(32), recording: { state: 'ready' as const, reason: null, at: at(40) } };
    expect(isTestCallOver(testCallSteps(all))).toBe(true);
  });
});
