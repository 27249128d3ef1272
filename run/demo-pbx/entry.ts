import type { Clock } from './clock.ts';
import type { Delivery } from './delivery.ts';
import type { CallFacts, Direction, LegFacts, RecordingPlan, TalkFacts } from './facts.ts';
import type { IdMint } from './ids.ts';
import type { RecordingShelf } from './recording-shelf.ts';
import type { Account, Party } from './staff.ts';
import { partyOf } from './staff.ts';
import type { CallState, LegEvent, Location, PbxEvent, TransferKind, WireParty } from './wire.ts';

export type FieldMode = 'v1' | 'v2';

/** What every call of one PBX shares. */
export interface CallContext {
  readonly account: Account;
  readonly ids: IdMint;
  readonly clock: Clock;
  readonly delivery: Delivery;
  readonly shelf: RecordingShelf;
  /** v2 adds `transfer`, `was_transferred` and `hold_initiator` (mango-api §2.3). */
  readonly fields: FieldMode;
  /** Events leave without waiting for the answers to earlier ones. */
  readonly parallel: boolean;
  /** What becomes of a recording where the script says nothing. */
  readonly recordByDefault: () => RecordingPlan;
  readonly onFinished: (facts: CallFacts) => void;
}

export interface CallSettings {
  readonly direction: Direction;
  readonly customer: string | null;
  readonly line: string | null;
  readonly record?: RecordingPlan | Readonly<Record<string, RecordingPlan>>;
  readonly fields?: FieldMode;
  readonly commandId?: string;
  readonly callbackInitiator?: string;
  readonly taskId?: number;
  readonly sipCallId?: string;
}

/** One piece of the call: a stay in a menu or a queue, or one attempt to ring one party. */
export interface Leg {
  readonly id: string;
  readonly location: Location;
  readonly to: Party;
  readonly group: string | null;
  readonly commandId: string | null;
  /** The first leg of a callback: answered, it still connects nobody to the customer. */
  readonly talkless: boolean;
  from: Party;
  takenFrom: string | null;
  transfer: TransferKind | null;
  seq: number;
  state: CallState;
  readonly facts: LegFacts;
  talks: TalkFacts[];
}

export interface LegSpec {
  readonly location?: Location;
  readonly from: Party;
  readonly to: Party;
  readonly takenFrom?: string | null;
  readonly group?: string | null;
  readonly transfer?: TransferKind | null;
  readonly commandId?: string | null;
  readonly talkless?: boolean;
  /** The first event of a softphone call does not know the operator's device yet. */
  readonly withoutDevice?: boolean;
}

interface Extras {
  readonly reason?: number;
  readonly commandId?: string;
  readonly transferred?: 'from' | 'to';
  readonly holdInitiator?: 'from' | 'to';
  readonly withoutDevice?: boolean;
}

/**
 * All under one `entry_id`: makes legs change state and says so to the product, event by event, with `seq` counted per leg.
 *
 * State changes at once, before the first await; the promise only waits for the delivery. Whoever ends one leg and begins another
 * in one step starts both before waiting, so that a command that comes in between never sees a call without legs.
 */
export class Entry {
  readonly id: string;
  readonly facts: CallFacts;
  readonly legs: Leg[] = [];
  readonly settings: CallSettings;
  protected readonly context: CallContext;
  private sending: Promise<void> = Promise.resolve();

  constructor(context: CallContext, settings: CallSettings) {
    this.context = context;
    this.settings = settings;
    this.id = context.ids.entry();
    this.facts = {
      entryId: this.id,
      direction: settings.direction,
      customer: settings.customer,
      line: settings.line,
      commandId: settings.commandId ?? null,
      startedAt: context.clock.now(),
      endedAt: null,
      reason: null,
      legs: [],
      talks: [],
      recordings: [],
    };
  }

  get now(): number {
    return this.context.clock.now();
  }

  get openLegs(): Leg[] {
    return this.legs.filter((leg) => leg.state !== 'Disconnected');
  }

  get customer(): Party {
    return { kind: 'customer', number: this.settings.customer };
  }

  /** Reads an extension or a number as a script writes it; the customer's own number means the customer. */
  party(text: string): Party {
    const party = partyOf(text, this.context.account);
    return party.kind === 'outside' && party.number === this.settings.customer ? this.customer : party;
  }

  /** Anything that is not a leg's state: results, key presses, summaries. */
  protected post(path: string, event: PbxEvent): Promise<void> {
    const work = (): Promise<void> => this.context.delivery.send(path, event, this.id);
    if (this.context.parallel) return work();
    this.sending = this.sending.then(work);
    return this.sending;
  }

  /** `prepare` sees the leg before the product does. */
  protected async appear(spec: LegSpec, prepare: (leg: Leg) => void = () => undefined): Promise<Leg> {
    const leg = this.newLeg(spec);
    prepare(leg);
    this.legs.push(leg);
    this.facts.legs.push(leg.facts);
    await this.change(leg, 'Appeared', { withoutDevice: spec.withoutDevice ?? false });
    return leg;
  }

  /** The same leg rings on, for another caller (mango-api §3.6). */
  protected async appearAgain(leg: Leg, from: Party, takenFrom: string): Promise<void> {
    this.takeOver(leg, from, takenFrom);
    await this.change(leg, 'Appeared');
  }

  /** Answered, taken back from hold, or joined by another caller (mango-api §3.5: a second Connected). */
  protected async connect(leg: Leg, joined?: { readonly from: Party; readonly takenFrom: string }): Promise<void> {
    if (joined) this.takeOver(leg, joined.from, joined.takenFrom);
    this.context.clock.tick();
    leg.facts.answeredAt ??= this.now;
    if (leg.talks.length === 0) this.beginTalks(leg);
    await this.change(leg, 'Connected');
  }

  protected async putOnHold(leg: Leg, initiator: 'from' | 'to', commandId?: string): Promise<void> {
    this.context.clock.tick();
    await this.change(leg, 'OnHold', { holdInitiator: initiator, ...(commandId ? { commandId } : {}) });
  }

  protected async disconnect(leg: Leg, reason: number, extras: Pick<Extras, 'transferred' | 'commandId'> = {}): Promise<void> {
    if (leg.state === 'Disconnected') return;
    this.context.clock.tick();
    this.endTalks(leg);
    leg.facts.endedAt = this.now;
    leg.facts.reason = reason;
    await this.change(leg, 'Disconnected', { ...extras, reason });
  }

  /** Leaves a gap in a leg's count, as the PBX may (mango-api §2.3). */
  protected skipSeq(leg: Leg): void {
    leg.seq += 1;
  }

  private takeOver(leg: Leg, from: Party, takenFrom: string): void {
    this.endTalks(leg);
    leg.from = from;
    leg.takenFrom = takenFrom;
    if (leg.transfer === 'consultative') leg.transfer = 'blind';
    leg.facts.from = nameOf(from);
  }

  private beginTalks(leg: Leg): void {
    if (leg.location !== 'abonent' || leg.talkless) return;
    for (const [one, other] of [
      [leg.from, leg.to],
      [leg.to, leg.from],
    ] as const) {
      if (one.kind !== 'operator') continue;
      const talk: TalkFacts = {
        callId: leg.id,
        extension: one.extension,
        with: other.kind === 'operator' || other.kind === 'outside' ? other.kind : 'customer',
        startedAt: this.now,
        endedAt: null,
      };
      leg.talks.push(talk);
      this.facts.talks.push(talk);
    }
  }

  private endTalks(leg: Leg): void {
    for (const talk of leg.talks) talk.endedAt = this.now;
    leg.talks = [];
  }

  private newLeg(spec: LegSpec): Leg {
    this.context.clock.tick();
    const {
      location = 'abonent',
      from,
      to,
      takenFrom = null,
      group = null,
      transfer = null,
      commandId = null,
      talkless = false,
    } = spec;
    const id = this.context.ids.leg(location);
    const facts: LegFacts = {
      callId: id,
      location,
      from: nameOf(from),
      to: nameOf(to),
      takenFrom,
      transfer,
      state: 'Appeared',
      appearedAt: this.now,
      answeredAt: null,
      endedAt: null,
      reason: null,
    };
    return {
      id,
      location,
      from,
      to,
      takenFrom,
      group,
      transfer,
      commandId,
      talkless,
      seq: 0,
      state: 'Appeared',
      facts,
      talks: [],
    };
  }

  private change(leg: Leg, state: CallState, extras: Extras = {}): Promise<void> {
    leg.seq += 1;
    leg.state = state;
    leg.facts.state = state;
    return this.post('/events/call', this.legEvent(leg, state, extras));
  }

  private legEvent(leg: Leg, state: CallState, extras: Extras): LegEvent {
    const { settings } = this;
    const v2 = (settings.fields ?? this.context.fields) === 'v2';
    const commandId = extras.commandId ?? leg.commandId ?? settings.commandId;
    return {
      entry_id: this.id,
      call_id: leg.id,
      timestamp: this.now,
      seq: leg.seq,
      call_state: state,
      location: leg.location,
      from: { ...this.callingSide(leg, extras), ...(v2 ? sideFlags('from', extras) : {}) },
      to: { ...this.calledSide(leg), ...(v2 ? sideFlags('to', extras) : {}) },
      ...(extras.reason === undefined ? {} : { disconnect_reason: extras.reason }),
      ...(v2 && leg.transfer ? { transfer: leg.transfer } : {}),
      ...(settings.direction === 'internal' ? {} : { dct: { type: 0 } }),
      ...(commandId ? { command_id: commandId } : {}),
      ...(settings.callbackInitiator ? { callback_initiator: settings.callbackInitiator } : {}),
      ...(settings.taskId === undefined ? {} : { task_id: settings.taskId }),
      ...(settings.sipCallId ? { sip_call_id: settings.sipCallId } : {}),
    };
  }

  private callingSide(leg: Leg, extras: Extras): WireParty {
    const outgoingLine = this.settings.direction === 'outgoing' && leg.from.kind === 'operator' && leg.to.kind === 'customer';
    return {
      ...wireParty(leg.from, extras.withoutDevice ?? false),
      ...(leg.takenFrom ? { taken_from_call_id: leg.takenFrom } : {}),
      ...(outgoingLine && this.settings.line ? { line_number: this.settings.line } : {}),
    };
  }

  private calledSide(leg: Leg): WireParty {
    const incomingLine = this.settings.direction === 'incoming' && leg.from.kind === 'customer' && this.settings.line;
    return {
      ...wireParty(leg.to, false),
      ...(incomingLine ? { line_number: incomingLine } : {}),
      ...(leg.group === null ? {} : { acd_group: leg.group }),
    };
  }

  protected describeOpenLegs(): string {
    const open = this.openLegs.map((leg) => `${nameOf(leg.from) ?? 'hidden'}→${nameOf(leg.to) ?? 'hidden'} ${leg.state}`);
    return open.join(', ') || 'none';
  }
}

function wireParty(party: Party, withoutDevice: boolean): WireParty {
  switch (party.kind) {
    case 'operator':
      return { extension: party.extension, ...(withoutDevice ? {} : { number: party.device }) };
    case 'group':
      return { extension: party.extension };
    case 'customer':
    case 'outside':
    case 'line':
      return party.number === null ? {} : { number: party.number };
  }
}

function sideFlags(side: 'from' | 'to', extras: Extras): WireParty {
  return {
    ...(extras.transferred === side ? { was_transferred: true } : {}),
    ...(extras.holdInitiator === side ? { hold_initiator: true } : {}),
  };
}

/** Extension or number; null for a hidden caller. */
export function nameOf(party: Party): string | null {
  return party.kind === 'operator' || party.kind === 'group' ? party.extension : party.number;
}
