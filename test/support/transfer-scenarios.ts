import type { CommandRef, Party } from '../../domain/messages.ts';
import { answeredBy, talked } from './incoming-scenarios.ts';
import { ANNA, BORIS, CUSTOMER, FOREIGN, type Script, transferMark, VERA, type TransferStyle } from './leg-events.ts';

/** Handing over as mango-api §3.5–3.7 tells it: Anna answers at second 5 and talks for half a minute. */

export const V1: TransferStyle = { fields: 'v1' };
export const V2: TransferStyle = { fields: 'v2' };

/** §3.5 steps 1–4: Anna has the customer on hold and another on the line. */
function consulting(target: Party, style: TransferStyle, answered = true, command: CommandRef | null = null) {
  const { script, leg: a } = answeredBy(ANNA);
  script.pass(30);
  a.holds({ command });
  const b = script
    .leg('B', { from: ANNA, to: target, takenFrom: 'A', ...transferMark(style, 'consultative'), command })
    .appears();
  script.pass(5);
  if (answered) b.connects();
  script.pass(10);
  return { script, a, b };
}

/** §3.5; with a command, §3.7 `hold`. */
export function consultative(target: Party = BORIS, style = V1, command: CommandRef | null = null): Script {
  const { script, a, b } = consulting(target, style, true, command);
  a.ends({ reason: 1120, command });
  b.connects({ from: CUSTOMER, ...transferMark(style, 'blind') });
  script.pass(60);
  b.ends();
  return script.summary(talked(target));
}

/** §3.6, where B's first event names no earlier leg. */
export function releasedWhileRinging(target: Party = BORIS, answered = true, style = V1): Script {
  const { script, leg: a } = answeredBy(ANNA);
  script.pass(30);
  a.holds();
  const b = script.leg('B', { from: ANNA, to: target, ...transferMark(style, 'consultative') }).appears();
  script.pass(3);
  a.ends({ reason: 1120 });
  b.appears({ from: CUSTOMER, takenFrom: 'A', ...transferMark(style, 'blind') });
  script.pass(5);
  if (answered) {
    b.connects();
    script.pass(60);
  }
  b.ends();
  return script.summary(talked(answered ? target : ANNA));
}

/** §3.7 `blind`; v1 as drawn, with the operator as the caller until the target answers. */
export function blind(target: Party = BORIS, answered = true, style = V1, command: CommandRef | null = FOREIGN): Script {
  const { script, leg: a } = answeredBy(ANNA);
  script.pass(30);
  a.skipsSeq().ends({ reason: 1120, command });
  const from = style.fields === 'v1' ? ANNA : CUSTOMER;
  const b = script.leg('B', { from, to: target, takenFrom: 'A', command, ...transferMark(style, 'blind') }).appears();
  script.pass(5);
  if (answered) {
    b.connects({ from: CUSTOMER });
    script.pass(60);
  }
  b.ends();
  return script.summary(talked(answered ? target : ANNA));
}

/** §3.7: the target of a blind transfer does not answer, the PBX rings the sender back. */
export function returned(answered: boolean, style = V2): Script {
  const { script, leg: a } = answeredBy(ANNA);
  script.pass(30);
  a.ends({ reason: 1120 });
  const from = style.fields === 'v1' ? ANNA : CUSTOMER;
  const b = script.leg('B', { from, to: BORIS, takenFrom: 'A', ...transferMark(style, 'blind') }).appears();
  script.pass(20);
  b.ends({ reason: 1111 });
  const c = script.leg('C', { to: ANNA, takenFrom: 'B', ...transferMark(style, 'return_blind') }).appears();
  script.pass(5);
  if (answered) {
    c.connects();
    script.pass(40);
  }
  c.ends();
  return script.summary(talked(ANNA));
}

/** §3.5: the colleague was asked, or did not answer, and Anna goes on with the customer. */
export function abandoned(colleagueAnswered: boolean, style = V1): Script {
  const { script, a, b } = consulting(BORIS, style, colleagueAnswered);
  b.ends();
  a.connects();
  script.pass(20);
  a.ends();
  return script.summary(talked(ANNA));
}

/** The customer does not wait for the end of the consultation; the colleagues talk on. */
export function leftDuringConsultation(colleagueAnswered: boolean, style = V1): Script {
  const { script, a, b } = consulting(BORIS, style, colleagueAnswered);
  a.ends({ reason: 1110 });
  script.pass(15);
  b.ends();
  return script.summary(talked(ANNA));
}

/** Three talks: Anna, Boris, Anna again. */
export function thereAndBack(style = V1): Script {
  const { script, leg: a } = answeredBy(ANNA);
  script.pass(30);
  a.ends();
  const b = script.leg('B', { to: BORIS, takenFrom: 'A', ...transferMark(style, 'blind') }).appears();
  script.pass(5);
  b.connects();
  script.pass(30);
  b.ends();
  const c = script.leg('C', { to: ANNA, takenFrom: 'B', ...transferMark(style, 'blind') }).appears();
  script.pass(5);
  c.connects();
  script.pass(30);
  c.ends();
  return script.summary(talked(ANNA));
}

/** A blind transfer to a group with a queue leg of its own. */
export function blindToGroup(winner: Party | null, withQueueLeg = true): Script {
  const { script, leg: a } = answeredBy(ANNA);
  script.pass(30);
  a.ends();
  const queue = withQueueLeg ? script.leg('Q', { location: 'queue', takenFrom: 'A' }).appears() : null;
  script.pass(1);
  const members = [BORIS, VERA];
  const takenFrom = withQueueLeg ? 'Q' : 'A';
  const legs = members.map((to, index) => script.leg(`L${index}`, { to, takenFrom }).appears());
  script.pass(10);
  const won = winner ? legs[members.indexOf(winner)] : undefined;
  won?.connects();
  for (const leg of legs) if (leg !== won) leg.ends({ reason: 1182 });
  queue?.ends();
  if (won) {
    script.pass(60);
    won.ends();
  }
  return script.summary(talked(winner ?? ANNA));
}
