import { mkdir } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { ensureUi } from '../../run/ui-build.ts';
import startServices from '../support/global-setup.ts';
import { followRequests, settled } from '../support/page-requests.ts';
import { startProduct, type Product, type Visitor } from '../support/product.ts';
import { shootCalls } from './calls.ts';
import { LOOKS, type Look } from './looks.ts';
import { makeScene, type Scene } from './scene.ts';
import { shotsOf, type Shot } from './shots.ts';

const FOLDER = 'screenshots';
/** Of what never comes to rest, a picture is taken all the same. */
const SETTLE_MS = 2000;
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'];

/** Takes pictures of every page in every look: `npm run screenshots [-- --look ru-dark,en-light-wide --only missed]`. */
const { values: wanted } = parseArgs({ options: { look: { type: 'string' }, only: { type: 'string' } } });
const isWanted = (name: string): boolean => wanted.only === undefined || name.includes(wanted.only);
const looks = LOOKS.filter(({ name }) => wanted.look === undefined || wanted.look.split(',').some((part) => name.includes(part)));

let taken = 0;
async function take(look: Look, name: string, page: Page): Promise<void> {
  if (!isWanted(name)) return;
  await mkdir(`${FOLDER}/${look.name}`, { recursive: true });
  await settled(page, SETTLE_MS);
  await page.screenshot({ path: `${FOLDER}/${look.name}/${name}.png` });
  taken += 1;
  console.log(`${look.name}/${name}`);
}

async function deskOf(browser: Browser, url: string, look: Look, visitor: Visitor | null): Promise<BrowserContext> {
  const context = await browser.newContext({
    viewport: { width: look.width, height: look.height },
    colorScheme: look.dark ? 'dark' : 'light',
    locale: look.language === 'ru' ? 'ru-RU' : 'en-GB',
    reducedMotion: 'reduce',
    baseURL: url,
  });
  context.setDefaultTimeout(20_000);
  context.on('page', followRequests);
  const pairs = visitor?.cookie.split('; ').map((pair) => pair.split('=')) ?? [];
  await context.addCookies(pairs.map(([name = '', value = '']) => ({ name, value, url })));
  if (visitor) await visitor.request('PATCH', '/api/session', { preferences: { language: look.language } });
  else {
    const chosen = JSON.stringify(JSON.stringify({ language: look.language }));
    await context.addInitScript(`if (origin !== 'null') localStorage.setItem('trubka.preferences', ${chosen})`);
  }
  return context;
}

async function loaded(page: Page): Promise<void> {
  const rows = page.getByRole('status', { name: /^(Загрузка|Loading)$/ }).first();
  await rows.waitFor({ state: 'detached' });
}

async function shoot(context: BrowserContext, look: Look, { name, path, before }: Shot): Promise<void> {
  const page = await context.newPage();
  try {
    await page.goto(path);
    // The board is not the interface's: it has no heading where it is narrow.
    if (!path.startsWith('/admin/')) await page.getByRole('heading', { level: 1 }).first().waitFor();
    await settled(page, SETTLE_MS);
    if (!name.endsWith('loading')) await loaded(page);
    await before?.(page);
    await take(look, name, page);
  } finally {
    await page.close();
  }
}

/** What cannot be shown is named at the end, and does not keep the rest from being shown. */
const failures: string[] = [];
async function attempt(name: string, shooting: () => Promise<void>): Promise<void> {
  await shooting().catch((error: unknown) => {
    failures.push(`${name}: ${(error as Error).message.split('\n')[0]}`);
    console.log(`${name}: failed`);
  });
}

async function shootLook(browser: Browser, product: Product, scene: Scene, look: Look): Promise<void> {
  for (const by of ['nobody', 'anna', 'admin'] as const) {
    const shots = shotsOf(scene).filter((shot) => shot.by === by && isWanted(shot.name));
    if (shots.length === 0) continue;
    const context = await deskOf(browser, product.url, look, by === 'nobody' ? null : product[by]);
    for (const shot of shots) await attempt(`${look.name}/${shot.name}`, () => shoot(context, look, shot));
    await context.close();
  }
  if (wanted.only !== undefined && !/call|dial/.test(wanted.only)) return;
  const context = await deskOf(browser, product.url, look, product.boris);
  await attempt(`${look.name}/calls`, async () =>
    shootCalls(product, scene, await context.newPage(), (name, page) => take(look, name, page)),
  );
  await context.close();
}

await ensureUi(process.cwd());
const stopServices = await startServices();
const product = await startProduct();
const browser = await chromium.launch({ executablePath: process.env['CHROME_PATH'] ?? '/usr/bin/chromium', args: FLAGS });
try {
  console.log('Making some days of work …');
  const scene = await makeScene(product);
  for (const look of looks) await shootLook(browser, product, scene, look);
} finally {
  await browser.close();
  await product.stop();
  await stopServices();
}
console.log(`${taken} pictures in ${FOLDER}/`);
for (const failure of failures) console.log(`Not taken: ${failure}`);
process.exitCode = failures.length > 0 ? 1 : 0;
