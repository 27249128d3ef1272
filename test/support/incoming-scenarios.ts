import type { CommandRef, Party, SummaryMessage } from '../../domain/messages.ts';
import { ANNA, BORIS, CUSTOMER, FOREIGN, MACHINE, Script, T0, type ScriptLeg } from './leg-events.ts';

/** Incoming calls as mango-api §3 tells them. A call begins at second 0; whoever answers talks for a minute. */

export const talked = (to: Party, part: Partial<SummaryMessage> = {}): Partial<SummaryMessage> => ({
  to,
  talkedAt: T0 + 5_000,
  ...part,
});
/** A rings at once and is answered at second 5. */
export function answeredBy(who: Party, from: Party = CUSTOMER, script = new Script()): { script: Script; leg: ScriptLeg } {
  const leg = script.leg('A', { from, to: who }).appears();
  script.pass(5);
  leg.connects();
  return { script, leg };
}

/** §3.2 */
export function direct(who: Party = ANNA, from: Party = CUSTOMER): Script {
  const { script, leg } = answeredBy(who, from);
  script.pass(60);
  leg.ends();
  return script.summary(talked(who, { from }));
}

/** §3.1 */
export function throughMenu(who: Party = ANNA, command: CommandRef | null = null): Script {
  const script = new Script();
  const menu = script.leg('I', { location: 'menu' }).appears();
  script.pass(8);
  menu.ends({ reason: 1100 });
  const leg = script.leg('A', { to: who, takenFrom: 'I', command }).appears();
  script.pass(7);
  leg.connects();
  script.pass(60);
  leg.ends();
  return script.summary(talked(who, { talkedAt: T0 + 15_000 }));
}

/** §3.3: one employee is rung until somebody has had enough; the reasons differ, the outcome does not. */
export function missed(who: Party = ANNA, reason = 1110, from: Party = CUSTOMER): Script {
  const script = new Script();
  const leg = script.leg('A', { from, to: who }).appears();
  script.pass(25);
  leg.ends({ reason });
  return script.summary({ to: who, from, reason });
}

/** §3.3: the call ends in the menu; the documents' example claims a conversation that there was not. */
export function menuOnly(): Script {
  const script = new Script();
  const menu = script.leg('I', { location: 'menu' }).appears();
  script.pass(20);
  menu.ends({ reason: 1170 });
  return script.summary({ to: MACHINE, reason: 1170 });
}

/** §3.4 */
export function group(members: readonly Party[], winner: Party | null, withQueueLeg: boolean): Script {
  const script = new Script();
  const queue = withQueueLeg ? script.leg('Q', { location: 'queue' }).appears() : null;
  script.pass(1);
  const takenFrom = withQueueLeg ? 'Q' : null;
  const legs = members.map((to, index) => script.leg(`L${index}`, { to, takenFrom }).appears());
  script.pass(4);
  if (winner === null) script.pass(20);
  const won = winner === null ? undefined : legs[members.indexOf(winner)];
  won?.connects();
  for (const leg of legs) if (leg !== won) leg.ends({ reason: won ? 1182 : 1110 });
  queue?.ends({ reason: 1100 });
  if (!won || !winner) return script.summary();
  script.pass(60);
  won.ends();
  return script.summary(talked(winner));
}

/** One after another is rung; the last may answer. */
export function inTurn(members: readonly Party[], winner: Party | null): Script {
  const script = new Script();
  for (const [index, to] of members.entries()) {
    const leg = script.leg(`L${index}`, { to }).appears();
    script.pass(5);
    if (to === winner) {
      leg.connects();
      script.pass(60);
    }
    leg.ends({ reason: 1111 });
    if (to === winner) break;
  }
  return script.summary(winner ? talked(winner) : { to: members[0] ?? MACHINE });
}

/** §3.4: whether several devices make several legs is not documented. */
export function severalDevices(answered: boolean): Script {
  const script = new Script();
  const desk = script.leg('A1', { to: ANNA }).appears();
  const mobile = script.leg('A2', { to: ANNA }).appears();
  script.pass(5);
  if (answered) mobile.connects();
  desk.ends({ reason: 1182 });
  if (answered) script.pass(60);
  mobile.ends();
  return script.summary(answered ? talked(ANNA) : { to: ANNA });
}

/** §3.11: rung at one, rerouted by command to another. */
export function intercepted(by: Party | null = BORIS): Script {
  const script = new Script();
  script.leg('A', { to: ANNA }).appears();
  script.pass(5);
  const ringing = script.leg('A', { to: ANNA }).skipsSeq();
  ringing.ends();
  const leg = script.leg('B', { to: by ?? BORIS, takenFrom: 'A', command: FOREIGN }).appears();
  script.pass(4);
  if (by) {
    leg.connects();
    script.pass(60);
  }
  leg.ends();
  return script.summary(by ? talked(by, { talkedAt: T0 + 9_000 }) : { to: ANNA });
}
