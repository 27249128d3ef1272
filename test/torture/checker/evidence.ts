/** What a campaign leaves behind for its judge: plain facts, taken from outside. The checker reads nothing else. */
export interface Evidence {
  readonly seed: number;
  readonly staff: readonly { readonly extension: string; readonly agentId: string; readonly name: string }[];
  readonly stories: readonly StoryRecord[];
  /** The PBX's own account of every call. */
  readonly calls: readonly CallRecord[];
  /** Every request that left the PBX, with its answer. */
  readonly sent: readonly SentRecord[];
  /** Commands as they reached the PBX. */
  readonly received: readonly {
    readonly path: string;
    readonly json: string;
    readonly status: number;
    readonly result: number | null;
  }[];
  readonly acts: readonly ActRecord[];
  readonly orders: readonly OrderRecord[];
  /** Not in evidence that was kept before customers were erased. */
  readonly erasures?: readonly ErasureRecord[];
  readonly streams: readonly StreamRecord[];
  readonly tickets: readonly TicketRecord[];
  /** sha256 of what `GET /api/recordings/{id}` gave. */
  readonly downloads: Readonly<Record<string, string>>;
  /** Names of files under DATA_DIR/recordings. */
  readonly files: readonly string[];
  readonly inbox: readonly InboxRecord[];
  readonly statistics: {
    readonly from: string;
    readonly to: string;
    readonly load: Readonly<Record<string, number | null>>;
    readonly totalReplies: number | null;
    readonly agents: readonly ({ readonly agent: { readonly id: string } } & Readonly<Record<string, unknown>>)[];
  };
  /** Lines of logs in which something stands that must not, without what it was. */
  readonly leaks: readonly string[];
  readonly drain: {
    readonly openCalls: number;
    readonly inboxWaiting: number;
    readonly recordingsPending: number;
    readonly runningWorkflows: number;
    readonly failedWorkflows: number;
    /** Ended by the product itself, as their histories did not replay, and begun anew: no failure in themselves. */
    readonly begunAnew: number;
  };
  readonly tail: readonly { readonly path: string; readonly statuses: readonly (number | null)[] }[];
  readonly strikes: readonly StrikeRecord[];
  readonly smallDisk: boolean;
  /** How long the product waits for what is missing after a call's end. */
  readonly settleMs?: number;
  /** Not in evidence that was kept before it was looked at. */
  readonly footprint?: FootprintRecord;
}

/** In MB: the most memory that each process held, and what lies on the disk at the end. */
export interface FootprintRecord {
  readonly peakMb: Readonly<Record<string, number>>;
  readonly diskMb: Readonly<Record<string, number>>;
}

export interface StoryRecord {
  readonly story: number;
  readonly shape: string;
  readonly phone: string | null;
  /** In the order in which they took place, one after the other. */
  readonly entryIds: readonly string[];
  /** Why the story could not be told to its end. */
  readonly trouble: string | null;
  /** The longest that it waited for the tickets of what had been told so far. */
  readonly longestWaitMs: number;
}

export interface CallRecord {
  readonly entryId: string;
  readonly direction: 'incoming' | 'outgoing' | 'internal';
  readonly customer: string | null;
  readonly commandId: string | null;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly legs: readonly {
    readonly callId: string;
    readonly location: string;
    readonly from: string | null;
    readonly to: string | null;
    readonly takenFrom: string | null;
    readonly transfer: string | null;
    readonly answeredAt: number | null;
    readonly endedAt: number | null;
    readonly appearedAt: number;
  }[];
  readonly talks: readonly {
    readonly callId: string;
    readonly extension: string;
    readonly with: 'customer' | 'operator' | 'outside';
    readonly startedAt: number;
    readonly endedAt: number | null;
  }[];
  readonly recordings: readonly {
    readonly recordingId: string;
    readonly callId: string;
    readonly extension: string;
    readonly plan: string;
    readonly sha256: string | null;
  }[];
}

export interface SentRecord {
  readonly path: string;
  readonly entryId: string | null;
  readonly json: string;
  readonly copy: number;
  readonly status: number | null;
  readonly failure: string | null;
  readonly tookMs: number;
  /** When the answer came. */
  readonly at: number;
}

export interface ActRecord {
  readonly entryId: string;
  readonly extension: string;
  readonly callId: string;
  readonly actionId: string;
  readonly type: 'create_ticket' | 'link_ticket' | 'save_draft';
  readonly subject: string;
  readonly gist: string;
  readonly ticketId: string | null;
  readonly at: number;
  /** Null: the service never said whether it took it. */
  readonly status: number | null;
  readonly problem: string | null;
  readonly unknowns: number;
  /** What `GET /api/calls/{callId}/actions/{actionId}` says at the end; null if it knows of none. */
  outcome: { readonly state: string; readonly code: string | null; readonly ticketId: string | null } | null;
}

/** A callback ordered from a ticket. */
export interface OrderRecord {
  readonly commandId: string;
  readonly extension: string;
  readonly ticketId: string;
  readonly status: number | null;
  /** The PBX's call, if it made one. */
  readonly entryId: string | null;
}

/** A customer whose data an admin ordered to be erased while the campaign went on. */
export interface ErasureRecord {
  readonly story: number;
  readonly phone: string;
  readonly customerId: string;
  /** Whether what was typed goes as well. */
  readonly texts: 'erase' | 'keep';
  /** What the order was answered; null: nothing. */
  readonly status: number | null;
  /** What `GET /api/erasures` says at the end. */
  readonly state?: string | null;
  readonly finishedAt?: number | null;
  /** What `GET /api/customers/{id}` answers at the end. */
  readonly customerStatus?: number | null;
  /** Lines of the destruction log that name the customer. */
  readonly logLines?: number;
  /** Rows of the database in which the number still stands, or a text that was to go; `at`: when such a row came, where it says so. */
  readonly traces?: readonly { readonly table: string; readonly at: number | null }[];
}

export interface StreamRecord {
  readonly extension: string;
  readonly events: {
    readonly id: string;
    readonly type: string;
    readonly callId?: string;
    readonly phone?: string | null;
    readonly state?: string;
    readonly ticketId?: string;
    readonly actionId?: string;
  }[];
  cuts: number;
}

export interface RecordingRecord {
  readonly id: string;
  readonly state: string;
  readonly reason: string | null;
  readonly url: string | null;
}

export interface TicketRecord {
  readonly id: string;
  readonly number: number;
  readonly subject: string;
  readonly status: string;
  readonly channel: string;
  readonly kind: string | null;
  readonly handset: string | null;
  readonly phone: string | null;
  readonly customer?: { readonly id: string } | null;
  readonly assignee: { readonly id: string } | null;
  readonly missedCount: number;
  readonly createdAt: string;
  readonly closedAt: string | null;
  readonly messages: readonly {
    readonly id: string;
    readonly type: string;
    readonly body: string;
    readonly code: string | null;
    readonly createdAt: string;
    readonly author: { readonly type: string; readonly id: string | null };
    readonly conversation: {
      readonly id: string;
      readonly callId: string;
      readonly agent: { readonly id: string } | null;
      readonly direction: string;
      readonly outcome: string;
      readonly talkSeconds: number | null;
      readonly answeredAt: string | null;
      readonly endedAt: string | null;
      readonly recordings: readonly RecordingRecord[];
      readonly recording: RecordingRecord | null;
    } | null;
  }[];
}

export interface InboxRecord {
  readonly source: string;
  readonly path: string | null;
  readonly body: Readonly<Record<string, unknown>>;
  readonly verdict: string;
  readonly waiting: boolean;
}

export interface StrikeRecord {
  readonly what: string;
  readonly kind: 'kill' | 'other';
  readonly atMs: number;
  readonly inFlight: number;
  /** The point in a call's life that was to be held open when it struck, and whether it was. */
  readonly window?: string;
  readonly isHeld?: boolean;
  /** Until everything answered again; null if it never did. */
  readonly recoveredMs: number | null;
  /** From its beginning until everything answered again, as the clock has it. */
  readonly from?: number;
  readonly to?: number;
}
