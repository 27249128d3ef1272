import type { RecordingPlan } from '../facts.ts';
import type { IncomingCall } from '../incoming.ts';
import type { Switchboard } from '../switchboard.ts';
import type { Scenario, Settled } from './scenario.ts';
import { commonOf, scenario } from './scenario.ts';

export function incoming(switchboard: Switchboard, settled: Settled): IncomingCall {
  return switchboard.incoming({ from: settled.customer, ...commonOf(settled) });
}

function hidden(switchboard: Switchboard, settled: Settled): IncomingCall {
  return switchboard.incoming({ from: null, ...commonOf(settled) });
}

function recordedAs(plan: RecordingPlan) {
  return (switchboard: Switchboard, settled: Settled): IncomingCall =>
    switchboard.incoming({ from: settled.customer, ...commonOf(settled), record: plan });
}

/** Rings, is answered, talks; the caller hangs up. */
export async function talk(call: IncomingCall, { first, answerAfter, talk: seconds }: Settled): Promise<void> {
  await call.ring(first);
  await call.pass(answerAfter);
  await call.answer(first);
  await call.pass(seconds);
  await call.hangUp('customer');
}

async function throughMenu(call: IncomingCall): Promise<void> {
  await call.menu();
  await call.pass(2);
}

async function ringUnanswered(call: IncomingCall, { first, answerAfter }: Settled): Promise<void> {
  await call.ring(first);
  await call.pass(answerAfter);
}

export const INCOMING_SCENARIOS: readonly Scenario[] = [
  scenario({
    name: 'incoming',
    title: 'Входящий: сотрудник ответил',
    sentence: 'A customer calls an operator, who answers.',
    begin: incoming,
    script: talk,
  }),
  scenario({
    name: 'incoming-menu',
    title: 'Входящий через голосовое меню',
    sentence: 'A customer goes through the voice menu to an operator, who answers.',
    begin: incoming,
    script: async (call, settled) => {
      await throughMenu(call);
      await talk(call, settled);
    },
  }),
  scenario({
    name: 'incoming-ended-by-operator',
    title: 'Входящий: сотрудник положил трубку первым',
    sentence: 'A customer calls an operator, who answers and hangs up first.',
    begin: incoming,
    script: async (call, { first, answerAfter, talk: seconds }) => {
      await call.ring(first);
      await call.pass(answerAfter);
      await call.answer(first);
      await call.pass(seconds);
      await call.hangUp(first);
    },
  }),
  scenario({
    name: 'on-hold',
    title: 'Входящий с удержанием',
    sentence: 'A customer talks with an operator, is put on hold, and talks on.',
    begin: incoming,
    script: async (call, { first, answerAfter, talk: seconds }) => {
      await call.ring(first);
      await call.pass(answerAfter);
      await call.answer(first);
      await call.pass(seconds / 2);
      await call.hold(first);
      await call.pass(2);
      await call.unhold(first);
      await call.pass(seconds / 2);
      await call.hangUp('customer');
    },
  }),
  scenario({
    name: 'missed',
    title: 'Пропущенный: клиент не дождался',
    sentence: 'An operator is rung until the caller gives up.',
    begin: incoming,
    script: async (call, settled) => {
      await ringUnanswered(call, settled);
      await call.giveUp();
    },
  }),
  scenario({
    name: 'missed-no-answer',
    title: 'Пропущенный: сотрудник не ответил',
    sentence: 'An operator is rung until the ring time is over.',
    begin: incoming,
    script: async (call, settled) => {
      await ringUnanswered(call, settled);
      await call.noAnswer(settled.first);
    },
  }),
  scenario({
    name: 'missed-busy',
    title: 'Пропущенный: занято',
    sentence: "The operator's line is busy.",
    begin: incoming,
    script: async (call, { first }) => {
      await call.ring(first);
      await call.busy(first);
    },
  }),
  scenario({
    name: 'missed-rejected',
    title: 'Пропущенный: сотрудник сбросил',
    sentence: 'The operator rejects the call.',
    begin: incoming,
    script: async (call, settled) => {
      await ringUnanswered(call, settled);
      await call.reject(settled.first);
    },
  }),
  scenario({
    name: 'missed-in-turn',
    title: 'Пропущенный: не ответили двое по очереди',
    sentence: 'One operator after another is rung, nobody answers.',
    begin: incoming,
    script: async (call, settled) => {
      await ringUnanswered(call, settled);
      await call.noAnswer(settled.first);
      await call.ring(settled.second);
      await call.pass(settled.answerAfter);
      await call.giveUp();
    },
  }),
  scenario({
    name: 'ivr-only',
    title: 'Звонок закончился в голосовом меню',
    sentence: 'The call ends inside the voice menu; nobody is rung.',
    begin: incoming,
    script: async (call) => {
      await throughMenu(call);
      await call.leaveMenu(1170);
    },
  }),
  scenario({
    name: 'hidden',
    title: 'Скрытый номер: ответили',
    sentence: 'A caller without a number is answered.',
    begin: hidden,
    script: talk,
  }),
  scenario({
    name: 'hidden-missed',
    title: 'Скрытый номер: пропущенный',
    sentence: 'A caller without a number gives up.',
    begin: hidden,
    script: async (call, settled) => {
      await ringUnanswered(call, settled);
      await call.giveUp();
    },
  }),
  scenario({
    name: 'group',
    title: 'Группа: звонит у всех',
    sentence: 'A queue rings several operators at once; --winner answers (or none).',
    begin: incoming,
    script: async (call, { everybody, winner, answerAfter, talk: seconds }) => {
      await call.queue('800');
      await call.ringAll(everybody);
      await call.pass(answerAfter);
      if (winner === null) return call.giveUp();
      await call.answer(winner);
      await call.pass(seconds);
      await call.hangUp('customer');
    },
  }),
  scenario({
    name: 'sip-line',
    title: 'Входящий на SIP-линию',
    sentence: 'A customer calls a line that is a SIP address.',
    begin: (switchboard, settled) =>
      switchboard.incoming({ from: settled.customer, ...commonOf(settled), line: 'sip:trunk1@vpbx400000000.mangosip.ru' }),
    script: talk,
  }),
  scenario({
    name: 'not-recorded',
    title: 'Разговор без записи',
    sentence: 'A talk that is not recorded: no event about a recording comes.',
    begin: recordedAs('none'),
    script: talk,
  }),
  scenario({
    name: 'recording-too-short',
    title: 'Запись слишком короткая',
    sentence: 'The recording is too short and is not kept (4002).',
    begin: recordedAs('too_short'),
    script: talk,
  }),
  scenario({
    name: 'recording-by-mail',
    title: 'Запись уходит на почту',
    sentence: 'The recording is sent by mail only; there is nothing to download.',
    begin: recordedAs('mail'),
    script: talk,
  }),
  scenario({
    name: 'recording-never-arrives',
    title: 'Запись не приходит',
    sentence: 'The recording is announced, but the PBX never hands it out (3320).',
    begin: recordedAs('never_arrives'),
    script: talk,
  }),
  scenario({
    name: 'recording-unannounced',
    title: 'О готовности записи не сообщили',
    sentence: 'The recording is there, but record/added never comes.',
    begin: recordedAs('unannounced'),
    script: talk,
  }),
  scenario({
    name: 'recording-never-completed',
    title: 'Запись не завершена',
    sentence: 'The recording starts, and nothing more is heard of it.',
    begin: recordedAs('never_completed'),
    script: talk,
  }),
];
