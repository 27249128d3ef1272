import type { CallContext, FieldMode, Leg } from './entry.ts';
import type { RecordingPlan } from './facts.ts';
import { digitsOf } from './staff.ts';
import { TransferableCall } from './transfers.ts';

export interface OutgoingOptions {
  /** The operator's extension. */
  readonly from: string;
  readonly to?: string;
  readonly line?: string;
  readonly record?: RecordingPlan | Readonly<Record<string, RecordingPlan>>;
  readonly fields?: FieldMode;
}

/** An operator dials on the softphone (mango-api §3.9). */
export class OutgoingCall extends TransferableCall {
  readonly operator: string;

  constructor(context: CallContext, { from, to = '79161234567', line, ...rest }: OutgoingOptions) {
    super(context, {
      direction: 'outgoing',
      customer: digitsOf(to),
      line: line ?? context.account.lines[0] ?? null,
      ...rest,
    });
    this.operator = from;
  }

  dial(): Promise<Leg> {
    return this.appear({ from: this.party(this.operator), to: this.customer, withoutDevice: true });
  }

  customerAnswers(): Promise<void> {
    return this.answer(this.settings.customer ?? '');
  }

  customerDoesNotAnswer(reason = 1111): Promise<void> {
    return this.noAnswer(this.settings.customer ?? '', reason);
  }
}

export interface InternalOptions {
  readonly from: string;
  readonly to: string;
  readonly record?: RecordingPlan;
  readonly fields?: FieldMode;
}

/** One operator rings another (mango-api §3.10). */
export class InternalCall extends TransferableCall {
  private readonly ends: InternalOptions;

  constructor(context: CallContext, { from, to, ...rest }: InternalOptions) {
    super(context, { direction: 'internal', customer: null, line: null, ...rest });
    this.ends = { from, to };
  }

  dial(): Promise<Leg> {
    return this.appear({ from: this.party(this.ends.from), to: this.party(this.ends.to) });
  }
}
