import { describe, expect, test } from 'vitest';
import type { CallMessage } from '../../domain/messages.ts';
import { essence } from '../support/random-stories.ts';
import { LIMITS, play } from '../support/call-driver.ts';
import { SCENARIOS } from '../support/call-scenarios.ts';
import { answeredBy, direct, group, missed, talked, throughMenu } from '../support/incoming-scenarios.ts';
import {
  ANNA,
  arriving,
  BORIS,
  CUSTOMER,
  IGNORED,
  isLegEvent,
  isSummary,
  MACHINE,
  Script,
  T0,
  UNMAPPED,
  VERA,
} from '../support/leg-events.ts';
import { softphone } from '../support/outgoing-scenarios.ts';
import { blind, V2 } from '../support/transfer-scenarios.ts';

const isLeg = (message: CallMessage): boolean => message.type === 'leg';
const overAt = (messages: readonly CallMessage[]): number | undefined => {
  const played = play(messages);
  return played.steps
    .filter((step) => step.decisions.some((decision) => decision.type === 'project' && decision.over))
    .map((step) => (step.at - T0) / 1000)[0];
};

describe('the call ends', () => {
  test('with the summary, as soon as the grace for stragglers has passed', () => {
    expect(overAt(direct().messages)).toBe(67);
  });

  test('without a summary, when all legs are over and nothing has come for thirty seconds', () => {
    expect(overAt(direct().without(isSummary))).toBe(95);
    expect(play(direct().without(isSummary)).projection.flags).toEqual({ noSummary: true });
  });

  test('not while the caller is between the menu and an agent', () => {
    const played = play(throughMenu().without(isSummary));
    expect(played.words).toEqual(['anna talked 60 s, settled']);
  });

  test('a repeated event is no news: it prolongs nothing', () => {
    const { messages } = direct();
    const told = messages.filter((message) => !isSummary(message));
    const end = told.at(-1);
    const again = end ? [{ ...end, inboxId: 99, receivedAt: end.receivedAt + 20_000 }] : [];
    expect(overAt([...told, ...again])).toBe(95);
  });

  test('an action does not keep it open', () => {
    const script = direct();
    script.pass(20).acts('anna', 'save_draft', { conversationId: 'call.1', hasText: true });
    expect(overAt(script.without(isSummary))).toBe(95);
  });

  test('legs without an end are closed by the summary', () => {
    const played = play(direct().without(isLegEvent('A', 'disconnected')));
    expect(played.words).toEqual(['anna talked 60 s, settled']);
    expect(played.projection.flags).toEqual({});
    expect(played.cards('anna')).toEqual(['0 ringing', '5 talking incoming', '65 gone']);
  });

  test('the summary comes first: the outcome is the same', () => {
    const { messages } = direct();
    const told = [...messages.filter(isSummary), ...messages.filter(isLeg)];
    expect(play(arriving(told, T0 + 70_000)).words).toEqual(['anna talked 60 s, settled']);
  });

  test('the summary knows of a talk whose events are not there yet: they are waited for as long as without it', () => {
    const { messages } = direct();
    const told = messages.map((message) => (isLeg(message) ? { ...message, receivedAt: T0 + 90_000 } : message));
    const played = play(told);
    expect(played.words).toEqual(['anna talked 60 s, settled']);
    expect(played.projection.conversations[0]?.reconciled).toBe(false);
  });
});

describe('a leg without an end', () => {
  const endless = (): Script => answeredBy(ANNA).script;

  test('is closed after four hours, and the call says so', () => {
    const played = play(endless().messages);
    expect(played.projection.flags).toEqual({ closedByTimer: true, noSummary: true });
    expect(played.words).toEqual(['anna talked 0 s, settled']);
    expect(played.cards('anna').at(-1)).toBe('14400 gone');
    expect(played.secondsOf('settle_talk')).toEqual([14_402]);
  });

  test('is closed after what the limits say', () => {
    const played = play(endless().messages, { limits: { ...LIMITS, legMaxMs: 50 } });
    expect(played.projection.flags).toMatchObject({ closedByTimer: true });
  });

  test('that rings for ever is a missed call', () => {
    const played = play(missed().without(isLegEvent('A', 'disconnected')).filter(isLeg));
    expect(played.words).toEqual(['missed by anna']);
    expect(played.cards('anna')).toEqual(['0 ringing', '14400 gone']);
  });

  test('does not keep another waiting: each has its own time', () => {
    const { script } = answeredBy(ANNA);
    script.pass(3_600);
    script.leg('B', { to: BORIS, takenFrom: 'A' }).appears();
    const played = play(script.messages);
    expect(played.cards('anna').at(-1)).toBe('14400 gone');
    expect(played.cards('boris').at(-1)).toBe('18005 gone');
  });

  test('whose end comes after all, just after the timer, ends when it ended', () => {
    const { script, leg } = answeredBy(ANNA);
    script.pass(14_400);
    leg.ends();
    expect(play(script.messages).words).toEqual(['anna talked 14400 s, settled']);
  });
});

describe('events that never come', () => {
  test.each<[string, readonly CallMessage[], string[]]>([
    ['all but the summary of a talk', direct().messages.filter(isSummary), ['anna talked 60 s, settled']],
    ['all but the summary of a missed call', missed().messages.filter(isSummary), ['missed by anna']],
    ['all but the summary of a call out', softphone().messages.filter(isSummary), ['anna talked 60 s, settled']],
    ['all but the summary of an attempt', softphone(ANNA, false).messages.filter(isSummary), ['attempt by anna']],
    ['all but the menu and the summary', throughMenu().without(isLegEvent('A')), ['anna talked 60 s, settled']],
    ['all but the summary: who answered is ignored', direct(IGNORED).messages.filter(isSummary), []],
    ['all but the summary: an unmapped operator missed it', missed(UNMAPPED).messages.filter(isSummary), []],
    ['the answer', direct().without(isLegEvent('A', 'connected')), ['anna talked 60 s, settled']],
    ['ring and answer', direct().without(isLegEvent('A', 'appeared', 'connected')), ['anna talked 60 s, settled']],
    ['the ring', direct().without(isLegEvent('A', 'appeared')), ['anna talked 60 s, settled']],
    ['the winner of a group', group([ANNA, BORIS, VERA], BORIS, true).without(isLegEvent('L1')), ['boris talked 60 s, settled']],
    ['the answer of an ignored winner', group([ANNA, IGNORED], IGNORED, true).without(isLegEvent('L1', 'connected')), []],
    ['the ignored winner altogether', group([ANNA, IGNORED], IGNORED, true).without(isLegEvent('L1')), []],
  ])('%s', (_name, messages, words) => {
    // Told together, so that no silence is taken for the end.
    expect(play(arriving(messages, T0 + 70_000)).words).toEqual(words);
  });

  test('nothing for thirty seconds after the only legs heard of is the end, whatever is told later', () => {
    expect(play(throughMenu().without(isLegEvent('A'))).words).toEqual([]);
  });

  test('the answer, and the summary does not name who gave it: the one who was rung', () => {
    const told = direct()
      .without(isLegEvent('A', 'connected'))
      .map((message) => (message.type === 'summary' ? { ...message, to: MACHINE } : message));
    expect(play(told).words).toEqual(['anna talked 60 s, settled']);
  });

  test('the answer, and the summary does not name which of several gave it: answered, so not missed', () => {
    const told = group([ANNA, BORIS], BORIS, true)
      .without(isLegEvent('L1', 'connected'))
      .map((message) => (message.type === 'summary' ? { ...message, to: MACHINE } : message));
    expect(play(told).words).toEqual([]);
  });

  test('what only the summary tells is waited for half a minute, and says where it comes from', () => {
    const played = play(direct().messages.filter(isSummary));
    expect(played.secondsOf('settle_talk')).toEqual([95]);
    expect(played.projection.conversations).toMatchObject([{ reconciled: true, talkSeconds: 60 }]);
  });

  test('everything but a recording: the call ends some time all the same, and the summary is still waited for', () => {
    const script = new Script();
    script.recording('R1', ANNA).starts(script.leg('A'));
    expect(play(script.messages).finishedAt).toBe(T0 + LIMITS.legMaxMs);
    script.pass(600).summary(talked(ANNA, { from: CUSTOMER }));
    expect(play(script.messages).outcome.conversations).toMatchObject([{ agentId: 'anna', recordings: ['R1'] }]);
  });

  test('everything but an action: the call ends some time all the same', () => {
    const script = new Script().acts('anna', 'save_draft', { conversationId: 'call.1' });
    const played = play(script.messages);
    expect(played.of('act')).toHaveLength(1);
    expect(played.finishedAt).toBe(T0 + LIMITS.legMaxMs);
  });
});

describe('late events change nothing', () => {
  test('whatever is told again, or for the first time, after the call is over', () => {
    for (const make of Object.values(SCENARIOS)) {
      const { messages } = make();
      const end = Math.max(...messages.map((message) => message.receivedAt));
      const late = new Script();
      const leg = late.leg('Z', { to: BORIS }).appears();
      late.pass(5);
      leg.connects();
      const again = arriving([...messages, ...late.messages], end + 3_600_000);
      const played = play([...messages, ...again]);
      expect(essence(played.outcome)).toEqual(essence(play(messages).outcome));
      expect(played.steps.filter((step) => step.at >= end + 3_600_000)).toEqual([]);
    }
  });

  test('a summary that comes after the quiet time', () => {
    const { messages } = missed();
    const told = messages.map((message) =>
      message.type === 'summary' ? { ...message, talkedAt: T0 + 5_000, receivedAt: message.receivedAt + 60_000 } : message,
    );
    expect(play(told).words).toEqual(['missed by anna']);
  });

  test('an end with another time than the summary’s, within the grace, settles nothing anew', () => {
    const { messages } = direct();
    const told = messages.map((message) =>
      isLegEvent('A', 'disconnected')(message) && message.type === 'leg'
        ? { ...message, at: message.at - 3_000, receivedAt: message.receivedAt + 1_900 }
        : message,
    );
    const played = play(told);
    expect(played.of('settle_talk')).toHaveLength(1);
    expect(played.words).toEqual(['anna talked 57 s, settled']);
  });
});

describe('waiting', () => {
  test('the call is not finished before its recordings are there or given up', () => {
    expect(play(direct().messages).finishedAt).toBe(T0 + 65_000 + LIMITS.recordingWaitMs);
  });

  test('a call without a talk is finished when it is over', () => {
    expect(play(missed().messages).finishedAt).toBe(T0 + 27_000);
    expect(play(softphone(ANNA, false).messages).finishedAt).toBe(T0 + 7_000);
  });

  test('while all goes well it waits for the leg’s limit alone, then for the draft, then for the recording', () => {
    const { script, leg } = answeredBy(ANNA);
    expect(play(script.messages, { until: T0 + 10_000 }).finishedAt).toBeNull();
    script.pass(60);
    leg.ends();
    script.summary(talked(ANNA));
    expect(play(script.messages).steps.map((step) => (step.at - T0) / 1000)).toEqual([0, 5, 65, 67, 965]);
  });

  test('limits of milliseconds hold as well as those of minutes', () => {
    const quick = { draftGraceMs: 60, settleMs: 400, legMaxMs: 3_000, recordingWaitMs: 300 };
    const { messages } = blind(BORIS, true, V2);
    expect(play(arriving(messages, T0), { limits: quick }).words.length).toBe(2);
    expect(play(arriving(messages.filter(isLeg), T0), { limits: quick }).words.length).toBe(2);
  });
});
