/** What the API sends and takes: types only, so that no schema reaches the browser. */
export type * from '../../api/contract/index.ts';

import type { TicketStatus, Channel, TicketKind, LiveCall, Conversation } from '../../api/contract/index.ts';

export const STATUSES = ['open', 'pending', 'closed'] as const satisfies readonly TicketStatus[];
export const CHANNELS = ['call', 'email', 'chat', 'web', 'messenger', 'social'] as const satisfies readonly Channel[];
export const KINDS = ['incoming', 'outgoing', 'missed'] as const satisfies readonly TicketKind[];
export type CallState = LiveCall['state'];
export type Outcome = Conversation['outcome'];
export type Draft = NonNullable<LiveCall['draft']>;

export interface Page<T> {
  readonly items: T[];
  readonly total: number;
}
