import { describe, expect, test } from 'vitest';
import {
  handsetAfterMove,
  movedTalk,
  moveRefusal,
  newTicketOfMove,
  sourceAfterMove,
  targetAfterMove,
  type MoveFacts,
  type SourceFacts,
  type StatusStep,
} from '../../domain/moving.ts';
import type { TicketStatus } from '../../domain/tickets.ts';

const inSight = { id: '1', isVisible: true, isErased: false };
const target = { id: '2', isVisible: true, isErased: false, isSameCustomers: true };

describe('moving a call: who may not', () => {
  const facts: MoveFacts = { outcome: 'talked', source: inSight, target };
  test.each<[string, Partial<MoveFacts>, string | null]>([
    ['another ticket of the same customer', {}, null],
    ['a new ticket', { target: 'new' }, null],
    ['while the talk goes on', { outcome: 'in_progress' }, null],
    ['an attempt', { outcome: 'unanswered' }, null],
    ['an unknown conversation', { outcome: null }, 'no_conversation'],
    ['a missed call, which the rules put where it is', { outcome: 'missed' }, 'missed_call'],
    ['a call without a ticket', { source: null }, 'no_ticket'],
    ['out of a ticket that is not theirs to see', { source: { ...inSight, isVisible: false } }, 'ticket_not_found'],
    ['into a ticket that is not theirs to see', { target: { ...target, isVisible: false } }, 'ticket_not_found'],
    ['into a ticket that is not there', { target: null }, 'ticket_not_found'],
    ['to where it is', { target: { ...target, id: '1' } }, 'same_ticket'],
    ['to another customer', { target: { ...target, isSameCustomers: false } }, 'other_customer'],
    ['to an erased customer', { target: { ...target, isErased: true } }, 'customer_erased'],
    ['from an erased customer', { source: { ...inSight, isErased: true } }, 'customer_erased'],
    ['out of an erased customer’s ticket', { source: { ...inSight, isErased: true }, target: 'new' }, 'customer_erased'],
    [
      'what may not be seen says nothing about itself',
      { target: { ...target, isVisible: false, isSameCustomers: false, isErased: true } },
      'ticket_not_found',
    ],
  ])('%s', (_what, change, refusal) => {
    expect(moveRefusal({ ...facts, ...change })).toBe(refusal);
  });
});

test.each([
  ['in_progress', false, 'dialling'],
  ['in_progress', true, 'talking'],
  ['talked', true, 'talked'],
  ['unanswered', false, 'unanswered'],
] as const)('a conversation %s, answered: %s, is moved as %s', (outcome, isAnswered, talk) => {
  expect(movedTalk({ outcome, isAnswered })).toBe(talk);
});

let at = 0;
/** `open>pending c`: a change by conversation c; `>open`: the creation. */
const steps = (...told: string[]): StatusStep[] =>
  told.map((one) => {
    const [change = '', conversationId = null] = one.split(' ');
    const [from = '', to = ''] = change.split('>');
    return { from: (from || null) as TicketStatus | null, to: to as TicketStatus, conversationId, at: (at += 10) };
  });

function source(told: string[], change: Partial<SourceFacts> = {}): SourceFacts {
  at = 0;
  const all = steps(...told);
  const status = all.at(-1)?.to ?? 'open';
  return { status, isChosen: false, isTouched: false, steps: all, hasOtherContent: true, otherTalks: [], ...change };
}

describe('moving a call: the ticket it leaves', () => {
  test.each<[string, SourceFacts, TicketStatus]>([
    ['closed before, opened by the talk', source(['>open', 'open>closed', 'closed>open c']), 'closed'],
    ['closed before, pending since the end', source(['>open', 'open>closed', 'closed>open c', 'open>pending c']), 'closed'],
    ['open before, pending since the end', source(['>open m', 'open>pending c']), 'open'],
    ['pending before, open for the talk', source(['>pending', 'pending>open c']), 'pending'],
    ['pending before and after', source(['>pending', 'pending>open c', 'open>pending c']), 'pending'],
    ['never changed by the call', source(['>open', 'open>closed']), 'closed'],
    ['a person closed it after the end', source(['>open', 'open>pending c', 'pending>closed']), 'closed'],
    [
      'a person closed it during the talk, the end made it pending',
      source(['>open', 'open>closed', 'closed>pending c']),
      'closed',
    ],
    ['a person left it pending', source(['>open', 'open>pending c'], { isChosen: true }), 'pending'],
    ['a missed call opened it since', source(['>open', 'open>pending c', 'pending>open m']), 'open'],
    ['another talk goes on', source(['>open', 'open>closed', 'closed>open c'], { otherTalks: [{ endedAt: null }] }), 'open'],
    [
      'another talk ended since, too',
      source(['>open', 'open>closed', 'closed>open c', 'open>pending c'], { otherTalks: [{ endedAt: 100 }] }),
      'pending',
    ],
    [
      'another talk had ended before',
      source(['>open', 'open>pending d', 'pending>closed', 'closed>open c', 'open>pending c'], { otherTalks: [{ endedAt: 15 }] }),
      'closed',
    ],
    ['the call came, went and came again', source(['>open', 'open>pending c', 'pending>open c', 'open>pending c']), 'open'],
    ['made for the call, with a note since', source(['>open c', 'open>pending c']), 'pending'],
  ])('%s', (_what, facts, status) => {
    expect(sourceAfterMove(facts, 'c')).toEqual({ status, isEmptied: false });
  });

  const empty = { hasOtherContent: false };
  test.each<[string, SourceFacts, { status: TicketStatus; isEmptied: boolean }]>([
    ['made automatically', source(['>open c'], empty), { status: 'closed', isEmptied: true }],
    ['made by the agent for the call', source(['>open c', 'open>pending c'], empty), { status: 'closed', isEmptied: true }],
    ['made closed', source(['>closed c'], empty), { status: 'closed', isEmptied: true }],
    ['changed by a person', source(['>open c'], { ...empty, isTouched: true }), { status: 'open', isEmptied: false }],
    ['made for another reason', source(['>open', 'open>pending c'], empty), { status: 'open', isEmptied: false }],
  ])('with nothing else in it: %s', (_what, facts, after) => {
    expect(sourceAfterMove(facts, 'c')).toEqual(after);
  });
});

describe('moving a call: the ticket it comes to', () => {
  const ordinary = { kind: 'incoming', direction: 'incoming', hasRunningTalk: false } as const;
  test.each([
    ['during the talk', 'talking', ordinary, { status: 'open', rule: 'talk_running' }],
    ['after the talk, S15', 'talked', ordinary, { status: 'pending', rule: 'S15' }],
    ['of another channel', 'talked', { ...ordinary, kind: null }, { status: 'pending', rule: 'S15' }],
    ['a missed-call ticket, S18б', 'talked', { ...ordinary, kind: 'missed' }, { status: 'pending', rule: 'S18б' }],
    ['S18д', 'talked', { ...ordinary, kind: 'missed', direction: 'outgoing' }, { status: 'pending', rule: 'S18д' }],
    [
      'while another talk goes on there',
      'talked',
      { ...ordinary, hasRunningTalk: true },
      { status: 'open', rule: 'talk_running' },
    ],
    ['while dialling: once answered it opens', 'dialling', ordinary, { status: null, rule: 'S17' }],
    ['an attempt changes nothing, S17', 'unanswered', { ...ordinary, kind: 'missed' }, { status: null, rule: 'S17' }],
  ] as const)('%s', (_what, talk, facts, after) => {
    expect(targetAfterMove(talk, facts)).toEqual(after);
  });

  test.each([
    ['dialling', 'open', 'S15'],
    ['talking', 'open', 'S15'],
    ['talked', 'pending', 'S15'],
    ['unanswered', 'closed', 'S10'],
  ] as const)('a new one for a call that is %s', (talk, status, rule) => {
    expect(newTicketOfMove(talk)).toEqual({ status, rule });
  });
});

test.each([
  ['missed', 'red', true, 'green'],
  ['missed', 'green', true, 'green'],
  ['missed', 'green', false, 'red'],
  ['incoming', 'green', false, 'green'],
  [null, null, true, null],
] as const)('S13 a %s ticket, %s, with a recorded talk: %s, shows %s', (kind, handset, holds, after) => {
  expect(handsetAfterMove(kind, handset, holds)).toBe(after);
});
