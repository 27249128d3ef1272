import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Router } from 'express';
import { words, wordsOfLocale, type BoardWords } from './words.ts';

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
const withWorkflowTabs = (script: string): string => script.replace(TABS, '["Data","Logs","Error","Timeline"]');

/** Its menus, the wide and the narrow one, show the name that stands in addresses, as nowhere else. */
const MENU_NAMES: readonly (readonly [RegExp, string])[] = [
  [/let (\w)=!(\w)\.children\.length,(\w)=\2\.name,/, 'let $1=!$2.children.length,$3=$2.queue?.displayName||$2.name,'],
  [/(className:\w+\.queueName,children:)(\w)\.name\}/, '$1$2.displayName||$2.name}'],
  [/(\w)=(\w)\?\.name\|\|(\w)\?\.label\|\|/, '$1=$2?.displayName||$2?.name||$3?.label||'],
];
const withDisplayNames = (script: string): string =>
  MENU_NAMES.reduce((changed, [shown, instead]) => changed.replace(shown, instead), script);

/** How long a job took is written as how long ago it was; the word for that is taken off again in English only. */
const withPlainDurations = (script: string): string =>
  script.replaceAll('.replace(/ ago$/,"")', '.replace(/ (?:ago|назад)$/,"")');

/** What is changed in its scripts; most hold nothing of it. */
const withWorkflows = (script: string): string =>
  withPlainDurations(withDisplayNames(withWorkflowTabs(withWorkflowButtons(script))));

interface Texts {
  readonly [key: string]: string | Texts;
}

function over(texts: Texts, changes: Texts): Texts {
  const changed = Object.entries(changes).map(([key, change]) => {
    const known = texts[key];
    return [key, typeof change === 'string' || typeof known !== 'object' ? change : over(known, change)] as const;
  });
  return { ...texts, ...Object.fromEntries(changed) };
}

/** The library's texts, but for the few that speak of queues and jobs where workflows are meant. */
export const withWorkflowWords = (json: string, { messages }: BoardWords): string =>
  JSON.stringify(over(JSON.parse(json) as Texts, messages as unknown as Texts));

/** Elements that would send the browser to another host: the board's page asks Google for its letters. */
export const withoutForeignHosts = (html: string): string =>
  html.replace(/<(link|script|img)\b[^>]*\b(?:href|src)="(?:https?:)?\/\/[^"]*"[^>]*>(?:<\/script>)?/gi, '');

/**
 * The board offers to pause, empty or repeat whole queues, to tell of their program, and states that workflows do not have. Its settings hide them
 * only together with the buttons of each job, so that they are hidden here. What they would send is refused all the same.
 */
export const STYLES = `
ul[class*='queueActions-'],
[class*='headerContext-'] button[aria-haspopup='menu'],
[class*='headerControls-'] button[aria-haspopup='menu'],
[class*='statusBar-'] button[aria-haspopup='menu'],
[class*='titleRow-'] [class*='infoButton-'],
li:has(> a[href*='status=waiting']),
li:has(> a[href*='status=prioritized']),
li:has(> a[href*='status=paused']) { display: none; }
.trubka { position: fixed; inset: auto 1rem 1rem auto; z-index: 50; display: flex; gap: 1rem; padding: 0.5rem 1rem;
  border: 1px solid var(--border); border-radius: 0.5rem; background: var(--card); font-size: 0.875rem; }
body main { padding-bottom: 4rem; }
.trubka a { color: var(--primary); text-decoration: none; }
.trubka a:hover { text-decoration: underline; }
body a[class*='externalLink-'] { color: var(--primary); font-size: 0.875rem; }
body a[class*='externalLink-']:hover { text-decoration: underline; }
pre li, pre li * { word-break: normal; overflow-wrap: anywhere; }
@media (max-width: 48rem) {
  .trubka { inset: auto 0 0; justify-content: space-between; border-width: 1px 0 0; border-radius: 0; }
}
`;

/** The page with these styles, and with the two ways out that its own menu hides behind a picture of a person. */
export function withWaysOut(html: string, basePath: string): string {
  const { locale, home, findById } = words();
  return html
    .replace('<html lang="en"', `<html lang="${locale}"`)
    .replace('</head>', `<link rel="stylesheet" href="${basePath}/static/trubka.css"></head>`)
    .replace(
      '</body>',
      `<nav class="trubka" aria-label="${home}"><a href="${basePath}/find">${findById}</a><a href="/">${home}</a></nav></body>`,
    );
}

const SCRIPT = /^[\w.-]+\.js$/;

/** The board's own files as they are, but for the few that speak of queues where workflows are meant. */
export function createBoardFiles(): Router {
  const router = Router();
  router.get('/static/js/{:folder/}:file', async (request, response, next) => {
    const { folder = '', file = '' } = request.params;
    if (!SCRIPT.test(file) || !['', 'async'].includes(folder)) return next();
    const script = await readFile(join(UI_FILES, 'js', folder, file), 'utf8').catch(() => undefined);
    const changed = script === undefined ? undefined : withWorkflows(script);
    if (changed === undefined || changed === script) return next();
    response.type('text/javascript').send(changed);
  });
  router.get('/static/trubka.css', (_request, response) => {
    response.type('text/css').send(STYLES);
  });
  router.get('/static/locales/:locale/messages.json', async (request, response, next) => {
    const known = wordsOfLocale(request.params.locale);
    if (!known) return next();
    const json = await readFile(join(UI_FILES, 'locales', known.locale, 'messages.json'), 'utf8');
    response.type('application/json').send(withWorkflowWords(json, known));
  });
  return router;
}
