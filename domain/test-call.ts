import { withoutZeros } from './extensions.ts';
import type { Instant } from './messages.ts';

/** A callback that an admin ordered to see whether calls work, as far as the PBX and the service have told. */
export interface TestCallFacts {
  readonly now: Instant;
  readonly orderedAt: Instant;
  readonly extension: string;
  /** Whose operator it is; without an agent no ticket is made. */
  readonly isMapped: boolean;
  /** What the PBX said to the command; null while it has not answered. */
  readonly answer: {
    readonly at: Instant;
    readonly outcome: 'accepted' | 'refused' | 'unknown';
    readonly word: string | null;
  } | null;
  /** What `/result/callback` said later, if it came. */
  readonly result: number | null;
  readonly legs: readonly TestCallLeg[];
  readonly summaryAt: Instant | null;
  /** How long the oldest of its events has waited for a worker. */
  readonly waitingMs: number;
  readonly ticketAt: Instant | null;
  readonly recording: {
    readonly state: 'ready' | 'pending' | 'unavailable';
    readonly reason: string | null;
    readonly at: Instant;
  } | null;
}

export interface TestCallLeg {
  readonly id: string;
  readonly toExtension: string | null;
  readonly takenFrom: string | null;
  readonly appearedAt: Instant | null;
  readonly connectedAt: Instant | null;
  readonly endedAt: Instant | null;
  readonly reason: number | null;
}

export const TEST_CALL_STEPS = [
  'sent',
  'accepted',
  'agent_rings',
  'agent_answers',
  'customer_rings',
  'customer_answers',
  'ended',
  'ticket',
  'recording',
] as const;
export type TestCallStep = (typeof TEST_CALL_STEPS)[number];

export type StepState = 'done' | 'waiting' | 'failed' | 'later';
/** Why a step failed, as a code the interface puts into words; `reason` is the PBX's own code or word, where there is one. */
export const TEST_CALL_CODES = [
  'command_refused',
  'answer_lost',
  'no_event',
  'agent_not_answered',
  'customer_not_rung',
  'customer_not_answered',
  'summary_missing',
  'worker_away',
  'operator_unmapped',
  'no_ticket',
  'recording_missing',
] as const;
export type TestCallCode = (typeof TEST_CALL_CODES)[number];

export interface StepView {
  readonly step: TestCallStep;
  readonly state: StepState;
  readonly at: Instant | null;
  readonly code: TestCallCode | null;
  readonly reason: string | number | null;
}

const SECOND_MS = 1000;
const ANSWER_WITHIN_MS = 30 * SECOND_MS;
const FIRST_EVENT_WITHIN_MS = 45 * SECOND_MS;
const NEXT_LEG_WITHIN_MS = 20 * SECOND_MS;
const SUMMARY_WITHIN_MS = 60 * SECOND_MS;
const TICKET_WITHIN_MS = 60 * SECOND_MS;
const DELIVERED_WITHIN_MS = 15 * SECOND_MS;
const ACCEPTED = new Set([1000, 1001]);

type Progress =
  | { readonly done: Instant }
  | { readonly failed: TestCallCode; readonly at?: Instant | null; readonly reason?: string | number | null }
  | null;

interface Legs {
  /** One for each of the operator's devices that rang, at once or one after the other. */
  readonly agent: readonly TestCallLeg[];
  readonly pickedUp: TestCallLeg | undefined;
  readonly customer: TestCallLeg | undefined;
}

/**
 * The operator is rung first, on each device, then the customer (mango-api §3.8). A number of the operator's own may be called for the
 * test: that leg names the same extension, but goes on from one that was picked up.
 */
function legsOf({ legs, extension }: TestCallFacts): Legs {
  const wasPickedUp = (id: string | null): boolean => legs.some((leg) => leg.id === id && leg.connectedAt !== null);
  const isAgents = ({ toExtension, takenFrom }: TestCallLeg): boolean =>
    toExtension !== null && withoutZeros(toExtension) === withoutZeros(extension) && !wasPickedUp(takenFrom);
  const agent = legs.filter(isAgents);
  const others = legs.filter((leg) => !isAgents(leg));
  return {
    agent,
    pickedUp: agent.find(({ connectedAt }) => connectedAt !== null),
    customer: others.find(({ connectedAt }) => connectedAt !== null) ?? others.at(-1),
  };
}

/** The last one to end; null while one of them rings. */
function lastEnded(legs: readonly TestCallLeg[]): (TestCallLeg & { readonly endedAt: Instant }) | null {
  const ended = legs.flatMap((leg) => (leg.endedAt === null ? [] : [{ ...leg, endedAt: leg.endedAt }]));
  if (ended.length < legs.length) return null;
  return ended.toSorted((a, b) => b.endedAt - a.endedAt)[0] ?? null;
}

const done = (at: Instant | null | undefined): Progress => (at == null ? null : { done: at });

function accepted({ answer, result, orderedAt, now }: TestCallFacts): Progress {
  if (result !== null && !ACCEPTED.has(result)) return { failed: 'command_refused', reason: result };
  if (answer?.outcome === 'refused') return { failed: 'command_refused', at: answer.at, reason: answer.word };
  if (answer?.outcome === 'accepted') return { done: answer.at };
  return now - orderedAt > ANSWER_WITHIN_MS ? { failed: 'answer_lost', reason: answer?.word ?? null } : null;
}

const beganAt = (leg: TestCallLeg): Instant | null => leg.appearedAt ?? leg.connectedAt ?? leg.endedAt;

function agentRings({ agent: [first] }: Legs, { answer, orderedAt, now }: TestCallFacts): Progress {
  if (first) return done(beganAt(first));
  return now - (answer?.at ?? orderedAt) > FIRST_EVENT_WITHIN_MS ? { failed: 'no_event' } : null;
}

/** Another device may ring after the one that was not picked up: only time or the summary tells that none will. */
function agentAnswers({ agent, pickedUp, customer }: Legs, { summaryAt, now }: TestCallFacts): Progress {
  if (pickedUp) return done(pickedUp.connectedAt);
  const last = lastEnded(agent);
  if (!last || customer || (summaryAt === null && now - last.endedAt <= NEXT_LEG_WITHIN_MS)) return null;
  return { failed: 'agent_not_answered', at: last.endedAt, reason: last.reason };
}

function customerRings({ pickedUp, customer }: Legs, { now }: TestCallFacts): Progress {
  if (customer) return done(beganAt(customer));
  if (!pickedUp?.endedAt || now - pickedUp.endedAt <= NEXT_LEG_WITHIN_MS) return null;
  return { failed: 'customer_not_rung', reason: pickedUp.reason };
}

function customerAnswers({ customer }: Legs): Progress {
  if (customer?.connectedAt) return { done: customer.connectedAt };
  return customer?.endedAt ? { failed: 'customer_not_answered', at: customer.endedAt, reason: customer.reason } : null;
}

function ended({ customer }: Legs, { summaryAt, now }: TestCallFacts): Progress {
  if (summaryAt !== null) return { done: summaryAt };
  return customer?.endedAt && now - customer.endedAt > SUMMARY_WITHIN_MS ? { failed: 'summary_missing' } : null;
}

function ticket(facts: TestCallFacts): Progress {
  const { ticketAt, waitingMs, summaryAt, isMapped, now } = facts;
  if (ticketAt !== null) return { done: ticketAt };
  if (waitingMs > DELIVERED_WITHIN_MS) return { failed: 'worker_away' };
  if (summaryAt !== null && !isMapped) return { failed: 'operator_unmapped' };
  return summaryAt !== null && now - summaryAt > TICKET_WITHIN_MS ? { failed: 'no_ticket' } : null;
}

function recording({ recording: found }: TestCallFacts): Progress {
  if (found?.state === 'ready') return { done: found.at };
  return found?.state === 'unavailable' ? { failed: 'recording_missing', at: found.at, reason: found.reason } : null;
}

/**
 * How far the test call got. Whatever has happened proves all before it, even if an event of that was lost; the first step that
 * failed ends the account.
 */
export function testCallSteps(facts: TestCallFacts): readonly StepView[] {
  const legs = legsOf(facts);
  const progress: Readonly<Record<TestCallStep, Progress>> = {
    sent: { done: facts.orderedAt },
    accepted: accepted(facts),
    agent_rings: agentRings(legs, facts),
    agent_answers: agentAnswers(legs, facts),
    customer_rings: customerRings(legs, facts),
    customer_answers: customerAnswers(legs),
    ended: ended(legs, facts),
    ticket: ticket(facts),
    recording: recording(facts),
  };
  const stop = TEST_CALL_STEPS.findIndex((step) => isFinal(progress[step]));
  const told = stop < 0 ? TEST_CALL_STEPS : TEST_CALL_STEPS.slice(0, stop);
  const lastDone = told.findLastIndex((step) => isDone(progress[step]));
  return TEST_CALL_STEPS.map((step, index) =>
    viewOf(step, progress[step], { isPast: index < lastDone, isNext: index === lastDone + 1 }),
  );
}

/** Somebody said no or did not pick up: that such a call also ends, and has its ticket, proves nothing. */
const FINAL: ReadonlySet<TestCallCode> = new Set(['command_refused', 'agent_not_answered', 'customer_not_answered']);
const isFinal = (progress: Progress): boolean => progress !== null && 'failed' in progress && FINAL.has(progress.failed);
const isDone = (progress: Progress): progress is { readonly done: Instant } => progress !== null && 'done' in progress;

function viewOf(step: TestCallStep, progress: Progress, place: { readonly isPast: boolean; readonly isNext: boolean }): StepView {
  const nothing = { step, at: null, code: null, reason: null };
  if (isDone(progress)) return { ...nothing, state: 'done', at: progress.done };
  if (place.isPast) return { ...nothing, state: 'done' };
  if (!place.isNext) return { ...nothing, state: 'later' };
  if (progress === null) return { ...nothing, state: 'waiting' };
  return { step, state: 'failed', at: progress.at ?? null, code: progress.failed, reason: progress.reason ?? null };
}

/** Nothing more is going to happen. */
export const isTestCallOver = (steps: readonly StepView[]): boolean =>
  steps.some(({ state }) => state === 'failed') || steps.every(({ state }) => state === 'done');
