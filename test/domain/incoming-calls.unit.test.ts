import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { Party } from '../../domain/messages.ts';
import { play } from '../support/call-driver.ts';
import {
  answeredBy,
  direct,
  group,
  inTurn,
  intercepted,
  menuOnly,
  missed,
  severalDevices,
  talked,
  throughMenu,
} from '../support/incoming-scenarios.ts';
import {
  agent,
  ANNA,
  arriving,
  BORIS,
  CUSTOMER,
  FOREIGN,
  FRIEND,
  HIDDEN,
  IGNORED,
  isLegEvent,
  MACHINE,
  Script,
  UNMAPPED,
  VERA,
} from '../support/leg-events.ts';

describe('S1 the card', () => {
  test('S1 shows as soon as a leg rings, to that agent alone, and leaves when the ringing stops', () => {
    const played = play(missed().messages);
    expect(played.cards('anna')).toEqual(['0 ringing', '25 gone']);
    expect(played.agentsWithCards).toEqual(['anna']);
  });

  test('S1 stays while the agent talks, now as a talk, and leaves with its end', () => {
    expect(play(direct().messages).cards('anna')).toEqual(['0 ringing', '5 talking incoming', '65 gone']);
  });

  test('S1 comes only when the menu has passed the caller on', () => {
    expect(play(throughMenu().messages).cards('anna')).toEqual(['8 ringing', '15 talking incoming', '75 gone']);
  });

  test('S2a nobody of a group has missed what another one answered, whatever the clock of the ring says', () => {
    const told = group([ANNA, BORIS], BORIS, false).messages.map((message) =>
      message.type === 'leg' && message.state === 'appeared' && isDeepStrictEqual(message.to, ANNA)
        ? { ...message, at: message.at + 600_000 }
        : message,
    );
    expect(play(told).words).toEqual(['boris talked 60 s, settled']);
  });

  test('S2a nor if the others stop ringing a second after the answer', () => {
    const told = group([ANNA, BORIS], BORIS, false).messages.map((message) => {
      if (message.type !== 'leg' || !isDeepStrictEqual(message.to, ANNA)) return message;
      return { ...message, at: message.at + (message.state === 'appeared' ? 8_000 : 1_000) };
    });
    expect(play(told).words).toEqual(['boris talked 60 s, settled']);
  });

  test('S2a nor if a ring seems to begin after the answer and ends some seconds into the talk', () => {
    const told = group([ANNA, BORIS], BORIS, false).messages.map((message) => {
      if (message.type !== 'leg' || !isDeepStrictEqual(message.to, ANNA)) return message;
      return { ...message, at: message.at + (message.state === 'appeared' ? 8_000 : 5_000) };
    });
    expect(play(told).words).toEqual(['boris talked 60 s, settled']);
  });

  test('S2a nor if the talk is short and the clock far off, where the PBX says that another one answered', () => {
    const told = group([ANNA, BORIS], BORIS, false).messages.map((message) => {
      if (message.type !== 'leg' || !isDeepStrictEqual(message.to, ANNA)) return message;
      const ends = message.state === 'disconnected';
      return { ...message, at: message.at + (ends ? 57_000 : 8_000), ...(ends ? { answeredElsewhere: true as const } : {}) };
    });
    expect(play(told).words).toEqual(['boris talked 60 s, settled']);
  });

  test('S1 leaves the others of a group when one of them answers', () => {
    const played = play(group([ANNA, BORIS, VERA], BORIS, true).messages);
    expect(played.cards('anna')).toEqual(['1 ringing', '5 gone']);
    expect(played.cards('boris')).toEqual(['1 ringing', '5 talking incoming', '65 gone']);
    expect(played.cards('vera')).toEqual(['1 ringing', '5 gone']);
  });

  test('S1 is one for an agent whose several devices ring', () => {
    const played = play(severalDevices(true).messages);
    expect(played.cards('anna')).toEqual(['0 ringing', '5 talking incoming', '65 gone']);
    for (const projection of played.of('project')) expect(projection.cards.length).toBeLessThanOrEqual(1);
  });

  test('S1 moves on with the call when it is routed to another', () => {
    const played = play(intercepted().messages);
    expect(played.cards('anna')).toEqual(['0 ringing', '5 gone']);
    expect(played.cards('boris')).toEqual(['5 ringing', '9 talking incoming', '69 gone']);
  });

  test('S1 is seen by nobody where only ignored or unmapped operators, menus and queues are rung', () => {
    for (const script of [
      missed(IGNORED),
      missed(UNMAPPED),
      direct(IGNORED),
      menuOnly(),
      group([IGNORED, UNMAPPED], null, true),
    ]) {
      expect(play(script.messages).agentsWithCards).toEqual([]);
    }
  });

  test('S1 S2 names the conversation from the answer on, and says since when', () => {
    const projections = play(direct().messages).of('project');
    const cards = projections.map((projection) => projection.cards[0]);
    expect(cards[0]).toMatchObject({ state: 'ringing', conversationId: null, answeredAt: null });
    expect(cards[1]).toMatchObject({ state: 'talking', conversationId: 'call.1' });
    expect(cards[1]?.answeredAt).toBe((cards[1]?.startedAt ?? 0) + 5_000);
  });

  test('S1 is not brought back by a Connected that overtook its Appeared, nor by an Appeared that comes after the end', () => {
    const { messages } = direct();
    const [appeared, ...others] = messages;
    const played = play(
      arriving([...others.slice(0, 2), ...(appeared ? [appeared] : []), ...others.slice(2)], messages[0]?.receivedAt ?? 0),
    );
    expect(played.cards('anna').map((card) => card.replace(/^\S+ /u, ''))).toEqual(['talking incoming', 'gone']);
  });
});

describe('S2a S3 an incoming talk', () => {
  test.each<[string, () => Script, string[]]>([
    ['S2a is one conversation of the agent who answered', () => direct(), ['anna talked 60 s, settled']],
    ['S2a came through the menu: taken_from_call_id alone is no transfer', () => throughMenu(), ['anna talked 60 s, settled']],
    [
      'S2a was routed from the menu by a command: still incoming',
      () => throughMenu(ANNA, FOREIGN),
      ['anna talked 60 s, settled'],
    ],
    ['S3 with a hidden number is one all the same', () => direct(ANNA, HIDDEN), ['anna talked 60 s, settled']],
    ['S2a with a group belongs to whoever answered', () => group([ANNA, BORIS], BORIS, true), ['boris talked 60 s, settled']],
    ['S2a without a queue leg as well', () => group([ANNA, BORIS, VERA], VERA, false), ['vera talked 60 s, settled']],
    [
      'S2a belongs to the one who answered after others had not',
      () => inTurn([ANNA, BORIS, VERA], VERA),
      ['vera talked 60 s, settled'],
    ],
    ['S2a that was intercepted belongs to the interceptor', () => intercepted(), ['boris talked 60 s, settled']],
    ['S2a on one of several devices is one', () => severalDevices(true), ['anna talked 60 s, settled']],
  ])('%s', (_name, script, words) => {
    const played = play(script().messages);
    expect(played.words).toEqual(words);
    expect(played.projection.direction).toBe('incoming');
  });

  test('S2a S4b is settled two seconds after its end, when the last draft has arrived', () => {
    expect(play(direct().messages).secondsOf('settle_talk')).toEqual([67]);
  });

  test('S2a is settled without waiting for the summary, and once', () => {
    const { script, leg } = answeredBy(ANNA);
    script.pass(60);
    leg.ends();
    expect(play(script.messages).secondsOf('settle_talk')).toEqual([67]);
  });

  test('the customer of the call is the caller, and null where the number is hidden', () => {
    expect(play(direct().messages).projection.customer).toBe(1);
    expect(play(direct(ANNA, HIDDEN).messages).projection.customer).toBeNull();
  });

  test('a number once known is not forgotten when a later event leaves it out', () => {
    const { script, leg } = answeredBy(ANNA);
    script.pass(60);
    leg.ends({ from: HIDDEN });
    const played = play(script.summary(talked(ANNA, { from: HIDDEN })).messages);
    expect(played.projection.customer).toBe(1);
    expect(played.words).toEqual(['anna talked 60 s, settled']);
  });

  test.each<[string, Party]>([
    ['only the device', UNMAPPED],
    ['nothing', UNMAPPED],
  ])('an agent once known is not forgotten when a later event names %s', (_name, to) => {
    const script = new Script();
    const leg = script.leg('A', { to: ANNA }).appears();
    script.pass(5);
    leg.connects({ to });
    script.pass(60);
    leg.ends();
    expect(play(script.summary(talked(ANNA)).messages).words).toEqual(['anna talked 60 s, settled']);
  });

  test('an agent who becomes known only when the group has been distributed is the one who talks', () => {
    const script = new Script();
    const leg = script.leg('A', { to: UNMAPPED }).appears();
    script.pass(5);
    leg.connects({ to: BORIS });
    script.pass(60);
    leg.ends();
    expect(play(script.summary(talked(BORIS)).messages).words).toEqual(['boris talked 60 s, settled']);
  });

  test('S2a holds do not end it', () => {
    const { script, leg } = answeredBy(ANNA);
    script.pass(20);
    leg.holds();
    script.pass(30);
    leg.connects();
    script.pass(10);
    leg.ends();
    const played = play(script.summary(talked(ANNA)).messages);
    expect(played.words).toEqual(['anna talked 60 s, settled']);
    expect(played.cards('anna')).toEqual(['0 ringing', '5 talking incoming', '65 gone']);
  });
});

describe('S11 S12 S14 a missed call', () => {
  test.each([
    ['the caller gave up', 1110],
    ['nobody answered in time', 1111],
    ['the line was busy', 1121],
    ['the agent rejected it', 1122],
    ['the device was not reachable', 1131],
    ['there is no operator in the queue', 1164],
  ])('S11 is recorded when %s', (_name, reason) => {
    const played = play(missed(ANNA, reason).messages);
    expect(played.words).toEqual(['missed by anna']);
    expect(played.of('settle_talk')).toEqual([]);
  });

  test('S11 is recorded once, when the call is over, with the time of its ringing', () => {
    const played = play(missed().messages);
    expect(played.secondsOf('record_missed')).toEqual([27]);
    const [decision] = played.of('record_missed');
    expect([decision?.startedAt, decision?.endedAt]).toEqual([
      missed().messages[0]?.receivedAt,
      missed().messages[1]?.receivedAt,
    ]);
    expect(decision?.seenAt).toBe(decision?.endedAt);
  });

  test.each<[string, Script, string[]]>([
    ['S11 with a hidden number', missed(ANNA, 1110, HIDDEN), ['missed by anna']],
    ['S12 of a group is one', group([ANNA, BORIS, VERA], null, true), ['missed by anna, boris, vera']],
    ['S12 of a group of twenty is one', group(twenty(), null, true), [`missed by ${twentyNames()}`]],
    ['S12 of one after another is one', inTurn([ANNA, BORIS], null), ['missed by anna, boris']],
    ['S11 on several devices is missed by one agent', severalDevices(false), ['missed by anna']],
    ['S11 after it was routed on', intercepted(null), ['missed by anna, boris']],
    ['S11 with an ignored one among those rung', group([IGNORED, ANNA], null, true), ['missed by anna']],
    ['S14 that ends in the menu makes nothing, whatever entry_result says', menuOnly(), []],
    ['S14 at an ignored operator only makes nothing', missed(IGNORED), []],
    ['S14 at an unmapped operator only makes nothing', missed(UNMAPPED), []],
    ['S14 answered by an ignored operator makes nothing, missed neither', group([ANNA, IGNORED], IGNORED, true), []],
    ['S14 answered by an unmapped operator is not missed', group([ANNA, UNMAPPED], UNMAPPED, true), []],
    ['S14 answered on a telephone outside is not missed', group([ANNA, FRIEND], FRIEND, true), []],
    ['S14 talked with by an ignored operator alone makes nothing', direct(IGNORED), []],
  ])('%s', (_name, script, words) => {
    const played = play(script.messages);
    expect(played.words).toEqual(words);
    expect(played.projection.conversations).toEqual([]);
  });

  test('S14 that waits in a queue and reaches nobody makes nothing', () => {
    const script = new Script();
    const queue = script.leg('Q', { location: 'queue', from: CUSTOMER, to: MACHINE }).appears();
    script.pass(90);
    queue.ends({ reason: 1163 });
    expect(play(script.summary().messages).words).toEqual([]);
  });

  test('S11 is recorded where of the ringing only its end was heard', () => {
    expect(play(missed().without(isLegEvent('A', 'appeared'))).words).toEqual(['missed by anna']);
  });

  test('an internal call makes nothing and shows nothing', () => {
    const { script, leg } = answeredBy(BORIS, ANNA);
    script.pass(20);
    leg.ends();
    const played = play(script.summary({ direction: 'internal', from: ANNA, to: BORIS }).messages);
    expect(played.words).toEqual([]);
    expect(played.agentsWithCards).toEqual([]);
    expect(played.projection.direction).toBe('internal');
  });
});

function twenty(): Party[] {
  return Array.from({ length: 20 }, (_, index) => agent(`agent${String(index).padStart(2, '0')}`));
}
function twentyNames(): string {
  return twenty()
    .map((party) => (party.kind === 'agent' ? party.agentId : ''))
    .join(', ');
}
