import { unfold, type ChannelName, type History, type World } from './histories.ts';

/**
 * The figures of spec.md (S20–S25) reckoned by hand: every ticket's history is walked through, and what a figure counts is
 * collected. Shares nothing with the product's queries or rules.
 */

export interface Question {
  readonly from: number;
  readonly to: number;
  readonly tz: string;
  readonly agent: number | null;
  readonly team: string | null;
  readonly channel: ChannelName | null;
  readonly direction: 'incoming' | 'outgoing' | null;
  /** An agent with `access: own` who asks; null: somebody who sees everything. */
  readonly own: number | null;
}

/** Something that makes a ticket count: when, for whom, and what is measured. */
interface Hit {
  readonly ticket: number;
  readonly at: number;
  readonly agent: number | null;
  readonly value: number;
}

type Hits = Readonly<Record<string, readonly Hit[]>>;

/** Everything of all time that could count, by figure. */
function walk(history: History, ticket: number, world: World): Record<string, Hit[]> {
  const hits: Record<string, Hit[]> = {
    created: [],
    reopened: [],
    work: [],
    answers: [],
    closings: [],
    first: [],
    any: [],
    writing: [],
  };
  const hit = (list: string, at: number, agent: number | null, value = 0): void =>
    void hits[list]?.push({ ticket, at, agent, value });
  const isCall = history.channel === 'call';
  hit('created', history.createdAt, history.assignee);
  if (typeof history.createdBy === 'number') hit('work', history.createdAt, history.createdBy);
  if (history.createdStatus === 'closed') hit('closings', history.createdAt, history.assignee);
  let repliedBefore = false;
  /** Since when the customer waits for an answer; null while they do not. */
  let waitsSince: number | null = history.createdAt;
  for (const { happening, assignee, before } of unfold(history)) {
    const { at } = happening;
    if ('by' in happening && happening.by !== null && !(happening.what === 'reply' && happening.automatic)) {
      const nothing = happening.what === 'status' && happening.to === before;
      if (!nothing) hit('work', at, happening.by);
    }
    if (happening.what === 'status' && happening.to !== before) {
      if (happening.to === 'closed') hit('closings', at, assignee);
      else if (before === 'closed') hit('reopened', at, assignee);
    }
    if (happening.what === 'talk' && happening.movedTo !== null && happening.movedBy !== undefined)
      hit('work', happening.endedAt ?? at, happening.movedBy);
    if (happening.what === 'customer wrote') waitsSince = at;
    if (happening.what === 'reply' && !happening.automatic && !isCall) {
      hit('answers', at, happening.by);
      if (!repliedBefore && at !== history.createdAt) hit('first', at, happening.by, (at - history.createdAt) / 1000);
      if (waitsSince !== null && at !== history.createdAt) hit('any', at, happening.by, (at - waitsSince) / 1000);
      if (happening.writingSeconds !== null) hit('writing', at, happening.by, happening.writingSeconds);
      repliedBefore = true;
      waitsSince = null;
    }
  }
  world.histories.forEach((other, from) => {
    for (const happening of other.happenings) {
      if (happening.what === 'talk' && happening.movedTo === ticket && happening.movedBy !== undefined)
        hit('work', happening.endedAt ?? happening.at, happening.movedBy);
      if (happening.what !== 'talk' || !happening.isTalk || happening.recordedAt.length === 0) continue;
      if ((happening.movedTo ?? from) === ticket)
        hit('answers', happening.endedAt ?? happening.recordedAt[0] ?? 0, happening.agent);
    }
  });
  return hits;
}

const holdsTalk = (world: World, ticket: number): boolean =>
  world.histories.some((history, from) =>
    history.happenings.some(
      (happening) =>
        happening.what === 'talk' &&
        happening.isTalk &&
        happening.recordedAt.length > 0 &&
        (happening.movedTo ?? from) === ticket,
    ),
  );

const directionOf = ({ channel, kind, createdBy }: History): 'incoming' | 'outgoing' => {
  if (channel === 'call') return kind === 'outgoing' ? 'outgoing' : 'incoming';
  return createdBy === 'customer' ? 'incoming' : 'outgoing';
};

function asked(world: World, question: Question, history: History): boolean {
  const assignee = unfold(history).at(-1)?.assignee;
  const present = assignee === undefined ? history.assignee : assignee;
  return (
    (question.channel === null || history.channel === question.channel) &&
    (question.direction === null || directionOf(history) === question.direction) &&
    (question.own === null || present === null || present === question.own)
  );
}

export const teamOf = (world: World, agent: number | null): string | null =>
  agent === null ? null : (world.teams?.[agent] ?? null);

/** What counts for each list within the period and the filters. */
export function collect(world: World, question: Question): Hits {
  const all: Record<string, Hit[]> = {};
  world.histories.forEach((history, ticket) => {
    if (!asked(world, question, history)) return;
    for (const [list, hits] of Object.entries(walk(history, ticket, world))) (all[list] ??= []).push(...hits);
  });
  const within = (hit: Hit): boolean => hit.at >= question.from && hit.at < question.to;
  return Object.fromEntries(
    Object.entries(all).map(([list, hits]) => [
      list,
      hits.filter(
        (hit) =>
          within(hit) &&
          (question.agent === null || hit.agent === question.agent) &&
          (question.team === null || teamOf(world, hit.agent) === question.team),
      ),
    ]),
  );
}

const mean = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length;

function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  return ((low as number) + (high as number)) / 2;
}

export interface Reckoned {
  readonly value: number | null;
  readonly median?: number | null;
  /** Exactly the tickets that count. */
  readonly tickets: ReadonlySet<number>;
}

const counting = (hits: readonly Hit[]): Reckoned => {
  const tickets = new Set(hits.map((hit) => hit.ticket));
  return { value: tickets.size, tickets };
};

const averaging = (values: readonly { readonly ticket: number; readonly value: number }[]): Reckoned => {
  const numbers = values.map(({ value }) => value);
  return { value: mean(numbers), median: median(numbers), tickets: new Set(values.map(({ ticket }) => ticket)) };
};

/** Reckons one figure from the hits that fall into a group (a day, an agent, a channel) or from all of them. */
export function reckon(figure: string, world: World, question: Question, hits: Hits): Reckoned {
  const list = (name: string): readonly Hit[] => hits[name] ?? [];
  const historyOf = (hit: Hit): History => world.histories[hit.ticket] as History;
  const createdEarlier = (hit: Hit): boolean => historyOf(hit).createdAt < question.from;
  /** Of each ticket the last closing. */
  const closings = (): readonly Hit[] => {
    const last = new Map<number, Hit>();
    for (const hit of list('closings')) if (hit.at >= (last.get(hit.ticket)?.at ?? -Infinity)) last.set(hit.ticket, hit);
    return [...last.values()];
  };
  const closedLater = (): { ticket: number; value: number }[] =>
    closings()
      .filter((hit) => hit.at !== historyOf(hit).createdAt)
      .map((hit) => ({ ticket: hit.ticket, value: (hit.at - historyOf(hit).createdAt) / 1000 }));
  const over = (target: 'first' | 'any' | 'close') => (hit: { ticket: number; value: number }) => {
    const limit = world.targets[(world.histories[hit.ticket] as History).channel][target];
    return limit !== null && hit.value > limit;
  };
  const tickets = (found: readonly { ticket: number }[]): Reckoned => counting(found as readonly Hit[]);
  switch (figure) {
    case 'newTickets':
      return counting(list('created'));
    case 'newFromCustomers':
      return counting(list('created').filter((hit) => directionOf(historyOf(hit)) === 'incoming'));
    case 'reopened':
      return counting(list('reopened').filter(createdEarlier));
    case 'newAndReopened': {
      const both = [counting(list('created')), counting(list('reopened').filter(createdEarlier))];
      return {
        value: both.reduce((sum, { value }) => sum + (value ?? 0), 0),
        tickets: new Set(both.flatMap((one) => [...one.tickets])),
      };
    }
    case 'inWork':
      return counting(list('work'));
    case 'withReply':
      return counting(list('answers'));
    case 'closed':
      return counting(list('closings').filter((hit) => historyOf(hit).channel !== 'call' || holdsTalk(world, hit.ticket)));
    case 'totalReplies':
      return { value: list('answers').length, tickets: counting(list('answers')).tickets };
    case 'firstReplySeconds':
      return averaging(list('first'));
    case 'anyReplySeconds':
      return averaging(list('any'));
    case 'writingSeconds':
      return averaging(list('writing'));
    case 'timeToCloseSeconds':
      return averaging(closedLater());
    case 'repliesToClose': {
      const answers = collect(world, { ...question, agent: null, team: null })['answers'] ?? [];
      return averaging(
        closings().map(({ ticket }) => ({ ticket, value: answers.filter((answer) => answer.ticket === ticket).length })),
      );
    }
    case 'slaFirstReplyBreached':
      return tickets(list('first').filter(over('first')));
    case 'slaAnyReplyBreached':
      return tickets(list('any').filter(over('any')));
    case 'slaCloseBreached':
      return tickets(closedLater().filter(over('close')));
    default:
      throw new Error(`The specification has no figure ${figure}`);
  }
}

/** The hits that fall into a group. */
export const only = (hits: Hits, belongs: (hit: Hit, history: number) => boolean): Hits =>
  Object.fromEntries(Object.entries(hits).map(([list, all]) => [list, all.filter((hit) => belongs(hit, hit.ticket))]));

const formats = new Map<string, Intl.DateTimeFormat>();

/** What a clock and a calendar on the wall of a place show. */
export function wallClock(
  tz: string,
  at: number,
): { readonly date: string; readonly hour: number; readonly weekday: number; readonly offset: string } {
  const format =
    formats.get(tz) ??
    new Intl.DateTimeFormat('en-GB', {
      timeZone: tz,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      weekday: 'short',
      timeZoneName: 'longOffset',
    });
  formats.set(tz, format);
  const part = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
  return {
    date: `${part['year']}-${part['month']}-${part['day']}`,
    hour: Number(part['hour']),
    weekday: ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'].indexOf(part['weekday'] ?? '') + 1,
    offset: part['timeZoneName'] ?? '',
  };
}
