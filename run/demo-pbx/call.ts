import type { CallContext, CallSettings, Leg } from './entry.ts';
import { Entry } from './entry.ts';
import type { RecordingPlan } from './facts.ts';
import type { Recorder } from './recorder.ts';
import { createRecorder } from './recorder.ts';
import type { Party } from './staff.ts';
import { sameParty } from './staff.ts';
import { summaryOf } from './summary.ts';

/** A script went on after its call had ended, for example because the product hung up. */
export class CallOver extends Error {
  override readonly name = 'CallOver';
}

/** The call does not stand as the step needs it: nobody rings, nobody is on hold, and so on. */
export class StepImpossible extends Error {
  override readonly name = 'StepImpossible';
}

export interface EndOptions {
  /** The final event never comes. */
  readonly withoutSummary?: boolean;
  /** What the summary claims, where that differs from the truth (mango-api §2.4). */
  readonly entryResult?: 0 | 1;
  readonly reason?: number;
  /** Seconds between the end and record/added. */
  readonly storedAfter?: number;
}

/** Who ends the call: the customer, or an operator by extension. */
export type Ender = 'customer' | (string & {});

/** What any call can do once it stands: be answered, held, hung up, summed up. */
export class Call extends Entry {
  protected readonly recorder: Recorder;
  /** Who will stand on a leg instead of its present caller as soon as it is answered. */
  protected readonly joins = new Map<Leg, { readonly from: Party; readonly takenFrom: string }>();
  private readonly ending = new AbortController();
  private finishing: Promise<void> | null = null;
  private summed = false;
  private dropped = false;

  constructor(context: CallContext, settings: CallSettings) {
    super(context, settings);
    this.recorder = createRecorder({
      call: this.facts,
      plan: settings.record ?? context.recordByDefault(),
      shelf: context.shelf,
      productId: context.account.productId,
      newId: () => context.ids.recording(),
      now: () => this.now,
      post: (path, event) => this.post(path, event),
    });
  }

  get isOver(): boolean {
    return this.ending.signal.aborted;
  }

  /** Fires when everybody has hung up. */
  get ended(): AbortSignal {
    return this.ending.signal;
  }

  /** Lets so many seconds of the PBX's clock go by; throws CallOver if the call ends meanwhile. */
  async pass(seconds: number): Promise<void> {
    await this.context.clock.pass(seconds, this.ending.signal);
    if (this.isOver) throw new CallOver(`Call ${this.id} ended before its script did`);
  }

  /** Whoever is rung picks up. Others who were rung for the same caller stop ringing; the queue is left. */
  async answer(who: string, options: { readonly losersReason?: number } = {}): Promise<void> {
    const leg = this.ringingLegOf(who);
    await this.connectAndRecord(leg);
    if (leg.transfer === null && leg.from.kind === 'customer') await this.stopRingingOthers(leg, options.losersReason ?? 1182);
    await this.leaveQueue();
    await this.recorder.completeThoseWhoLeft(this);
  }

  /** The ring time of one party runs out; 1111, or another code for another cause. */
  async noAnswer(who: string, reason = 1111): Promise<void> {
    await this.disconnect(this.ringingLegOf(who), reason);
  }

  async busy(who: string): Promise<void> {
    await this.noAnswer(who, 1121);
  }

  async reject(who: string): Promise<void> {
    await this.noAnswer(who, 1122);
  }

  async hold(by: string, commandId?: string): Promise<void> {
    const leg = this.talkOf(by);
    await this.putOnHold(leg, sameParty(leg.to, this.party(by)) ? 'to' : 'from', commandId);
  }

  async unhold(by: string): Promise<void> {
    await this.connectAndRecord(this.heldLegOf(by));
  }

  /** Everybody's legs end. Follow with `summary` or `finish`. */
  async hangUp(by: Ender = 'customer', reason?: number): Promise<void> {
    await Promise.all(this.legsInOrderOfEnding().map((leg) => this.disconnect(leg, reason ?? this.reasonFor(leg, by))));
    await this.recorder.completeThoseWhoLeft(this);
    this.ending.abort();
  }

  /** The caller gives up before anybody answers. */
  giveUp(): Promise<void> {
    return this.hangUp('customer', 1110);
  }

  /** Recording by command, or by the keys of the phone, where the settings ask for none. */
  async startRecording(extension: string, commandId: string | null = null, plan: RecordingPlan = 'stored'): Promise<void> {
    await this.recorder.begin(this.talkOf(extension), extension, plan, commandId);
  }

  isRecording(extension: string): boolean {
    return this.recorder.isRunning(extension);
  }

  /** The final event of the entry. */
  async summary(options: EndOptions = {}): Promise<void> {
    this.context.clock.tick();
    this.summed = true;
    this.facts.endedAt = this.now;
    this.facts.reason = options.reason ?? this.lastReason();
    await this.post('/events/summary', summaryOf(this, options.entryResult));
  }

  /** record/added for what was kept. */
  recordingsStored(): Promise<void> {
    return this.recorder.announce();
  }

  /** Everything that is still due: hanging up, the summary, the news of stored recordings. Calling it twice does it once. */
  finish(options: EndOptions = {}): Promise<void> {
    this.finishing ??= this.finishOnce(options);
    return this.finishing;
  }

  /** The PBX stops in the middle of the call: nothing more is said about it. */
  drop(): void {
    this.dropped = true;
    this.ending.abort();
  }

  /** The asynchronous answer to a command (mango-api §2.10). */
  result(kind: string, commandId: string, code: number | string = 1000): Promise<void> {
    return this.post(`/result/${kind}`, { command_id: commandId, result: code });
  }

  /** Keys pressed in the voice menu. */
  async pressKeys(keys: string): Promise<void> {
    const menu = this.openLegs.findLast((leg) => leg.location === 'ivr');
    if (!menu) throw new StepImpossible(`Call ${this.id}: no voice menu to press ${keys} in`);
    await this.post('/events/dtmf', {
      seq: 1,
      dtmf: keys,
      timestamp: this.now,
      call_id: menu.id,
      entry_id: this.id,
      location: 'ivr',
      initiator: this.settings.customer ?? '',
      ...(this.settings.line ? { line_number: this.settings.line } : {}),
    });
  }

  protected async connectAndRecord(leg: Leg): Promise<void> {
    const joined = this.joins.get(leg);
    this.joins.delete(leg);
    await this.connect(leg, joined);
    if (!leg.talkless) await this.recorder.follow(leg);
  }

  protected ringingLegOf(who: string): Leg {
    const party = this.party(who);
    return this.require(
      this.openLegs.findLast((leg) => leg.state === 'Appeared' && leg.location === 'abonent' && sameParty(leg.to, party)),
      `${who} is not ringing`,
    );
  }

  /** The newest leg on which the party is connected. */
  protected talkOf(who: string): Leg {
    const party = this.party(who);
    return this.require(
      this.openLegs.findLast((leg) => leg.state === 'Connected' && (sameParty(leg.to, party) || sameParty(leg.from, party))),
      `${who} is not connected`,
    );
  }

  protected heldLegOf(who: string): Leg {
    const party = this.party(who);
    return this.require(
      this.openLegs.findLast((leg) => leg.state === 'OnHold' && (sameParty(leg.to, party) || sameParty(leg.from, party))),
      `${who} holds nobody`,
    );
  }

  /** 1110 where the calling party ended it, 1120 where the called one did. */
  protected reasonFor(leg: Leg, by: Ender): number {
    if (leg.state === 'Appeared') return 1110;
    const ender = by === 'customer' ? this.customer : this.party(by);
    return sameParty(leg.to, ender) ? 1120 : 1110;
  }

  protected require(leg: Leg | undefined, complaint: string): Leg {
    if (leg) return leg;
    throw new StepImpossible(`Call ${this.id}: ${complaint} (open legs: ${this.describeOpenLegs()})`);
  }

  private async finishOnce(options: EndOptions): Promise<void> {
    if (this.dropped) return;
    if (this.openLegs.length > 0) await this.hangUp();
    this.ending.abort();
    if (!this.summed && !options.withoutSummary) await this.summary(options);
    if (this.facts.recordings.length > 0) {
      await this.context.clock.pass(options.storedAfter ?? 2);
      await this.recorder.announce();
    }
    this.context.onFinished(this.facts);
  }

  private async stopRingingOthers(winner: Leg, reason: number): Promise<void> {
    const losers = this.openLegs.filter((leg) => leg !== winner && leg.location === 'abonent' && leg.state === 'Appeared');
    await Promise.all(losers.map((leg) => this.disconnect(leg, reason)));
  }

  private async leaveQueue(): Promise<void> {
    for (const leg of this.openLegs.filter((one) => one.location === 'queue')) await this.disconnect(leg, 1100);
  }

  /** Held legs last: whoever waits there is told after the talk has ended; a queue after those it rang. */
  private legsInOrderOfEnding(): Leg[] {
    const late = (leg: Leg): number => (leg.state === 'OnHold' ? 1 : leg.location === 'queue' ? 2 : 0);
    return this.openLegs.toSorted((a, b) => late(a) - late(b));
  }

  private lastReason(): number {
    const ended = this.legs.filter((leg) => leg.facts.reason !== null);
    return ended.toSorted((a, b) => (a.facts.endedAt ?? 0) - (b.facts.endedAt ?? 0)).at(-1)?.facts.reason ?? 1100;
  }
}
