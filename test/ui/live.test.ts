import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { defineComponent, effectScope, ref } from 'vue';
import { Problem } from '../../ui/src/client.ts';
import { useCallAction } from '../../ui/src/composables/useCallAction.ts';
import { useErasure } from '../../ui/src/composables/useErasure.ts';
import { useLoad } from '../../ui/src/composables/useLoad.ts';
import { showAhead, useTicket } from '../../ui/src/composables/useTicket.ts';
import { useTicketList } from '../../ui/src/composables/useTicketList.ts';
import type { Erasure, Ticket } from '../../ui/src/contract.ts';
import { followCalls, forgetCalls, onTransition } from '../../ui/src/live/calls.ts';
import { callDraft, flushDraft, forgetDraft, keptGist, leaveDrafts, resumeDrafts } from '../../ui/src/live/drafts.ts';
import { connection, on, onResume, onUnsure, startStream, stopStream } from '../../ui/src/live/stream.ts';
import { answerWith, liveCall, page, show, ticket, type Answer } from './stage.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  sessionStorage.clear();
});
const accepted = { status: 202, body: { state: 'accepted', code: null, ticketId: null } };
const save = { type: 'hang_up' } as const;

describe('an action on a call', () => {
  test('what failed for want of an answer is repeated under the same id, and then asked for', async () => {
    let up = false;
    const asked = answerWith(({ method }) => {
      if (!up) return 'down';
      return method === 'GET' ? { body: { state: 'done', code: null, ticketId: '41' } } : accepted;
    });
    const { run, problem, busy } = useCallAction();
    expect(await run(liveCall.callId, save)).toBeNull();
    expect(problem.value?.code).toBe('network');
    up = true;
    const again = run(liveCall.callId, save);
    expect(busy.value).toBe(true);
    expect(await run(liveCall.callId, save)).toBeNull();
    await vi.advanceTimersByTimeAsync(2000);
    expect(await again).toMatchObject({ state: 'done', ticketId: '41' });
    const ids = asked.filter(({ method }) => method === 'POST').map(({ body }) => (body as { actionId: string }).actionId);
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
  });

  test('what was refused begins anew, and the refusal names the ticket in the way', async () => {
    const asked = answerWith(() => ({ body: { state: 'refused', code: 'ticket_exists', ticketId: '41' } }));
    const { run, problem } = useCallAction();
    await run(liveCall.callId, save);
    expect(problem.value?.code).toBe('ticket_exists');
    expect(problem.value?.body.ticketId).toBe('41');
    await run(liveCall.callId, save);
    expect(new Set(asked.map(({ body }) => (body as { actionId: string }).actionId)).size).toBe(2);
  });
});

/** Stands in for the browser's connection: says what the service would. */
class Stream extends EventTarget {
  static open: Stream;
  static made = 0;
  constructor() {
    super();
    Stream.open = this;
    Stream.made += 1;
  }
  says(type: string, data: unknown): void {
    this.dispatchEvent(new MessageEvent(type, { data: JSON.stringify(data) }));
  }
  close(): void {}
}

describe('the stream', () => {
  test('a connection that says nothing is given up, and everything read again; so it is when the network is back', async () => {
    vi.stubGlobal('EventSource', Stream);
    answerWith(() => page());
    const resumed = vi.fn();
    const stop = onResume(resumed);
    Stream.made = 0;
    startStream('anna');
    Stream.open.says('stream.open', { agentId: 'anna' });
    for (let beats = 0; beats < 4; beats += 1) {
      await vi.advanceTimersByTimeAsync(15_000);
      Stream.open.says('stream.beat', {});
    }
    expect([Stream.made, connection.value]).toEqual([1, 'open']);
    await vi.advanceTimersByTimeAsync(50_000);
    expect([Stream.made, connection.value]).toEqual([2, 'lost']);
    Stream.open.says('stream.open', { agentId: 'anna' });
    expect([connection.value, resumed.mock.calls.length]).toEqual(['open', 2]);

    window.dispatchEvent(new Event('offline'));
    await vi.advanceTimersByTimeAsync(2500);
    expect(connection.value).toBe('lost');
    window.dispatchEvent(new Event('online'));
    expect(Stream.made).toBe(3);
    Stream.open.says('stream.open', { agentId: 'anna' });
    expect([connection.value, resumed.mock.calls.length]).toEqual(['open', 3]);
    stop();
    stopStream();
  });

  test('what is told to another agent, who has signed in since, is not heard', () => {
    vi.stubGlobal('EventSource', Stream);
    const [heard, unsure] = [vi.fn(), vi.fn(() => Promise.resolve(false))];
    const stop = on('ticket.changed', heard);
    onUnsure(unsure);
    startStream('anna');
    Stream.open.says('stream.open', { agentId: 'anna' });
    Stream.open.says('ticket.changed', { ticketId: '1' });
    expect([heard.mock.calls.length, unsure.mock.calls.length]).toEqual([1, 0]);
    Stream.open.says('stream.open', { agentId: 'boris' });
    Stream.open.says('ticket.changed', { ticketId: '2' });
    expect(heard.mock.calls).toEqual([[{ ticketId: '1' }]]);
    expect(unsure).toHaveBeenCalled();
    stop();
    stopStream();
  });
});

describe('a list that follows what others do', () => {
  test('is read once a second at most, not while nobody sees it, and once when they look again', async () => {
    vi.stubGlobal('EventSource', Stream);
    const asked = answerWith(() => page());
    const scope = effectScope();
    startStream('anna');
    Stream.open.says('stream.open', { agentId: 'anna' });
    scope.run(() => useTicketList(ref({})));
    const change = (): void => Stream.open.says('ticket.changed', { ticketId: '7' });
    const look = (hidden: boolean): void => {
      vi.spyOn(document, 'hidden', 'get').mockReturnValue(hidden);
      document.dispatchEvent(new Event('visibilitychange'));
    };
    await vi.advanceTimersByTimeAsync(2000);
    expect(asked).toHaveLength(1);
    for (let times = 0; times < 5; times += 1) change();
    await vi.advanceTimersByTimeAsync(2000);
    expect(asked).toHaveLength(3);
    look(true);
    change();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toHaveLength(3);
    look(false);
    await vi.advanceTimersByTimeAsync(2000);
    expect(asked).toHaveLength(4);
    look(true);
    look(false);
    scope.stop();
    change();
    await vi.advanceTimersByTimeAsync(2000);
    expect(asked).toHaveLength(4);
    stopStream();
  });
});

describe('my calls', () => {
  const talking = { ...liveCall, state: 'talking' as const };

  test('a talk found going on after a reload is no news, whatever is told of it; one answered now is', () => {
    vi.stubGlobal('EventSource', Stream);
    answerWith(() => page());
    const told: string[] = [];
    const stop = onTransition((call, before) => told.push(`${call.callId}: ${before} → ${call.state}`));
    followCalls();
    startStream('anna');
    Stream.open.says('stream.open', { agentId: 'anna' });
    Stream.open.says('call.updated', { ...talking, callId: 'going on' });
    Stream.open.says('call.ringing', { ...liveCall, callId: 'new' });
    Stream.open.says('call.answered', { ...talking, callId: 'new' });
    expect(told).toEqual(['new: null → ringing', 'new: ringing → talking']);
    stop();
    stopStream();
    forgetCalls();
  });
});

describe('a draft', () => {
  beforeEach(() => resumeDrafts('anna'));

  test('is kept in the tab at once, saved a moment later, once for many keys, and again until it is saved', async () => {
    let up = false;
    const asked = answerWith(() => (up ? accepted : 'down'));
    const draft = callDraft(liveCall.callId, 'd1', null);
    for (const gist of ['П', 'Пр', 'При']) draft.gist = gist;
    await vi.advanceTimersByTimeAsync(1);
    expect(JSON.parse(sessionStorage.getItem('trubka.draft.anna.d1')!)).toEqual({
      callId: liveCall.callId,
      subject: '',
      gist: 'При',
    });
    expect(asked).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(600);
    expect(asked).toHaveLength(1);
    expect(draft.state).toBe('unsaved');
    up = true;
    await vi.advanceTimersByTimeAsync(3100);
    expect(asked.at(-1)!.body).toMatchObject({ type: 'save_draft', conversationId: 'd1', gist: 'При' });
    expect(draft.state).toBe('saved');
    // The server has it; whether a message took it over is another matter.
    expect(keptGist('d1')).toBe('При');
    leaveDrafts();
    resumeDrafts('anna');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked).toHaveLength(2);
    forgetDraft('d1');
    expect(sessionStorage.length).toBe(0);
  });

  test('forgotten while it is being saved leaves nothing behind, however the save ends', async () => {
    for (const answer of [accepted, 'down'] as const) {
      const asked = answerWith(() => answer);
      const draft = callDraft(liveCall.callId, 'd3', null);
      draft.gist = 'Уже в обращении';
      await vi.advanceTimersByTimeAsync(1);
      const saved = flushDraft('d3');
      forgetDraft('d3');
      await saved;
      await vi.advanceTimersByTimeAsync(10_000);
      expect(asked).toHaveLength(1);
      expect(sessionStorage.length).toBe(0);
    }
  });

  test('what a reload found in the tab counts more than what the server has', () => {
    answerWith(() => accepted);
    sessionStorage.setItem('trubka.draft.anna.d2', JSON.stringify({ subject: 'Тема', gist: 'Новее' }));
    expect(callDraft(liveCall.callId, 'd2', { subject: '', gist: 'Старее' })).toMatchObject({ subject: 'Тема', gist: 'Новее' });
    forgetDraft('d2');
  });

  test('that the network kept from the server is sent after a reload; one that is refused is not sent for ever', async () => {
    const asked = answerWith(() => ({ status: 404, body: { code: 'not_found' } }));
    sessionStorage.setItem('trubka.draft.anna.d4', JSON.stringify({ callId: 'c4', subject: '', gist: 'Без сети' }));
    resumeDrafts();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked.map(({ path }) => path)).toEqual(['/api/calls/c4/actions']);
    expect(asked[0]!.body).toMatchObject({ type: 'save_draft', conversationId: 'd4', gist: 'Без сети' });
    expect(sessionStorage.getItem('trubka.draft.anna.d4')).not.toBeNull();
    forgetDraft('d4');
  });

  test('is nothing to another agent who signs in in the same tab, and still there for the one who typed it', async () => {
    const asked = answerWith(() => 'down');
    callDraft(liveCall.callId, 'd5', null).gist = 'Аннино';
    await vi.advanceTimersByTimeAsync(600);
    leaveDrafts();
    const before = asked.length;
    resumeDrafts('boris');
    expect(callDraft(liveCall.callId, 'd5', null).gist).toBe('');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked).toHaveLength(before);
    leaveDrafts();
    resumeDrafts('anna');
    expect(callDraft(liveCall.callId, 'd5', null).gist).toBe('Аннино');
    forgetDraft('d5');
  });

  test('goes at once when asked to', async () => {
    const asked = answerWith(() => accepted);
    const draft = callDraft(liveCall.callId, 'd3', null);
    draft.subject = 'Сразу';
    await flushDraft('d3');
    expect(asked).toHaveLength(1);
    forgetDraft('d3');
  });
});

describe('loading', () => {
  test('a late answer never overwrites a newer one', async () => {
    const answers: ((text: string) => void)[] = [];
    const source = ref(1);
    const scope = effectScope();
    const { data } = scope.run(() => useLoad(() => new Promise<string>((resolve) => answers.push(resolve)), source))!;
    source.value = 2;
    await Promise.resolve();
    answers[1]!('новый');
    answers[0]!('старый');
    await vi.advanceTimersByTimeAsync(1);
    expect(data.value).toBe('новый');
    scope.stop();
  });

  test('what only the network was in the way of is asked for again by itself, what was refused is not', async () => {
    let answer: () => Promise<string> = () => Promise.reject(new Problem(404, 'not_found'));
    const load = vi.fn(() => answer());
    const scope = effectScope();
    const { data, state, reload, retry } = scope.run(() => useLoad(load))!;
    await vi.advanceTimersByTimeAsync(60_000);
    expect([state.value, load.mock.calls.length]).toEqual(['failed', 1]);
    answer = () => Promise.resolve('было');
    await retry();
    answer = () => Promise.reject(new Problem(502, 'server'));
    await reload();
    await vi.advanceTimersByTimeAsync(8000);
    expect(data.value).toBe('было');
    answer = () => Promise.resolve('стало');
    await vi.advanceTimersByTimeAsync(24_000);
    expect([data.value, state.value]).toEqual(['стало', 'ready']);
    const asked = load.mock.calls.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(load.mock.calls.length).toBe(asked);
    scope.stop();
  });

  test('a quiet reload that fails leaves what is on the screen', async () => {
    let fails = false;
    const scope = effectScope();
    const { data, state, reload, retry } = scope.run(() =>
      useLoad(() => (fails ? Promise.reject(new Problem(0, 'network')) : Promise.resolve('есть'))),
    )!;
    await vi.advanceTimersByTimeAsync(1);
    fails = true;
    await reload();
    expect([data.value, state.value]).toEqual(['есть', 'ready']);
    await retry();
    expect(state.value).toBe('failed');
    scope.stop();
  });
});

describe('an erasure that is under way', () => {
  const erasure: Erasure = {
    ...{ id: 'e1', number: '1', customerId: 'c1', reason: 'request', texts: 'erase', state: 'erasing' },
    ...{ orderedAt: '2024-03-05T10:00:00.000Z', finishedAt: null, counts: {} },
  };
  const followed = (answer: () => Answer | Promise<Answer>) => {
    const asked = answerWith(answer);
    const scope = effectScope();
    const { erasure: seen, follow } = scope.run(useErasure)!;
    follow(erasure);
    return { asked, seen, leave: () => scope.stop() };
  };

  test('is looked at until it is done, although the network fails meanwhile', async () => {
    const answers: Answer[] = ['down', { body: erasure }, { body: { ...erasure, state: 'done' } }];
    const { asked, seen } = followed(() => answers.shift()!);
    await vi.advanceTimersByTimeAsync(10_000);
    expect([asked.length, seen.value?.state]).toEqual([3, 'done']);
  });

  test('is no more looked at once its page is left, whatever the last answer says', async () => {
    for (const last of [{ body: erasure }, 'down'] as const) {
      let answer = (): void => undefined;
      const { asked, leave } = followed(async () => {
        await new Promise<void>((resolve) => (answer = resolve));
        return last;
      });
      await vi.advanceTimersByTimeAsync(1000);
      leave();
      answer();
      await vi.advanceTimersByTimeAsync(10_000);
      expect(asked).toHaveLength(1);
    }
  });

  test('is no more looked at when nobody is signed in', async () => {
    const { asked } = followed(() => ({ status: 401, body: { code: 'not_signed_in' } }));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked).toHaveLength(1);
  });
});

test('a ticket that was to be shown ahead, and was not reached, is asked for when its page is opened later', async () => {
  answerWith(() => new Promise(() => undefined));
  const refused = new Error('the page could not be loaded');
  await expect(showAhead(ticket as unknown as Ticket, () => Promise.reject(refused))).rejects.toBe(refused);
  const states: string[] = [];
  show(
    defineComponent(() => {
      states.push(useTicket(ticket.id).state.value);
      return () => null;
    }),
  );
  expect(states).toEqual(['loading']);
});
