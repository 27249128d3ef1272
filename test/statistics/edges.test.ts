import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { checkFacts, refreshFacts } from '../../db/statistics/facts.ts';
import { statisticsOf, type FigureValues } from '../../db/statistics/sections.ts';
import { isOfFigure } from '../../db/statistics/tickets-of-figure.ts';
import type { Figure, Section } from '../../domain/statistics.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { store, type Happening, type History, type StoredWorld, type Targets } from './histories.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await database.drop();
});

const at = (text: string): number => Date.parse(`2026-03-${text}Z`);
const MARCH = { from: at('01T00:00:00'), to: Date.parse('2026-04-01T00:00:00Z') };
const DAY = 86_400_000;
const [ANNA, BORIS] = [0, 1];
const EVERYBODY = { agentId: '00000000-0000-4000-8000-000000000000', role: 'admin', access: 'all' } as const;
const none = { first: null, any: null, close: null };
const NO_TARGETS: Targets = { call: none, email: none, chat: none, web: none, messenger: none, social: none };

const callTicket = (more: Partial<History>): History => ({
  channel: 'call',
  kind: 'incoming',
  createdAt: at('10T09:00:00'),
  createdBy: 'system',
  createdStatus: 'open',
  assignee: ANNA,
  happenings: [],
  ...more,
});
const letter = (more: Partial<History>): History => callTicket({ channel: 'email', kind: null, createdBy: 'customer', ...more });

const talk = (time: number, agent: number, more: Partial<Extract<Happening, { what: 'talk' }>> = {}): Happening => ({
  at: time,
  what: 'talk',
  agent,
  endedAt: time,
  recordedAt: [time + 60_000],
  isTalk: true,
  movedTo: null,
  ...more,
});
const becomes = (to: 'open' | 'pending' | 'closed', time: number, by: number | null = null): Happening => ({
  at: time,
  what: 'status',
  to,
  by,
});
const replies = (by: number, time: number): Happening => ({ at: time, what: 'reply', by, automatic: false, writingSeconds: 40 });

let world: StoredWorld;
const happened = async (
  histories: readonly History[],
  targets: Targets = NO_TARGETS,
  teams: readonly (string | null)[] = [],
): Promise<void> => {
  world = await store(database.db, { agents: Math.max(2, teams.length), teams, histories, targets });
};

interface Asked {
  readonly period?: { readonly from: number; readonly to: number };
  readonly agent?: number;
  readonly team?: string;
  readonly tz?: string;
}

const ask = (section: Section, { period = MARCH, agent, team, tz = 'UTC' }: Asked = {}) =>
  statisticsOf(database.db, {
    section,
    period,
    timeZone: tz,
    filter: { agentId: agent === undefined ? undefined : world.agentIds[agent], team },
    viewer: EVERYBODY,
    compare: false,
  });

const figuresOf = async (section: Section, asked: Asked = {}): Promise<FigureValues> => (await ask(section, asked)).figures;

const teamOf = async (asked: Asked = {}): Promise<Record<number, FigureValues>> => {
  const { agents } = await ask('team', asked);
  return Object.fromEntries((agents ?? []).map(({ agent, ...values }) => [world.agentIds.indexOf(agent.id), values]));
};

const listOf = async (figure: Figure, period = MARCH, within?: typeof MARCH): Promise<number[]> => {
  await refreshFacts(database.db);
  const { sql, bindings } = isOfFigure({ figure, period, within, filter: {}, viewer: EVERYBODY });
  const { rows } = await database.db.raw<{ rows: { id: string }[] }>(`select t.id from tickets t where ${sql} order by t.id`, [
    ...bindings,
  ]);
  return rows.map(({ id }) => world.ticketIds.indexOf(id));
};

describe('A ticket created and closed at the same instant', () => {
  beforeEach(() => happened([callTicket({ createdStatus: 'closed', happenings: [talk(at('10T09:00:00'), ANNA)] })]));

  test('S20: is new and closed', async () => {
    expect(await figuresOf('load')).toMatchObject({ newTickets: 1, closed: 1 });
  });

  test('S23, S24: has no time to close, so that the speed is not zero, and breaks no target', async () => {
    await database.db('sla_targets').where({ channel: 'call' }).update({ close_seconds: 1 });
    expect(await figuresOf('speed')).toMatchObject({
      timeToCloseSeconds: null,
      timeToCloseSecondsMedian: null,
      repliesToClose: 1,
    });
    expect(await figuresOf('sla')).toMatchObject({ slaCloseBreached: 0 });
    expect(await listOf('timeToCloseSeconds')).toEqual([]);
  });

  test('S23: counts with its second closing once it was opened again', async () => {
    const happenings = [becomes('open', at('11T09:00:00')), becomes('closed', at('12T09:00:00'))];
    await happened([callTicket({ createdStatus: 'closed', happenings })]);
    expect(await figuresOf('speed')).toMatchObject({ timeToCloseSeconds: 2 * 86_400 });
  });
});

describe('A ticket closed, opened and closed again', () => {
  const twice = (first: number, again: number, second: number): readonly Happening[] => [
    talk(at('10T10:00:00'), ANNA),
    becomes('closed', first),
    becomes('open', again),
    becomes('closed', second),
  ];

  test('S20: within the period is one closed ticket, and none that was opened again, for it is new', async () => {
    await happened([callTicket({ happenings: twice(at('11T00:00:00'), at('12T00:00:00'), at('13T00:00:00')) })]);
    expect(await figuresOf('load')).toMatchObject({ newTickets: 1, reopened: 0, closed: 1 });
    expect(await figuresOf('speed')).toMatchObject({ timeToCloseSeconds: (at('13T00:00:00') - at('10T09:00:00')) / 1000 });
    const { series } = await ask('load');
    expect(series?.filter(({ closed }) => closed === 1).map((point) => new Date(point.at).getUTCDate())).toEqual([11, 13]);
  });

  test('S23, S24: stands on each day on which it was closed, in the figure and in the list it leads to', async () => {
    const email = { first: null, any: null, close: 60 };
    const happenings = twice(at('11T10:00:00'), at('12T10:00:00'), at('13T10:00:00')).slice(1);
    await happened([letter({ happenings })], { ...NO_TARGETS, email });
    const { series, figures } = await ask('sla');
    const closedOn = series?.filter(({ slaCloseBreached }) => slaCloseBreached === 1).map((point) => point.at);
    expect(closedOn).toEqual([at('11T00:00:00'), at('13T00:00:00')]);
    expect(figures).toMatchObject({ slaCloseBreached: 1 });
    for (const from of closedOn ?? []) {
      for (const figure of ['slaCloseBreached', 'timeToCloseSeconds', 'repliesToClose'] as const)
        expect(await listOf(figure, MARCH, { from, to: from + 86_400_000 }), figure).toEqual([0]);
    }
    expect(await listOf('slaCloseBreached')).toEqual([0]);
  });

  test('S20: across the end counts in each period with the closing that lies there', async () => {
    await happened([callTicket({ happenings: twice(at('11T00:00:00'), at('12T00:00:00'), at('13T00:00:00')) })]);
    const until = { from: MARCH.from, to: at('12T00:00:00') };
    const since = { from: at('12T00:00:00'), to: MARCH.to };
    expect(await figuresOf('load', { period: until })).toMatchObject({ newTickets: 1, reopened: 0, closed: 1 });
    expect(await figuresOf('load', { period: since })).toMatchObject({ newTickets: 0, reopened: 1, closed: 1 });
    expect(await figuresOf('channels', { period: since })).toMatchObject({ newAndReopened: 1 });
    expect(await figuresOf('speed', { period: until })).toMatchObject({ timeToCloseSeconds: 15 * 3600 });
    expect(await figuresOf('speed', { period: since })).toMatchObject({ timeToCloseSeconds: 63 * 3600, repliesToClose: 0 });
  });

  test('S20: at exactly the end of the period is not in it', async () => {
    await happened([callTicket({ happenings: twice(at('11T00:00:00'), at('12T00:00:00'), at('13T00:00:00')) })]);
    expect(await figuresOf('load', { period: { from: MARCH.from, to: at('11T00:00:00') } })).toMatchObject({ closed: 0 });
    expect(await figuresOf('load', { period: { from: MARCH.from, to: at('13T00:00:00') } })).toMatchObject({ closed: 1 });
    expect(await figuresOf('load', { period: { from: at('11T00:00:00'), to: at('11T00:00:01') } })).toMatchObject({ closed: 1 });
  });

  test('S25: under two assignees counts as closed for both, in the total once', async () => {
    const happenings = [
      talk(at('10T10:00:00'), ANNA),
      becomes('closed', at('11T00:00:00')),
      becomes('open', at('12T00:00:00')),
      { at: at('12T00:00:00'), what: 'assigned', to: BORIS, by: null } as const,
      becomes('closed', at('13T00:00:00')),
    ];
    await happened([callTicket({ happenings })]);
    const team = await teamOf();
    expect([team[ANNA]?.closed, team[BORIS]?.closed, (await figuresOf('team')).closed]).toEqual([1, 1, 1]);
    expect(team[ANNA]?.timeToCloseSeconds).toBe(15 * 3600);
    expect(team[BORIS]?.timeToCloseSeconds).toBe(63 * 3600);
  });
});

describe('Work', () => {
  test('S20: is not what only the service did', async () => {
    await happened([
      callTicket({
        happenings: [
          talk(at('10T10:00:00'), ANNA),
          becomes('pending', at('10T10:00:01')),
          { at: at('10T11:00:00'), what: 'assigned', to: BORIS, by: null },
          { at: at('10T12:00:00'), what: 'reply', by: ANNA, automatic: true, writingSeconds: null },
        ],
      }),
      callTicket({ happenings: [becomes('pending', at('10T10:00:01'), BORIS)] }),
    ]);
    expect(await figuresOf('load')).toMatchObject({ newTickets: 2, inWork: 1 });
    expect(await listOf('inWork')).toEqual([1]);
  });

  test('S25: counts for whoever did it, not for the assignee', async () => {
    await happened([callTicket({ assignee: ANNA, happenings: [{ at: at('10T10:00:00'), what: 'note', by: BORIS }] })]);
    const team = await teamOf();
    expect([team[ANNA]?.inWork, team[BORIS]?.inWork]).toEqual([0, 1]);
    expect([team[ANNA]?.newTickets, team[BORIS]?.newTickets]).toEqual([1, 0]);
  });
});

describe('Missed calls', () => {
  test('S20, S25: are new tickets from customers, for the one agent they rang, or for nobody', async () => {
    const missed = (assignee: number | null) => callTicket({ kind: 'missed', assignee });
    await happened([missed(ANNA), missed(null)]);
    expect(await figuresOf('load')).toMatchObject({ newTickets: 2, newFromCustomers: 2, withReply: 0, inWork: 0 });
    const team = await teamOf();
    expect([team[ANNA]?.newFromCustomers, team[BORIS]?.newFromCustomers]).toEqual([1, 0]);
    expect(await figuresOf('load', { agent: ANNA })).toMatchObject({ newTickets: 1 });
  });

  test('S20: closed without a talk are not among the closed, but their time to close counts', async () => {
    await happened([callTicket({ kind: 'missed', happenings: [becomes('closed', at('10T10:00:00'))] })]);
    expect(await figuresOf('load')).toMatchObject({ closed: 0 });
    expect(await figuresOf('speed')).toMatchObject({ timeToCloseSeconds: 3600, repliesToClose: 0 });
  });

  test('S20: count as new when they were made, whoever gets them later', async () => {
    const given = { at: at('20T09:00:00'), what: 'assigned', to: BORIS, by: ANNA } as const;
    await happened([callTicket({ kind: 'missed', assignee: null, happenings: [given] })]);
    expect((await teamOf())[BORIS]).toMatchObject({ newTickets: 0, inWork: 0 });
    expect((await teamOf())[ANNA]).toMatchObject({ newTickets: 0, inWork: 1 });
  });
});

describe('A transferred call', () => {
  test('S5, S25: counts for both agents, each for their own talk', async () => {
    await happened([
      callTicket({ assignee: ANNA, createdStatus: 'closed', happenings: [talk(at('10T09:00:00'), ANNA)] }),
      callTicket({ assignee: BORIS, happenings: [talk(at('10T09:10:00'), BORIS), becomes('pending', at('10T09:10:00'))] }),
    ]);
    const team = await teamOf();
    expect(team[ANNA]).toMatchObject({ newTickets: 1, withReply: 1, totalReplies: 1, closed: 1 });
    expect(team[BORIS]).toMatchObject({ newTickets: 1, withReply: 1, totalReplies: 1, closed: 0 });
    expect(await figuresOf('team')).toMatchObject({ newTickets: 2, withReply: 2, totalReplies: 2 });
  });

  test('S25: linked to one ticket counts there once, and for both agents', async () => {
    await happened([callTicket({ happenings: [talk(at('10T09:00:00'), ANNA), talk(at('10T09:10:00'), BORIS)] })]);
    const team = await teamOf();
    expect([team[ANNA]?.withReply, team[BORIS]?.withReply]).toEqual([1, 1]);
    expect(await figuresOf('team')).toMatchObject({ withReply: 1, totalReplies: 2 });
  });
});

describe('A team', () => {
  const [FIRST, SECOND] = ['Первая линия', 'Вторая линия'];
  const VERA = 2;
  const teamsOf = async (asked: Asked = {}): Promise<Record<string, FigureValues>> =>
    Object.fromEntries(((await ask('team', asked)).teams ?? []).map(({ team, ...values }) => [team, values]));

  test('S25: counts a ticket once that several of it worked on, and once for each other team', async () => {
    const note = (by: number): Happening => ({ at: at('10T10:00:00') + by * 60_000, what: 'note', by });
    await happened([callTicket({ happenings: [note(ANNA), note(BORIS), note(VERA)] })], NO_TARGETS, [FIRST, FIRST, SECOND]);
    expect((await teamsOf())[FIRST]).toMatchObject({ inWork: 1, newTickets: 1 });
    expect((await teamsOf())[SECOND]).toMatchObject({ inWork: 1, newTickets: 0 });
    expect(await figuresOf('load', { team: FIRST })).toMatchObject({ inWork: 1, newTickets: 1 });
    expect(await figuresOf('load', { team: SECOND })).toMatchObject({ inWork: 1, newTickets: 0 });
    expect(await figuresOf('load')).toMatchObject({ inWork: 1 });
  });

  test('S23, S25: has closed a ticket when the last of it did', async () => {
    const assigned = (time: number, to: number): Happening => ({ at: time, what: 'assigned', to, by: null });
    const happenings = [
      becomes('closed', at('11T00:00:00')),
      becomes('open', at('12T00:00:00')),
      assigned(at('12T00:00:00'), BORIS),
      becomes('closed', at('13T00:00:00')),
      becomes('open', at('14T00:00:00')),
      assigned(at('14T00:00:00'), VERA),
      becomes('closed', at('15T00:00:00')),
    ];
    await happened([letter({ happenings })], NO_TARGETS, [FIRST, FIRST, SECOND]);
    const teams = await teamsOf();
    expect(teams[FIRST]).toMatchObject({ closed: 1, timeToCloseSeconds: 63 * 3600, timeToCloseSecondsMedian: 63 * 3600 });
    expect(teams[SECOND]).toMatchObject({ closed: 1, timeToCloseSeconds: 111 * 3600 });
    expect(await figuresOf('speed', { team: FIRST })).toMatchObject({ timeToCloseSeconds: 63 * 3600 });
  });

  test('S25: is what its agents are in now, also of those who have left', async () => {
    await happened([callTicket({ assignee: BORIS })], NO_TARGETS, [FIRST, SECOND]);
    const change = (values: object) =>
      database
        .db('agents')
        .where({ id: world.agentIds[BORIS] as string })
        .update(values);
    await change({ deactivated_at: new Date() });
    expect((await teamsOf())[SECOND]).toMatchObject({ newTickets: 1 });
    await change({ team: FIRST });
    await refreshFacts(database.db);
    expect(await checkFacts(database.db)).toEqual([]);
    expect(await teamsOf()).toMatchObject({ [FIRST]: { newTickets: 1 } });
    expect(await figuresOf('load', { team: SECOND })).toMatchObject({ newTickets: 0 });
  });

  test('S25: has no table where there are none, and none beside one agent’s figures', async () => {
    await happened([callTicket({})]);
    expect((await ask('team')).teams).toBeUndefined();
    await happened([callTicket({})], NO_TARGETS, [FIRST]);
    expect((await ask('team', { agent: ANNA })).teams).toBeUndefined();
  });
});

describe('A recording', () => {
  test('S20: that arrives after the end of the period counts where the talk took place', async () => {
    const late = talk(at('31T23:50:00'), ANNA, { recordedAt: [Date.parse('2026-04-02T08:00:00Z')] });
    await happened([callTicket({ createdAt: at('31T23:40:00'), createdStatus: 'closed', happenings: [late] })]);
    expect(await figuresOf('load')).toMatchObject({ withReply: 1, closed: 1 });
    expect(await figuresOf('team')).toMatchObject({ totalReplies: 1, repliesToClose: 1 });
    const april = { from: MARCH.to, to: MARCH.to + 30 * DAY };
    expect(await figuresOf('load', { period: april })).toMatchObject({ withReply: 0, closed: 0 });
  });

  test('S20: counts when its talk ended, though it began in the period before', async () => {
    const overMidnight = talk(at('31T23:50:00'), ANNA, { endedAt: Date.parse('2026-04-01T00:10:00Z') });
    await happened([callTicket({ createdAt: at('31T23:50:00'), happenings: [overMidnight] })]);
    expect(await figuresOf('load')).toMatchObject({ newTickets: 1, withReply: 0 });
    expect(await figuresOf('load', { period: { from: MARCH.to, to: MARCH.to + DAY } })).toMatchObject({ withReply: 1 });
  });

  test('S23: makes one reply of one message, however many there are', async () => {
    const inParts = talk(at('10T09:00:00'), ANNA, { recordedAt: [at('10T09:01:00'), at('10T09:02:00'), at('12T09:00:00')] });
    await happened([callTicket({ happenings: [inParts] })]);
    expect(await figuresOf('team')).toMatchObject({ totalReplies: 1, withReply: 1 });
  });

  test('S20: of an unanswered attempt is no reply', async () => {
    await happened([
      callTicket({ kind: 'outgoing', createdStatus: 'closed', happenings: [talk(at('10T09:00:00'), ANNA, { isTalk: false })] }),
    ]);
    expect(await figuresOf('load')).toMatchObject({ newFromCustomers: 0, withReply: 0, closed: 0 });
  });

  test('S20: goes with its message when the conversation is moved to another ticket', async () => {
    await happened([
      callTicket({ createdStatus: 'closed', happenings: [talk(at('10T09:00:00'), ANNA)] }),
      callTicket({ createdStatus: 'closed' }),
    ]);
    expect(await listOf('closed')).toEqual([0]);
    await database
      .db('messages')
      .where({ ticket_id: world.ticketIds[0] as string })
      .update({ ticket_id: world.ticketIds[1] as string });
    expect(await figuresOf('load')).toMatchObject({ withReply: 1, closed: 1 });
    expect(await listOf('closed')).toEqual([1]);
    expect(await listOf('withReply')).toEqual([1]);
  });

  test('S20: that was there before the talk was over counts at its end once that is known', async () => {
    await happened([
      callTicket({ happenings: [talk(at('31T23:50:00'), ANNA, { endedAt: null, recordedAt: [at('31T23:55:00')] })] }),
    ]);
    expect(await figuresOf('load')).toMatchObject({ withReply: 1 });
    await database.db('conversations').update({ ended_at: new Date('2026-04-01T00:05:00Z') });
    expect(await figuresOf('load')).toMatchObject({ withReply: 0 });
  });
});

describe('People who are gone', () => {
  test('S25: a deactivated agent keeps their figures, and stands in the table only where there are some', async () => {
    await happened([callTicket({ assignee: BORIS, createdStatus: 'closed', happenings: [talk(at('10T09:00:00'), BORIS)] })]);
    await database
      .db('agents')
      .where({ id: world.agentIds[BORIS] as string })
      .update({ deactivated_at: new Date() });
    expect((await teamOf())[BORIS]).toMatchObject({ newTickets: 1, withReply: 1, closed: 1 });
    expect(Object.keys(await teamOf({ period: { from: at('01T00:00:00'), to: at('02T00:00:00') } }))).toEqual([String(ANNA)]);
  });

  test('S20: an erased customer takes nothing out of the figures', async () => {
    await happened([letter({ happenings: [replies(ANNA, at('10T10:00:00')), becomes('closed', at('10T11:00:00'))] })]);
    const { db } = database;
    const [customer] = (await db('customers').insert({ full_name: 'Иван Петров' }).returning('id')) as { id: string }[];
    await db('tickets').update({ customer_id: customer?.id });
    const before = await Promise.all([figuresOf('load'), figuresOf('speed'), figuresOf('team')]);
    await db('tickets').update({ customer_id: null, phone: null, subject: '' });
    await db('messages').update({ body: '', author_id: null }).where({ author_type: 'customer' });
    await db('customers').update({ full_name: '', erased_at: new Date() });
    expect(await Promise.all([figuresOf('load'), figuresOf('speed'), figuresOf('team')])).toEqual(before);
    expect(before[0]).toMatchObject({ newTickets: 1, withReply: 1, closed: 1 });
  });
});

describe('Speed of replies', () => {
  test('S23: leaves calls out', async () => {
    await happened([callTicket({ happenings: [replies(ANNA, at('10T10:00:00')), talk(at('10T10:00:00'), ANNA)] })]);
    expect(await figuresOf('speed')).toMatchObject({ firstReplySeconds: null, anyReplySeconds: null, writingSeconds: null });
  });

  test('S23: measures each answer from the last word of the customer, and further replies not at all', async () => {
    const wrote = (time: number): Happening => ({ at: time, what: 'customer wrote' });
    const happenings = [
      replies(ANNA, at('10T09:10:00')),
      wrote(at('10T10:00:00')),
      wrote(at('10T10:20:00')),
      replies(BORIS, at('10T10:30:00')),
      replies(BORIS, at('10T12:00:00')),
    ];
    await happened([letter({ happenings })]);
    expect(await figuresOf('speed')).toMatchObject({ firstReplySeconds: 600, anyReplySeconds: 600, writingSeconds: 40 });
    expect((await teamOf())[BORIS]).toMatchObject({ firstReplySeconds: null, anyReplySeconds: 600, totalReplies: 2 });
  });

  test('S23: the message a ticket begins with is no reply', async () => {
    await happened([
      letter({ createdBy: ANNA, happenings: [replies(ANNA, at('10T09:00:00')), replies(ANNA, at('12T09:00:00'))] }),
    ]);
    expect(await figuresOf('speed')).toMatchObject({ firstReplySeconds: null, anyReplySeconds: null });
    expect(await figuresOf('load')).toMatchObject({ newFromCustomers: 0, withReply: 1 });
  });

  test('S24: a target is missed by taking longer, not by taking as long', async () => {
    const answered = (seconds: number) => letter({ happenings: [replies(ANNA, at('10T09:00:00') + seconds * 1000)] });
    await happened([answered(600), answered(601), answered(5000)], {
      ...NO_TARGETS,
      email: { first: 600, any: 1000, close: null },
    });
    expect(await figuresOf('sla')).toMatchObject({ slaFirstReplyBreached: 2, slaAnyReplyBreached: 1, slaCloseBreached: 0 });
    expect(await listOf('slaFirstReplyBreached')).toEqual([1, 2]);
  });
});

describe('Days and hours', () => {
  const each = (...times: number[]) => happened(times.map((createdAt) => callTicket({ createdAt })));

  test('are local: the day on which clocks go forward has 23 hours', async () => {
    await each(at('28T22:59:00'), at('28T23:00:00'), at('29T21:59:00'), at('29T22:00:00'));
    const from = at('27T23:00:00');
    const { series } = await ask('load', { period: { from, to: at('30T22:00:00') }, tz: 'Europe/Berlin' });
    expect(series?.map(({ at: start, newTickets }) => [new Date(start).toISOString().slice(8, 16), newTickets])).toEqual([
      ['27T23:00', 1],
      ['28T23:00', 2],
      ['29T22:00', 1],
    ]);
  });

  test('S21: are local, and the hour that clocks leave out stays empty', async () => {
    await each(at('29T00:59:00'), at('29T01:00:00'));
    const { peak } = await ask('peak', { tz: 'Europe/Berlin' });
    const sunday = (hour: number) => peak?.find((cell) => cell.weekday === 7 && cell.hour === hour)?.newAndReopened;
    expect([1, 2, 3].map(sunday)).toEqual([1, 0, 1]);
  });

  test('S21: a ticket worked on at the same hour of several weeks counts once there', async () => {
    const note = (time: number): Happening => ({ at: time, what: 'note', by: ANNA });
    await happened([callTicket({ happenings: [note(at('10T10:00:00')), note(at('17T10:30:00')), note(at('18T10:30:00'))] })]);
    const { peak, figures } = await ask('peak');
    expect(peak?.filter(({ inWork }) => inWork === 1).map(({ weekday, hour }) => [weekday, hour])).toEqual([
      [2, 10],
      [3, 10],
    ]);
    expect(figures.inWork).toBe(1);
  });
});
