import type {
  ActionMessage,
  ActionType,
  CallMessage,
  CommandRef,
  Instant,
  LegMessage,
  LegState,
  Party,
  RecordingMessage,
  SummaryMessage,
  TransferKind,
} from '../../domain/messages.ts';

/** Where every script's clock starts: a whole second, as the PBX dates its events. */
export const T0: Instant = Date.UTC(2026, 0, 12, 9, 0, 0);

export const agent = (agentId: string): Party => ({ kind: 'agent', agentId });
export const outside = (number: number | null): Party => ({ kind: 'outside', number });
export const ANNA = agent('anna');
export const BORIS = agent('boris');
export const VERA = agent('vera');
export const CUSTOMER = outside(1);
export const HIDDEN = outside(null);
/** Somebody outside to whom the customer may be handed over. */
export const FRIEND = outside(7);
export const IGNORED: Party = { kind: 'ignored' };
export const UNMAPPED: Party = { kind: 'unmapped' };
export const MACHINE: Party = { kind: 'machine' };

export const OURS: CommandRef = { commandId: 'ours-1', ours: { agentId: 'anna', ticketId: '77' } };
export const FOREIGN: CommandRef = { commandId: 'crm-1', ours: null };

export type LegPart = Partial<Omit<LegMessage, 'type' | 'legId' | 'state'>>;

/** One leg of a script: each verb tells the next event of it, at the script's present time. */
export class ScriptLeg {
  private seq = 0;

  constructor(
    private readonly script: Script,
    readonly legId: string,
    private part: LegPart,
  ) {}

  appears(part: LegPart = {}): this {
    return this.tell('appeared', part);
  }

  connects(part: LegPart = {}): this {
    return this.tell('connected', part);
  }

  holds(part: LegPart = {}): this {
    return this.tell('held', part);
  }

  ends(part: LegPart = {}): this {
    return this.tell('disconnected', { reason: 1110, ...part });
  }

  /** The PBX counts on without telling (mango-api §2.3). */
  skipsSeq(): this {
    this.seq += 1;
    return this;
  }

  /** What is said of the leg from now on. */
  becomes(part: LegPart): this {
    this.part = { ...this.part, ...part };
    return this;
  }

  private tell(state: LegState, part: LegPart): this {
    this.seq += 1;
    const { reason = null, ...lasting } = part;
    this.becomes(lasting);
    this.script.add({
      type: 'leg',
      inboxId: 0,
      receivedAt: 0,
      legId: this.legId,
      seq: this.seq,
      state,
      location: 'person',
      from: CUSTOMER,
      to: MACHINE,
      takenFrom: null,
      transfer: null,
      command: null,
      at: this.script.now,
      ...this.part,
      reason,
    });
    return this;
  }
}

/** A recording process, told event by event. */
export class ScriptRecording {
  private seq = 0;

  constructor(
    private readonly script: Script,
    readonly recordingId: string,
    private readonly party: Party | null,
  ) {}

  starts(leg: ScriptLeg): this {
    return this.tell('started', leg.legId, {});
  }

  continues(leg: ScriptLeg): this {
    return this.tell('continued', leg.legId, {});
  }

  completes(leg: ScriptLeg, part: Partial<RecordingMessage> = {}): this {
    return this.tell('completed', leg.legId, { completionCode: 1000, recipient: 'cloud', ...part });
  }

  isStored(): this {
    this.script.add({ ...this.message('stored', null), seq: 0, party: null });
    return this;
  }

  private tell(state: RecordingMessage['state'], legId: string, part: Partial<RecordingMessage>): this {
    this.seq += 1;
    this.script.add({ ...this.message(state, legId), ...part });
    return this;
  }

  private message(state: RecordingMessage['state'], legId: string | null): RecordingMessage {
    const { recordingId, party, seq } = this;
    return {
      type: 'recording',
      inboxId: 0,
      receivedAt: 0,
      recordingId,
      seq,
      state,
      legId,
      party,
      completionCode: null,
      recipient: null,
    };
  }
}

let actions = 0;

/** What reaches one call's workflow, in the order in which it happens; `now` is the PBX's clock. */
export class Script {
  now: Instant = T0;
  readonly messages: CallMessage[] = [];

  pass(seconds: number): this {
    this.now += seconds * 1000;
    return this;
  }

  leg(legId: string, part: LegPart = {}): ScriptLeg {
    return new ScriptLeg(this, legId, part);
  }

  recording(recordingId: string, party: Party | null): ScriptRecording {
    return new ScriptRecording(this, recordingId, party);
  }

  summary(part: Partial<SummaryMessage> = {}): this {
    this.add({
      type: 'summary',
      inboxId: 0,
      receivedAt: 0,
      direction: 'incoming',
      from: CUSTOMER,
      to: MACHINE,
      startedAt: T0,
      talkedAt: null,
      endedAt: this.now,
      reason: 1110,
      ...part,
    });
    return this;
  }

  acts(agentId: string, action: ActionType, part: Partial<ActionMessage> = {}): this {
    actions += 1;
    this.add({
      type: 'action',
      inboxId: 0,
      receivedAt: 0,
      actionId: `action-${actions}`,
      agentId,
      action,
      conversationId: null,
      ticketId: null,
      customerId: null,
      recordingId: null,
      hasText: false,
      ...part,
    });
    return this;
  }

  /** Received as it happens. */
  add(message: CallMessage): void {
    this.messages.push({ ...message, inboxId: this.messages.length + 1, receivedAt: this.now });
  }

  without(unwanted: (message: CallMessage) => boolean): CallMessage[] {
    return this.messages.filter((message) => !unwanted(message));
  }
}

/** Does a message tell this of this leg? */
export const isLegEvent =
  (legId: string, ...states: LegState[]) =>
  (message: CallMessage): boolean =>
    message.type === 'leg' && message.legId === legId && (states.length === 0 || states.includes(message.state));

export const isSummary = (message: CallMessage): boolean => message.type === 'summary';

/** The same messages told in this order, one every `everyMs` from `from` on; inbox ids follow arrival. */
export function arriving(messages: readonly CallMessage[], from: Instant, everyMs = 10): CallMessage[] {
  return messages.map((message, index) => ({ ...message, inboxId: index + 1, receivedAt: from + index * everyMs }));
}

export interface TransferStyle {
  /** API v2 marks transfers; v1 has no such fields (mango-api §2.3). */
  readonly fields: 'v1' | 'v2';
}

export const transferMark = (style: TransferStyle, kind: TransferKind): { transfer: TransferKind | null } => ({
  transfer: style.fields === 'v2' ? kind : null,
});
