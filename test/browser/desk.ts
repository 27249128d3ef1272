import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type TestContext } from 'vitest';
import { chromium, type Browser, type BrowserContext, type Locator, type Page } from 'playwright-core';
import { policyFaults } from '../support/page-policy.ts';
import { followRequests } from '../support/page-requests.ts';
import { startProduct, type Product, type Visitor } from '../support/product.ts';

const FLAGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];
const AXE = readFileSync(join(import.meta.dirname, '../../node_modules/axe-core/axe.min.js'), 'utf8');
const STEP_MS = 30_000;

export interface Look {
  readonly width?: number;
  readonly height?: number;
  /** As the system has it; `by hand` on a light system, from the agent's menu. */
  readonly dark?: boolean | 'by hand';
  readonly language?: 'ru' | 'en';
  /** The clock on the wall, e.g. Europe/Berlin. */
  readonly timezone?: string;
}

/** The whole product and a Chromium: each agent sits at a desk (a browser context) of their own and may have several tabs. */
export interface Office {
  readonly product: Product;
  desk(visitor: Visitor | null, look?: Look): Promise<BrowserContext>;
  /** A tab of this agent at an address, ready when its heading is there. */
  tab(visitor: Visitor, path?: string, look?: Look): Promise<Page>;
  /** What browsers have complained about: console errors and warnings, exceptions, requests that left the house; and pages whose policy
   * lets in more than it may. */
  complaints(): string[];
  /** After each test: everybody goes home, nothing may have been complained about, and of a failed test pictures are kept. */
  leave(context: TestContext): Promise<void>;
  close(): Promise<void>;
}

export async function openOffice(options: Parameters<typeof startProduct>[0] = {}): Promise<Office> {
  const product = await startProduct(options);
  const executablePath = process.env['CHROME_PATH'] ?? '/usr/bin/chromium';
  const browser: Browser = await chromium.launch({ executablePath, args: FLAGS });
  const heard: string[] = [];
  const desks: BrowserContext[] = [];

  function listen(page: Page): void {
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) heard.push(`${message.type()}: ${message.text()}`);
    });
    page.on('pageerror', (error) => heard.push(`exception: ${error.message}`));
    followRequests(page);
    page.on('response', (response) => {
      if (response.request().resourceType() !== 'document' || response.status() !== 200) return;
      const { pathname } = new URL(response.url());
      heard.push(...policyFaults(pathname, response.headers()['content-security-policy']).map((fault) => `policy: ${fault}`));
    });
    page.on('request', (request) => {
      if (!/^(data:|blob:)/.test(request.url()) && !request.url().startsWith(product.url))
        heard.push(`foreign: ${request.url()}`);
    });
  }
  async function desk(visitor: Visitor | null, { width = 1440, height = 900, dark = false, language, timezone }: Look = {}) {
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme: dark === true ? 'dark' : 'light',
      reducedMotion: 'reduce',
      baseURL: product.url,
      ...(timezone ? { timezoneId: timezone } : {}),
    });
    context.setDefaultTimeout(STEP_MS);
    context.on('page', listen);
    if (dark === 'by hand')
      await context.addInitScript("if (origin !== 'null') localStorage.setItem('vueuse-color-scheme', 'dark')");
    if (visitor) await context.addCookies(cookiesOf(visitor));
    if (language) await visitor?.request('PATCH', '/api/session', { preferences: { language } });
    desks.push(context);
    return context;
  }
  const clear = async (): Promise<void> => {
    await Promise.all(desks.splice(0).map((context) => context.close()));
  };
  async function picture(name: string): Promise<void> {
    const pages = desks.flatMap((context) => context.pages());
    const file = (index: number): string => `screenshots/failed/${name.replace(/[^\p{L}\d]+/gu, '-').slice(0, 80)}-${index}.png`;
    await Promise.all(pages.map((page, index) => page.screenshot({ path: file(index) }).catch(() => undefined)));
  }

  return {
    product,
    desk,
    async tab(visitor, path = '/tickets', look = {}) {
      const page = await (await desk(visitor, look)).newPage();
      await goTo(page, path);
      return page;
    },
    complaints: () => heard.splice(0),
    async leave({ task }) {
      if (task.result?.state === 'fail') await picture(task.name);
      await clear();
      expect(heard.splice(0)).toEqual([]);
    },
    async close() {
      await clear();
      await browser.close();
      await product.stop();
    },
  };
}

export const cookiesOf = (visitor: Visitor) =>
  visitor.cookie.split('; ').map((pair) => {
    const [name = '', value = ''] = pair.split('=');
    return { name, value, url: visitor.url };
  });

export async function goTo(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await page.getByRole('heading', { level: 1 }).waitFor();
}

export { settled } from '../support/page-requests.ts';

const SHORTCUTS = 'gmntgs';
/** Types without a stop, letters that are shortcuts outside of a field, until something is on the screen and a word longer. */
export async function typeUntil(page: Page, seen: Locator): Promise<string> {
  let typed = '';
  for (let after = 0; after < SHORTCUTS.length; after += Number(await seen.isVisible())) {
    const letter = SHORTCUTS.charAt(typed.length % SHORTCUTS.length);
    await page.keyboard.press(letter, { delay: 40 });
    typed += letter;
    if (typed.length > 500) throw new Error('What was waited for did not come while typing.');
  }
  return typed;
}

let counter = 0;
/** A number that nobody has called from yet. */
export const newNumber = (): string => `+7926${4_000_000 + Math.floor(performance.now() % 1000) * 1000 + ++counter}`;
/** As people write it: what stands on the screen. */
export const written = (phone: string): string => phone.replace(/^\+7(\d{3})(\d{3})(\d{2})(\d{2})$/, '+7 $1 $2-$3-$4');

export async function newCustomer(
  product: Product,
  fullName: string,
  parts: Record<string, unknown> = {},
): Promise<{ id: string; phone: string }> {
  const phone = newNumber();
  const { id } = await product.admin.post<{ id: string }>('/api/customers', { fullName, phones: [phone], ...parts });
  return { id, phone };
}

/** The cards at the top right. */
export const cards = (page: Page) => page.getByRole('region', { name: /^(Текущие звонки|Current calls)$/ }).getByRole('article');

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary: string }[];
}

/** What axe-core finds against WCAG 2.2 AA, in words. */
export async function violations(page: Page): Promise<string[]> {
  if (!(await page.evaluate<boolean>('"axe" in window'))) await page.evaluate(AXE);
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  // What passes is neither collected nor described, and no style sheet asked for again: most of the time goes there.
  const options = JSON.stringify({ runOnly: tags, resultTypes: ['violations'], preload: false });
  const run = `axe.run(document, ${options}).then((result) => result.violations)`;
  const found = await page.evaluate<Violation[]>(run);
  return found.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(' ')} ${node.failureSummary}`));
}
