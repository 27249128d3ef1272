import { Call, StepImpossible } from './call.ts';
import type { Leg } from './entry.ts';
import type { Party } from './staff.ts';
import { sameParty } from './staff.ts';

interface Consultation {
  readonly by: string;
  readonly held: Leg;
  readonly leg: Leg;
}

export interface TransferOptions {
  /** Set where the product ordered it by `commands/transfer`. */
  readonly commandId?: string;
}

/** Handing a call over, in every way the PBX knows (mango-api §3.5–3.7). Targets are extensions, groups or outside numbers. */
export class TransferableCall extends Call {
  private consultations: Consultation[] = [];
  private readonly blindBy = new Map<Leg, string>();

  /** The operator puts the other party on hold and rings a colleague. */
  async consult(by: string, target: string, { commandId }: TransferOptions = {}): Promise<Leg> {
    const held = this.talkOf(by);
    const holding = this.hold(by, commandId);
    const spec = { from: this.party(by), to: this.party(target), takenFrom: held.id, transfer: 'consultative' as const };
    const consulting = this.appear({ ...spec, ...(commandId ? { commandId } : {}) }, (leg) => {
      this.consultations.push({ by, held, leg });
    });
    await holding;
    return consulting;
  }

  /** The operator hangs up: the held party joins the colleague. While the colleague still rings, the leg appears a second time. */
  async completeTransfer(by: string): Promise<void> {
    const consulted = this.consultations.findLast((one) => one.by === by && one.held.state === 'OnHold');
    if (consulted?.leg.state === 'Disconnected')
      throw new StepImpossible(`Call ${this.id}: the colleague whom ${by} consulted has gone`);
    const { held, leg } = this.takeConsultation(by);
    await this.handOver(by, held, leg);
  }

  /** The operator comes back to the held party; the colleague's leg ends if it has not already. */
  abandonConsultation(by: string): Promise<void> {
    return this.comeBack(this.takeConsultation(by));
  }

  /** The same, named by the leg on hold. */
  abandonConsultationOf(held: Leg): Promise<void> {
    const consultation = this.consultations.find((one) => one.held === held);
    return consultation ? this.abandonConsultation(consultation.by) : this.connectAndRecord(held);
  }

  /** Operators who consult a colleague at this moment. */
  get consulting(): string[] {
    return this.consultations.filter((one) => one.held.state === 'OnHold').map((one) => one.by);
  }

  private async comeBack({ held, leg }: Consultation): Promise<void> {
    await Promise.all([this.disconnect(leg, 1110), this.connectAndRecord(held)]);
    await this.recorder.completeThoseWhoLeft(this);
  }

  /** The operator rings a colleague and hangs up before they answer (mango-api §3.6: here the first event names no earlier leg). */
  async release(by: string, target: string): Promise<Leg> {
    const held = this.talkOf(by);
    await this.hold(by);
    const leg = await this.appear({ from: this.party(by), to: this.party(target), transfer: 'consultative' });
    await this.handOver(by, held, leg);
    return leg;
  }

  /** The other party is sent on and the operator leaves at once. */
  async blindTransfer(by: string, target: string, { commandId }: TransferOptions = {}): Promise<Leg> {
    const left = this.talkOf(by);
    const moved = this.counterpart(left, by);
    if (commandId) this.skipSeq(left);
    const leaving = this.leave(left, by, commandId);
    // As drawn for the older fields, the operator still stands as caller until the target answers.
    const drawn = (this.settings.fields ?? this.context.fields) === 'v1';
    const spec = { from: drawn ? this.party(by) : moved, to: this.party(target), takenFrom: left.id, transfer: 'blind' as const };
    const ringing = this.appear({ ...spec, ...(commandId ? { commandId } : {}) }, (leg) => {
      if (drawn) this.joins.set(leg, { from: moved, takenFrom: left.id });
      this.blindBy.set(leg, by);
    });
    await leaving;
    const leg = await ringing;
    await this.recorder.completeThoseWhoLeft(this);
    return leg;
  }

  /** The target of a blind transfer did not answer: the PBX rings the operator back. */
  async returnBlind(target: string, reason = 1111): Promise<Leg> {
    const missed = this.ringingLegOf(target);
    const by = this.blindBy.get(missed);
    if (by === undefined) throw new StepImpossible(`Call ${this.id}: nobody sent the call to ${target} blindly`);
    const waiting = this.joins.get(missed)?.from ?? missed.from;
    this.joins.delete(missed);
    const missing = this.disconnect(missed, reason);
    const ringing = this.appear({ from: waiting, to: this.party(by), takenFrom: missed.id, transfer: 'return_blind' });
    await missing;
    return ringing;
  }

  /** A leg that rings, or waits in a menu or queue, goes to somebody else (mango-api §3.11). */
  async route(leg: Leg, target: string, commandId?: string): Promise<Leg> {
    const leaving = [this.disconnect(leg, 1110), ...(commandId ? [this.result('route', commandId)] : [])];
    const spec = { from: leg.from, to: this.party(target), takenFrom: leg.id };
    const ringing = this.appear({ ...spec, ...(commandId ? { commandId } : {}) });
    await Promise.all(leaving);
    return ringing;
  }

  /** `commands/call/hangup`: ends one leg. Whoever was held comes back; whoever was sent blindly rings the sender. */
  async hangUpLeg(leg: Leg, commandId: string): Promise<void> {
    const consultation = this.consultations.find((one) => one.leg === leg);
    if (consultation) return this.abandonConsultation(consultation.by);
    if (leg.state === 'Appeared' && this.blindBy.has(leg)) return void (await this.returnBlind(nameOfTarget(leg.to), 1181));
    const ending = this.disconnect(leg, 1181, { commandId });
    if (this.openLegs.every((one) => one.location === 'queue')) await this.hangUp('customer', 1181);
    await ending;
    await this.recorder.completeThoseWhoLeft(this);
  }

  private async handOver(by: string, held: Leg, leg: Leg): Promise<void> {
    const joined = { from: this.counterpart(held, by), takenFrom: held.id };
    const leaving = this.leave(held, by);
    await (leg.state === 'Connected' ? this.connect(leg, joined) : this.appearAgain(leg, joined.from, joined.takenFrom));
    await leaving;
    await this.recorder.completeThoseWhoLeft(this);
  }

  /** `was_transferred` stands at the party that was moved on: the one who stays. */
  private leave(leg: Leg, by: string, commandId?: string): Promise<void> {
    const called = sameParty(leg.to, this.party(by));
    return this.disconnect(leg, called ? 1120 : 1110, {
      transferred: called ? 'from' : 'to',
      ...(commandId ? { commandId } : {}),
    });
  }

  private counterpart(leg: Leg, by: string): Party {
    return sameParty(leg.to, this.party(by)) ? leg.from : leg.to;
  }

  private takeConsultation(by: string): Consultation {
    const found = this.consultations.findLast((one) => one.by === by && one.held.state === 'OnHold');
    if (!found) throw new StepImpossible(`Call ${this.id}: ${by} consults nobody`);
    this.consultations = this.consultations.filter((one) => one !== found);
    return found;
  }
}

function nameOfTarget(party: Party): string {
  return party.kind === 'operator' || party.kind === 'group' ? party.extension : (party.number ?? '');
}
