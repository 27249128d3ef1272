import { describe, expect, test } from 'vitest';
import { play } from '../support/call-driver.ts';
import { answeredBy, talked } from '../support/incoming-scenarios.ts';
import {
  ANNA,
  arriving,
  BORIS,
  FOREIGN,
  FRIEND,
  HIDDEN,
  IGNORED,
  isLegEvent,
  type Script,
  UNMAPPED,
  T0,
  VERA,
} from '../support/leg-events.ts';
import { softphoneTransferred } from '../support/outgoing-scenarios.ts';
import {
  abandoned,
  blind,
  blindToGroup,
  consultative,
  leftDuringConsultation,
  releasedWhileRinging,
  returned,
  thereAndBack,
  V1,
  V2,
} from '../support/transfer-scenarios.ts';

const both = (first: number): string[] => [`anna talked ${first} s, handed over to boris`, 'boris talked 60 s, settled'];

describe('S5 handing over to a mapped agent', () => {
  test.each<[string, Script, string[]]>([
    ['S5 consultative, old fields', consultative(BORIS, V1), both(45)],
    ['S5 consultative, new fields', consultative(BORIS, V2), both(45)],
    ['S5 consultative by command', consultative(BORIS, V1, FOREIGN), both(45)],
    ['S5 released while the colleague rings, old fields', releasedWhileRinging(BORIS, true, V1), both(33)],
    ['S5 released while the colleague rings, new fields', releasedWhileRinging(BORIS, true, V2), both(33)],
    ['S5 blind by command, the operator still named as the caller', blind(BORIS, true, V1), both(30)],
    ['S5 blind by command, new fields', blind(BORIS, true, V2), both(30)],
    ['S5 blind from the telephone', blind(BORIS, true, V2, null), both(30)],
    ['S5 blind to a group', blindToGroup(VERA), ['anna talked 30 s, handed over to vera', 'vera talked 60 s, settled']],
    [
      'S5 blind to a group without a queue leg',
      blindToGroup(VERA, false),
      ['anna talked 30 s, handed over to vera', 'vera talked 60 s, settled'],
    ],
  ])('%s: two conversations, the first handed over', (_name, script, words) => {
    const played = play(script.messages);
    expect(played.words).toEqual(words);
    expect(played.of('settle_talk')).toHaveLength(2);
    expect(played.projection.direction).toBe('incoming');
    expect(played.projection.customer).toBe(1);
  });

  test('S5 is settled as handed over at the first go where the colleague rings already', () => {
    const played = play(releasedWhileRinging().messages);
    expect(played.of('settle_talk').map(({ conversationId, handedOver, again }) => [conversationId, handedOver, again])).toEqual([
      ['call.1', true, false],
      ['call.2', false, false],
    ]);
    expect(played.secondsOf('settle_talk')).toEqual([40, 105]);
  });

  test('S5 is settled again, and said so, where the colleague rings only after the grace', () => {
    const { script, leg } = answeredBy(ANNA);
    script.pass(30);
    leg.ends();
    script.pass(6);
    const b = script.leg('B', { to: BORIS, takenFrom: 'A' }).appears();
    script.pass(5);
    b.connects();
    script.pass(20);
    b.ends();
    const played = play(script.summary(talked(BORIS)).messages);
    expect(played.of('settle_talk').map(({ conversationId, handedOver, again }) => [conversationId, handedOver, again])).toEqual([
      ['call.1', false, false],
      ['call.1', true, true],
      ['call.2', false, false],
    ]);
  });

  test('S5 the colleague sees a card while rung, none during the consultation, and the customer’s from the hand-over on', () => {
    const played = play(consultative().messages);
    expect(played.cards('boris')).toEqual(['35 ringing', '40 gone', '50 talking incoming', '110 gone']);
    expect(played.cards('anna')).toEqual(['0 ringing', '5 talking incoming', '50 gone']);
  });

  test('S5 the colleague’s card goes on ringing when the operator leaves (second Appeared)', () => {
    expect(play(releasedWhileRinging().messages).cards('boris')).toEqual(['35 ringing', '43 talking incoming', '103 gone']);
  });

  test('S5 a hidden caller is handed over like any other', () => {
    const { script, leg: a } = answeredBy(ANNA, HIDDEN);
    a.holds();
    const b = script.leg('B', { from: ANNA, to: BORIS, takenFrom: 'A' }).appears();
    script.pass(5);
    b.connects();
    script.pass(5);
    a.ends();
    b.connects({ from: HIDDEN });
    script.pass(20);
    b.ends();
    const played = play(script.summary(talked(BORIS, { from: HIDDEN })).messages);
    expect(played.words).toEqual(['anna talked 10 s, handed over to boris', 'boris talked 20 s, settled']);
    expect(played.projection.customer).toBeNull();
  });
});

describe('S5 handing over to nobody the rules know', () => {
  test.each<[string, Script, string[]]>([
    ['an ignored operator, consultative', consultative(IGNORED), ['anna talked 45 s, settled']],
    ['an ignored operator, blind', blind(IGNORED, true, V2), ['anna talked 30 s, settled']],
    ['an ignored operator who does not answer', blind(IGNORED, false, V2), ['anna talked 30 s, settled']],
    ['an unmapped operator', consultative(UNMAPPED, V2), ['anna talked 45 s, settled']],
    ['an unmapped operator, released', releasedWhileRinging(UNMAPPED), ['anna talked 33 s, settled']],
    ['somebody outside, consultative', consultative(FRIEND), ['anna talked 45 s, settled']],
    ['somebody outside, blind', blind(FRIEND, true, V2), ['anna talked 30 s, settled']],
  ])('S5 %s: an ordinary end, and nothing else', (_name, script, words) => {
    expect(play(script.messages).words).toEqual(words);
  });

  test('S5 a mapped agent who gets the customer back from an unmapped one begins a conversation of their own', () => {
    const { script, leg: a } = answeredBy(ANNA);
    script.pass(10);
    a.ends();
    const b = script.leg('B', { to: UNMAPPED, takenFrom: 'A', transfer: 'blind' }).appears().connects();
    script.pass(10);
    b.ends();
    const c = script.leg('C', { to: ANNA, takenFrom: 'B', transfer: 'blind' }).appears().connects();
    script.pass(10);
    c.ends();
    expect(play(script.summary(talked(ANNA)).messages).words).toEqual(['anna talked 10 s, settled', 'anna talked 10 s, settled']);
  });
});

describe('S5 the colleague does not answer', () => {
  test.each<[string, Script, string[]]>([
    ['released while ringing', releasedWhileRinging(BORIS, false), ['anna talked 33 s, handed over to boris', 'missed by boris']],
    [
      'released, new fields',
      releasedWhileRinging(BORIS, false, V2),
      ['anna talked 33 s, handed over to boris', 'missed by boris'],
    ],
    ['blind, old fields', blind(BORIS, false, V1), ['anna talked 30 s, handed over to boris', 'missed by boris']],
    ['blind, new fields', blind(BORIS, false, V2), ['anna talked 30 s, handed over to boris', 'missed by boris']],
    ['rung back, and nobody answers', returned(false), ['anna talked 30 s, handed over to boris', 'missed by boris']],
    ['rung back, nobody, old fields', returned(false, V1), ['anna talked 30 s, handed over to boris', 'missed by boris']],
    ['a group, nobody', blindToGroup(null), ['anna talked 30 s, handed over to boris', 'missed by boris, vera']],
  ])('S5 %s: the first is closed as handed over, and the colleague has missed a call', (_name, script, words) => {
    const played = play(script.messages);
    expect(played.words).toEqual(words);
    expect(played.of('record_missed')).toHaveLength(1);
  });

  test.each([
    ['new fields', V2],
    ['old fields', V1],
  ])('S5 the PBX rings back and the first answers: one conversation goes on, nothing is missed (%s)', (_name, style) => {
    const played = play(returned(true, style).messages);
    expect(played.words).toEqual(['anna talked 70 s, settled']);
    expect(played.cards('anna')).toEqual([
      '0 ringing',
      '5 talking incoming',
      '35 gone',
      '55 ringing',
      '60 talking incoming',
      '100 gone',
    ]);
    expect(played.of('settle_talk').map(({ conversationId, handedOver }) => [conversationId, handedOver])).toEqual([
      ['call.1', true],
      ['call.1', false],
    ]);
    expect(played.of('settle_talk').at(-1)?.again).toBe(false);
  });

  test('S5 somebody else does: an unmapped colleague answers after the mapped one did not, and nothing is missed', () => {
    const { script, leg: a } = answeredBy(ANNA);
    script.pass(30);
    a.ends();
    const b = script.leg('B', { to: BORIS, takenFrom: 'A', transfer: 'blind' }).appears();
    script.pass(20);
    b.ends();
    const c = script.leg('C', { to: UNMAPPED, takenFrom: 'B' }).appears();
    script.pass(5);
    c.connects();
    script.pass(5);
    c.ends();
    const played = play(script.summary(talked(UNMAPPED)).messages);
    expect(played.words).toEqual(['anna talked 30 s, settled']);
    expect(played.of('settle_talk').map(({ handedOver }) => handedOver)).toEqual([true, false]);
  });
});

describe('a consultation is not a conversation', () => {
  test.each<[string, Script, string[]]>([
    ['abandoned, old fields', abandoned(true, V1), ['anna talked 65 s, settled']],
    ['abandoned, new fields', abandoned(true, V2), ['anna talked 65 s, settled']],
    ['not answered', abandoned(false), ['anna talked 65 s, settled']],
    ['the customer leaves during it', leftDuringConsultation(true, V1), ['anna talked 45 s, settled']],
    ['the customer leaves during it, new fields', leftDuringConsultation(true, V2), ['anna talked 45 s, settled']],
    [
      'the customer leaves while the colleague is rung: nobody missed the customer',
      leftDuringConsultation(false),
      ['anna talked 45 s, settled'],
    ],
  ])('S5 %s', (_name, script, words) => {
    const played = play(script.messages);
    expect(played.words).toEqual(words);
    expect(played.projection.conversations.map(({ agentId }) => agentId)).toEqual(['anna']);
  });

  test.each([
    ['and answered', true],
    ['and not answered', false],
  ])('S5 a colleague consulted %s missed nobody, whatever the clock of the event says', (_name, isAnswered) => {
    const isRing = isLegEvent('B', 'appeared');
    const told = abandoned(isAnswered, V2).messages.map((message) =>
      message.type === 'leg' && isRing(message) ? { ...message, at: message.at + 600_000 } : message,
    );
    expect(play(told).words).toEqual(['anna talked 65 s, settled']);
  });

  test('S5 the agent’s card stays throughout', () => {
    expect(play(abandoned(true).messages).cards('anna')).toEqual(['0 ringing', '5 talking incoming', '70 gone']);
  });

  test('S5 the conversation ends with its leg, though the colleagues talk on', () => {
    const played = play(leftDuringConsultation(true).messages);
    expect(played.secondsOf('settle_talk')).toEqual([52]);
    expect(played.secondsOf('project').at(-1)).toBe(67);
  });
});

describe('each handing over is a conversation', () => {
  test.each([
    ['new fields', V2],
    ['old fields', V1],
  ])('A → B → A gives three (%s)', (_name, style) => {
    const played = play(thereAndBack(style).messages);
    expect(played.words).toEqual([
      'anna talked 30 s, handed over to boris',
      'boris talked 30 s, handed over to anna',
      'anna talked 30 s, settled',
    ]);
    expect(new Set(played.projection.conversations.map(({ id }) => id)).size).toBe(3);
  });

  test('A → B → A gives three even where the middle is told last', () => {
    const { messages } = thereAndBack();
    const isMiddle = isLegEvent('B');
    const told = [...messages.filter((message) => !isMiddle(message)), ...messages.filter(isMiddle)];
    const played = play(arriving(told, messages.at(-1)?.receivedAt ?? 0));
    expect(played.words).toEqual([
      'anna talked 30 s, handed over to boris',
      'boris talked 30 s, handed over to anna',
      'anna talked 30 s, settled',
    ]);
    expect(played.projection.withdrawn).toEqual([]);
  });

  test('the order is that of the legs, even where the PBX’s clock goes back a second', () => {
    const { script, leg: a } = answeredBy(BORIS);
    a.ends();
    script.pass(-1);
    const b = script.leg('0', { to: ANNA, takenFrom: 'A', transfer: 'blind' }).appears().connects();
    script.pass(9);
    b.ends();
    const played = play(arriving(script.summary(talked(ANNA)).messages, T0 + 20_000));
    expect(played.words).toEqual(['boris talked 0 s, handed over to anna', 'anna talked 9 s, settled']);
  });

  test('handing over an outgoing call follows the same rules', () => {
    const played = play(softphoneTransferred().messages);
    expect(played.words).toEqual(['anna talked 38 s, handed over to boris', 'boris talked 30 s, settled']);
    expect(played.projection.conversations.map(({ direction }) => direction)).toEqual(['outgoing', 'outgoing']);
  });

  test('handing over an outgoing call to somebody who does not answer: a missed call', () => {
    expect(play(softphoneTransferred(BORIS, false).messages).words).toEqual([
      'anna talked 38 s, handed over to boris',
      'missed by boris',
    ]);
  });
});

describe('a hand-over of which an event was lost', () => {
  test.each<[string, Script, Parameters<typeof isLegEvent>, string[]]>([
    ['the first answer', consultative(BORIS, V1), ['A', 'connected'], both(15)],
    ['the hold', consultative(BORIS, V1), ['A', 'held'], both(45)],
    ['the first operator’s end', blind(BORIS, true, V2), ['A', 'disconnected'], both(35)],
    ['the operator’s answer before a blind transfer', blind(BORIS, true, V2), ['A', 'connected'], both(35)],
    [
      'the first operator’s end, and the second did not answer',
      blind(BORIS, false, V1),
      ['A', 'disconnected'],
      ['anna talked 35 s, handed over to boris', 'missed by boris'],
    ],
    [
      'the colleague’s first ring',
      releasedWhileRinging(BORIS, false),
      ['B', 'appeared'],
      ['anna talked 33 s, handed over to boris', 'missed by boris'],
    ],
  ])('is told all the same: %s', (_name, script, event, words) => {
    expect(play(script.without(isLegEvent(...event))).words).toEqual(words);
  });

  test('the first operator’s end: the card goes when somebody else has the customer', () => {
    const played = play(blind(BORIS, true, V2).without(isLegEvent('A', 'disconnected')));
    expect(played.cards('anna')).toEqual(['0 ringing', '5 talking incoming', '40 gone']);
  });

  test('the second Connected: the end names the customer', () => {
    const script = consultative();
    const [, second] = script.messages.filter(isLegEvent('B', 'connected'));
    const played = play(script.without((message) => message === second));
    expect(played.words.map((line) => line.replace(/\d+ s/u, '… s'))).toEqual([
      'anna talked … s, handed over to boris',
      'boris talked … s, settled',
    ]);
  });

  test('the second Connected and the end: the summary names who answered', () => {
    const script = consultative();
    const [, second] = script.messages.filter(isLegEvent('B', 'connected'));
    const played = play(script.without((message) => message === second || isLegEvent('B', 'disconnected')(message)));
    expect(played.words).toEqual(['anna talked 45 s, handed over to boris', 'boris talked 60 s, settled']);
  });

  test('a consultation heard of before the call it belongs to shows nothing and comes to the same', () => {
    const { messages } = consultative(FRIEND);
    const told = [...messages.filter(isLegEvent('B')), ...messages.filter((message) => !isLegEvent('B')(message))];
    const played = play(arriving(told, messages.at(-1)?.receivedAt ?? 0));
    expect(played.words).toEqual(['anna talked 45 s, settled']);
    expect(played.cards('anna').some((card) => card.includes('dialling'))).toBe(false);
  });
});
