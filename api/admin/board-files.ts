import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Router } from 'express';

const UI_FILES = join(dirname(createRequire(import.meta.url).resolve('@bull-board/ui/package.json')), 'dist', 'static');

/** Which buttons the board offers in which state, in its own build. */
const BUTTONS =
  /\{\[(\w+\.\w+)\.failed\]:\[(\w+)\.retry,\2\.duplicate,\2\.updateData,\2\.clean\],\[\1\.delayed\]:(?:[^{}]*?)\[\1\.paused\]:\[[^\]]*\]\}/;

/** Of a queue one removes jobs that wait or have ended; of workflows one terminates those that run. */
export const withWorkflowButtons = (script: string): string =>
  script.replace(
    BUTTONS,
    '{[$1.failed]:[$2.retry],[$1.active]:[$2.clean],[$1.delayed]:[$2.promote,$2.clean],[$1.completed]:[$2.retry]}',
  );

/** What its buttons do here. */
const WORDS = {
  PROMOTE: 'Запросить запись ещё раз',
  CLEAN: 'Прервать',
  RETRY: 'Повторить (завершённый звонок: запросить запись ещё раз)',
};
const CONFIRM = {
  PROMOTE: 'Запросить у АТС запись этого звонка ещё раз?',
  CLEAN: 'Прервать? Что не успело записаться, записано не будет.',
  RETRY: 'Повторить? Прерванный звонок продолжится с последнего удачного шага; у завершённого будет ещё раз запрошена запись.',
};

/** What its states are called here. */
const STATUS = { ACTIVE: 'Идут', DELAYED: 'Ждут записи', FAILED: 'Прерванные и с ошибкой' };

interface Messages {
  readonly JOB: { readonly ACTIONS: { readonly CONFIRM: object } };
  readonly QUEUE: { readonly STATUS: object };
}

export function withWorkflowWords(json: string): string {
  const messages = JSON.parse(json) as Messages;
  const { ACTIONS } = messages.JOB;
  const actions = { ...ACTIONS, ...WORDS, CONFIRM: { ...ACTIONS.CONFIRM, ...CONFIRM } };
  const queue = { ...messages.QUEUE, STATUS: { ...messages.QUEUE.STATUS, ...STATUS } };
  return JSON.stringify({ ...messages, JOB: { ...messages.JOB, ACTIONS: actions }, QUEUE: queue });
}

/** Elements that would send the browser to another host: the board's page asks Google for its letters. */
export const withoutForeignHosts = (html: string): string =>
  html.replace(/<(link|script|img)\b[^>]*\b(?:href|src)="(?:https?:)?\/\/[^"]*"[^>]*>(?:<\/script>)?/gi, '');

const SCRIPT = /^[\w.-]+\.js$/;

/** The board's own files as they are, but for the few that speak of queues where workflows are meant. */
export function createBoardFiles(): Router {
  const router = Router();
  router.get('/static/js/async/:file', async (request, response, next) => {
    const { file } = request.params;
    if (!SCRIPT.test(file)) return next();
    const script = await readFile(join(UI_FILES, 'js', 'async', file), 'utf8').catch(() => undefined);
    if (script === undefined || !BUTTONS.test(script)) return next();
    response.type('text/javascript').send(withWorkflowButtons(script));
  });
  router.get('/static/locales/ru-RU/messages.json', async (_request, response) => {
    const json = await readFile(join(UI_FILES, 'locales', 'ru-RU', 'messages.json'), 'utf8');
    response.type('application/json').send(withWorkflowWords(json));
  });
  return router;
}
