import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type { CallState, Decision, FetchOutcome } from '../domain/decisions.ts';

/** What came of one decision. */
export type DecisionResult =
  | { readonly type: 'done' }
  /** Nothing was done: the inbox holds messages that the workflow has not heard yet. */
  | { readonly type: 'more_is_coming' }
  | { readonly type: 'projected'; readonly cancelled: boolean }
  | { readonly type: 'ticketed'; readonly ticketId: string }
  | { readonly type: 'announced'; readonly recordingId: string; readonly rowId: string };

export interface ApplyInput {
  readonly callId: string;
  readonly decisions: readonly Decision[];
  /**
   * These decisions end the call, which has heard so many messages. After an outage its timer may be sooner than what the inbox has
   * kept meanwhile: then nothing is done but to say so.
   */
  readonly endsHaving?: number;
  /** The latest row of the inbox that moved the call before these were decided: what led to them, or what a timer ran from. */
  readonly heard?: number | null;
  /** The latest that names an agent, by the agent's id. */
  readonly heardOf?: Readonly<Record<string, number>>;
  /** Kept in Postgres when the call's workflow ends, so that whatever comes late finds it. */
  readonly finalState?: CallState;
}

/** One decision after another in one transaction (local activities: nothing leaves the service). */
export interface DatabaseSteps {
  applyDecisions(input: ApplyInput): Promise<readonly DecisionResult[]>;
  loadCallState(callId: string): Promise<CallState | null>;
  settleCallback(input: {
    readonly callId: string;
    readonly commandId: string;
    readonly code: string | null;
    /** The PBX's own number for the refusal, where it gave one. */
    readonly pbxCode?: number;
    readonly actionId?: string;
    readonly agentId?: string;
  }): Promise<void>;
  noteCallback(input: {
    readonly callId: string;
    readonly state: 'sent' | 'accepted' | 'unknown' | 'cancelled';
    readonly actionId?: string;
    readonly agentId?: string;
  }): Promise<void>;
}

export type CommandOutcome =
  | { readonly state: 'accepted' }
  | { readonly state: 'refused'; readonly code: string; readonly pbxCode?: number }
  /** The answer was lost: the PBX may have taken it, so it is never sent twice. */
  | { readonly state: 'unknown' };

export type { FetchOutcome };

/** That the PBX has no recording to give; for good, or for now. */
export interface FetchRefusal {
  readonly final: boolean;
  readonly reason: string;
}

/** What leaves the service: the PBX and its recordings. */
export interface PbxSteps {
  placeCallback(input: { readonly callId: string; readonly commandId: string }): Promise<CommandOutcome>;
  hangUpLeg(input: {
    readonly callId: string;
    readonly legId: string;
    readonly actionId: string;
    readonly agentId: string | null;
  }): Promise<CommandOutcome>;
  /** With what the PBX has just said to `fetchRecordingAtOnce` it is not asked again: this is what comes of that answer. */
  fetchRecording(input: { readonly recordingRowId: string; readonly refused?: FetchRefusal }): Promise<FetchOutcome>;
  /** The same within seconds, as most recordings are; `not_at_once` for whatever needs longer, or comes when many are being fetched. */
  fetchRecordingAtOnce(input: {
    readonly recordingRowId: string;
  }): Promise<FetchOutcome | ({ readonly state: 'refused' } & FetchRefusal) | { readonly state: 'not_at_once' }>;
}

/** Short writes to Postgres: tried for as long as it takes, since a decision once made must come true. */
export const database = proxyLocalActivities<DatabaseSteps>({
  startToCloseTimeout: '20s',
  localRetryThreshold: '10s',
  retry: { initialInterval: '100ms', backoffCoefficient: 2, maximumInterval: '10s' },
});

/** Commands to the PBX: one attempt each, as a command whose answer is lost may have been carried out. */
export const pbx = proxyActivities<Pick<PbxSteps, 'placeCallback' | 'hangUpLeg'>>({
  startToCloseTimeout: '30s',
  retry: { maximumAttempts: 1 },
});

/** Recordings may be large and the worker may die half-way: tried again by Temporal, while «not there yet» is a result. */
export const files = proxyActivities<Pick<PbxSteps, 'fetchRecording'>>({
  startToCloseTimeout: '10m',
  heartbeatTimeout: '1m',
  retry: { initialInterval: '2s', backoffCoefficient: 2, maximumInterval: '1m', maximumAttempts: 5 },
});

/**
 * Where nobody rings or talks any more: without a task of its own, which costs Temporal five writes. Tried once; the task of the workflow, which waits
 * meanwhile as an agent's action does, must not become old.
 */
export const filesAtOnce = proxyLocalActivities<Pick<PbxSteps, 'fetchRecordingAtOnce'>>({
  startToCloseTimeout: '5s',
  retry: { maximumAttempts: 1 },
});

/** What schedules ask for, beside any call. */
export interface UpkeepSteps {
  reconcileCalls(): Promise<{ readonly eventsAdded: number; readonly caughtUp: boolean }>;
  sweepRecordings(): Promise<{ readonly removed: number; readonly adopted: number }>;
  /** Deletes events of the stream that no browser can resume from any more; how many. */
  cutStreamEvents(): Promise<number>;
}

/** What is deleted outright once it is old enough. */
export const CUT_KINDS = ['sign_in_attempts', 'refused_events', 'sessions', 'stream_events'] as const;

interface Batch {
  readonly count: number;
  readonly more: boolean;
}

/** Retention and erasure. Done again, each finds nothing left to do. */
export interface PrivacySteps {
  removeOldRecordings(): Promise<Batch>;
  redactOldEvents(): Promise<Batch>;
  cutOldRows(input: { readonly kind: (typeof CUT_KINDS)[number] }): Promise<number>;
  blockCustomer(input: { readonly erasureId: string }): Promise<void>;
  callsUnderWay(input: { readonly erasureId: string }): Promise<{ readonly open: number; readonly recent: boolean }>;
  eraseEverything(input: { readonly erasureId: string; readonly state: 'erasing' | 'checking' }): Promise<void>;
  finishErasure(input: { readonly erasureId: string }): Promise<void>;
}

/** How many calls were made anew, closed by what is known, and cards taken away. */
export interface MendResult {
  readonly restarted: number;
  readonly stopped: number;
  readonly cards: number;
}

export interface MendSteps {
  /** Compares unfinished calls, or one, with the workflows that run. */
  mendCalls(input?: { readonly callId?: string }): Promise<MendResult>;
}
