import type { Instant } from '../messages.ts';

/** What the self-test knows of one PBX account; each part is gathered by one function. `null` means: could not be learnt. */
export interface SelfTestFacts {
  readonly now: Instant;
  /** The demo PBX lives on this machine: it needs no address on the internet. */
  readonly isDemo: boolean;
  readonly pbx: PbxFacts;
  readonly address: AddressFacts;
  readonly events: EventFacts;
  readonly operators: OperatorFacts;
  readonly recordings: RecordingFacts;
  readonly machinery: MachineryFacts;
}

/** What the PBX answered when its employees were asked for, just now. */
export interface PbxFacts {
  readonly answer:
    | { readonly outcome: 'accepted'; readonly extensions: readonly string[] }
    | { readonly outcome: 'refused'; readonly code: number | null; readonly word: string }
    | { readonly outcome: 'unknown'; readonly word: string }
    | { readonly outcome: 'busy_try_later' }
    | { readonly outcome: 'locked_out'; readonly until: Instant };
  /** The last requests that the PBX called invalid or met with a lock-out, newest first. */
  readonly badAnswers: readonly BadAnswerFacts[];
}

export interface BadAnswerFacts {
  readonly at: Instant;
  readonly kind: 'invalid' | 'locked';
  readonly code: number | null;
  /** Sent with the key and salt that are stored now. */
  readonly isCurrent: boolean;
}

export interface AddressFacts {
  /** PUBLIC_URL; null where nobody has set it. */
  readonly publicUrl: string | null;
  /** Whether the name leads to a host on the public internet, as seen from here. */
  readonly isPublic: boolean | null;
  /** `<PUBLIC_URL>/mango/ping`, asked from here. */
  readonly ping:
    | { readonly outcome: 'answered' }
    | { readonly outcome: 'other'; readonly status: number }
    | { readonly outcome: 'failed'; readonly reason: string }
    | null;
}

export const EVENT_KINDS = ['call', 'summary', 'recording', 'record_added', 'callback_result'] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

export interface EventFacts {
  /** When each kind came last; null for one that never did. */
  readonly lastOf: Readonly<Record<EventKind, Instant | null>>;
  readonly lastAcceptedAt: Instant | null;
  /** The newest refused request that was this account's, or nobody's. */
  readonly refused: RefusedFacts | null;
  /** Event time minus our time of the last events, in milliseconds. */
  readonly offsetsMs: readonly number[];
  /** Calls that ended a while ago by the events of their legs, and of these the ones that got a summary. */
  readonly endedCalls: number;
  readonly summarizedCalls: number;
}

export interface RefusedFacts {
  readonly at: Instant;
  readonly reason: string;
  /** The key was this account's, so the sender knows the account. */
  readonly isOurs: boolean;
  readonly address: string | null;
  /** More of which part differs, where trying could tell. */
  readonly why: string | null;
}

export interface OperatorFacts {
  readonly readAt: Instant | null;
  readonly known: readonly string[];
  readonly mapped: number;
  /** Of these, to agents who still work here. */
  readonly mappedToActive: number;
  readonly ignored: number;
  /** Extensions of employees in the events of the last days. */
  readonly seen: readonly string[];
}

export interface RecordingFacts {
  /** Talks that agents had lately. */
  readonly talks: number;
  /** What became of the recordings of these, newest first. */
  readonly outcomes: readonly { readonly state: 'ready' | 'pending' | 'unavailable'; readonly reason: string | null }[];
}

export interface MachineryFacts {
  readonly temporal: 'there' | 'away';
  /** Workers that ask Temporal for work; null while that is not known. */
  readonly workers: number | null;
  /** Events and actions that wait for delivery for longer than a moment, and how long the oldest has. */
  readonly waiting: { readonly count: number; readonly oldestMs: number };
  readonly disk: { readonly freeBytes: number; readonly totalBytes: number } | null;
}
