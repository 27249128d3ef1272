import type { CallbackCall } from '../callback.ts';
import type { OutgoingCall } from '../outgoing.ts';
import type { Switchboard } from '../switchboard.ts';
import type { Scenario, Settled } from './scenario.ts';
import { commonOf, scenario } from './scenario.ts';

function outgoing(switchboard: Switchboard, settled: Settled): OutgoingCall {
  return switchboard.outgoing({ from: settled.first, to: settled.customer, ...commonOf(settled) });
}

function callback(switchboard: Switchboard, settled: Settled): CallbackCall {
  return switchboard.callback({
    extension: settled.first,
    to: settled.customer,
    commandId: settled.commandId,
    ...commonOf(settled),
  });
}

async function operatorOnTheLine(call: CallbackCall, { answerAfter }: Settled): Promise<void> {
  await call.start();
  await call.pass(answerAfter);
  await call.operatorAnswers();
  await call.pass(answerAfter);
}

const OUT = 'out' as const;

/** Callbacks started here carry a command id that the product never sent: another system ordered them. */
export const OUTGOING_SCENARIOS: readonly Scenario[] = [
  scenario({
    name: 'outgoing',
    title: 'Исходящий из софтфона: ответили',
    sentence: 'An operator dials on the softphone and the customer answers.',
    direction: OUT,
    begin: outgoing,
    script: async (call, { answerAfter, talk }) => {
      await call.dial();
      await call.pass(answerAfter);
      await call.customerAnswers();
      await call.pass(talk);
      await call.hangUp('customer');
    },
  }),
  scenario({
    name: 'outgoing-unanswered',
    title: 'Исходящий из софтфона: не ответили',
    sentence: 'An operator dials on the softphone and nobody answers.',
    direction: OUT,
    begin: outgoing,
    script: async (call, { answerAfter }) => {
      await call.dial();
      await call.pass(answerAfter);
      await call.customerDoesNotAnswer();
    },
  }),
  scenario({
    name: 'outgoing-transfer',
    title: 'Исходящий с переводом',
    sentence: 'An operator dials the customer, then hands over to a colleague.',
    direction: OUT,
    begin: outgoing,
    script: async (call, { first, second, answerAfter, talk }) => {
      await call.dial();
      await call.pass(answerAfter);
      await call.customerAnswers();
      await call.pass(talk);
      await call.consult(first, second);
      await call.pass(answerAfter);
      await call.answer(second);
      await call.completeTransfer(first);
      await call.pass(talk);
      await call.hangUp('customer');
    },
  }),
  scenario({
    name: 'callback',
    title: 'Обратный звонок из другой системы: ответили',
    sentence: 'A callback ordered by another system: the operator picks up, the customer answers.',
    direction: OUT,
    begin: callback,
    script: async (call, settled) => {
      await operatorOnTheLine(call, settled);
      await call.customerAnswers();
      await call.pass(settled.talk);
      await call.hangUp('customer');
    },
  }),
  scenario({
    name: 'callback-operator-away',
    title: 'Обратный звонок: сотрудник не снял трубку',
    sentence: 'A callback whose operator does not pick up; the customer is never rung.',
    direction: OUT,
    begin: callback,
    script: async (call, { answerAfter }) => {
      await call.start();
      await call.pass(answerAfter);
      await call.operatorDoesNotAnswer();
    },
  }),
  scenario({
    name: 'callback-no-answer',
    title: 'Обратный звонок: клиент не ответил',
    sentence: 'A callback that the customer does not answer.',
    direction: OUT,
    begin: callback,
    script: async (call, settled) => {
      await operatorOnTheLine(call, settled);
      await call.customerDoesNotAnswer();
    },
  }),
  scenario({
    name: 'callback-busy',
    title: 'Обратный звонок: у клиента занято',
    sentence: 'A callback to a customer whose line is busy.',
    direction: OUT,
    begin: callback,
    script: async (call, settled) => {
      await operatorOnTheLine(call, settled);
      await call.customerDoesNotAnswer(1121);
    },
  }),
  scenario({
    name: 'callback-refused',
    title: 'Обратный звонок: клиент сбросил',
    sentence: 'A callback that the customer refuses.',
    direction: OUT,
    begin: callback,
    script: async (call, settled) => {
      await operatorOnTheLine(call, settled);
      await call.customerDoesNotAnswer(1124);
    },
  }),
  scenario({
    name: 'internal',
    title: 'Внутренний звонок',
    sentence: 'One operator rings another and they talk.',
    direction: OUT,
    begin: (switchboard, { first, second, options }) =>
      switchboard.internal({ from: first, to: options.to?.[0] ?? second, ...(options.fields ? { fields: options.fields } : {}) }),
    script: async (call, { second, options, answerAfter, talk }) => {
      await call.dial();
      await call.pass(answerAfter);
      await call.answer(options.to?.[0] ?? second);
      await call.pass(talk);
      await call.hangUp(options.to?.[0] ?? second);
    },
  }),
];
