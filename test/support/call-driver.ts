import { isDeepStrictEqual } from 'node:util';
import type { CallLimits } from '../../domain/call.ts';
import {
  decide,
  newCallState,
  withAnnounced,
  withCallMessage,
  withFetched,
  type CallState,
  type Decision,
  type Errand,
  type FetchOutcome,
  type ProjectedCard,
  type ProjectedConversation,
} from '../../domain/decisions.ts';
import type { CallMessage, Instant } from '../../domain/messages.ts';
import { T0 } from './leg-events.ts';

export const LIMITS: CallLimits = { draftGraceMs: 2_000, settleMs: 30_000, legMaxMs: 4 * 3_600_000, recordingWaitMs: 900_000 };

type DecisionOf<T extends Decision['type']> = Extract<Decision, { type: T }>;

export interface PlayOptions {
  readonly limits?: CallLimits;
  /** What a fetch comes back with, a second later. */
  readonly fetch?: (recordingId: string, attempt: number) => FetchOutcome;
  /** Whether to decide right after the message at this place, or together with the next. */
  readonly decidesAfter?: (index: number) => boolean;
  /** Look no further than this; for a call that is not meant to be over yet. */
  readonly until?: Instant;
  /** Whether to hold the promises of `decide` at this step; always, if not said otherwise. */
  readonly holds?: () => boolean;
}

export interface Step {
  readonly at: Instant;
  readonly decisions: readonly Decision[];
  readonly errands: readonly Errand[];
}

/** What is to become of one conversation, as the tickets see it. */
export interface TalkOutcome {
  readonly agentId: string;
  readonly outcome: ProjectedConversation['outcome'];
  /** As the last settlement has it; null: never settled. */
  readonly handedOver: boolean | null;
  readonly handedOverTo: string | null;
  readonly ticketId: string | null;
  readonly talkSeconds: number | null;
  readonly recordings: readonly string[];
}

export interface CallOutcome {
  readonly direction: DecisionOf<'project'>['direction'];
  readonly customer: number | null;
  readonly conversations: readonly TalkOutcome[];
  readonly missedBy: readonly string[] | null;
  readonly attemptsBy: readonly string[];
  readonly notPickedUp: boolean;
}

/** The call as it was decided, step by step. */
export class Played {
  readonly steps: Step[] = [];
  readonly keys = new Set<string>();
  finishedAt: Instant | null = null;

  constructor(public state: CallState) {}

  get decisions(): Decision[] {
    return this.steps.flatMap((step) => step.decisions);
  }

  of<T extends Decision['type']>(type: T): DecisionOf<T>[] {
    return this.decisions.filter((decision): decision is DecisionOf<T> => decision.type === type);
  }

  get errands(): Errand[] {
    return this.steps.flatMap((step) => step.errands);
  }

  /** When something was decided, in seconds since the script's start. */
  secondsOf(type: Decision['type']): number[] {
    return this.steps.flatMap((step) => step.decisions.filter((decision) => decision.type === type).map(() => seconds(step.at)));
  }

  get projection(): DecisionOf<'project'> {
    const last = this.of('project').at(-1);
    if (!last) throw new Error('Nothing was projected');
    return last;
  }

  /** What an agent saw, as `<second> <card>`; `gone` when the card left. */
  cards(agentId: string): string[] {
    const seen: string[] = [];
    let before = 'gone';
    for (const step of this.steps) {
      for (const decision of step.decisions) {
        if (decision.type !== 'project') continue;
        const card = decision.cards.find((one) => one.agentId === agentId);
        const now = card ? nameOf(card) : 'gone';
        if (now !== before) seen.push(`${seconds(step.at)} ${now}`);
        before = now;
      }
    }
    return seen;
  }

  get agentsWithCards(): string[] {
    return [...new Set(this.of('project').flatMap((decision) => decision.cards.map((card) => card.agentId)))].sort();
  }

  /** The outcome in words, one line for each thing that is to become of the call. */
  get words(): string[] {
    const { conversations, missedBy, attemptsBy, notPickedUp } = this.outcome;
    return [
      ...conversations
        .filter(({ outcome }) => outcome !== 'unanswered')
        .map(({ agentId, outcome, talkSeconds, handedOver, handedOverTo }) => {
          if (outcome !== 'talked') return `${agentId} talks`;
          const end = handedOver === null ? 'not settled' : handedOver ? `handed over to ${handedOverTo}` : 'settled';
          return `${agentId} talked ${talkSeconds} s, ${end}`;
        }),
      ...attemptsBy.map((agentId) => `attempt by ${agentId}`),
      ...(missedBy ? [`missed by ${missedBy.join(', ')}`] : []),
      ...(notPickedUp ? ['not picked up'] : []),
    ];
  }

  get outcome(): CallOutcome {
    const { direction, customer, conversations } = this.projection;
    const talks = conversations.map((conversation): TalkOutcome => {
      const { id, agentId, outcome, handedOverTo, ticketId, talkSeconds } = conversation;
      const settled = this.of('settle_talk').findLast((decision) => decision.conversationId === id);
      const announced = this.of('announce_recording').filter((decision) => decision.conversationId === id);
      return {
        agentId,
        outcome,
        handedOver: settled?.handedOver ?? null,
        handedOverTo,
        ticketId,
        talkSeconds,
        recordings: announced.map((decision) => decision.recordingId).sort(),
      };
    });
    return {
      direction,
      customer,
      conversations: talks,
      missedBy: this.of('record_missed').at(-1)?.agentIds.toSorted() ?? null,
      attemptsBy: this.of('record_attempt').map(
        ({ conversationId }) => conversations.find((conversation) => conversation.id === conversationId)?.agentId ?? '?',
      ),
      notPickedUp: this.of('report_not_picked_up').length > 0,
    };
  }
}

const seconds = (at: Instant): number => Math.round((at - T0) / 10) / 100;
const nameOf = (card: ProjectedCard): string => (card.state === 'ringing' ? 'ringing' : `${card.state} ${card.direction}`);

const END_OF_TIME = T0 + 14 * 24 * 3_600_000;

/**
 * Plays messages in the order in which they arrive against the rules, as the call's workflow does: decides after each, wakes
 * when it asked to, and goes on until the call is finished. Holds the promises of `decide` at every step.
 */
export function play(messages: readonly CallMessage[], options: PlayOptions = {}): Played {
  const limits = options.limits ?? LIMITS;
  const queue = [...messages].sort((a, b) => a.receivedAt - b.receivedAt || a.inboxId - b.inboxId);
  const played = new Played(newCallState('call'));
  const fetched: { at: Instant; recordingId: string; outcome: FetchOutcome }[] = [];
  const attempts = new Map<string, number>();
  let wakeAt: Instant | null = null;
  let postponed = false;
  let index = 0;
  let now = queue[0]?.receivedAt ?? T0;

  const settle = (woken: boolean): void => {
    postponed = false;
    const before = played.state;
    for (let round = 0; ; round++) {
      if (round > 20) throw new Error('The call does not come to rest');
      const plan = decide(played.state, limits, now);
      holdsSimplePromises(played, plan, now);
      if (options.holds?.() ?? true) holdsPromises(plan, limits, now);
      played.state = plan.state;
      if (plan.decisions.length > 0 || plan.errands.length > 0) {
        played.steps.push({ at: now, decisions: plan.decisions, errands: plan.errands });
      }
      for (const decision of plan.decisions) {
        if (decision.type === 'announce_recording') {
          played.state = withAnnounced(played.state, decision.recordingId, `row-${decision.recordingId}`);
        }
      }
      for (const errand of plan.errands) {
        if (errand.type !== 'fetch_recording') continue;
        const attempt = (attempts.get(errand.recordingId) ?? 0) + 1;
        attempts.set(errand.recordingId, attempt);
        const outcome = options.fetch?.(errand.recordingId, attempt) ?? { state: 'settled' };
        fetched.push({ at: now + 1_000, recordingId: errand.recordingId, outcome });
      }
      wakeAt = plan.wakeAt;
      if (plan.decisions.length === 0) {
        if (woken && round === 0 && plan.errands.length === 0 && isDeepStrictEqual(before, played.state) && !plan.finished) {
          throw new Error(`It woke at ${seconds(now)} for nothing`);
        }
        if (plan.finished) played.finishedAt ??= now;
        return;
      }
    }
  };

  for (let turns = 0; turns < 20_000; turns++) {
    const message = queue[index];
    const [answer] = [...fetched].sort((a, b) => a.at - b.at);
    // What was left undecided is decided with the next message, or now if there is none.
    const waking = postponed ? (message ? Infinity : now) : (wakeAt ?? Infinity);
    const next = Math.min(message?.receivedAt ?? Infinity, answer?.at ?? Infinity, waking);
    if (next === Infinity) {
      if (played.finishedAt === null)
        throw new Error(`It waits for nothing and is not finished: ${JSON.stringify(played.state)}`);
      return played;
    }
    if (next > (options.until ?? END_OF_TIME)) {
      if (options.until !== undefined) return played;
      throw new Error('The call is never finished');
    }
    now = Math.max(now, next);
    if (message && message.receivedAt <= now) {
      played.state = withCallMessage(played.state, message, now);
      index += 1;
      if (options.decidesAfter?.(index - 1) ?? true) settle(false);
      else postponed = true;
    } else if (answer && answer.at <= now) {
      fetched.splice(fetched.indexOf(answer), 1);
      played.state = withFetched(played.state, answer.recordingId, answer.outcome, now);
      settle(false);
    } else {
      settle(!postponed);
    }
  }
  throw new Error('The call takes more turns than any call can need');
}

/** What is done once is decided once, and what is waited for is still to come. */
function holdsSimplePromises(played: Played, plan: ReturnType<typeof decide>, now: Instant): void {
  if (plan.wakeAt !== null && plan.wakeAt <= now) throw new Error(`It wants to wake at ${plan.wakeAt}, which is past`);
  if (plan.finished && (plan.decisions.length > 0 || plan.errands.length > 0)) throw new Error('Finished with something to do');
  for (const decision of plan.decisions) {
    if (!('key' in decision)) continue;
    if (played.keys.has(decision.key)) throw new Error(`${decision.key} was decided before`);
    played.keys.add(decision.key);
  }
}

/** `decide` asks for nothing new when nothing is new, and carries only JSON. */
function holdsPromises(plan: ReturnType<typeof decide>, limits: CallLimits, now: Instant): void {
  const again = decide(JSON.parse(JSON.stringify(plan.state)) as CallState, limits, now);
  if (again.decisions.length > 0) throw new Error(`Decided twice: ${JSON.stringify(again.decisions)}`);
  if (again.errands.length > 0) throw new Error(`Sent twice: ${JSON.stringify(again.errands)}`);
  if (!isDeepStrictEqual(again.state, plan.state)) throw new Error('Deciding again, from JSON, changed the state');
}
