import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { IncomingCall } from '../../run/demo-pbx/incoming.ts';
import type { TransferableCall } from '../../run/demo-pbx/transfers.ts';
import type { OrderRecord } from './checker/evidence.ts';
import { IGNORED, ROBOT } from './staff.ts';
import type { Drawn, Teller } from './teller.ts';

/** One call of a story. Comes back when the PBX has said its last word about it. */
type Chapter = (teller: Teller) => Promise<void>;

const STORED_AFTER = { storedAfter: 0.3 };

async function anteroom(teller: Teller, call: IncomingCall): Promise<void> {
  if (teller.dice.chance(0.25)) {
    await call.menu();
    await teller.pause(300);
  }
  if (teller.dice.chance(0.2)) {
    await call.queue('800');
    await teller.pause(300);
  }
}

/** Talks until the agent has done what was drawn (or not: then they do it when it suits them). */
async function talk(
  teller: Teller,
  call: TransferableCall,
  extension: string,
  drawn: Drawn,
): Promise<{ readonly acting: Promise<void> }> {
  const acting = teller.act(call, extension, drawn);
  await teller.pause();
  if (drawn.waits && drawn.kind !== 'late create') await acting;
  if (teller.dice.chance(0.15)) {
    await call.hold(extension);
    await teller.pause(300);
    await call.unhold(extension);
  }
  return { acting };
}

async function close(teller: Teller, call: TransferableCall, acting: Promise<unknown>): Promise<void> {
  await call.finish(STORED_AFTER);
  await acting;
}

const answered =
  (also: readonly (readonly [number, Drawn['kind']])[] = []): Chapter =>
  async (teller) => {
    const call = teller.incoming();
    await anteroom(teller, call);
    const rung = teller.pick(
      teller.dice.weighted([
        [6, 1],
        [2, 2],
        [1, 6],
      ]),
    );
    const [winner = ''] = rung;
    const drawn = teller.drawAct(also);
    await call.ringAll(rung);
    await teller.pause();
    await call.answer(winner);
    const { acting } = await talk(teller, call, winner, drawn);
    await call.hangUp(teller.dice.chance(0.3) ? winner : 'customer');
    teller.marks += 1;
    await close(teller, call, acting);
  };

const missed: Chapter = async (teller) => {
  const call = teller.incoming();
  await anteroom(teller, call);
  const rung = teller.pick(
    teller.dice.weighted([
      [5, 1],
      [2, 2],
      [2, 6],
    ]),
  );
  const how = teller.dice.one(['gives up', 'in turn', 'busy'] as const);
  if (how === 'gives up') {
    await call.ringAll(rung);
    await teller.pause();
    await call.giveUp();
  } else {
    for (const extension of rung) {
      await call.ring(extension);
      await teller.pause(400);
      await (how === 'busy' ? call.busy(extension) : call.noAnswer(extension));
    }
    await call.hangUp();
  }
  teller.marks += 1;
  await call.finish(STORED_AFTER);
};

const nothing: Chapter = async (teller) => {
  const how = teller.dice.one(['menu', 'queue', 'robot', 'ignored', 'robot after agent', 'internal'] as const);
  const [first = '', second = ''] = teller.pick(2);
  if (how === 'internal') {
    const call = teller.internal(first, second);
    await call.dial();
    await teller.pause();
    if (teller.dice.chance(0.7)) await call.answer(second);
    await teller.pause();
    return call.finish();
  }
  const call = teller.incoming();
  await call.menu();
  await teller.pause(300);
  if (how === 'queue') await call.queue('800');
  if (how === 'robot after agent') {
    await call.ring(first);
    await teller.pause(300);
    await call.noAnswer(first);
  }
  if (how.startsWith('robot') || how === 'ignored') {
    const other = how === 'ignored' ? IGNORED : ROBOT;
    await call.ring(other);
    await teller.pause(300);
    await call.answer(other);
    await teller.pause(300);
  }
  await call.finish(STORED_AFTER);
};

const consulted: Chapter = async (teller) => {
  const call = teller.incoming();
  const [a = '', b = ''] = teller.pick(2);
  const [first, second] = [teller.drawAct(), teller.drawAct()];
  const how = teller.dice.weighted([
    [4, 'completed'],
    [2, 'before the answer'],
    [2, 'given up'],
    [1, 'unanswered'],
  ] as const);
  await call.ring(a);
  await teller.pause();
  await call.answer(a);
  const acting = [(await talk(teller, call, a, first)).acting];
  await call.consult(a, b);
  await teller.pause();
  if (how === 'given up' || how === 'unanswered') {
    if (how === 'given up') await call.answer(b);
    await teller.pause(300);
    await call.abandonConsultation(a);
    await teller.pause();
  } else {
    if (how === 'completed') await call.answer(b);
    await teller.pause(300);
    await call.completeTransfer(a);
    if (how === 'before the answer') {
      await teller.pause(300);
      await call.answer(b);
    }
    acting.push((await talk(teller, call, b, second)).acting);
  }
  await call.hangUp('customer');
  teller.marks += how === 'given up' || how === 'unanswered' ? 1 : 2;
  await close(teller, call, Promise.all(acting));
};

const sentOn: Chapter = async (teller) => {
  const call = teller.incoming();
  const [a = '', b = ''] = teller.pick(2);
  const [first, second] = [teller.drawAct(), teller.drawAct()];
  const how = teller.dice.weighted([
    [4, 'answered'],
    [2, 'comes back'],
    [2, 'lost'],
    [1, 'released'],
  ] as const);
  await call.ring(a);
  await teller.pause();
  await call.answer(a);
  const acting = [(await talk(teller, call, a, first)).acting];
  await (how === 'released' ? call.release(a, b) : call.blindTransfer(a, b));
  await teller.pause();
  if (how === 'answered' || how === 'released') {
    await call.answer(b);
    acting.push((await talk(teller, call, b, second)).acting);
  }
  if (how === 'comes back') {
    await call.returnBlind(b);
    await teller.pause(300);
    await call.answer(a);
    await teller.pause();
  }
  await (how === 'lost' ? call.giveUp() : call.hangUp('customer'));
  teller.marks += how === 'comes back' ? 1 : 2;
  await close(teller, call, Promise.all(acting));
};

const softphone =
  (isAnswered: boolean, also: readonly (readonly [number, Drawn['kind']])[] = []): Chapter =>
  async (teller) => {
    const [own = ''] = teller.pick(1);
    const call = teller.softphone(own);
    const drawn = teller.drawAct(also);
    await call.dial();
    await teller.pause();
    let acting: Promise<void> = Promise.resolve();
    if (isAnswered) {
      await call.customerAnswers();
      acting = (await talk(teller, call, own, drawn)).acting;
      await call.hangUp('customer');
    } else await call.customerDoesNotAnswer(teller.dice.one([1111, 1121]));
    teller.marks += 1;
    await close(teller, call, acting);
  };

/** From the customer's last ticket, as the agent who is free. */
const callback: Chapter = async (teller) => {
  const how = teller.dice.weighted([
    [5, 'answered'],
    [3, 'not answered'],
    [1, 'not picked up'],
  ] as const);
  const gist = teller.dice.chance(0.6) ? teller.text('Суть') : null;
  const ticket = (await teller.settled()).at(-1);
  if (!ticket) return;
  const { desk, giveBack } = await teller.scene.borrowCaller();
  try {
    await callBack(teller, { desk: desk.extension, ticketId: ticket.id, how, gist });
  } finally {
    giveBack();
  }
};

interface CallbackWish {
  readonly desk: string;
  readonly ticketId: string;
  readonly how: 'answered' | 'not answered' | 'not picked up';
  readonly gist: string | null;
}

async function callBack(teller: Teller, { desk: extension, ticketId, how, gist }: CallbackWish): Promise<void> {
  const desk = teller.desk(extension);
  const commandId = randomUUID();
  const order = async () => desk.ask('POST', `/api/tickets/${ticketId}/callback`, { commandId });
  let answer = await order();
  // The agent's last call may not be over for the product yet.
  for (let tries = 0; answer.status === 409 && tries < 60; tries += 1) {
    await delay(1_000);
    answer = await order();
  }
  const ringing = answer.status === 202 ? await teller.scene.callbackFor(commandId, 110_000) : undefined;
  const record: OrderRecord = { commandId, extension, ticketId, status: answer.status, entryId: ringing?.id ?? null };
  teller.scene.orders.push(record);
  if (!ringing) return;
  teller.joined(ringing);
  await teller.pause();
  if (how === 'not picked up') {
    await ringing.operatorDoesNotAnswer();
    return ringing.finish(STORED_AFTER);
  }
  await ringing.operatorAnswers();
  await teller.pause();
  teller.marks += 1;
  if (how === 'not answered') {
    await ringing.customerDoesNotAnswer(teller.dice.one([1111, 1121]));
    return ringing.finish(STORED_AFTER);
  }
  await ringing.customerAnswers();
  await teller.pause();
  if (gist !== null) {
    const seen = await desk.sees(teller.phone, 'talking', 60_000, { entryId: ringing.id });
    if (seen?.conversationId) await desk.act(ringing.id, seen, { type: 'link_ticket', ticketId, gist });
  }
  await ringing.hangUp('customer');
  await ringing.finish(STORED_AFTER);
}

export interface Shape {
  readonly name: string;
  readonly chapters: readonly Chapter[];
  readonly hidden?: boolean;
}

const LATE = [[12, 'late create']] as const;
const LINK = [[40, 'link']] as const;

/** Shapes of stories by weight; several calls of one customer make the statuses, groups and handsets mean something. */
export const SHAPES: readonly (readonly [number, Shape])[] = [
  [20, { name: 'answered', chapters: [answered(LATE)] }],
  [8, { name: 'missed', chapters: [missed] }],
  [6, { name: 'nothing', chapters: [nothing] }],
  [10, { name: 'consulted', chapters: [consulted] }],
  [10, { name: 'sent on', chapters: [sentOn] }],
  [6, { name: 'softphone', chapters: [softphone(true, LATE)] }],
  [4, { name: 'softphone, unanswered', chapters: [softphone(false)] }],
  [4, { name: 'hidden, answered', chapters: [answered(LATE)], hidden: true }],
  [3, { name: 'hidden, missed', chapters: [missed], hidden: true }],
  [4, { name: 'missed twice', chapters: [missed, missed] }],
  [5, { name: 'missed, answered', chapters: [missed, answered(LINK)] }],
  [3, { name: 'missed twice, answered', chapters: [missed, missed, answered(LINK)] }],
  [3, { name: 'missed, answered, missed', chapters: [missed, answered(LINK), missed] }],
  [3, { name: 'missed, softphone', chapters: [missed, softphone(true, LINK)] }],
  [2, { name: 'missed, softphone unanswered', chapters: [missed, softphone(false)] }],
  [6, { name: 'missed, called back', chapters: [missed, callback] }],
  [3, { name: 'answered, called back', chapters: [answered(), callback] }],
  [2, { name: 'answered, missed', chapters: [answered(), missed] }],
];
