import { describe, expect, test } from 'vitest';
import { askedAgain, decide, FETCH_ATTEMPTS, withCallMessage } from '../../domain/decisions.ts';
import { LIMITS, play } from '../support/call-driver.ts';
import { answeredBy, direct, talked } from '../support/incoming-scenarios.ts';
import {
  ANNA,
  BORIS,
  CUSTOMER,
  FOREIGN,
  IGNORED,
  isLegEvent,
  isSummary,
  Script,
  type ScriptLeg,
  T0,
  UNMAPPED,
} from '../support/leg-events.ts';

/** Anna's talk of a minute, with what is told about its recording. */
function recorded(tell: (script: Script, leg: ScriptLeg) => void): Script {
  const { script, leg } = answeredBy(ANNA);
  script.pass(60);
  leg.ends();
  script.summary(talked(ANNA));
  tell(script, leg);
  return script;
}

const settled = { state: 'settled' } as const;
const retry = { state: 'retry', reason: 'not_found' } as const;
const unreachable = { state: 'retry', reason: 'pbx_unreachable' } as const;

describe('a recording of a talk', () => {
  test('is announced with the ticket, and fetched when it is in storage', () => {
    const { script, leg } = answeredBy(ANNA);
    const recording = script.recording('R1', ANNA).starts(leg);
    script.pass(60);
    leg.ends();
    recording.completes(leg);
    script.summary(talked(ANNA)).pass(10);
    recording.isStored();
    const played = play(script.messages);
    expect(played.of('announce_recording')).toEqual([
      { type: 'announce_recording', recordingId: 'R1', conversationId: 'call.1' },
    ]);
    expect(played.secondsOf('announce_recording')).toEqual(played.secondsOf('settle_talk'));
    expect(played.errands).toEqual([{ type: 'fetch_recording', recordingId: 'R1', rowId: 'row-R1' }]);
    expect(played.steps.find((step) => step.errands.length > 0)?.at).toBe(T0 + 75_000);
    expect(played.finishedAt).toBe(T0 + 76_000);
  });

  test('is not announced while the talk goes on: its message says so, and has no recording', () => {
    const { script, leg } = answeredBy(ANNA);
    script.recording('R1', ANNA).starts(leg);
    expect(play(script.messages, { until: T0 + 600_000 }).of('announce_recording')).toEqual([]);
  });

  test('that is complete, but of which storage is never told, is asked for a minute later', () => {
    const played = play(recorded((script, leg) => void script.recording('R1', ANNA).starts(leg).completes(leg)).messages);
    const [fetch] = played.steps.filter((step) => step.errands.length > 0);
    expect(fetch?.at).toBe(T0 + 67_000 + 60_000);
  });

  test('of which only storage is told is that of the one talk', () => {
    const played = play(recorded((script) => void script.recording('R1', null).isStored()).messages);
    expect(played.outcome.conversations).toMatchObject([{ recordings: ['R1'] }]);
  });

  test('of which only storage is told is that of the one talk without another', () => {
    const { script, leg } = answeredBy(ANNA);
    const first = script.recording('R1', ANNA).starts(leg);
    script.pass(30);
    leg.ends();
    first.completes(leg).isStored();
    const b = script.leg('B', { to: BORIS, takenFrom: 'A', transfer: 'blind' }).appears().connects();
    script.recording('R2', null).isStored();
    script.pass(30);
    b.ends();
    const played = play(script.summary(talked(BORIS)).messages);
    expect(played.outcome.conversations).toMatchObject([{ recordings: ['R1'] }, { recordings: ['R2'] }]);
  });

  test('of two of which only storage is told, the one talk gets the same, whichever came first', () => {
    const told = (ids: readonly string[]) =>
      play(recorded((script) => ids.forEach((id) => script.recording(id, null).isStored())).messages).outcome.conversations;
    expect(told(['R2', 'R1'])).toEqual(told(['R1', 'R2']));
  });

  test('of which two events contradict each other under one number is the same person’s, whichever came first', () => {
    const ofAnna = { state: 'started', party: ANNA } as const;
    const ofBoris = { state: 'completed', party: BORIS } as const;
    const told = (rivals: readonly (typeof ofAnna | typeof ofBoris)[]) =>
      play(
        recorded((script) => {
          const base = { type: 'recording', inboxId: 0, receivedAt: 0, recordingId: 'R1', seq: 3, legId: 'A' } as const;
          for (const rival of rivals) script.add({ ...base, completionCode: null, recipient: null, ...rival });
        }).messages,
      ).outcome.conversations;
    expect(told([ofBoris, ofAnna])).toEqual(told([ofAnna, ofBoris]));
  });

  test('of which only storage is told is nobody’s where it could be that of several', () => {
    const { script, leg } = answeredBy(ANNA);
    script.pass(30);
    leg.ends();
    const b = script.leg('B', { to: BORIS, takenFrom: 'A', transfer: 'blind' }).appears().connects();
    script.pass(30);
    b.ends();
    script.recording('R1', null).isStored();
    const played = play(script.summary(talked(BORIS)).messages);
    expect(played.of('announce_recording')).toEqual([]);
    expect(played.of('give_up_recording')).toHaveLength(2);
  });

  test('is that of the talk, too, where the talk is known from the summary alone', () => {
    const script = recorded((inner, leg) => void inner.recording('R1', ANNA).starts(leg).completes(leg).isStored());
    for (const messages of [script.without(isLegEvent('A', 'connected')), script.without(isLegEvent('A'))]) {
      expect(play(messages).outcome.conversations).toMatchObject([{ agentId: 'anna', recordings: ['R1'] }]);
    }
  });

  test('several of one talk belong to it', () => {
    const played = play(
      recorded((script, leg) => {
        for (const id of ['R1', 'R2']) script.recording(id, ANNA).starts(leg).completes(leg).isStored();
      }).messages,
    );
    expect(played.outcome.conversations).toMatchObject([{ recordings: ['R1', 'R2'] }]);
    expect(played.errands).toHaveLength(2);
  });

  test('of a callback begins on the first leg and belongs to the talk', () => {
    const script = new Script();
    const first = script.leg('L1', { from: CUSTOMER, to: ANNA, command: FOREIGN }).appears().connects();
    const recording = script.recording('R1', ANNA).starts(first);
    first.ends();
    const second = script.leg('L2', { from: ANNA, to: CUSTOMER, takenFrom: 'L1', command: FOREIGN }).appears().connects();
    script.pass(20);
    second.ends();
    recording.completes(first).isStored();
    expect(play(script.messages).outcome.conversations).toMatchObject([{ recordings: ['R1'] }]);
  });

  test('says who was recorded only in its end', () => {
    const { script, leg } = answeredBy(ANNA);
    const nobody = script.recording('R1', null).starts(leg);
    script.pass(60);
    leg.ends();
    nobody.completes(leg, { party: ANNA });
    expect(play(script.summary(talked(ANNA)).messages).outcome.conversations).toMatchObject([{ recordings: ['R1'] }]);
  });
});

describe('each agent’s own recording', () => {
  /** Anna consults Boris and hands over, or comes back; each is recorded. */
  function consultation(completed: boolean, by = ANNA, to = BORIS): Script {
    const { script, leg: a } = answeredBy(by);
    const first = script.recording('R1', by).starts(a);
    script.pass(20);
    a.holds();
    const b = script.leg('B', { from: by, to, takenFrom: 'A' }).appears().connects();
    first.continues(b);
    const second = script.recording('R2', to).starts(b);
    script.pass(20);
    if (completed) {
      a.ends();
      first.completes(b).isStored();
      b.connects({ from: CUSTOMER });
      script.pass(20);
      b.ends();
      second.completes(b).isStored();
    } else {
      b.ends();
      second.completes(b).isStored();
      a.connects();
      script.pass(20);
      a.ends();
      first.completes(a).isStored();
    }
    return script.summary(talked(completed ? to : by));
  }

  test('S5 goes to that agent’s conversation', () => {
    expect(play(consultation(true).messages).outcome.conversations).toMatchObject([
      { agentId: 'anna', recordings: ['R1'] },
      { agentId: 'boris', recordings: ['R2'] },
    ]);
  });

  test('S5 of a colleague who was only consulted goes to nobody', () => {
    expect(play(consultation(false).messages).outcome.conversations).toMatchObject([{ agentId: 'anna', recordings: ['R1'] }]);
  });

  test('of an operator whom the rules do not know goes to nobody, though it ran on into an agent’s leg', () => {
    for (const by of [IGNORED, UNMAPPED]) {
      expect(play(consultation(true, by).messages).outcome.conversations).toMatchObject([
        { agentId: 'boris', recordings: ['R2'] },
      ]);
    }
  });

  test('of a colleague consulted first and called again later goes to that later talk only if it is of it', () => {
    const script = consultation(false);
    const messages = script.messages.filter((message) => !isSummary(message) && !isLegEvent('A', 'disconnected')(message));
    const later = new Script();
    later.now = script.now;
    later.leg('A', { to: ANNA }).skipsSeq().skipsSeq().skipsSeq().skipsSeq().ends();
    const c = later.leg('C', { to: BORIS, takenFrom: 'A', transfer: 'blind' }).appears().connects();
    const third = later.recording('R3', BORIS).starts(c);
    later.pass(10);
    c.ends();
    third.completes(c).isStored();
    later.summary(talked(BORIS));
    expect(play([...messages, ...later.messages]).outcome.conversations).toMatchObject([
      { agentId: 'anna', recordings: ['R1'] },
      { agentId: 'boris', recordings: ['R3'] },
    ]);
  });

  test('A → B → A: each of the first agent’s two talks has its own', () => {
    const { script, leg: a } = answeredBy(ANNA);
    const one = script.recording('R1', ANNA).starts(a);
    script.pass(10);
    a.ends();
    one.completes(a).isStored();
    const b = script.leg('B', { to: BORIS, takenFrom: 'A' }).appears().connects();
    script.pass(10);
    b.ends();
    const c = script.leg('C', { to: ANNA, takenFrom: 'B' }).appears().connects();
    const two = script.recording('R2', ANNA).starts(c);
    script.pass(10);
    c.ends();
    two.completes(c).isStored();
    const outcome = play(script.summary(talked(ANNA)).messages).outcome;
    expect(outcome.conversations.map(({ agentId, recordings }) => [agentId, recordings])).toEqual([
      ['anna', ['R1']],
      ['boris', []],
      ['anna', ['R2']],
    ]);
  });

  test('an unanswered attempt has none', () => {
    const script = new Script();
    const first = script.leg('L1', { from: CUSTOMER, to: ANNA, command: FOREIGN }).appears().connects();
    const recording = script.recording('R1', ANNA).starts(first);
    first.ends();
    recording.completes(first).isStored();
    const played = play(script.messages);
    expect(played.words).toEqual(['attempt by anna']);
    expect(played.of('announce_recording')).toEqual([]);
  });
});

describe('no recording', () => {
  test('is told 900 seconds after the end of the talk, if nothing was ever heard of one', () => {
    const played = play(direct().messages);
    expect(played.of('give_up_recording')).toEqual([
      { type: 'give_up_recording', conversationId: 'call.1', reason: 'not_recorded' },
    ]);
    expect(played.secondsOf('give_up_recording')).toEqual([965]);
  });

  test('one that comes later still joins', () => {
    const script = recorded((inner) => {
      inner.pass(3_600);
      inner.recording('R1', null).isStored();
    });
    const played = play(script.messages);
    expect(played.of('give_up_recording')).toHaveLength(1);
    expect(played.of('announce_recording')).toHaveLength(1);
    expect(played.errands).toHaveLength(1);
  });

  test.each([
    ['too short', { completionCode: 4002, recipient: null }, 'too_short'],
    ['mail only', { recipient: 'mail' as const }, 'mail_only'],
    ['refused by billing', { completionCode: 2211, recipient: null }, 'refused'],
    ['not kept for another reason', { completionCode: 5003, recipient: null }, 'not_kept'],
  ])('%s is said at once, with its reason', (_name, part, reason) => {
    const played = play(recorded((script, leg) => void script.recording('R1', ANNA).starts(leg).completes(leg, part)).messages);
    expect(played.of('settle_recording')).toEqual([{ type: 'settle_recording', rowId: 'row-R1', reason }]);
    expect(played.errands).toEqual([]);
  });

  test('in the cloud and by mail is in the cloud', () => {
    const part = { recipient: 'cloud_and_mail' as const };
    const played = play(recorded((script, leg) => void script.recording('R1', ANNA).starts(leg).completes(leg, part)).messages);
    expect(played.errands).toHaveLength(1);
  });

  test('that was announced and never completed is given up as never arrived', () => {
    const played = play(recorded((script, leg) => void script.recording('R1', ANNA).starts(leg)).messages);
    expect(played.of('settle_recording')).toEqual([{ type: 'settle_recording', rowId: 'row-R1', reason: 'never_arrived' }]);
    expect(played.of('give_up_recording')).toEqual([]);
    expect(played.secondsOf('settle_recording')).toEqual([67 + 900]);
  });

  test('given up before it was asked for, and in storage after all, is fetched', () => {
    for (const complete of [true, false]) {
      const script = recorded((inner, leg) => {
        const recording = inner.recording('R1', ANNA).starts(leg);
        if (complete) recording.completes(leg, { completionCode: 4002 });
        inner.pass(3_600);
        recording.isStored();
      });
      const played = play(script.messages);
      expect(played.of('settle_recording')).toHaveLength(1);
      expect(played.errands).toHaveLength(1);
    }
  });
});

describe('fetching', () => {
  const ready = (): Script => recorded((script, leg) => void script.recording('R1', ANNA).starts(leg).completes(leg).isStored());

  /** Minutes between two attempts, without the second that each takes here. */
  const minutesBetween = (fetches: readonly number[]): number[] =>
    fetches.slice(1).map((at, index) => (at - (fetches[index] ?? 0) - 1_000) / 60_000);
  const fetchesOf = ({ steps }: ReturnType<typeof play>): number[] =>
    steps.filter((step) => step.errands.length > 0).map((step) => step.at);

  test('R19: not there for ten minutes, is asked for each minute, and is there', () => {
    const fetch = (_id: string, attempt: number) => (attempt <= 10 ? retry : settled);
    const played = play(ready().messages, { fetch });
    expect(minutesBetween(fetchesOf(played))).toEqual(Array(10).fill(1));
    expect(played.of('settle_recording')).toEqual([]);
  });

  test('R19: not there for longer, is asked for ever more rarely, for most of a day', () => {
    const minutes = minutesBetween(fetchesOf(play(ready().messages, { fetch: () => retry })));
    expect(minutes).toEqual([...Array<number>(10).fill(1), 10, 30, 60, ...Array<number>(10).fill(120)]);
  });

  test('of a PBX that cannot be reached, is asked for again in seconds, then as any other', () => {
    const fetch = (_id: string, attempt: number) => (attempt <= 4 ? unreachable : settled);
    const seconds = minutesBetween(fetchesOf(play(ready().messages, { fetch }))).map((minutes) => minutes * 60);
    expect(seconds).toEqual([5, 20, 60, 60]);
  });

  test('is given up after many attempts, with the last reason', () => {
    const played = play(ready().messages, { fetch: () => retry });
    expect(played.errands).toHaveLength(FETCH_ATTEMPTS);
    expect(played.of('settle_recording')).toEqual([{ type: 'settle_recording', rowId: 'row-R1', reason: 'not_found' }]);
    const hours = ((played.finishedAt ?? 0) - T0) / 3_600_000;
    expect(hours).toBeGreaterThan(12);
  });

  test('keeps the call open while it is under way', () => {
    const played = play(ready().messages);
    const fetch = played.steps.find((step) => step.errands.length > 0);
    expect(played.finishedAt).toBe((fetch?.at ?? 0) + 1_000);
  });

  test('is asked for again by an admin, after it was given up, and at once', () => {
    const played = play(ready().messages, { fetch: () => retry });
    const now = T0 + 30 * 3_600_000;
    const again = new Script().acts('admin', 'fetch_recording_again', { recordingId: 'row-R1' }).messages[0];
    const state = askedAgain(again ? withCallMessage(played.state, again, now) : played.state, 'row-R1', now);
    const plan = decide(state, LIMITS, now);
    expect(plan.errands).toEqual([{ type: 'fetch_recording', recordingId: 'R1', rowId: 'row-R1' }]);
    expect(plan.decisions).toMatchObject([{ type: 'answer_action', code: null }]);
    expect(plan.finished).toBe(false);
  });

  test('that waits for its next attempt is not waited for when an admin asks', () => {
    const played = play(ready().messages, { fetch: () => retry, until: T0 + 400_000 });
    const now = T0 + 400_000;
    expect(decide(played.state, LIMITS, now).errands).toEqual([]);
    expect(decide(askedAgain(played.state, 'row-R1', now), LIMITS, now).errands).toHaveLength(1);
  });

  test('of what was never there is answered with nothing to fetch', () => {
    const script = direct().acts('admin', 'fetch_recording_again', { recordingId: 'row-of-nothing' });
    expect(play(script.messages).of('answer_action')).toMatchObject([{ code: 'nothing_to_fetch' }]);
  });
});
