import type { CommandRef, Party, SummaryMessage } from '../../domain/messages.ts';
import { answeredBy } from './incoming-scenarios.ts';
import { ANNA, BORIS, CUSTOMER, Script, T0 } from './leg-events.ts';

/** Calls from inside as mango-api §3.8–3.10 tells them. */

const outgoing = (from: Party, part: Partial<SummaryMessage> = {}): Partial<SummaryMessage> => ({
  direction: 'outgoing',
  from,
  to: CUSTOMER,
  ...part,
});

/** §3.9 */
export function softphone(who: Party = ANNA, answered = true): Script {
  const script = new Script();
  const leg = script.leg('A', { from: who, to: CUSTOMER }).appears();
  script.pass(5);
  if (answered) {
    leg.connects();
    script.pass(60);
  }
  leg.ends({ reason: answered ? 1110 : 1111 });
  return script.summary(outgoing(who, answered ? { talkedAt: T0 + 5_000 } : {}));
}

export function softphoneTransferred(target: Party = BORIS, answered = true): Script {
  const script = new Script();
  const a = script.leg('A', { from: ANNA, to: CUSTOMER }).appears();
  script.pass(5);
  a.connects();
  script.pass(30);
  a.holds();
  const b = script.leg('B', { from: ANNA, to: target, takenFrom: 'A', transfer: 'consultative' }).appears();
  script.pass(3);
  if (answered) b.connects();
  script.pass(5);
  a.ends();
  if (answered) b.connects({ from: CUSTOMER, transfer: 'blind' });
  else b.appears({ from: CUSTOMER, transfer: 'blind' });
  script.pass(30);
  b.ends();
  return script.summary(outgoing(ANNA, { talkedAt: T0 + 5_000 }));
}

export interface CallbackStory {
  readonly command: CommandRef;
  readonly pickedUp: boolean;
  /** Null: the PBX never rang the customer. */
  readonly answered: boolean | null;
}

/** §3.8 */
export function callback({ command, pickedUp, answered }: CallbackStory): Script {
  const script = new Script();
  const first = script.leg('L1', { from: CUSTOMER, to: ANNA, command }).appears();
  script.pass(5);
  if (pickedUp) first.connects();
  first.ends({ reason: pickedUp ? 1000 : 1111 });
  if (!pickedUp || answered === null) return script.summary(outgoing(ANNA));
  const second = script.leg('L2', { from: ANNA, to: CUSTOMER, takenFrom: 'L1', command }).appears();
  script.pass(10);
  if (answered) {
    second.connects();
    script.pass(60);
  }
  second.ends({ reason: answered ? 1110 : 1124 });
  return script.summary(outgoing(ANNA, answered ? { talkedAt: T0 + 15_000 } : {}));
}

/** §3.10 */
export function internal(): Script {
  const { script, leg } = answeredBy(BORIS, ANNA);
  script.pass(60);
  leg.ends();
  return script.summary({ direction: 'internal', from: ANNA, to: BORIS, talkedAt: T0 + 5_000 });
}
