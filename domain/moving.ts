import type { Handset, TicketKind, TicketStatus } from './tickets.ts';

/**
 * Moving a conversation from the ticket it stands in to another of the same customer, or out into a new one. A move decides about
 * these two tickets only, as if the call had never been in the one and always in the other; what a person decided since stands.
 */

/** How far the conversation has come. `dialling`: an outgoing call that is not answered yet. */
export type MovedTalk = 'dialling' | 'talking' | 'talked' | 'unanswered';

export type MoveRefusal =
  | 'no_conversation'
  /** A missed call is put into its ticket by the rules (S12) and stays there: nobody linked it. */
  | 'missed_call'
  /** There is nothing to move yet: the call is linked, or gets a ticket of its own when it ends. */
  | 'no_ticket'
  /** Absent, or not for this agent's eyes. */
  | 'ticket_not_found'
  | 'same_ticket'
  | 'customer_erased'
  | 'other_customer';

export interface TicketInSight {
  readonly id: string;
  readonly isVisible: boolean;
  readonly isErased: boolean;
}

export interface MoveFacts {
  /** Null: no such conversation in this call. */
  readonly outcome: 'in_progress' | 'talked' | 'missed' | 'unanswered' | null;
  readonly source: TicketInSight | null;
  readonly target: (TicketInSight & { readonly isSameCustomers: boolean }) | 'new' | null;
}

/** Why a call may not be moved; null if it may. */
export function moveRefusal({ outcome, source, target }: MoveFacts): MoveRefusal | null {
  if (outcome === null) return 'no_conversation';
  if (outcome === 'missed') return 'missed_call';
  if (!source) return 'no_ticket';
  if (!source.isVisible || target === null) return 'ticket_not_found';
  if (target === 'new') return source.isErased ? 'customer_erased' : null;
  if (!target.isVisible) return 'ticket_not_found';
  if (target.id === source.id) return 'same_ticket';
  if (source.isErased || target.isErased) return 'customer_erased';
  return target.isSameCustomers ? null : 'other_customer';
}

export function movedTalk(conversation: {
  readonly outcome: 'in_progress' | 'talked' | 'missed' | 'unanswered';
  readonly isAnswered: boolean;
}): MovedTalk {
  if (conversation.outcome === 'talked') return 'talked';
  if (conversation.outcome === 'in_progress') return conversation.isAnswered ? 'talking' : 'dialling';
  return 'unanswered';
}

/** A change of a ticket's status, or its creation (`from` is null then), and the conversation that caused it. */
export interface StatusStep {
  readonly from: TicketStatus | null;
  readonly to: TicketStatus;
  readonly conversationId: string | null;
  readonly at: number;
}

export interface SourceFacts {
  readonly status: TicketStatus;
  /** The present status is a person's choice. */
  readonly isChosen: boolean;
  /** A person changed something of the ticket. */
  readonly isTouched: boolean;
  /** In order, beginning with the creation. */
  readonly steps: readonly StatusStep[];
  /** Replies, notes or other calls beside the one that leaves. */
  readonly hasOtherContent: boolean;
  /** The other talks in the ticket; `endedAt` is null while one goes on. */
  readonly otherTalks: readonly { readonly endedAt: number | null }[];
}

export interface SourceAfter {
  readonly status: TicketStatus;
  /** Nothing is left in it: it existed for this call alone. */
  readonly isEmptied: boolean;
}

/** The ticket that the call leaves: closed if it was there for this call only, else as it was before the call changed it. */
export function sourceAfterMove(source: SourceFacts, conversationId: string): SourceAfter {
  const { steps, status } = source;
  const isOurs = (step: StatusStep | undefined): boolean => step?.conversationId === conversationId;
  if (isOurs(steps[0]) && !source.isTouched && !source.hasOtherContent) return { status: 'closed', isEmptied: true };
  const [first] = steps.slice(steps.findLastIndex((step) => !isOurs(step)) + 1);
  if (source.isChosen || !first || first.from === null) return { status, isEmptied: false };
  if (source.otherTalks.some(({ endedAt }) => endedAt === null)) return { status: 'open', isEmptied: false };
  const othersSay = source.otherTalks.some(({ endedAt }) => endedAt !== null && endedAt >= first.at);
  return { status: othersSay ? 'pending' : first.from, isEmptied: false };
}

export interface TargetFacts {
  readonly kind: TicketKind | null;
  readonly direction: 'incoming' | 'outgoing';
  readonly hasRunningTalk: boolean;
}

export interface StatusByRule {
  /** Null: stays as it is. */
  readonly status: TicketStatus | null;
  readonly rule: string;
}

/** The ticket that the call comes to: as if it had been linked there (S2b, S15, S17, S18б, S18д). */
export function targetAfterMove(talk: MovedTalk, { kind, direction, hasRunningTalk }: TargetFacts): StatusByRule {
  switch (talk) {
    case 'talking':
      return { status: 'open', rule: 'talk_running' };
    case 'talked': {
      const rule = kind !== 'missed' ? 'S15' : direction === 'incoming' ? 'S18б' : 'S18д';
      return hasRunningTalk ? { status: 'open', rule: 'talk_running' } : { status: 'pending', rule };
    }
    case 'dialling':
    case 'unanswered':
      return { status: null, rule: 'S17' };
  }
}

/** The ticket that is made for a call moved out: as if the agent had made it for the call (S15), an attempt's as S10. */
export function newTicketOfMove(talk: MovedTalk): { readonly status: TicketStatus; readonly rule: string } {
  switch (talk) {
    case 'dialling':
    case 'talking':
    case 'talked':
      return { status: talk === 'talked' ? 'pending' : 'open', rule: 'S15' };
    case 'unanswered':
      return { status: 'closed', rule: 'S10' };
  }
}

/** S13, in both directions: a missed-call ticket is green while the recording of a talk stands in it. */
export function handsetAfterMove(kind: TicketKind | null, handset: Handset | null, holdsRecordedTalk: boolean): Handset | null {
  if (kind !== 'missed') return handset;
  return holdsRecordedTalk ? 'green' : 'red';
}
