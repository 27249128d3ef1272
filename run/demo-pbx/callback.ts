import type { CallContext, FieldMode, Leg } from './entry.ts';
import type { RecordingPlan } from './facts.ts';
import type { Party } from './staff.ts';
import { digitsOf } from './staff.ts';
import { TransferableCall } from './transfers.ts';

export interface CallbackOptions {
  /** The operator who is rung first. */
  readonly extension: string;
  readonly to: string;
  readonly commandId: string;
  readonly line?: string;
  /** `API`, `CC`, `WEB`, `ObDial`, … ; null leaves the field out, as the older examples do. */
  readonly initiator?: string | null;
  readonly taskId?: number;
  /** Another device than the operator's own (`from.number` of the command). */
  readonly device?: string;
  /** Whether `/result/callback` comes first, after the first ringing, or never. */
  readonly resultComes?: 'first' | 'after' | 'never';
  readonly resultKind?: 'callback' | 'callback_group';
  readonly record?: RecordingPlan | Readonly<Record<string, RecordingPlan>>;
  readonly fields?: FieldMode;
}

/** Click-to-call (mango-api §3.8): the operator is rung first, then the customer, each on a leg of their own. */
export class CallbackCall extends TransferableCall {
  readonly options: CallbackOptions;
  private first: Leg | null = null;

  /** A callback may also go to a colleague: then the PBX knows the extension. */
  override get customer(): Party {
    const party = super.customer;
    return party.kind === 'customer' && party.number !== null && party.number.length <= 6 ? this.party(party.number) : party;
  }

  constructor(context: CallContext, options: CallbackOptions) {
    const { to, line, commandId, initiator = 'API', taskId, record, fields } = options;
    super(context, {
      direction: 'outgoing',
      customer: digitsOf(to),
      line: line ?? context.account.lines[0] ?? null,
      commandId,
      ...(initiator ? { callbackInitiator: initiator } : {}),
      ...(taskId === undefined ? {} : { taskId }),
      ...(record ? { record } : {}),
      ...(fields ? { fields } : {}),
    });
    this.options = options;
  }

  /** The operator's phone rings; the event looks exactly like an incoming call of the customer. */
  async start(): Promise<void> {
    const { resultComes = 'after', resultKind = 'callback', commandId } = this.options;
    if (resultComes === 'first') await this.result(resultKind, commandId);
    await this.appear({ from: this.customer, to: this.operatorParty(), talkless: true }, (leg) => (this.first = leg));
    if (resultComes === 'after') await this.result(resultKind, commandId);
  }

  /** The operator picks up; now the customer is rung. */
  async operatorAnswers(options: { readonly reason?: number } = {}): Promise<Leg> {
    const first = this.require(this.first ?? undefined, 'the callback was not started');
    const pickingUp = [this.connect(first), this.disconnect(first, options.reason ?? 1100)];
    const second = this.appear({ from: this.operatorParty(), to: this.customer, takenFrom: first.id });
    await Promise.all(pickingUp);
    return second;
  }

  async operatorDoesNotAnswer(reason = 1111): Promise<void> {
    await this.disconnect(this.require(this.first ?? undefined, 'the callback was not started'), reason);
  }

  customerAnswers(): Promise<void> {
    return this.answer(this.settings.customer ?? '');
  }

  /** 1111 no answer, 1121 busy, 1122 refused (the documentation's example says 1124). */
  customerDoesNotAnswer(reason = 1111): Promise<void> {
    return this.noAnswer(this.settings.customer ?? '', reason);
  }

  private operatorParty(): Party {
    const party = this.party(this.options.extension);
    return party.kind === 'operator' && this.options.device ? { ...party, device: this.options.device } : party;
  }
}
