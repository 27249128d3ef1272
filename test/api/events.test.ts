import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { streamEvents, type StreamEventName } from '../../api/contract/stream.ts';
import { liveCallOf, publishCall, type LiveCall } from '../../db/calls.ts';
import { inTransaction, type Transaction } from '../../db/pool.ts';
import { publish } from '../../db/stream.ts';
import { as, startTestApi, type Caller, type TestApi } from '../support/api.ts';
import { seedPbx, seedTalk } from '../support/api-calls.ts';
import { EventStream } from '../support/event-stream.ts';

let api: TestApi;
let opened: EventStream[] = [];
/** Open through all tests, long enough to see the heartbeat. */
let patient: EventStream;
beforeAll(async () => {
  api = await startTestApi();
  patient = await EventStream.open(api.admin);
});
afterEach(() => {
  for (const stream of opened) stream.close();
  opened = [];
});
afterAll(async () => {
  patient.close();
  await api.close();
});

async function open(caller: Caller, lastEventId?: string): Promise<EventStream> {
  const stream = await EventStream.open(caller, lastEventId);
  opened.push(stream);
  expect(stream.status).toBe(200);
  return stream.until(({ retry }) => retry !== '');
}
const tell = (agentId: string | null, payload: object, trx: Transaction | typeof api.db = api.db) =>
  publish(trx, { type: 'action.done', agentId, payload });
/** Something everybody hears; whatever was to come before it has come. */
async function bell(...streams: EventStream[]): Promise<void> {
  const actionId = `bell ${randomUUID()}`;
  await tell(null, { actionId });
  for (const stream of streams) await stream.until(({ events }) => events.some(({ data }) => data['actionId'] === actionId));
}
const toldTo = (stream: EventStream): unknown[] =>
  stream.ofType('action.done').flatMap(({ data }) => (String(data['actionId']).startsWith('bell') ? [] : [data['actionId']]));

describe('The event stream', () => {
  it('is one, is not stored, and says whose it is and when to come back', async () => {
    const stream = await open(api.anna);
    expect(stream.response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
    });
    expect(stream.retry).toBe('2000');
    expect(stream.events[0]).toMatchObject({ type: 'stream.open', data: { agentId: api.anna.id } });
  });

  it('is closed to nobody signed in, and answers HEAD without opening', async () => {
    expect((await EventStream.open(api.nobody)).status).toBe(401);
    expect((await api.anna.send('HEAD', '/api/events')).status).toBe(200);
  });

  it('tells an agent their own events in all their tabs, and nobody else', async () => {
    const [tab, otherTab, boris, admin] = [
      await open(api.anna),
      await open(api.anna),
      await open(api.boris),
      await open(api.admin),
    ];
    await tell(api.anna.id, { actionId: 'a' });
    await tell(api.boris.id, { actionId: 'b' });
    await bell(tab, otherTab, boris, admin);
    expect([tab, otherTab, boris, admin].map(toldTo)).toEqual([['a'], ['a'], ['b'], []]);
  });

  it('sends a call as it stands in the list of calls', async () => {
    const stream = await open(api.anna);
    const { callId } = await seedTalk(api.db, { integrationId: await seedPbx(api.db), agentId: api.anna.id });
    await inTransaction(api.db, async (trx) => {
      const call = await liveCallOf(trx, callId, api.anna.id);
      if (call) await publishCall(trx, 'call.answered', api.anna.id, call);
    });
    await stream.until((told) => told.ofType('call.answered').length > 0);
    const listed = as<{ items: LiveCall[] }>(await api.anna.get('/api/calls')).items;
    expect(stream.ofType('call.answered')[0]?.data).toEqual(listed.find((call) => call.callId === callId));
  });

  it('tells of a ticket those who may see it, and the one who just lost it', async () => {
    const [own, other] = [await api.addAgent({ access: 'own' }), await api.addAgent({ access: 'own' })];
    const ticketOf = async (assigneeId: string | null) =>
      as<{ id: string }>(await api.admin.post('/api/tickets', { subject: 'x', channel: 'email', assigneeId })).id;
    const mine = await ticketOf(own.id);
    const free = await ticketOf(null);
    const foreign = await ticketOf(api.boris.id);
    const [stream, others, all] = [await open(own), await open(other), await open(api.anna)];
    const change = async (id: string, values: object): Promise<void> => {
      expect((await api.admin.patch(`/api/tickets/${id}`, values)).status).toBe(200);
    };
    for (const id of [mine, free, foreign]) await change(id, { subject: 'y' });
    await change(mine, { assigneeId: api.boris.id });
    await bell(stream, others, all);
    const tickets = (of: EventStream): unknown[] => of.ofType('ticket.changed').map(({ data }) => data['ticketId']);
    expect(tickets(stream)).toEqual([mine, free, mine]);
    expect(tickets(others)).toEqual([free]);
    // Of changes that are told together the last counts.
    expect([...new Set(tickets(all).reverse())]).toEqual([mine, foreign, free]);
  });

  /** As Boris, whose ticket it is, and Anna, who may see it, hear of it. */
  async function ticketOfBoris(): Promise<{ own: EventStream; all: EventStream; id: string }> {
    const [own, all] = [await open(api.boris), await open(api.anna)];
    const { id } = as<{ id: string }>(
      await api.admin.post('/api/tickets', { subject: 'x', channel: 'email', assigneeId: api.boris.id }),
    );
    for (const stream of [own, all]) await stream.until((told) => told.ofType('ticket.changed').length === 1);
    return { own, all, id };
  }

  it('tells of other people’s tickets together, of each once, and of nothing out of order', async () => {
    const { own, all, id } = await ticketOfBoris();
    await inTransaction(api.db, async (trx) => {
      const change = (ticketId: string) =>
        publish(trx, { type: 'ticket.changed', agentId: null, ticketId, payload: { ticketId } });
      await change(id);
      await change(id);
      await tell(api.anna.id, { actionId: 'now' }, trx);
      await change(id);
    });
    await all.until((stream) => stream.ofType('ticket.changed').length === 3);
    await bell(own, all);
    const names = (of: EventStream) =>
      of.events.flatMap(({ type, data }) => (type.startsWith('ticket') ? ['ticket'] : data['actionId'] === 'now' ? ['now'] : []));
    expect(names(own)).toEqual(['ticket', 'ticket', 'ticket', 'ticket']);
    expect(names(all)).toEqual(['ticket', 'ticket', 'now', 'ticket']);
    const from = all.events.find(({ data }) => data['actionId'] === 'now');
    const resumed = await open(api.anna, from?.id);
    await bell(resumed);
    expect(names(resumed)).toEqual(['ticket']);
  });

  it('tells of the recording of another’s ticket together with its changes', async () => {
    const { own, all, id } = await ticketOfBoris();
    await inTransaction(api.db, async (trx) => {
      const of = { agentId: null, ticketId: id } as const;
      const change = () => publish(trx, { ...of, type: 'ticket.changed', payload: { ticketId: id } });
      await change();
      await publish(trx, { ...of, type: 'recording.ready', payload: { ticketId: id, recordingId: randomUUID() } });
      await change();
    });
    await all.until((stream) => stream.ofType('ticket.changed').length === 2);
    await bell(own, all);
    const names = (of: EventStream) => of.events.map(({ type }) => type).filter((type) => /^(ticket|recording)/.test(type));
    expect(names(own)).toEqual(['ticket.changed', 'ticket.changed', 'recording.ready', 'ticket.changed']);
    expect(names(all)).toEqual(['ticket.changed', 'recording.ready', 'ticket.changed']);
  });

  it('sends only what its description promises', async () => {
    const stream = await open(api.admin);
    await api.anna.post('/api/customers', { fullName: 'x' });
    await api.anna.post('/api/tickets', { subject: 'x', channel: 'email' });
    await api.admin.post('/api/agents', { fullName: 'x', email: 'x@example.org', role: 'agent' });
    await api.admin.post('/api/fields', { label: 'x', type: 'text' });
    await bell(stream);
    expect(new Set(stream.events.map(({ type }) => type))).toEqual(
      new Set(['stream.open', 'customer.changed', 'ticket.changed', 'agents.changed', 'fields.changed', 'action.done']),
    );
    for (const { type, data } of stream.events) streamEvents[type as StreamEventName].parse(data);
  });
});

describe('A stream that resumes', () => {
  it('tells what was missed, in order, once', async () => {
    const before = await open(api.anna);
    await tell(api.anna.id, { actionId: '1' });
    await before.until((stream) => toldTo(stream).length === 1);
    before.close();
    for (const actionId of ['2', '3', '4']) await tell(api.anna.id, { actionId });
    await tell(api.boris.id, { actionId: 'foreign' });
    const after = await open(api.anna, before.lastId);
    await tell(api.anna.id, { actionId: '5' });
    await bell(after);
    expect(toldTo(after)).toEqual(['2', '3', '4', '5']);
  });

  it('goes on from every single event exactly', async () => {
    const first = await open(api.anna);
    const ids: string[] = Array.from({ length: 6 }, () => randomUUID());
    for (const actionId of ids) await tell(api.anna.id, { actionId });
    await first.until((stream) => toldTo(stream).length === ids.length);
    const own = first.ofType('action.done').filter(({ data }) => ids.includes(String(data['actionId'])));
    for (const [index, { id }] of own.entries()) {
      const resumed = await open(api.anna, id);
      await bell(resumed);
      expect(toldTo(resumed)).toEqual(ids.slice(index + 1));
    }
  });

  it('skips nothing that commits late and out of the order of ids', async () => {
    const live = await open(api.anna);
    const early = await api.db.transaction();
    await tell(api.anna.id, { actionId: 'took its id first, commits last' }, early);
    await tell(api.anna.id, { actionId: 'commits first' });
    await live.until((stream) => toldTo(stream).length === 1);
    const resumedMeanwhile = await open(api.anna, live.lastId);
    live.close();
    await early.commit();
    const resumedAfterwards = await open(api.anna, live.lastId);
    await bell(resumedMeanwhile, resumedAfterwards);
    expect(toldTo(resumedMeanwhile)).toEqual(['took its id first, commits last']);
    expect(toldTo(resumedAfterwards)).toEqual(['took its id first, commits last']);
  });

  it('tells a later event of one call later, whichever transaction began first', async () => {
    const began = await api.db.transaction();
    await began('settings').insert({ key: randomUUID(), value: '1' });
    const position = await open(api.anna);
    const { lastId } = position;
    await tell(api.anna.id, { actionId: 'first' });
    await tell(api.anna.id, { actionId: 'second' }, began);
    await began.commit();
    const resumed = await open(api.anna, lastId);
    await bell(resumed, position);
    expect([toldTo(resumed), toldTo(position)]).toEqual([
      ['first', 'second'],
      ['first', 'second'],
    ]);
  });

  it('loses and repeats nothing under many writers and cuts', async () => {
    const writers = 6;
    const each = 25;
    const write = async (writer: number): Promise<void> => {
      for (let index = 0; index < each; index += 1) {
        await inTransaction(api.db, async (trx) => {
          await tell(api.boris.id, { actionId: `${writer}-${index}` }, trx);
          if (index % 5 === 0) await delay(Math.random() * 20);
        });
      }
    };
    let stream = await open(api.boris);
    const seen: unknown[] = [];
    const writing = Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
    let done = false;
    void writing.then(() => (done = true));
    while (!done) {
      await delay(40);
      stream.close();
      seen.push(...toldTo(stream));
      stream = await open(api.boris, stream.lastId);
    }
    await writing;
    await bell(stream);
    seen.push(...toldTo(stream));
    expect(seen).toHaveLength(writers * each);
    expect(new Set(seen).size).toBe(writers * each);
  });

  it.each(['nonsense', '-1', '1-2-3', '{}', '99999999999999999999-1', '1-1~x', "0-0'; drop table stream_events"])(
    'from %s starts from now',
    async (lastEventId) => {
      await tell(api.anna.id, { actionId: 'old' });
      const sync = await open(api.anna);
      await bell(sync);
      const stream = await open(api.anna, lastEventId);
      await bell(stream);
      expect(toldTo(stream)).toEqual([]);
    },
  );

  it('with another agent\u2019s last event tells nothing of theirs', async () => {
    const anna = await open(api.anna);
    await tell(api.anna.id, { actionId: 'x' });
    await anna.until((stream) => toldTo(stream).length === 1);
    await tell(api.anna.id, { actionId: 'y' });
    const boris = await open(api.boris, anna.lastId);
    await bell(boris);
    expect(toldTo(boris)).toEqual([]);
  });

  it('is told to read everything anew after too much, or from a position that is not of this database', async () => {
    const stream = await open(api.anna);
    stream.close();
    const row = { agent_id: api.anna.id, type: 'action.done', payload: '{"actionId":"many"}' };
    await api.db.batchInsert(
      'stream_events',
      Array.from({ length: 2500 }, () => row),
      500,
    );
    const resumed = await open(api.anna, stream.lastId);
    await resumed.until(({ events }) => events[1]?.type === 'stream.reset');
    const future = await open(api.anna, '999999999999-1');
    await future.until(({ events }) => events[1]?.type === 'stream.reset');
    expect(future.lastId).toMatch(/^\d{1,9}-\d+/);
    await tell(api.anna.id, { actionId: 'new' });
    await bell(resumed, future);
    expect([toldTo(future), resumed.ofType('stream.reset')]).toEqual([['new'], [expect.anything()]]);
  });
});

describe('A stream ends', () => {
  it('at sign-out, with the session it was opened in and no other', async () => {
    const person = await api.addAgent();
    const { createSession } = await import('../../db/sessions.ts');
    const second = await createSession(api.db, { agentId: person.id, address: '127.0.0.1', userAgent: null });
    const other = Object.assign(Object.create(Object.getPrototypeOf(person) as object) as Caller, person, {
      cookie: `trubka_session=${second.token}`,
    });
    const [ending, staying] = [await open(person), await open(other)];
    expect((await person.delete('/api/session')).status).toBe(204);
    await ending.until(({ ended }) => ended, 5000);
    expect(ending.ofType('session.ended')).toHaveLength(1);
    await bell(staying);
    expect(staying.ended).toBe(false);
  });

  it('when its agent is deactivated', async () => {
    const person = await api.addAgent();
    const stream = await open(person);
    await api.admin.patch(`/api/agents/${person.id}`, { active: false });
    await stream.until(({ ended }) => ended, 5000);
    expect((await EventStream.open(person, stream.lastId)).status).toBe(401);
  });

  it('within five seconds also where no notice of it was given', async () => {
    const person = await api.addAgent();
    const stream = await open(person);
    await api.db('sessions').where({ agent_id: person.id }).delete();
    await stream.until(({ ended }) => ended, 5500);
  });

  it('tells nothing more of what its agent may no longer see', async () => {
    const person = await api.addAgent();
    const ticket = as<{ id: string }>(
      await api.admin.post('/api/tickets', { subject: 'x', channel: 'email', assigneeId: api.boris.id }),
    );
    const stream = await open(person);
    await api.admin.patch(`/api/agents/${person.id}`, { access: 'own' });
    await delay(4500);
    await api.admin.patch(`/api/tickets/${ticket.id}`, { subject: 'y' });
    await bell(stream);
    expect(stream.ofType('ticket.changed')).toEqual([]);
  });
});

describe('Many streams', () => {
  it('hold no connection to the database', async () => {
    const people = await Promise.all(Array.from({ length: 10 }, () => api.addAgent()));
    const streams = await Promise.all(people.flatMap((person) => Array.from({ length: 6 }, () => open(person))));
    const { rows } = await api.db.raw<{ rows: { n: string }[] }>(
      'select count(*) as n from pg_stat_activity where datname = current_database()',
    );
    expect(Number(rows[0]?.n)).toBeLessThan(20);
    expect(api.deps.events.connections).toBeGreaterThanOrEqual(60);
    await bell(...streams);
  });

  it('of one agent are limited', async () => {
    const person = await api.addAgent();
    await Promise.all(Array.from({ length: 30 }, () => open(person)));
    const refused = await api.anna.get('/api/session');
    expect(refused.status).toBe(200);
    const answer = await person.get('/api/events');
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '30']);
  });

  it('that go away are forgotten', async () => {
    const person = await api.addAgent();
    const before = api.deps.events.connections;
    const stream = await open(person);
    expect(api.deps.events.connections).toBe(before + 1);
    stream.close();
    const deadline = Date.now() + 5000;
    while (api.deps.events.connections > before && Date.now() < deadline) await delay(10);
    expect(api.deps.events.connections).toBeLessThanOrEqual(before);
  });

  it('that read too slowly are dropped, and the others go on', async () => {
    const [slow, quick] = [await open(api.anna), await open(api.anna)];
    slow.response.pause();
    const payload = { actionId: 'big', code: 'x'.repeat(200_000) };
    for (let index = 0; index < 60 && !slow.response.destroyed; index += 1) await tell(api.anna.id, payload);
    await bell(quick);
    slow.response.resume();
    await slow.until(({ ended }) => ended);
    expect(quick.ended).toBe(false);
    expect(toldTo(slow).length).toBeLessThan(60);
  });
});

describe('A stream on which nothing happens', () => {
  it('hears a heartbeat, and where it stands, every fifteen seconds', async () => {
    await patient.until(({ comments }) => comments.includes('heartbeat'), 16_000);
    expect(patient.lastId).toMatch(/^\d+-\d+/);
  });
});

describe('The stream\u2019s own connection', () => {
  it('comes back after it was cut, and nothing is missed', async () => {
    const stream = await open(api.anna);
    await tell(api.anna.id, { actionId: 'before' });
    await stream.until((told) => toldTo(told).length === 1);
    await api.db.raw(`select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'trubka events' and datname = current_database()`);
    await tell(api.anna.id, { actionId: 'meanwhile' });
    await stream.until((told) => toldTo(told).length === 2);
    expect(toldTo(stream)).toEqual(['before', 'meanwhile']);
    expect(stream.ended).toBe(false);
  });
});
