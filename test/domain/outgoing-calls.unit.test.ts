import { describe, expect, test } from 'vitest';
import { play } from '../support/call-driver.ts';
import { throughMenu } from '../support/incoming-scenarios.ts';
import {
  ANNA,
  arriving,
  BORIS,
  CUSTOMER,
  FOREIGN,
  IGNORED,
  isLegEvent,
  isSummary,
  OURS,
  Script,
  T0,
  UNMAPPED,
} from '../support/leg-events.ts';
import { callback, internal, softphone } from '../support/outgoing-scenarios.ts';
import { blind, V2 } from '../support/transfer-scenarios.ts';

const ours = (answered: boolean | null, pickedUp = true): Script => callback({ command: OURS, pickedUp, answered });
const foreign = (answered: boolean | null, pickedUp = true): Script => callback({ command: FOREIGN, pickedUp, answered });

describe('S6 S7 S8 S9 a callback from a ticket', () => {
  test('S8 answered: one outgoing conversation, which belongs to the ticket', () => {
    const played = play(ours(true).messages);
    expect(played.words).toEqual(['anna talked 60 s, settled']);
    expect(played.projection.direction).toBe('outgoing');
    expect(played.projection.conversations).toMatchObject([{ ticketId: '77', direction: 'outgoing' }]);
    expect(played.projection.customer).toBe(1);
  });

  test('S7 one card from the first ring at the agent to the end, without a gap between the legs', () => {
    expect(play(ours(true).messages).cards('anna')).toEqual(['0 dialling outgoing', '15 talking outgoing', '75 gone']);
    expect(play(ours(false).messages).cards('anna')).toEqual(['0 dialling outgoing', '15 gone']);
  });

  test('S7 the card goes with the summary where the customer’s leg never comes', () => {
    expect(play(ours(null).messages).cards('anna')).toEqual(['0 dialling outgoing', '5 gone']);
  });

  test('S7 the card goes after the quiet time where neither leg nor summary comes', () => {
    expect(play(ours(null).without(isSummary)).cards('anna')).toEqual(['0 dialling outgoing', '35 gone']);
  });

  test('S8 the card leads to the conversation from the moment the agent has picked up', () => {
    const cards = play(ours(true).messages)
      .of('project')
      .map((projection) => projection.cards[0]?.conversationId);
    expect(cards[0]).toBeNull();
    expect(cards[1]).toBe('call.1');
  });

  test('S9 not answered: the attempt is recorded, once', () => {
    const played = play(ours(false).messages);
    expect(played.words).toEqual(['attempt by anna']);
    expect(played.of('settle_talk')).toEqual([]);
    expect(played.projection.conversations).toMatchObject([{ outcome: 'unanswered', ticketId: '77' }]);
  });

  test('S9 the agent never picked up: told, and no attempt', () => {
    const played = play(ours(null, false).messages);
    expect(played.words).toEqual(['not picked up']);
    expect(played.projection.conversations).toEqual([]);
  });

  test('S9 the agent picked up and hung up before the customer was rung: an attempt', () => {
    expect(play(ours(null).messages).words).toEqual(['attempt by anna']);
  });

  test('S9 the first leg is neither incoming nor missed', () => {
    for (const script of [ours(true), ours(false), ours(null, false), foreign(null, false)]) {
      const played = play(script.messages);
      expect(played.of('record_missed')).toEqual([]);
      expect(played.cards('anna').some((card) => card.includes('ringing'))).toBe(false);
    }
  });

  test.each([
    ['names the agent’s own answer as that of the call', 5, ['attempt by anna']],
    ['knows of an answer after the agent’s', 15, ['anna talked 60 s, settled']],
  ])('S9 the customer’s answer was not heard, and the summary %s', (_name, talkedAt, words) => {
    const { messages } = ours(true);
    const told = messages
      .filter((message) => !isLegEvent('L2', 'connected')(message))
      .map((message) => (message.type === 'summary' ? { ...message, talkedAt: T0 + talkedAt * 1_000 } : message));
    expect(play(told).words).toEqual(words);
  });

  test('S9 the agent’s own answer was not heard: the customer’s leg shows that there was one', () => {
    const played = play(ours(false).without(isLegEvent('L1', 'connected')));
    expect(played.words).toEqual(['attempt by anna']);
  });

  test('S9 two devices of the agent ring, one is picked up: still one call to the customer', () => {
    const script = new Script();
    const desk = script.leg('L1', { from: CUSTOMER, to: ANNA, command: OURS }).appears();
    const mobile = script.leg('L1b', { from: CUSTOMER, to: ANNA, command: OURS }).appears();
    script.pass(5);
    mobile.connects().ends({ reason: 1000 });
    desk.ends({ reason: 1182 });
    const second = script.leg('L2', { from: ANNA, to: CUSTOMER, takenFrom: 'L1b', command: OURS }).appears();
    script.pass(5);
    second.connects();
    script.pass(20);
    second.ends();
    expect(play(script.messages).words).toEqual(['anna talked 20 s, settled']);
  });

  test('S9 two devices of the agent ring, none is picked up: told, no attempt', () => {
    const script = new Script();
    const legs = ['L1', 'L1b'].map((id) => script.leg(id, { from: CUSTOMER, to: ANNA, command: OURS }).appears());
    script.pass(20);
    for (const leg of legs) leg.ends({ reason: 1111 });
    expect(play(script.messages).words).toEqual(['not picked up']);
  });

  test('the result may come as late as it likes: only events make the call', () => {
    expect(play(arriving([...ours(true).messages].reverse(), T0 + 80_000)).words).toEqual(['anna talked 60 s, settled']);
  });
});

describe('a callback ordered by another system', () => {
  test('answered: like a call from the softphone, of no ticket', () => {
    const played = play(foreign(true).messages);
    expect(played.words).toEqual(['anna talked 60 s, settled']);
    expect(played.projection.conversations).toMatchObject([{ ticketId: null, direction: 'outgoing' }]);
  });

  test('not answered: an attempt', () => {
    expect(play(foreign(false).messages).words).toEqual(['attempt by anna']);
  });

  test('not picked up: nothing, and nobody is told', () => {
    expect(play(foreign(null, false).messages).words).toEqual([]);
  });

  test('rings several employees: whoever picks up is the one who calls', () => {
    const script = new Script();
    const legs = [ANNA, BORIS].map((to, index) => script.leg(`L${index}`, { from: CUSTOMER, to, command: FOREIGN }).appears());
    script.pass(5);
    legs[1]?.connects().ends({ reason: 1000 });
    legs[0]?.ends();
    const second = script.leg('Z', { from: BORIS, to: CUSTOMER, takenFrom: 'L1', command: FOREIGN }).appears();
    script.pass(5);
    second.connects();
    script.pass(20);
    second.ends();
    const played = play(script.messages);
    expect(played.words).toEqual(['boris talked 20 s, settled']);
    expect(played.cards('boris').at(-1)).toBe('30 gone');
    expect(played.cards('anna')).toEqual(['0 dialling outgoing', '0 gone']);
  });

  test('to a colleague is an internal call and makes nothing', () => {
    const script = new Script();
    const first = script.leg('L1', { from: BORIS, to: ANNA, command: FOREIGN }).appears();
    script.pass(5);
    first.connects().ends({ reason: 1000 });
    const second = script.leg('L2', { from: ANNA, to: BORIS, takenFrom: 'L1', command: FOREIGN }).appears();
    script.pass(5);
    second.connects();
    script.pass(20);
    second.ends();
    const played = play(script.messages);
    expect(played.words).toEqual([]);
    expect(played.agentsWithCards).toEqual([]);
  });

  test('a leg routed from the menu by a command is no callback', () => {
    const played = play(throughMenu(ANNA, FOREIGN).messages);
    expect(played.projection.direction).toBe('incoming');
    expect(played.cards('anna')).toEqual(['8 ringing', '15 talking incoming', '75 gone']);
  });

  test('a leg that a command transferred is no callback, even if its beginning was not heard', () => {
    const { messages } = blind(BORIS, true, V2);
    expect(play(messages).projection.direction).toBe('incoming');
  });
});

describe('S10 S19 a call from the softphone', () => {
  test('S10 answered: one outgoing conversation, settled once', () => {
    const played = play(softphone().messages);
    expect(played.words).toEqual(['anna talked 60 s, settled']);
    expect(played.projection.direction).toBe('outgoing');
    expect(played.secondsOf('settle_talk')).toEqual([67]);
  });

  test('S10 a card while it is dialled, and while they talk', () => {
    expect(play(softphone().messages).cards('anna')).toEqual(['0 dialling outgoing', '5 talking outgoing', '65 gone']);
  });

  test('S10 the conversation is there from the dialling on, so that a ticket can be chosen', () => {
    const [first] = play(softphone().messages).of('project');
    expect(first?.cards).toMatchObject([{ conversationId: 'call.1' }]);
    expect(first?.conversations).toMatchObject([{ id: 'call.1', outcome: 'in_progress', answeredAt: null }]);
  });

  test('S17 S19 not answered: an attempt, when the call is over', () => {
    const played = play(softphone(ANNA, false).messages);
    expect(played.words).toEqual(['attempt by anna']);
    expect(played.secondsOf('record_attempt')).toEqual([7]);
  });

  test.each([
    ['an ignored operator', IGNORED],
    ['an unmapped operator', UNMAPPED],
  ])('S10 from %s makes nothing', (_name, who) => {
    for (const answered of [true, false]) {
      const played = play(softphone(who, answered).messages);
      expect(played.words).toEqual([]);
      expect(played.agentsWithCards).toEqual([]);
    }
  });

  test('S10 a number that turns out to be a colleague’s: internal after all, and what was shown is withdrawn', () => {
    const script = new Script();
    const leg = script.leg('A', { from: ANNA, to: CUSTOMER }).appears();
    script.pass(5);
    leg.connects({ to: BORIS });
    script.pass(20);
    leg.ends();
    const played = play(script.summary({ direction: 'outgoing', from: ANNA, to: BORIS }).messages);
    expect(played.words).toEqual([]);
    expect(played.projection).toMatchObject({ direction: 'internal', conversations: [], withdrawn: ['call.1'], cards: [] });
  });

  test('S10 the answer was not heard, the summary knows of it', () => {
    expect(play(softphone().without(isLegEvent('A', 'connected'))).words).toEqual(['anna talked 60 s, settled']);
  });

  test('an internal call makes nothing', () => {
    const played = play(internal().messages);
    expect(played.words).toEqual([]);
    expect(played.agentsWithCards).toEqual([]);
  });
});
