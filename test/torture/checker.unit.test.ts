import { describe, expect, test } from 'vitest';
import { check, type Nought } from './checker/check.ts';
import type { Evidence } from './checker/evidence.ts';

/** A judge that never finds anything is of no use: one call as it should be, and what is said of it when something is not. */
const PHONE = '+79061000000';
/** The same, to be spoiled. */
interface Loose {
  readonly tickets: Record<string, unknown>[];
  readonly calls: unknown[];
  readonly streams: unknown[];
  readonly sent: Record<string, unknown>[];
  readonly inbox: unknown[];
}

function oneCall(): Evidence {
  const leg = { entry_id: 'e', call_id: 'l', seq: 1, call_state: 'Appeared' };
  const recording = { id: 'r', state: 'ready', reason: null, url: '/api/recordings/r' };
  return {
    seed: 1,
    staff: [{ extension: '101', agentId: 'anna', name: 'Анна' }],
    stories: [{ story: 0, shape: 'answered', phone: PHONE, entryIds: ['e'], trouble: null, longestWaitMs: 0 }],
    calls: [
      {
        entryId: 'e',
        direction: 'incoming',
        customer: '79061000000',
        commandId: null,
        startedAt: 1,
        endedAt: 9,
        legs: [
          {
            callId: 'l',
            location: 'abonent',
            from: '79061000000',
            to: '101',
            takenFrom: null,
            transfer: null,
            answeredAt: 2,
            endedAt: 9,
            appearedAt: 1,
          },
        ],
        talks: [{ callId: 'l', extension: '101', with: 'customer', startedAt: 2, endedAt: 9 }],
        recordings: [{ recordingId: 'pbx-r', callId: 'l', extension: '101', plan: 'stored', sha256: 'abc' }],
      },
    ],
    sent: [
      { path: '/events/call', entryId: 'e', json: JSON.stringify(leg), copy: 0, status: 200, failure: null, tookMs: 5, at: 10 },
    ],
    received: [],
    acts: [
      {
        entryId: 'e',
        extension: '101',
        callId: 'c',
        actionId: 'a',
        type: 'create_ticket',
        subject: 'Тема',
        gist: 'Суть',
        ticketId: null,
        at: 3,
        status: 202,
        problem: null,
        unknowns: 0,
        outcome: { state: 'done', code: null, ticketId: '1' },
      },
    ],
    orders: [],
    streams: [{ extension: '101', cuts: 0, events: [{ id: '1', type: 'action.done', actionId: 'a' }] }],
    tickets: [
      {
        id: '1',
        number: 1,
        subject: 'Тема',
        status: 'pending',
        channel: 'call',
        kind: 'incoming',
        handset: 'green',
        phone: PHONE,
        assignee: { id: 'anna' },
        missedCount: 0,
        createdAt: '2026-01-01T00:00:00Z',
        closedAt: null,
        messages: [
          {
            id: '1',
            type: 'reply',
            body: 'Суть',
            code: null,
            createdAt: '2026-01-01T00:00:00Z',
            author: { type: 'agent', id: 'anna' },
            conversation: {
              id: 'c.1',
              callId: 'c',
              agent: { id: 'anna' },
              direction: 'incoming',
              outcome: 'talked',
              talkSeconds: 7,
              answeredAt: null,
              endedAt: null,
              recordings: [recording],
              recording,
            },
          },
        ],
      },
    ],
    downloads: { r: 'abc' },
    files: ['r.audio'],
    inbox: [{ source: 'pbx', path: '/events/call', body: leg, verdict: 'delivered', waiting: false }],
    statistics: {
      from: '',
      to: '',
      load: { newTickets: 1, newFromCustomers: 1, withReply: 1 },
      totalReplies: 1,
      agents: [{ agent: { id: 'anna' }, totalReplies: 1 }],
    },
    leaks: [],
    drain: { openCalls: 0, inboxWaiting: 0, recordingsPending: 0, runningWorkflows: 0, failedWorkflows: 0, begunAnew: 0 },
    tail: [{ path: '/health/ready', statuses: [200, 200, 200, 200, 200] }],
    strikes: [{ what: 'kill -9 api1', kind: 'kill', atMs: 1, inFlight: 3, recoveredMs: 900 }],
    smallDisk: true,
  };
}

const spoiled = (spoil: (evidence: Loose) => void): Evidence => {
  const evidence = structuredClone(oneCall());
  spoil(evidence as unknown as Loose);
  return evidence;
};
type Part = Record<string, unknown>;
const set =
  (path: string, value: unknown) =>
  (evidence: Loose): void => {
    const keys = path.split('.');
    const last = keys.pop() ?? '';
    const place = keys.reduce<Part>((at, key) => at[key] as Part, evidence as unknown as Part);
    place[last] = value;
  };

describe('The judge of the campaign', () => {
  test('has nothing to say of a call that is as it should be', () => {
    expect(check(oneCall())).toMatchObject({ passed: true, voidBecause: null, cases: [] });
  });

  const conversation = 'tickets.0.messages.0.conversation';
  test.each([
    ['is waited for: no fault if the PBX never hands it out', null, 0],
    ['is waited for, though the PBX hands it out', 'abc', 1],
  ])('a hidden caller’s recording %s', (_, sha256, times) => {
    const verdict = check(
      spoiled((all) => {
        set('calls.0.customer', null)(all);
        set('tickets.0.phone', null)(all);
        set('calls.0.recordings.0.sha256', sha256)(all);
        for (const of of ['recording', 'recordings.0']) {
          set(`${conversation}.${of}.state`, 'pending')(all);
          set(`${conversation}.${of}.reason`, 'not_found')(all);
        }
      }),
    );
    expect(verdict.counts.pendingAfterT).toBe(times);
  });

  test.each<readonly [Nought, string, (evidence: Loose) => void]>([
    ['lost', 'an event answered 200 is not in the inbox', set('inbox', [])],
    ['noTicket', 'a talk has no ticket', set('tickets', [])],
    ['twoTickets', 'a talk stands in two tickets', (all) => all.tickets.push(structuredClone(all.tickets[0]) ?? {})],
    ['twoTickets', 'a ticket is there for nobody', (all) => all.tickets.push({ ...all.tickets[0], phone: '+7999' })],
    ['answeredAsMissed', 'a talk counts as missed', set(`${conversation}.outcome`, 'missed')],
    ['different', 'the status is another', set('tickets.0.status', 'open')],
    ['different', 'the subject is another', set('tickets.0.subject', 'Входящий звонок')],
    ['different', 'the assignee is another', set('tickets.0.assignee', null)],
    ['different', 'the handset is another', set('tickets.0.handset', 'red')],
    ['textLost', 'what the agent typed is gone', set('tickets.0.messages.0.body', '')],
    ['silent', 'a recording is given up without a word', set(`${conversation}.recordings.0.state`, 'unavailable')],
    ['wrongBytes', 'a recording has other bytes', set('downloads', { r: 'other' })],
    ['recordingLost', 'a recording that the PBX has is not there', set('downloads', {})],
    ['pendingAfterT', 'a recording is waited for', set(`${conversation}.recordings.0.state`, 'pending')],
    ['actionLost', 'an action that was accepted has come to nothing', set('acts.0.outcome', null)],
    ['actionLost', 'an action was refused without a reason', set('acts.0.outcome.state', 'refused')],
    ['dialledTwice', 'a command was carried out twice', (all) => all.calls.push(...twice())],
    [
      'lockouts',
      'a command was refused as invalid',
      set('received', [{ path: '/vpbx/commands/callback', json: '', status: 400, result: 3100 }]),
    ],
    ['inboxOld', 'something waits in the inbox', set('drain.inboxWaiting', 2)],
    ['callsOpen', 'a call is open', set('drain.openCalls', 1)],
    ['workflowsFailed', 'a workflow failed', set('drain.failedWorkflows', 1)],
    ['orphanFiles', 'a file belongs to nothing', set('files', ['r.audio', 'x.audio'])],
    ['sseMissing', 'nobody was told what came of an action', set('streams.0.events', [])],
    ['sseForeign', 'an agent was told of a colleague’s call', (all) => all.streams.push(foreign())],
    ['figuresOff', 'a figure is another', set('statistics.load.newTickets', 2)],
    ['tailBad', 'it is not alive at the end', set('tail.0.statuses', [200, 200, 200, 200, 503])],
    ['leaks', 'a number stands in a log', set('leaks', ['api1.log: <HERE>'])],
    ['notRecovered', 'it was not well again', set('strikes.0.recoveredMs', null)],
    ['storiesBroken', 'a story could not be told to its end', set('stories.0.trouble', 'stuck')],
  ])('counts %s where %s', (name, _what, spoil) => {
    const verdict = check(spoiled(spoil));
    expect(verdict.counts[name]).toBeGreaterThan(0);
    expect(verdict.passed).toBe(false);
  });

  describe('of a customer who was erased', () => {
    const erasure = {
      ...{ story: 0, phone: PHONE, customerId: 'c1', texts: 'erase', status: 202, state: 'done', finishedAt: 50 },
      ...{ customerStatus: 404, logLines: 1, traces: [] },
    };
    const erased = (spoil: (evidence: Loose) => void = () => undefined): Evidence =>
      spoiled((all) => {
        set('erasures', [structuredClone(erasure)])(all);
        set('tickets.0.customer', { id: 'c1' })(all);
        set('tickets.0.phone', null)(all);
        set('tickets.0.subject', 'Входящий звонок')(all);
        set('tickets.0.messages.0.body', '')(all);
        const gone = { id: 'r', state: 'unavailable', reason: 'erased', url: null };
        set(`${conversation}.recordings`, [gone])(all);
        set(`${conversation}.recording`, gone)(all);
        set('downloads', {})(all);
        set('files', [])(all);
        spoil(all);
      });

    test('has nothing to say if number, texts and recording are gone, and all else stands', () => {
      expect(check(erased())).toMatchObject({ passed: true, cases: [], facts: { 'customers erased': 1 } });
    });

    test('knows that a figure may have counted the recording, or not', () => {
      expect(check(erased(set('statistics.totalReplies', 0))).counts.figuresOff).toBe(0);
      expect(check(erased(set('statistics.totalReplies', 2))).counts.figuresOff).toBe(1);
    });

    test('minds no row that came after the end', () => {
      expect(check(erased(set('erasures.0.traces', [{ table: 'inbox', at: 51 }]))).passed).toBe(true);
    });

    const texts = (all: Loose): void => {
      set('erasures.0.texts', 'keep')(all);
      set('tickets.0.subject', 'Тема')(all);
    };

    test('asks for what was typed where that is to be kept', () => {
      const kept = erased((all) => {
        texts(all);
        set('tickets.0.messages.0.body', 'Суть')(all);
      });
      expect(check(kept).passed).toBe(true);
      expect(check(erased(texts)).counts).toMatchObject({ textLost: 1, different: 1 });
    });

    test.each<readonly [Nought, string, (evidence: Loose) => void]>([
      ['erasureUndone', 'it was refused', set('erasures.0.status', 404)],
      ['erasureUndone', 'it never ended', set('erasures.0.state', 'checking')],
      ['erasureUndone', 'the log has no line', set('erasures.0.logLines', 0)],
      ['erasureUndone', 'the log has two lines', set('erasures.0.logLines', 2)],
      ['erasedLeft', 'the customer is found', set('erasures.0.customerStatus', 200)],
      ['erasedLeft', 'the number stands in a table', set('erasures.0.traces', [{ table: 'calls', at: null }])],
      ['erasedLeft', 'the number stands in an event from before', set('erasures.0.traces', [{ table: 'inbox', at: 49 }])],
      ['erasedLeft', 'the number stands in the ticket', set('tickets.0.phone', PHONE)],
      ['erasedLeft', 'the recording is there', set(`${conversation}.recordings.0.state`, 'ready')],
      ['orphanFiles', 'the file is there', set('files', ['r.audio'])],
      ['noTicket', 'the ticket is gone as well', set('tickets', [])],
      ['different', 'the status is another', set('tickets.0.status', 'open')],
      ['different', 'a text is there', set('tickets.0.messages.0.body', 'Суть')],
    ])('counts %s where %s', (name, _what, spoil) => {
      const verdict = check(erased(spoil));
      expect(verdict.counts[name]).toBeGreaterThan(0);
      expect(verdict.passed).toBe(false);
    });
  });

  test('lets no run count in which a kill struck while nothing was under way', () => {
    const verdict = check(spoiled(set('strikes.0.inFlight', 0)));
    expect(verdict).toMatchObject({ passed: false, faults: 0, voidBecause: '1 of 1 kills struck while nothing was under way' });
  });

  test.each([
    [false, '1 of 1 points could not be held open: kill -9 api1', 'none'],
    [true, null, 'P3 × 1'],
  ])('lets no run count in which a point that was to be held open was not; held: %s', (isHeld, voidBecause, told) => {
    const verdict = check(
      spoiled((all) => {
        set('strikes.0.window', 'P3')(all);
        set('strikes.0.isHeld', isHeld)(all);
      }),
    );
    expect(verdict).toMatchObject({ voidBecause, facts: { kills: 0, 'kills at a point held open': told } });
  });

  const unanswered = (all: Loose): void => void all.sent.push({ ...all.sent[0], status: null, failure: 'ECONNRESET', copy: 1 });

  test('lets no run count in which of more than a tenth of the events an answer was lost, though they were stored', () => {
    const verdict = check(spoiled(unanswered));
    expect(verdict).toMatchObject({
      passed: false,
      faults: 0,
      voidBecause: '100.0 % of the events had a request without an answer',
      facts: { 'events with such a request (unknown)': '1 (100.0 %)', 'of these stored all the same (recovered)': 1 },
    });
  });

  const slowAnswers = 'webhooks answered after more than 5 s';
  const heldUp = 'of these with its API or the way to it held up';
  test.each([
    ['a slow answer of its own', 'stop postgres for 4 s', 0],
    ['one whose API stood still', 'stop api1 for 5 s', 1],
  ])('tells %s from one that nobody could give', (_name, what, excused) => {
    const verdict = check(
      spoiled((all) => {
        set('sent.0.tookMs', 5_200)(all);
        set('sent.0.at', 9_000)(all);
        set('strikes.0', { what, kind: 'other', atMs: 1, inFlight: 1, recoveredMs: 1, from: 4_500, to: 8_000 })(all);
      }),
    );
    expect(verdict.facts).toMatchObject({ [slowAnswers]: 1, [heldUp]: excused });
  });

  test('does not judge a call of which answer and summary were told when all waiting for them was over', () => {
    const told = (state: string, seq: number, at: number) => {
      const json = JSON.stringify({ entry_id: 'e', call_id: 'l', seq, call_state: state });
      return { path: '/events/call', entryId: 'e', json, copy: 0, status: 200, failure: null, tookMs: 5, at };
    };
    const missed = (answeredAt: number): Evidence =>
      spoiled((all) => {
        set('settleMs', 8_000)(all);
        set('tickets.0.status', 'open')(all);
        all.sent.push(told('Disconnected', 3, 1_000), told('Connected', 2, answeredAt));
        const bodies = all.sent.map(({ json }) => JSON.parse(json as string) as unknown);
        all.inbox.push(
          ...bodies.map((body) => ({ source: 'pbx', path: '/events/call', body, verdict: 'delivered', waiting: false })),
        );
      });
    expect(check(missed(90_000))).toMatchObject({
      counts: { different: 0 },
      facts: { 'calls told of too late to be judged': 1 },
    });
    expect(check(missed(8_000))).toMatchObject({ counts: { different: 1 }, facts: { 'calls told of too late to be judged': 0 } });
  });
});

const twice = (): Evidence['calls'] => {
  const call = {
    ...oneCall().calls[0],
    entryId: 'x',
    legs: [],
    talks: [],
    recordings: [],
    commandId: 'k',
  } as unknown as Evidence['calls'][number];
  return [call, { ...call, entryId: 'y' }];
};
const foreign = (): Evidence['streams'][number] => ({
  extension: '102',
  cuts: 0,
  events: [{ id: '2', type: 'call.ringing', phone: PHONE }],
});
