/**
 * The figures of «Статистика» (S20–S25) as data: what each counts, whom it counts for, whether calls are left out.
 * Queries, hints, the ticket list a figure leads to and docs/statistics.md are all made from this table.
 */

import type { Channel } from './tickets.ts';

/** In the order of the page. */
export const CHANNELS: readonly Channel[] = ['call', 'email', 'chat', 'web', 'messenger', 'social'];

/** What can be counted: the kinds of facts drawn from the record of tickets and from their messages. */
export type FactType = 'created' | 'reopened' | 'work' | 'answer' | 'closed';

/** What a fact must fulfil, beyond type, period and filters, to count. */
export type Condition =
  /** By an incoming call (missed included); on other channels: the customer's word came first. */
  | 'from_customer'
  | 'created_before_period'
  /** A call's ticket must hold a recording of a talk; on other channels nothing more is asked. */
  | 'talk_if_call'
  /** The first written reply, unless it coincides with the creation. */
  | 'first_reply'
  /** The written reply to which a customer waited: since their last message, or since the creation. */
  | 'ends_wait'
  | 'writing_known'
  /** Of a ticket's closings the last in the period. */
  | 'last_closing'
  /** Creation and closing do not coincide. */
  | 'takes_time'
  | 'over_first_reply_target'
  | 'over_any_reply_target'
  | 'over_close_target';

/** What an average is made of. */
export type Measure = 'first_reply' | 'any_reply' | 'writing' | 'replies_in_period' | 'time_to_close';

export interface FigureRule {
  readonly facts: FactType;
  readonly only: readonly Condition[];
  /** Tickets: each once, however many facts. Facts: every one. */
  readonly counts: 'tickets' | 'facts' | { readonly averageOf: Measure };
  readonly unit: 'tickets' | 'replies' | 'seconds';
  /** Whom the figure counts for: the ticket's assignee at that time, or whoever did it. */
  readonly agent: 'assignee' | 'doer';
  readonly callsLeftOut: boolean;
}

const tickets = (facts: FactType, agent: FigureRule['agent'], ...only: readonly Condition[]): FigureRule => ({
  facts,
  only,
  counts: 'tickets',
  unit: 'tickets',
  agent,
  callsLeftOut: false,
});

const average = (facts: FactType, averageOf: Measure, ...only: readonly Condition[]): FigureRule => ({
  facts,
  only,
  counts: { averageOf },
  unit: averageOf === 'replies_in_period' ? 'replies' : 'seconds',
  agent: facts === 'closed' ? 'assignee' : 'doer',
  callsLeftOut: facts === 'answer',
});

const RULES = {
  newTickets: tickets('created', 'assignee'),
  newFromCustomers: tickets('created', 'assignee', 'from_customer'),
  reopened: tickets('reopened', 'assignee', 'created_before_period'),
  inWork: tickets('work', 'doer'),
  withReply: tickets('answer', 'doer'),
  closed: tickets('closed', 'assignee', 'talk_if_call'),
  totalReplies: { ...tickets('answer', 'doer'), counts: 'facts', unit: 'replies' },
  firstReplySeconds: average('answer', 'first_reply', 'first_reply'),
  anyReplySeconds: average('answer', 'any_reply', 'ends_wait'),
  writingSeconds: average('answer', 'writing', 'writing_known'),
  repliesToClose: average('closed', 'replies_in_period', 'last_closing'),
  timeToCloseSeconds: average('closed', 'time_to_close', 'last_closing', 'takes_time'),
  slaFirstReplyBreached: { ...tickets('answer', 'doer', 'first_reply', 'over_first_reply_target'), callsLeftOut: true },
  slaAnyReplyBreached: { ...tickets('answer', 'doer', 'ends_wait', 'over_any_reply_target'), callsLeftOut: true },
  slaCloseBreached: tickets('closed', 'assignee', 'last_closing', 'takes_time', 'over_close_target'),
} as const satisfies Readonly<Record<string, FigureRule>>;

/** A figure with a rule of its own. */
export type RuledFigure = keyof typeof RULES;
/** The sum of others whose tickets never overlap. */
const SUMS = { newAndReopened: ['newTickets', 'reopened'] } as const satisfies Readonly<Record<string, readonly RuledFigure[]>>;
export type Figure = RuledFigure | keyof typeof SUMS;

export const ruleOf = (figure: RuledFigure): FigureRule => RULES[figure];

/** The figures a figure is the sum of; mostly itself. */
export const partsOf = (figure: Figure): readonly RuledFigure[] => (figure === 'newAndReopened' ? SUMS[figure] : [figure]);

export const FIGURES: readonly Figure[] = [
  ...(Object.keys(RULES) as RuledFigure[]),
  ...(Object.keys(SUMS) as (keyof typeof SUMS)[]),
];

export const SECTIONS = ['load', 'peak', 'channels', 'speed', 'sla', 'team'] as const;
export type Section = (typeof SECTIONS)[number];

/** S20–S25: the figures of each section, in the order of the page. */
export const FIGURES_OF: Readonly<Record<Section, readonly Figure[]>> = {
  load: ['newTickets', 'newFromCustomers', 'reopened', 'inWork', 'withReply', 'closed'],
  peak: ['newAndReopened', 'inWork'],
  channels: ['newAndReopened', 'inWork', 'closed'],
  speed: ['firstReplySeconds', 'anyReplySeconds', 'writingSeconds', 'repliesToClose', 'timeToCloseSeconds'],
  sla: ['slaFirstReplyBreached', 'slaAnyReplyBreached', 'slaCloseBreached'],
  team: [
    'newTickets',
    'newFromCustomers',
    'reopened',
    'inWork',
    'withReply',
    'firstReplySeconds',
    'slaFirstReplyBreached',
    'anyReplySeconds',
    'slaAnyReplyBreached',
    'writingSeconds',
    'totalReplies',
    'repliesToClose',
    'closed',
    'timeToCloseSeconds',
    'slaCloseBreached',
  ],
};

export const isAverage = (figure: Figure): boolean => partsOf(figure).some((part) => typeof ruleOf(part).counts === 'object');

export type Median = `${Figure}Median`;
export const medianOf = (figure: Figure): Median => `${figure}Median`;

export interface FigureDescription {
  readonly figure: Figure;
  /** Under which key the interface keeps the rule in words. */
  readonly hint: string;
  readonly unit: FigureRule['unit'];
  readonly agent: FigureRule['agent'];
  readonly callsLeftOut: boolean;
}

/** What the page says beside a figure. */
export function describeFigure(figure: Figure): FigureDescription {
  const [first] = partsOf(figure);
  const { unit, agent, callsLeftOut } = ruleOf(first as RuledFigure);
  return { figure, hint: `statistics.rule.${figure}`, unit, agent, callsLeftOut };
}
