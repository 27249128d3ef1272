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

/** The pages of a job, in its own build; a workflow has neither progress nor options. */
const TABS = '["Data","Progress","Options","Logs","Error","Timeline"]';
export const withWorkflowTabs = (script: string): string => script.replace(TABS, '["Data","Logs","Error","Timeline"]');

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

/** Where it speaks of jobs. */
const JOB = {
  ADDED_AT: 'Создан',
  PROCESS_STARTED_AT: 'Начат',
  FINISHED_AT: 'Завершён',
  NOT_FOUND: 'Такого процесса нет',
  NO_LOGS: 'История пуста',
  NO_ERRORS: 'Ошибок нет',
};
const COUNT = { one: '{{count}} процесс', few: '{{count}} процесса', many: '{{count}} процессов', other: '{{count}} процессов' };
const DASHBOARD = {
  ...Object.fromEntries(Object.entries(COUNT).map(([form, words]) => [`JOBS_COUNT_${form}`, words])),
  JOBS_COUNT: COUNT.other,
};

/** Above the sentence that says why. */
const ERRORS = { INTERNAL_SERVER_ERROR: 'Не получилось' };

interface Messages {
  readonly JOB: { readonly ACTIONS: { readonly CONFIRM: object } };
  readonly QUEUE: { readonly STATUS: object };
  readonly DASHBOARD: object;
  readonly MENU: object;
  readonly ERRORS: object;
}

export function withWorkflowWords(json: string): string {
  const messages = JSON.parse(json) as Messages;
  const { ACTIONS } = messages.JOB;
  const actions = { ...ACTIONS, ...WORDS, CONFIRM: { ...ACTIONS.CONFIRM, ...CONFIRM } };
  const emptyState = 'Процессов со статусом «{{status}}» нет.';
  const queue = { ...messages.QUEUE, EMPTY_STATE: emptyState, STATUS: { ...messages.QUEUE.STATUS, ...STATUS } };
  return JSON.stringify({
    ...messages,
    ...{ JOB: { ...messages.JOB, ...JOB, ACTIONS: actions }, QUEUE: queue },
    ERRORS: { ...messages.ERRORS, ...ERRORS },
    ...{ DASHBOARD: { ...messages.DASHBOARD, ...DASHBOARD }, MENU: { ...messages.MENU, QUEUES: 'ПРОЦЕССЫ' } },
  });
}

/** Elements that would send the browser to another host: the board's page asks Google for its letters. */
export const withoutForeignHosts = (html: string): string =>
  html.replace(/<(link|script|img)\b[^>]*\b(?:href|src)="(?:https?:)?\/\/[^"]*"[^>]*>(?:<\/script>)?/gi, '');

/**
 * The board offers to pause, empty or repeat whole queues, and states that workflows do not have. Its settings hide them
 * only together with the buttons of each job, so that they are hidden here. What they would send is refused all the same.
 */
export const STYLES = `
ul[class*='queueActions-'],
[class*='headerContext-'] button[aria-haspopup='menu'],
[class*='headerControls-'] button[aria-haspopup='menu'],
[class*='statusBar-'] button[aria-haspopup='menu'],
li:has(> a[href*='status=waiting']),
li:has(> a[href*='status=prioritized']),
li:has(> a[href*='status=paused']) { display: none; }
.trubka { position: fixed; inset: auto 1rem 1rem auto; z-index: 50; display: flex; gap: 1rem; padding: 0.5rem 1rem;
  border: 1px solid var(--border); border-radius: 0.5rem; background: var(--card); font-size: 0.875rem; }
.trubka a { color: var(--primary); text-decoration: none; }
.trubka a:hover { text-decoration: underline; }
`;

/** The page with these styles, and with the two ways out that its own menu hides behind a picture of a person. */
export const withWaysOut = (html: string, basePath: string): string =>
  html
    .replace('</head>', `<link rel="stylesheet" href="${basePath}/static/trubka.css"></head>`)
    .replace(
      '</body>',
      `<nav class="trubka" aria-label="Трубка"><a href="${basePath}/find">Найти по id</a><a href="/">Трубка</a></nav></body>`,
    );

const SCRIPT = /^[\w.-]+\.js$/;

/** The board's own files as they are, but for the few that speak of queues where workflows are meant. */
export function createBoardFiles(): Router {
  const router = Router();
  router.get('/static/js/{:folder/}:file', async (request, response, next) => {
    const { folder = '', file = '' } = request.params;
    if (!SCRIPT.test(file) || !['', 'async'].includes(folder)) return next();
    const script = await readFile(join(UI_FILES, 'js', folder, file), 'utf8').catch(() => undefined);
    if (script === undefined || !(BUTTONS.test(script) || script.includes(TABS))) return next();
    response.type('text/javascript').send(withWorkflowTabs(withWorkflowButtons(script)));
  });
  router.get('/static/trubka.css', (_request, response) => {
    response.type('text/css').send(STYLES);
  });
  router.get('/static/locales/ru-RU/messages.json', async (_request, response) => {
    const json = await readFile(join(UI_FILES, 'locales', 'ru-RU', 'messages.json'), 'utf8');
    response.type('application/json').send(withWorkflowWords(json));
  });
  return router;
}
