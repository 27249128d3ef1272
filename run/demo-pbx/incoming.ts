import type { CallContext, Leg } from './entry.ts';
import type { RecordingPlan } from './facts.ts';
import { TransferableCall } from './transfers.ts';
import { digitsOf } from './staff.ts';
import type { FieldMode } from './entry.ts';

export interface IncomingOptions {
  /** As people type it; null hides it. */
  readonly from?: string | null;
  /** The PBX number called; may be a SIP URI. */
  readonly line?: string;
  /** Recording, for all operators or by extension. */
  readonly record?: RecordingPlan | Readonly<Record<string, RecordingPlan>>;
  readonly fields?: FieldMode;
  readonly sipCallId?: string;
}

/** A call from outside: through menu and queue, or straight to operators. */
export class IncomingCall extends TransferableCall {
  private waiting: Leg | null = null;

  constructor(context: CallContext, { from = '79161234567', line, ...rest }: IncomingOptions) {
    super(context, {
      direction: 'incoming',
      customer: from === null ? null : digitsOf(from),
      line: line ?? context.account.lines[0] ?? null,
      ...rest,
    });
  }

  /** The caller hears the voice menu. */
  async menu(): Promise<Leg> {
    return this.wait('ivr', null);
  }

  /** The caller waits for somebody of the group. */
  async queue(group: string): Promise<Leg> {
    const leaving = this.leaveMenu();
    const waiting = this.wait('queue', group);
    await leaving;
    return waiting;
  }

  /** The menu is left; 1170 where the scheme ends there. */
  async leaveMenu(reason = 1100): Promise<void> {
    if (this.waiting?.location === 'ivr') await this.disconnect(this.waiting, reason);
  }

  /** An operator (or an outside number) is rung. Leaves the menu; stays in the queue. */
  async ring(who: string, { group = this.groupOfQueue() }: { readonly group?: string | null } = {}): Promise<Leg> {
    const leaving = this.leaveMenu();
    const acdGroup = group ?? (this.waiting ? '' : null);
    const ringing = this.appear({
      from: this.customer,
      to: this.party(who),
      takenFrom: this.waiting?.id ?? null,
      group: acdGroup,
    });
    await leaving;
    return ringing;
  }

  /** All free members of a group at once. */
  async ringAll(who: readonly string[], options: { readonly group?: string | null } = {}): Promise<Leg[]> {
    return Promise.all(who.map((one) => this.ring(one, options)));
  }

  private async wait(location: 'ivr' | 'queue', group: string | null): Promise<Leg> {
    const line = { kind: 'line', number: this.settings.line ?? '' } as const;
    const spec = { location, from: this.customer, to: line, takenFrom: this.waiting?.id ?? null, group };
    return this.appear(spec, (leg) => (this.waiting = leg));
  }

  private groupOfQueue(): string | null {
    return this.waiting?.location === 'queue' ? this.waiting.group : null;
  }
}
