/**
 * What reaches a call's workflow: facts from the PBX and agents' actions, in the domain's words.
 * Ids only; phone numbers and typed text stay in Postgres (a number is named by its `ref` within the call).
 */

/** Milliseconds since the epoch. */
export type Instant = number;

/** A number of this call, named by its ordinal in `call_numbers`; null where the PBX gave none (hidden caller). */
export type NumberRef = number | null;

/** Who stands at one end of a leg. */
export type Party =
  | { readonly kind: 'agent'; readonly agentId: string }
  /** An operator set to «игнорировать звонки этого оператора». */
  | { readonly kind: 'ignored' }
  /** An employee of the PBX whom nobody mapped (or a group, as long as nobody was picked). */
  | { readonly kind: 'unmapped' }
  /** A person outside the PBX. */
  | { readonly kind: 'outside'; readonly number: NumberRef }
  /** A voice menu, a queue, an answering machine: nobody. */
  | { readonly kind: 'machine' };

export type LegState = 'appeared' | 'connected' | 'held' | 'disconnected';
export type TransferKind = 'consultative' | 'blind' | 'return_blind';

/** The command that caused a leg. `ticketId` and `agentId` are set when it is one of ours; any other is called `foreign`. */
export interface CommandRef {
  readonly commandId: string;
  readonly ours: { readonly agentId: string; readonly ticketId: string } | null;
}

interface Envelope {
  /** The inbox row's id: grows with arrival; the order in which a workflow drains its queue. */
  readonly inboxId: number;
  /** When the service received it. */
  readonly receivedAt: Instant;
  /** True if it came from the PBX's statistics and not as an event. */
  readonly reconciled?: boolean;
}

/** One state change of one leg (mango-api §2.3). */
export interface LegMessage extends Envelope {
  readonly type: 'leg';
  readonly legId: string;
  /** Counter within the leg; the only order there is. */
  readonly seq: number;
  readonly state: LegState;
  readonly location: 'person' | 'menu' | 'queue';
  readonly from: Party;
  readonly to: Party;
  readonly takenFrom: string | null;
  readonly transfer: TransferKind | null;
  readonly command: CommandRef | null;
  /** The PBX's clock, whole seconds: for display and durations, never for order within a leg. */
  readonly at: Instant;
  readonly reason: number | null;
  /** The ring ended because another one answered the call. */
  readonly answeredElsewhere?: true;
}

/** The entry is over (mango-api §2.4). Times in milliseconds; `talkedAt` null if nobody talked. */
export interface SummaryMessage extends Envelope {
  readonly type: 'summary';
  readonly direction: 'internal' | 'incoming' | 'outgoing' | null;
  readonly from: Party;
  readonly to: Party;
  readonly startedAt: Instant;
  readonly talkedAt: Instant | null;
  readonly endedAt: Instant;
  readonly reason: number | null;
}

/** The recording process (mango-api §2.5, §2.6). */
export interface RecordingMessage extends Envelope {
  readonly type: 'recording';
  readonly recordingId: string;
  readonly seq: number;
  readonly state: 'started' | 'continued' | 'completed' | 'stored';
  /** Null on `stored` (record/added names no leg). */
  readonly legId: string | null;
  readonly party: Party | null;
  /** mango-api §4.10; 1000 = ok, 4002 = too short. */
  readonly completionCode: number | null;
  /** `mail` alone means there is nothing to download. */
  readonly recipient: 'cloud' | 'mail' | 'cloud_and_mail' | null;
}

export type ActionType =
  | 'create_ticket'
  | 'link_ticket'
  | 'move_call'
  | 'save_draft'
  | 'identify_customer'
  | 'create_customer'
  | 'hang_up'
  | 'fetch_recording_again';

/** What an agent did; the typed text waits in `actions.body` under the same id. */
export interface ActionMessage extends Envelope {
  readonly type: 'action';
  readonly actionId: string;
  readonly agentId: string;
  readonly action: ActionType;
  readonly conversationId: string | null;
  readonly ticketId: string | null;
  readonly customerId: string | null;
  readonly recordingId: string | null;
  /** Whether subject or gist has a visible character. */
  readonly hasText: boolean;
}

export type CallMessage = LegMessage | SummaryMessage | RecordingMessage | ActionMessage;
