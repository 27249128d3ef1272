import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import type { Locator, Page } from 'playwright-core';
import type { Statistics } from '../../api/contract/statistics.ts';
import { hashPassword } from '../../api/passwords.ts';
import { refreshFacts } from '../../db/statistics/facts.ts';
import { anyCase } from '../statistics/arbitrary.ts';
import { store, type StoredWorld, type World } from '../statistics/histories.ts';
import { isTicketCount } from '../statistics/figures.ts';
import { collect, reckon, type Question } from '../statistics/reckoning.ts';
import type { Product, Visitor } from '../support/product.ts';
import { goTo } from './desk.ts';

/** Two weeks in which Berlin puts its clocks forward (29 March), as a link says them and as instants. */
export const DAYS = { from: '2026-03-23', to: '2026-04-05' };
export const BERLIN = 'Europe/Berlin';
export const PERIOD = { from: Date.parse('2026-03-22T23:00:00Z'), to: Date.parse('2026-04-05T22:00:00Z') };
/** The fourteen days before, which all have 24 hours. */
export const BEFORE = { from: Date.parse('2026-03-08T23:00:00Z'), to: PERIOD.from };

export interface Made {
  readonly world: World;
  readonly stored: StoredWorld;
  readonly admin: Visitor;
}

/** Forty tickets of all channels with some two hundred happenings, made by chance but always the same; one made as the clock changes. */
function madeUp(): World {
  const cases = fc.sample(anyCase(1), { seed: 2026, numRuns: 30 });
  const changes = [Date.parse('2026-03-28T23:00:00Z'), Date.parse('2026-03-29T22:00:00Z')] as const;
  const inMarch = cases.find(
    ({ world }) =>
      world.histories.every(({ createdAt }) => createdAt < Date.parse('2026-04-15')) &&
      world.histories.some(({ createdAt }) => createdAt >= changes[0] && createdAt < changes[1]),
  );
  if (!inMarch) throw new Error('None of the worlds lies in March');
  return inMarch.world;
}

export async function makeWorld(product: Product): Promise<Made> {
  const { db } = product.database;
  const world = madeUp();
  const stored = await store(db, world);
  await db('agents').insert({
    full_name: 'Админ',
    email: 'chief@demo.local',
    role: 'admin',
    password_hash: await hashPassword('correct horse battery'),
  });
  await refreshFacts(db);
  return { world, stored, admin: await product.signIn('chief@demo.local') };
}

const EVERYTHING = { agent: null, team: null, channel: null, direction: null, own: null } as const;

/** What the reckoning written from the specification makes of the made data. */
export function reckoned(world: World, figure: string, asked: Partial<Question> = {}) {
  const question: Question = { ...PERIOD, tz: BERLIN, ...EVERYTHING, ...asked };
  return reckon(figure, world, question, collect(world, question));
}

export const apiPath = (section: string, more: Readonly<Record<string, string>> = {}): string =>
  `/api/statistics/${section}?${new URLSearchParams({
    from: new Date(PERIOD.from).toISOString(),
    to: new Date(PERIOD.to).toISOString(),
    tz: BERLIN,
    compare: 'true',
    ...more,
  }).toString()}`;

export const pagePath = (section: string, more: Readonly<Record<string, string>> = {}): string =>
  `/statistics?${new URLSearchParams({ section, ...DAYS, ...more }).toString()}`;

/** Spaces that do not break, as people read them. */
export const plain = (text: string): string => text.replace(/[\u00A0\u202F\s]+/g, ' ').trim();

/** A number of seconds in its two largest units, as the page says it. */
function spanInWords(seconds: number): string {
  let rest = Math.round(seconds);
  const words: string[] = [];
  for (const [unit, length] of [
    ['д', 86_400],
    ['ч', 3600],
    ['мин', 60],
    ['с', 1],
  ] as const) {
    const n = Math.floor(rest / length);
    rest -= n * length;
    words.push(n > 0 ? `${n} ${unit}` : '');
  }
  const first = words.findIndex(Boolean);
  return first < 0
    ? '0 с'
    : words
        .slice(first, first + 2)
        .filter(Boolean)
        .join(' ');
}

/** A value as it should stand on the screen in Russian. */
export function inWords(figure: string, value: number | null | undefined): string {
  if (value === null || value === undefined) return '—';
  if (/Seconds(Median)?$/.test(figure)) return spanInWords(value);
  return isTicketCount(figure) || figure === 'totalReplies'
    ? String(value)
    : String(Math.round(value * 10) / 10).replace('.', ',');
}

export interface Shown {
  readonly text: string;
  /** The median, where there is one. */
  readonly median: string | null;
  readonly href: string | null;
}

export interface Tile {
  readonly name: string;
  readonly value: Shown;
  readonly before: Shown;
  readonly hint: string;
}

const hrefIn = async (place: Locator): Promise<string | null> =>
  (await place.getByRole('link').count()) > 0 ? place.getByRole('link').first().getAttribute('href') : null;

/** The page's tiles, as they are read. */
export async function tilesOf(page: Page): Promise<Tile[]> {
  await page.getByRole('main').locator('dl > div').first().waitFor();
  const tiles = await page.getByRole('main').locator('dl > div').all();
  return Promise.all(
    tiles.map(async (tile) => {
      const parts = await tile.locator('dd').all();
      const texts = (await tile.locator('dd').allInnerTexts()).map(plain);
      const median = texts.find((text) => text.startsWith('Медиана: '))?.slice(9) ?? null;
      const before = parts[texts.findIndex((text) => text.startsWith('Предыдущий период:'))] as Locator;
      const beforeText = plain(await before.locator('a, span').first().innerText());
      return {
        name: plain(await tile.locator('dt').innerText()),
        value: { text: texts[0] ?? '', median, href: await hrefIn(parts[0] as Locator) },
        before: { text: beforeText, median: null, href: await hrefIn(before) },
        hint: texts.at(-1) ?? '',
      };
    }),
  );
}

export interface ShownTable {
  readonly head: string[];
  readonly rows: { readonly name: string; readonly cells: Shown[] }[];
}

/** Waits until a chart is drawn: at least so many shapes. */
export const chartOf = (page: Page, name: string, shapes: number): Promise<void> =>
  page
    .getByRole('img', { name })
    .locator('svg path')
    .nth(shapes - 1)
    .waitFor({ state: 'attached' });

/** Texts of the chart that lie over one another, as pairs; texts that stand aslant are left out. */
export const coveredTexts = (page: Page): Promise<string[]> =>
  page.evaluate<string[]>(`(() => {
    const texts = [...document.querySelectorAll('[role=img] svg text')].filter((one) => !/rotate|matrix/.test(one.getAttribute('transform')));
    const boxes = texts.map((one) => ({ text: one.textContent, ...one.getBoundingClientRect().toJSON() }));
    const meet = (a, b) => a.left < b.right && b.left < a.right && a.top + 2 < b.bottom && b.top + 2 < a.bottom;
    return boxes.flatMap((a, index) => boxes.slice(index + 1).filter((b) => meet(a, b)).map((b) => a.text + ' / ' + b.text));
  })()`);

/** A table of the page by its caption, cell by cell. */
export async function tableOf(page: Page, caption: string): Promise<ShownTable> {
  await page.getByRole('table', { name: caption, exact: true }).waitFor();
  const read = await page.evaluate<{ head: string[]; rows: { name: string; cells: (string | null)[][] }[] }>(`(() => {
    const table = [...document.querySelectorAll('table')].find((one) => one.caption?.innerText.trim() === ${JSON.stringify(caption)});
    return {
      head: [...table.querySelectorAll('thead th')].map((cell) => cell.innerText),
      rows: [...table.querySelectorAll('tbody tr, tfoot tr')].map((row) => ({
        name: row.querySelector('th').innerText,
        cells: [...row.querySelectorAll('td')].map((cell) => [
          (cell.querySelector('a, span') ?? cell).innerText,
          cell.querySelector('span.block')?.innerText ?? null,
          cell.querySelector('a')?.getAttribute('href') ?? null,
        ]),
      })),
    };
  })()`);
  return {
    head: read.head.map(plain),
    rows: read.rows.map(({ name, cells }) => ({
      name: plain(name),
      cells: cells.map(([text, median, href]) => ({
        text: plain(text ?? ''),
        median: median ? plain(median).replace(/^медиана /, '') : null,
        href: href ?? null,
      })),
    })),
  };
}

/** What a click on «CSV» beside a heading brings: lines of cells. Fails unless it is a file that Excel opens in Russian. */
export async function downloaded(page: Page, table: string): Promise<string[][]> {
  const coming = page.waitForEvent('download');
  await page.getByRole('link', { name: `CSV: ${table}`, exact: true }).click();
  const download = await coming;
  if (!/^statistics-.*\.csv$/.test(download.suggestedFilename())) throw new Error(`Named ${download.suggestedFilename()}`);
  const text = await readFile(await download.path(), 'utf8');
  if (!text.startsWith('\uFEFF') || !text.endsWith('\r\n')) throw new Error('Not what Excel expects');
  return text
    .slice(1, -2)
    .split('\r\n')
    .map((line) => line.split(';'));
}

/** The number a cell of a file stands for; Russian Excel reads a comma. */
export const numberIn = (cell: string | undefined): number | null => (cell ? Number(cell.replace(',', '.')) : null);

/** How many tickets an address of the list shows in its heading, and which (by subject). */
export async function listAt(page: Page, href: string): Promise<{ total: string; subjects: string[] }> {
  await goTo(page, href);
  const list = page.getByRole('main');
  await list.getByRole('table').or(list.getByText('Ничего не найдено')).first().waitFor();
  const subjects = await list.getByRole('link', { name: /^Ticket \d+$/ }).allInnerTexts();
  const total = page.getByRole('heading', { level: 1 }).locator('xpath=following-sibling::span[1]');
  return { total: plain(await total.innerText()), subjects: subjects.map(plain) };
}

/** The total of the list behind a link, asked of the API. */
export async function totalBehind(visitor: Visitor, href: string): Promise<number> {
  const query = new URL(href, visitor.url).searchParams;
  return (await visitor.get<{ total: number }>(`/api/tickets?${query.toString()}`)).total;
}

export type { Statistics };
