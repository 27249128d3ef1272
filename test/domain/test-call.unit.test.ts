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
      { ...taken, legs: [agentLeg({ endedAt: at(30), reason: 1111 })] },
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
