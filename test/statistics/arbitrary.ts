import fc from 'fast-check';
import type { ChannelName, Happening, History, Targets, World } from './histories.ts';
import type { Question } from './reckoning.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const CHANNELS: readonly ChannelName[] = ['call', 'email', 'chat', 'web', 'messenger', 'social'];
const AGENTS = 4;
const TICKETS = 40;

/** Weeks in which clocks change somewhere, and one in which none does. */
const BEGINNINGS = ['2026-03-20', '2026-04-20', '2026-10-20', '2026-07-01'].map((date) => Date.parse(`${date}T00:00:00Z`));
const LENGTH = 20 * DAY;

export const ZONES = [
  'UTC',
  'Europe/Moscow',
  'Europe/Berlin',
  'America/New_York',
  'America/Havana',
  'America/St_Johns',
  'Asia/Kathmandu',
  'Africa/Cairo',
  'Australia/Lord_Howe',
  'Pacific/Apia',
] as const;

const agent = fc.nat(AGENTS - 1);
/** Two of the four together, one alone, one in none. */
const TEAMS = ['Первая линия', 'Вторая линия', 'Первая линия', null] as const;
const maybeAgent = fc.option(agent, { nil: null });

/** Steps of time that let things coincide with each other and with the ends of periods. */
const pause = fc.oneof(
  fc.constant(0),
  fc.constantFrom(1, 999, 1000, MINUTE, 15 * MINUTE, HOUR, 12 * HOUR, DAY, 7 * DAY),
  fc.integer({ min: 0, max: 3 * HOUR }),
  fc.integer({ min: 0, max: 4 * DAY }),
);

type Step = (at: number) => Happening;

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 1, arbitrary: fc.tuple(maybeAgent, maybeAgent).map(([to, by]): Step => (at) => ({ at, what: 'assigned', to, by })) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom('open', 'pending', 'closed', 'closed'), maybeAgent)
      .map(([to, by]): Step => (at) => ({ at, what: 'status', to: to as 'open' | 'pending' | 'closed', by })),
  },
  { weight: 1, arbitrary: maybeAgent.map((by): Step => (at) => ({ at, what: 'changed', by })) },
  { weight: 1, arbitrary: agent.map((by): Step => (at) => ({ at, what: 'note', by })) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(agent, fc.constantFrom(false, false, false, true), fc.option(fc.nat(600), { nil: null }))
      .map(([by, automatic, writingSeconds]): Step => (at) => ({ at, what: 'reply', by, automatic, writingSeconds })),
  },
  { weight: 2, arbitrary: fc.constant<Step>((at) => ({ at, what: 'customer wrote' })) },
  {
    weight: 3,
    arbitrary: fc
      .record({
        agent,
        lasts: fc.option(fc.constantFrom(0, MINUTE, 10 * MINUTE, HOUR), { nil: null, freq: 8 }),
        recorded: fc.array(fc.constantFrom(0, MINUTE, 2 * HOUR, 6 * DAY), { maxLength: 2 }),
        isTalk: fc.constantFrom(true, true, true, false),
        movedTo: fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.nat(TICKETS - 1) }),
        movedBy: agent,
      })
      .map(({ agent: who, lasts, recorded, isTalk, movedTo, movedBy }): Step => (at) => ({
        at,
        what: 'talk',
        agent: who,
        endedAt: lasts === null ? null : at + lasts,
        recordedAt: recorded.map((later) => at + (lasts ?? 0) + later),
        isTalk,
        movedTo,
        movedBy,
      })),
  },
);

const history = (beginning: number): fc.Arbitrary<History> =>
  fc
    .record({
      channel: fc.constantFrom<ChannelName>('call', 'call', 'call', 'email', 'chat', 'web', 'messenger', 'social'),
      kind: fc.constantFrom('incoming' as const, 'outgoing' as const, 'missed' as const),
      after: fc.oneof(
        fc.nat(LENGTH / HOUR).map((hours) => hours * HOUR),
        fc.nat(LENGTH),
      ),
      createdBy: fc.oneof(agent, fc.constantFrom('customer' as const, 'system' as const)),
      createdStatus: fc.constantFrom('open' as const, 'open' as const, 'pending' as const, 'closed' as const),
      assignee: maybeAgent,
      steps: fc.array(fc.tuple(pause, step), { maxLength: 9 }),
    })
    .map(({ channel, kind, after, createdBy, createdStatus, assignee, steps }) => {
      const createdAt = beginning + after;
      let at = createdAt;
      const happenings = steps.map(([wait, make]) => {
        at += wait;
        return make(at);
      });
      return { channel, kind: channel === 'call' ? kind : null, createdAt, createdBy, createdStatus, assignee, happenings };
    });

const limit = fc.option(fc.constantFrom(1, 60, 3600, 86_400), { nil: null });
const targets: fc.Arbitrary<Targets> = fc
  .tuple(...CHANNELS.map(() => fc.record({ first: limit, any: limit, close: limit })))
  .map((all) => Object.fromEntries(CHANNELS.map((channel, index) => [channel, all[index]])) as Targets);

type Ask = (instants: readonly number[]) => Question;

/** About any time, or between two moments at which something happened: what happens at an end of a period is the rub. */
const question = (beginning: number): fc.Arbitrary<Ask> =>
  fc
    .record({
      start: fc.oneof(
        fc.nat(LENGTH / HOUR).map((hours) => hours * HOUR),
        fc.nat(LENGTH),
      ),
      length: fc.oneof(fc.constantFrom(HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 30 * DAY), fc.integer({ min: 1, max: LENGTH })),
      startsWith: fc.option(fc.nat(), { nil: null, freq: 2 }),
      endsWith: fc.option(fc.nat(), { nil: null, freq: 2 }),
      tz: fc.constantFrom<string>(...ZONES),
      // Roll-ups are made for questions about everybody.
      everybody: fc.boolean(),
      agent: fc.option(agent, { nil: null, freq: 2 }),
      team: fc.option(fc.constantFrom('Первая линия', 'Вторая линия', 'Третья линия'), { nil: null, freq: 2 }),
      channel: fc.option(fc.constantFrom(...CHANNELS), { nil: null, freq: 2 }),
      direction: fc.option(fc.constantFrom('incoming' as const, 'outgoing' as const), { nil: null, freq: 2 }),
      own: fc.option(agent, { nil: null, freq: 2 }),
    })
    .map(({ start, length, startsWith, endsWith, everybody, ...rest }) => (instants) => {
      const momentOf = (choice: number): number => instants[choice % instants.length] ?? beginning;
      const from = startsWith === null ? beginning + start : momentOf(startsWith);
      const end = endsWith === null ? from + length : momentOf(endsWith);
      return {
        from,
        to: end > from ? end : from + length,
        ...rest,
        ...(everybody ? { agent: null, team: null, own: null } : {}),
      };
    });

export interface Case {
  readonly world: World;
  readonly questions: readonly Question[];
}

const instantsOf = (histories: readonly History[]): readonly number[] =>
  histories.flatMap(({ createdAt, happenings }) => [createdAt, ...happenings.map(({ at }) => at)]);

/** A world of tickets and questions about it. */
export const anyCase = (questions: number): fc.Arbitrary<Case> =>
  fc.constantFrom(...BEGINNINGS).chain((beginning) =>
    fc
      .record({
        world: fc
          .tuple(fc.array(history(beginning), { minLength: TICKETS, maxLength: TICKETS }), targets)
          .map(([histories, limits]) => ({ agents: AGENTS, teams: TEAMS, histories, targets: limits })),
        asks: fc.array(question(beginning), { minLength: questions, maxLength: questions }),
      })
      .map(({ world, asks }) => {
        const instants = instantsOf(world.histories);
        return { world, questions: asks.map((ask) => ask(instants)) };
      }),
  );
