import type { IncomingCall } from '../incoming.ts';
import { incoming } from './incoming.ts';
import type { Scenario, Settled } from './scenario.ts';
import { scenario } from './scenario.ts';

async function answered(call: IncomingCall, { first, answerAfter, talk }: Settled): Promise<void> {
  await call.ring(first);
  await call.pass(answerAfter);
  await call.answer(first);
  await call.pass(talk);
}

/** Consults, hands over, talks on. */
async function handOverTo(call: IncomingCall, by: string, target: string, { answerAfter, talk }: Settled): Promise<void> {
  await call.consult(by, target);
  await call.pass(answerAfter);
  await call.answer(target);
  await call.pass(2);
  await call.completeTransfer(by);
  await call.pass(talk);
}

export const TRANSFER_SCENARIOS: readonly Scenario[] = [
  scenario({
    name: 'transfer-consultative',
    title: 'Перевод с консультацией',
    sentence: 'The operator consults a colleague and hands the customer over.',
    begin: incoming,
    script: async (call, settled) => {
      await answered(call, settled);
      await handOverTo(call, settled.first, settled.second, settled);
      await call.hangUp('customer');
    },
  }),
  scenario({
    name: 'transfer-release',
    title: 'Перевод: положил трубку, пока коллеге звонит',
    sentence: 'The operator rings a colleague and hangs up before they answer.',
    begin: incoming,
    script: async (call, settled) => {
      await answered(call, settled);
      await call.release(settled.first, settled.second);
      await call.pass(settled.answerAfter);
      await call.answer(settled.second);
      await call.pass(settled.talk);
      await call.hangUp('customer');
    },
  }),
  scenario({
    name: 'transfer-blind',
    title: 'Слепой перевод',
    sentence: 'The operator sends the customer on to a colleague, who answers.',
    begin: incoming,
    script: async (call, settled) => {
      await answered(call, settled);
      await call.blindTransfer(settled.first, settled.second);
      await call.pass(settled.answerAfter);
      await call.answer(settled.second);
      await call.pass(settled.talk);
      await call.hangUp('customer');
    },
  }),
  scenario({
    name: 'transfer-blind-missed',
    title: 'Слепой перевод: никто не ответил',
    sentence: 'The operator sends the customer on to a colleague, who does not answer; the customer gives up.',
    begin: incoming,
    script: async (call, settled) => {
      await answered(call, settled);
      await call.blindTransfer(settled.first, settled.second);
      await call.pass(settled.answerAfter);
      await call.giveUp();
    },
  }),
  scenario({
    name: 'transfer-returned',
    title: 'Слепой перевод вернулся, сотрудник ответил',
    sentence: 'A blind transfer is not answered; the PBX rings the first operator back, who answers.',
    begin: incoming,
    script: async (call, settled) => {
      await answered(call, settled);
      await call.blindTransfer(settled.first, settled.second);
      await call.pass(settled.answerAfter);
      await call.returnBlind(settled.second);
      await call.pass(settled.answerAfter);
      await call.answer(settled.first);
      await call.pass(settled.talk);
      await call.hangUp('customer');
    },
  }),
  scenario({
    name: 'transfer-returned-missed',
    title: 'Слепой перевод вернулся, никто не ответил',
    sentence: 'A blind transfer is not answered, and neither is the ring-back to the first operator.',
    begin: incoming,
    script: async (call, settled) => {
      await answered(call, settled);
      await call.blindTransfer(settled.first, settled.second);
      await call.pass(settled.answerAfter);
      await call.returnBlind(settled.second);
      await call.pass(settled.answerAfter);
      await call.noAnswer(settled.first);
    },
  }),
  scenario({
    name: 'transfer-abandoned',
    title: 'Консультация без перевода',
    sentence: 'The operator consults a colleague and comes back to the customer.',
    begin: incoming,
    script: async (call, settled) => {
      await answered(call, settled);
      await call.consult(settled.first, settled.second);
      await call.pass(settled.answerAfter);
      await call.answer(settled.second);
      await call.pass(2);
      await call.abandonConsultation(settled.first);
      await call.pass(settled.talk);
      await call.hangUp('customer');
    },
  }),
  scenario({
    name: 'transfer-consultation-unanswered',
    title: 'Коллега не ответил, разговор продолжился',
    sentence: 'The colleague to be consulted does not answer; the operator comes back to the customer.',
    begin: incoming,
    script: async (call, settled) => {
      await answered(call, settled);
      await call.consult(settled.first, settled.second);
      await call.pass(settled.answerAfter);
      await call.noAnswer(settled.second);
      await call.unhold(settled.first);
      await call.pass(settled.talk);
      await call.hangUp('customer');
    },
  }),
  scenario({
    name: 'transfer-outside',
    title: 'Перевод на внешний номер',
    sentence: 'The operator hands the customer over to a number outside.',
    begin: incoming,
    script: async (call, settled) => {
      const target = settled.options.then ?? '+78005550100';
      await answered(call, settled);
      await handOverTo(call, settled.first, target, settled);
      await call.hangUp('customer');
    },
  }),
  scenario({
    name: 'transfer-unmapped',
    title: 'Перевод на оператора без сотрудника',
    sentence: 'The operator hands the customer over to an operator who is nobody in the helpdesk (104).',
    begin: incoming,
    script: async (call, settled) => {
      await answered(call, settled);
      await handOverTo(call, settled.first, settled.options.then ?? '104', settled);
      await call.hangUp('customer');
    },
  }),
  scenario({
    name: 'there-and-back',
    title: 'Перевод туда и обратно',
    sentence: 'A hands over to B, and B hands back to A.',
    begin: incoming,
    script: async (call, settled) => {
      await answered(call, settled);
      await handOverTo(call, settled.first, settled.second, settled);
      await handOverTo(call, settled.second, settled.first, settled);
      await call.hangUp('customer');
    },
  }),
  scenario({
    name: 'transfer-by-command',
    title: 'Перевод командой API (с консультацией)',
    sentence: 'A consultative transfer ordered by commands/transfer, method hold.',
    begin: incoming,
    script: async (call, settled) => {
      await answered(call, settled);
      await call.consult(settled.first, settled.second, { commandId: settled.commandId });
      await call.result('transfer', settled.commandId);
      await call.pass(settled.answerAfter);
      await call.answer(settled.second);
      await call.completeTransfer(settled.first);
      await call.pass(settled.talk);
      await call.hangUp('customer');
    },
  }),
  scenario({
    name: 'blind-by-command',
    title: 'Слепой перевод командой API',
    sentence: 'A blind transfer ordered by commands/transfer, method blind.',
    begin: incoming,
    script: async (call, settled) => {
      await answered(call, settled);
      await call.blindTransfer(settled.first, settled.second, { commandId: settled.commandId });
      await call.result('transfer', settled.commandId);
      await call.pass(settled.answerAfter);
      await call.answer(settled.second);
      await call.pass(settled.talk);
      await call.hangUp('customer');
    },
  }),
  scenario({
    name: 'intercept',
    title: 'Перехват звонка',
    sentence: "A colleague takes a call that rings on another operator's phone.",
    begin: incoming,
    script: async (call, settled) => {
      const ringing = await call.ring(settled.first);
      await call.pass(settled.answerAfter);
      await call.route(ringing, settled.second, settled.commandId);
      await call.answer(settled.second);
      await call.pass(settled.talk);
      await call.hangUp('customer');
    },
  }),
  scenario({
    name: 'routed-from-menu',
    title: 'Маршрут из меню командой API',
    sentence: 'Another system routes the caller from the voice menu to an operator.',
    begin: incoming,
    script: async (call, settled) => {
      const menu = await call.menu();
      await call.pass(2);
      await call.route(menu, settled.first, settled.commandId);
      await call.pass(settled.answerAfter);
      await call.answer(settled.first);
      await call.pass(settled.talk);
      await call.hangUp('customer');
    },
  }),
];
