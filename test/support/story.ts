import type { Party } from '../../domain/messages.ts';
import { agent, FRIEND, IGNORED, UNMAPPED } from './leg-events.ts';

/** Whoever may be rung or talk: mapped agents, an ignored and an unmapped operator, somebody outside. */
export type Person = 'anna' | 'boris' | 'vera' | 'ignored' | 'unmapped' | 'friend';

export const PARTIES: Record<Person, Party> = {
  anna: agent('anna'),
  boris: agent('boris'),
  vera: agent('vera'),
  ignored: IGNORED,
  unmapped: UNMAPPED,
  friend: FRIEND,
};
export const isMapped = (person: Person): boolean => PARTIES[person].kind === 'agent';

export type Opening =
  | { readonly kind: 'incoming'; readonly menu: boolean; readonly queue: boolean; readonly rounds: readonly Round[] }
  | { readonly kind: 'softphone'; readonly by: Person; readonly answered: boolean }
  | { readonly kind: 'callback'; readonly ours: boolean; readonly pickedUp: boolean; readonly answered: boolean | null }
  | { readonly kind: 'internal' };

/** Some are rung at once, on one device or two. */
export interface Round {
  readonly members: readonly { readonly who: Person; readonly devices: 1 | 2 }[];
  readonly answeredBy: number | null;
}

export type Move =
  | { readonly kind: 'hold' }
  | {
      readonly kind: 'consult';
      readonly target: Person;
      readonly answered: boolean;
      readonly then: 'back' | 'complete' | 'customer leaves';
    }
  | {
      readonly kind: 'release';
      readonly target: Person;
      readonly answered: boolean;
      readonly back: RingBack;
      readonly named: boolean;
    }
  | {
      readonly kind: 'blind';
      readonly targets: readonly Person[];
      readonly queue: boolean;
      readonly answeredBy: number | null;
      readonly back: RingBack;
    };

export type RingBack = 'none' | 'answered' | 'unanswered';

/** What happens in one call, told by people and not by events. */
export interface Story {
  readonly fields: 'v1' | 'v2';
  readonly hidden: boolean;
  readonly command: boolean;
  readonly recorded: boolean;
  readonly opening: Opening;
  readonly moves: readonly Move[];
  readonly pauses: readonly number[];
}

/** What the specification expects of a story: told by who talked with the customer one after another, and who was rung in vain. */
export interface Expected {
  readonly direction: 'incoming' | 'outgoing' | 'internal';
  readonly conversations: readonly {
    readonly agentId: string;
    readonly outcome: 'talked' | 'unanswered';
    /** Those to whom the customer was handed over; empty: to nobody whom the rules know. */
    readonly handedOverTo: readonly string[];
    readonly talkSeconds: number | null;
    readonly recordings: readonly string[];
  }[];
  readonly missedBy: readonly string[] | null;
  readonly notPickedUp: boolean;
}
