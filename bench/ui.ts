import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { chromium, type BrowserContext, type Page } from 'playwright-core';
import { ensureUi } from '../run/ui-build.ts';
import { pause, spreadOf, table } from './measure.ts';
import { BenchCall } from './pbx-events.ts';
import { loadNow, machine, publish } from './results.ts';
import { startStage, type Stage } from './stage.ts';

/** A cheap laptop beside this machine. */
const SLOWER = 4;
const LOADS = 5;
const CARDS = 10;
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
];
const PAGES = ['/tickets', '/missed', '/customers', '/search', '/statistics', '/account'];

/** Kept in the page: how far things have moved by themselves, and when the first row or heading stood there. */
const WATCH = `
  window.moved = 0;
  new PerformanceObserver((list) => { for (const one of list.getEntries()) if (!one.hadRecentInput) window.moved += one.value; })
    .observe({ type: 'layout-shift', buffered: true });
  window.busy = [];
  new PerformanceObserver((list) => { for (const one of list.getEntries()) window.busy.push(one.startTime + one.duration); })
    .observe({ type: 'longtask', buffered: true });`;

interface Load {
  /** The page's heading is there and no task longer than 50 ms runs any more, milliseconds from the beginning. */
  readonly interactive: number;
  readonly moved: number;
  readonly kilobytes: number;
}

async function slow(page: Page): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: SLOWER });
}

async function load(context: BrowserContext, path: string): Promise<Load> {
  const page = await context.newPage();
  await page.addInitScript(WATCH);
  await slow(page);
  const bodies: Promise<number>[] = [];
  page.on('response', (response) => {
    if (/\.(js|css|woff2)$/.test(new URL(response.url()).pathname))
      bodies.push(response.body().then((body) => (response.url().endsWith('woff2') ? body.length : gzipSync(body).length)));
  });
  await page.goto(path);
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page
    .getByRole('status', { name: /^(Загрузка|Loading)$/ })
    .first()
    .waitFor({ state: 'detached' });
  const shownAt = await page.evaluate<number>('performance.now()');
  const quiet = 'performance.now() - Math.max(0, ...window.busy) > 500';
  while (!(await page.evaluate<boolean>(quiet))) await pause(50);
  const [lastBusy, moved] = await page.evaluate<[number, number]>('[Math.max(0, ...window.busy), window.moved]');
  const sizes = await Promise.all(bodies);
  await page.close();
  return { interactive: Math.max(shownAt, lastBusy), moved, kilobytes: sizes.reduce((sum, size) => sum + size, 0) / 1000 };
}

/** From the webhook to the card on the agent's screen, drawn. */
async function cards(context: BrowserContext, stage: Stage): Promise<{ times: number[]; moved: number }> {
  const page = await context.newPage();
  await page.addInitScript(WATCH);
  await slow(page);
  await page.goto('/tickets');
  await page.getByRole('heading', { level: 1 }).waitFor();
  const shown = page.getByRole('region', { name: /^(Текущие звонки|Current calls)$/ }).getByRole('article');
  const times: number[] = [];
  for (let index = 0; index < CARDS; index++) {
    const call = new BenchCall(stage.url, stage.agents[0]?.extension ?? '', 500_000 + index);
    const startedAt = performance.now();
    await Promise.all([shown.first().waitFor(), call.leg('Appeared')]);
    times.push(performance.now() - startedAt);
    await call.leg('Disconnected');
    await call.summary();
    await shown.first().waitFor({ state: 'detached' });
  }
  const moved = await page.evaluate<number>('window.moved');
  await page.close();
  return { times, moved };
}

/** `npm run bench -- ui`: first loads and cards in Chromium on a slowed processor, what moves by itself, and what each part weighs. */
export async function run(): Promise<void> {
  const before = loadNow();
  await ensureUi(fileURLToPath(new URL('..', import.meta.url)));
  const stage = await startStage(1);
  const executablePath = process.env['CHROME_PATH'] ?? '/usr/bin/chromium';
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  try {
    const desk = async (): Promise<BrowserContext> => {
      const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, baseURL: stage.url });
      const pairs = `${stage.agents[0]?.cookie}; trubka_signed_in=1`.split('; ').map((pair) => pair.split('='));
      await context.addCookies(pairs.map(([name = '', value = '']) => ({ name, value, url: stage.url })));
      return context;
    };
    const rows = [];
    for (const path of PAGES) {
      const loads: Load[] = [];
      // Each in a browser that has seen nothing yet.
      for (let time = 0; time < LOADS; time++) {
        const context = await desk();
        loads.push(await load(context, path));
        await context.close();
      }
      const { p50, p95 } = spreadOf(loads.map(({ interactive }) => interactive));
      const moved = Math.max(...loads.map((one) => one.moved)).toFixed(3);
      rows.push({
        page: path,
        'interactive p50, ms': Math.round(p50),
        'p95, ms': Math.round(p95),
        'moved (CLS)': moved,
        'script, style and fonts, kB': Math.round(loads[0]?.kilobytes ?? 0),
      });
    }
    const { times, moved } = await cards(await desk(), stage);
    const { p50, p95 } = spreadOf(times);
    const summary = [
      `First loads, the processor ${SLOWER} times slower, ${LOADS} each:\n\n${table(rows)}\n`,
      `Webhook → the card on the screen, as slow: p50 ${p50}, p95 ${p95} ms of ${CARDS}; moved meanwhile: ${moved.toFixed(3)}.\n`,
      `What each part weighs, compressed:\n\n${table(parts())}\n`,
      machine(before),
    ].join('\n');
    await publish('ui', summary, { rows, cards: { times, moved }, parts: parts(), load: before });
  } finally {
    await browser.close();
    await stage.stop();
  }
}

function parts(): { file: string; kB: number }[] {
  const folder = join(import.meta.dirname, '../ui/dist/assets');
  return readdirSync(folder)
    .filter((name) => /\.(js|css)$/.test(name))
    .map((file) => ({
      file: file.replace(/-[\w-]{8}\./, '.'),
      kB: Math.round(gzipSync(readFileSync(join(folder, file))).length / 100) / 10,
    }))
    .sort((a, b) => b.kB - a.kB)
    .slice(0, 25);
}
