/** What the API sends and takes: types only, so that no schema reaches the browser. */
export type * from '../../api/contract/index.ts';

import type { TicketStatus, Channel, TicketKind, LiveCall, Conversation, VerdictFilter } from '../../api/contract/index.ts';

export const STATUSES = ['open', 'pending', 'closed'] as const satisfies readonly TicketStatus[];
export const CHANNELS = ['call', 'email', 'chat', 'web', 'messenger', 'social'] as const satisfies readonly Channel[];
export const KINDS = ['incoming', 'outgoing', 'missed'] as const satisfies readonly TicketKind[];
export const VERDICT_FILTERS = [
  ...([
    'accepted',
    'waiting',
    'delivered',
    'repeated',
    'ignored',
    'unknown_operator',
    'late',
    'kept',
    'failed',
    'refused',
  ] as const),
  ...(['bad_signature', 'missing_signature', 'unknown_key', 'malformed', 'too_large', 'not_a_form'] as const),
] as const satisfies readonly VerdictFilter[];
export type CallState = LiveCall['state'];
export type Outcome = Conversation['outcome'];
export type Draft = NonNullable<LiveCall['draft']>;

export interface Page<T> {
  readonly items: T[];
  readonly total: number;
  /** A search found more than `total`. */
  readonly more?: boolean;
}
