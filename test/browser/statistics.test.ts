import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { localTime } from '../../domain/time-zone.ts';
import { FIGURES_OF_SECTION } from '../statistics/figures.ts';
import { collect, only, reckon, wallClock, type Question } from '../statistics/reckoning.ts';
import { goTo, openOffice, type Look, type Office } from './desk.ts';
import {
  apiPath,
  BEFORE,
  BERLIN,
  chartOf,
  downloaded,
  inWords,
  listAt,
  makeWorld,
  numberIn,
  pagePath,
  PERIOD,
  reckoned,
  tableOf,
  tilesOf,
  totalBehind,
  type Made,
  type Shown,
  type ShownTable,
  type Statistics,
} from './statistics-page.ts';

let office: Office;
let made: Made;
beforeAll(async () => {
  office = await openOffice();
  made = await makeWorld(office.product);
}, 180_000);
afterEach((context) => office.leave(context));
afterAll(() => office.close(), 60_000);

type Section = keyof typeof FIGURES_OF_SECTION;
type Values = Readonly<Record<string, number | null | undefined>>;

const NAMES: Readonly<Record<string, string>> = {
  newTickets: 'Всего новых обращений',
  newFromCustomers: 'Новых обращений от клиентов',
  reopened: 'Снова открытых обращений',
  inWork: 'Обращений в работе',
  withReply: 'Обращений с ответом',
  closed: 'Закрытых обращений',
  newAndReopened: 'Новых и снова открытых обращений',
  firstReplySeconds: 'Скорость первого ответа',
  anyReplySeconds: 'Скорость любого ответа',
  writingSeconds: 'Скорость написания ответа',
  totalReplies: 'Общее количество ответов',
  repliesToClose: 'Количество ответов для закрытия',
  timeToCloseSeconds: 'Скорость закрытия',
  slaFirstReplyBreached: 'Не соблюдён SLA первого ответа',
  slaAnyReplyBreached: 'Не соблюдён SLA любого ответа',
  slaCloseBreached: 'Не соблюдён SLA закрытия',
};
/** spec.md: «calls are not counted». */
const LEAVE_CALLS_OUT = [
  'firstReplySeconds',
  'anyReplySeconds',
  'writingSeconds',
  'slaFirstReplyBreached',
  'slaAnyReplyBreached',
];
const CALLS_LEFT_OUT = 'Звонки не учитываются.';

const berlin: Look = { timezone: BERLIN, language: 'ru' };
const open = (section: Section, more: Readonly<Record<string, string>> = {}, look: Look = berlin): Promise<Page> =>
  office.tab(made.admin, pagePath(section, more), look);
const answerOf = (section: Section, more: Readonly<Record<string, string>> = {}): Promise<Statistics> =>
  made.admin.get<Statistics>(apiPath(section, more));

/** The tiles show the API's figures, which are those reckoned by hand, for the period and the one before; each says its rule. */
async function checkTiles(page: Page, section: Section): Promise<void> {
  const answer = await answerOf(section);
  const tiles = await tilesOf(page);
  expect(tiles.map(({ name }) => name)).toEqual(FIGURES_OF_SECTION[section].map((figure) => NAMES[figure]));
  for (const [index, figure] of FIGURES_OF_SECTION[section].entries()) {
    const { value, before, hint } = tiles[index] as (typeof tiles)[number];
    const [now, then] = [reckoned(made.world, figure), reckoned(made.world, figure, BEFORE)];
    expect(value.text, figure).toBe(inWords(figure, (answer.figures as Values)[figure]));
    expect(value.text, figure).toBe(inWords(figure, now.value));
    if (now.median !== undefined) expect(value.median, figure).toBe(now.median === null ? null : inWords(figure, now.median));
    expect(before.text, figure).toBe(inWords(figure, then.value));
    expect(hint.replace(CALLS_LEFT_OUT, '').length, figure).toBeGreaterThan(15);
    expect(hint.includes(CALLS_LEFT_OUT), figure).toBe(LEAVE_CALLS_OUT.includes(figure));
  }
  for (const [index, figure] of FIGURES_OF_SECTION[section].entries()) {
    await checkLead(page, tiles[index]?.value, figure);
    if (index === 0) await checkLead(page, tiles[index]?.before, figure, BEFORE);
  }
}

/** A figure leads to a page that lists exactly the tickets it counts. */
async function checkLead(page: Page, shown: Shown | undefined, figure: string, asked: Partial<Question> = {}): Promise<void> {
  const { tickets } = reckoned(made.world, figure, asked);
  expect(shown?.href === null, figure).toBe(tickets.size === 0);
  if (!shown?.href) return;
  const list = await listAt(page, shown.href);
  expect(list.total, figure).toBe(String(tickets.size));
  expect(list.subjects.sort(), figure).toEqual([...tickets].map((ticket) => `Ticket ${ticket}`).sort());
}

/** Every cell of a table: the same as in `rows` of the API and, where it counts tickets, as the list it leads to. */
async function checkCells(table: ShownTable, figures: readonly string[], rows: readonly Values[]): Promise<void> {
  expect(table.head.slice(1)).toEqual(figures.map((figure) => NAMES[figure]));
  expect(table.rows).toHaveLength(rows.length);
  for (const [line, { name, cells }] of table.rows.entries()) {
    for (const [index, figure] of figures.entries()) {
      const cell = cells[index] as Shown;
      const value = rows[line]?.[figure];
      expect(cell.text, `${name}: ${figure}`).toBe(inWords(figure, value));
      const counts = !/Seconds$|repliesToClose|totalReplies/.test(figure);
      if (counts && cell.href) expect(await totalBehind(made.admin, cell.href), `${name}: ${figure}`).toBe(value);
      if (counts) expect(cell.href === null, `${name}: ${figure}`).toBe(!value);
    }
  }
}

/** The downloaded file says what the table says: the same words above and beside, the same value in every cell. */
async function checkCsv(page: Page, caption: string, table: ShownTable, figures: readonly string[]): Promise<void> {
  const [head = [], ...lines] = await downloaded(page, caption);
  const columns = head.slice(1);
  const nameOf = (figure: string): string => `${NAMES[figure]}${figure.endsWith('Seconds') ? ', с' : ''}`;
  expect(columns.filter((name) => !name.endsWith('(медиана)'))).toEqual(figures.map(nameOf));
  expect(lines).toHaveLength(table.rows.length);
  for (const [line, cells] of lines.entries()) {
    const shown = table.rows[line] as ShownTable['rows'][number];
    if (caption !== 'По времени') expect(cells[0]).toBe(shown.name);
    for (const [index, figure] of figures.entries()) {
      const at = columns.indexOf(nameOf(figure)) + 1;
      expect(inWords(figure, numberIn(cells[at])), `${shown.name}: ${figure}`).toBe(shown.cells[index]?.text);
      const median = columns.indexOf(`${nameOf(figure)} (медиана)`) + 1;
      const said = shown.cells[index]?.median ?? null;
      if (median > 0) expect(numberIn(cells[median]) === null ? null : inWords(figure, numberIn(cells[median]))).toBe(said);
    }
  }
}

/** The tiles as a file: a figure a line, medians as lines of their own. */
async function checkTilesCsv(page: Page, section: Section): Promise<void> {
  const tiles = await tilesOf(page);
  const [head, ...lines] = await downloaded(page, 'Показатели');
  expect(head).toEqual(['Показатель', 'Значение', 'Предыдущий период']);
  for (const [index, figure] of FIGURES_OF_SECTION[section].entries()) {
    const { name, value, before } = tiles[index] as (typeof tiles)[number];
    const line = lines.find(([first]) => first?.replace(/, с$/, '') === name);
    expect([inWords(figure, numberIn(line?.[1])), inWords(figure, numberIn(line?.[2]))], figure).toEqual([
      value.text,
      before.text,
    ]);
    const median = lines.find(([first]) => first?.replace(/(, с)? \(медиана\)$/, '') === name && first.endsWith('(медиана)'));
    const said = median?.[1] ? inWords(figure, numberIn(median[1])) : null;
    expect(said, figure).toBe(value.median);
  }
}

async function checkSeries(page: Page, section: 'load' | 'speed' | 'sla', title: string): Promise<void> {
  const figures = FIGURES_OF_SECTION[section];
  const { series = [] } = await answerOf(section);
  expect(series).toHaveLength(14);
  await chartOf(page, title, 10);
  const table = await tableOf(page, 'По времени');
  await checkCells(table, figures, series as unknown as Values[]);
  const hits = collect(made.world, { ...PERIOD, tz: BERLIN, agent: null, team: null, channel: null, direction: null, own: null });
  for (const [index, { at }] of series.entries()) {
    const day = localTime(BERLIN, Date.parse(at));
    const onDay = only(hits, (hit) => wallClock(BERLIN, hit.at).date === day);
    const question = { ...PERIOD, tz: BERLIN, agent: null, team: null, channel: null, direction: null, own: null };
    const counted = figures.map((figure) => inWords(figure, reckon(figure, made.world, question, onDay).value));
    expect(
      table.rows[index]?.cells.map(({ text }) => text),
      day,
    ).toEqual(counted);
  }
  await checkCsv(page, 'По времени', table, figures);
}

describe('each section: what stands there is counted right, explained, and leads to what it counts', () => {
  test('S20 «Общая нагрузка»: figures, the days beside the chart, and the files agree with the API and a count by hand', async () => {
    const page = await open('load');
    await checkTilesCsv(page, 'load');
    await checkSeries(page, 'load', 'Общая нагрузка');
    await checkTiles(page, 'load');
  });

  test('S21 «Пиковая нагрузка»: every hour of the week, for either figure, and the file', async () => {
    const page = await open('peak');
    await checkTilesCsv(page, 'peak');
    const { peak = [] } = await answerOf('peak');
    const [head, ...lines] = await downloaded(page, 'По дням недели и часам');
    expect(head).toEqual(['День недели', 'Час', NAMES['newAndReopened'], NAMES['inWork']]);
    const hits = collect(made.world, {
      ...PERIOD,
      tz: BERLIN,
      agent: null,
      team: null,
      channel: null,
      direction: null,
      own: null,
    });
    for (const [column, figure] of FIGURES_OF_SECTION.peak.entries()) {
      await page.getByRole('combobox', { name: 'Показатель', exact: true }).selectOption({ label: NAMES[figure] as string });
      const table = await tableOf(page, 'По дням недели и часам');
      expect(table.rows.map(({ name }) => name)).toEqual(['пн', 'вт', 'ср', 'чт', 'пт', 'сб', 'вс']);
      const cells = table.rows.flatMap((row) => row.cells);
      expect(cells.map(({ text }) => text)).toEqual(peak.map((cell) => String((cell as Values)[figure])));
      expect(cells.map(({ text }) => text)).toEqual(lines.map((line) => line[2 + column]));
      for (const [index, { text, href }] of cells.entries()) {
        const inHour = only(hits, (hit) => {
          const { weekday, hour } = wallClock(BERLIN, hit.at);
          return (weekday - 1) * 24 + hour === index;
        });
        const question = { ...PERIOD, tz: BERLIN, agent: null, team: null, channel: null, direction: null, own: null };
        expect(text).toBe(String(reckon(figure, made.world, question, inHour).value));
        if (href) expect(await totalBehind(made.admin, href)).toBe(Number(text));
      }
    }
    await checkTiles(page, 'peak');
  });

  test('S22 «Каналы обращений»: a line per channel and the total, and the file', async () => {
    const page = await open('channels');
    await checkTilesCsv(page, 'channels');
    const { channels = [], figures, previous } = await answerOf('channels');
    const table = await tableOf(page, 'Каналы обращений');
    const names = ['Звонки', 'Почта', 'Чат', 'Веб-форма', 'Мессенджеры', 'Соцсети', 'Всего', 'Предыдущий период'];
    expect(table.rows.map(({ name }) => name)).toEqual(names);
    const rows = [...channels, figures, previous?.figures] as Values[];
    await checkCells(table, FIGURES_OF_SECTION.channels, rows);
    for (const { channel, ...values } of channels) {
      for (const figure of FIGURES_OF_SECTION.channels)
        expect((values as Values)[figure], channel).toBe(reckoned(made.world, figure, { channel }).value);
    }
    await checkCsv(page, 'Каналы обращений', table, FIGURES_OF_SECTION.channels);
    await chartOf(page, 'Каналы обращений', 6);
    const bars = page.getByRole('img', { name: 'Каналы обращений' }).locator('svg path');
    const before = await bars.count();
    const inWork = page.getByRole('list', { name: 'Каналы обращений' }).getByRole('button', { name: NAMES['inWork'] as string });
    await inWork.click();
    await expect.poll(() => bars.count()).toBeLessThan(before);
    expect(await inWork.getAttribute('aria-pressed')).toBe('false');
    await inWork.click();
    await expect.poll(() => bars.count()).toBe(before);
    await checkTiles(page, 'channels');
  });

  test('S23 «Скорость ответов»: averages with their medians, the days, and the files; calls are left out', async () => {
    const page = await open('speed');
    await checkTilesCsv(page, 'speed');
    await checkSeries(page, 'speed', 'Скорость ответов');
    await checkTiles(page, 'speed');
    await goTo(page, pagePath('speed', { channel: 'call' }));
    const [first, any, writing, , toClose] = await tilesOf(page);
    expect([first?.value.text, any?.value.text, writing?.value.text]).toEqual(['—', '—', '—']);
    await page.getByRole('table', { name: 'По времени' }).waitFor();
    expect(await page.getByRole('list', { name: 'Скорость ответов' }).count()).toBe(0);
    expect(toClose?.value.text).toBe(
      inWords('timeToCloseSeconds', reckoned(made.world, 'timeToCloseSeconds', { channel: 'call' }).value),
    );
  });

  test('S24 «Соблюдение SLA»: what took longer than its channel’s target, the days, and the files', async () => {
    const page = await open('sla');
    await checkTilesCsv(page, 'sla');
    await checkSeries(page, 'sla', 'Соблюдение SLA');
    await checkTiles(page, 'sla');
  });

  test('S25 «Лучшие в команде»: a line per agent and per team with all fifteen figures, the total, the period before, and the files', async () => {
    const page = await open('team');
    const { agents = [], teams = [], figures, previous } = await answerOf('team');
    const wanted = FIGURES_OF_SECTION.team;
    const byAgent = await tableOf(page, 'Лучшие в команде');
    expect(byAgent.rows.map(({ name }) => name)).toEqual([
      ...agents.map(({ agent }) => agent.fullName),
      'Всего',
      'Предыдущий период',
    ]);
    await checkCells(byAgent, wanted, [...agents, figures, previous?.figures] as Values[]);
    for (const { agent, ...values } of agents) {
      const index = made.stored.agentIds.indexOf(agent.id);
      for (const figure of wanted) {
        const counted = reckoned(made.world, figure, { agent: index });
        expect(inWords(figure, (values as Values)[figure]), `${agent.fullName}: ${figure}`).toBe(inWords(figure, counted.value));
      }
    }
    const byTeam = await tableOf(page, 'Команды');
    expect(byTeam.rows.map(({ name }) => name)).toEqual(['Вторая линия', 'Первая линия', 'Всего', 'Предыдущий период']);
    await checkCells(byTeam, wanted, [...teams, figures, previous?.figures] as Values[]);
    await checkCsv(page, 'Лучшие в команде', byAgent, wanted);
    await checkCsv(page, 'Команды', byTeam, wanted);
    await page.getByText('Как считаются показатели').click();
    for (const figure of wanted) {
      const hint = page.locator(`#rule-${figure}`);
      expect(await hint.isVisible(), figure).toBe(true);
      expect((await hint.innerText()).includes(CALLS_LEFT_OUT), figure).toBe(LEAVE_CALLS_OUT.includes(figure));
      const heading = page
        .getByRole('table', { name: 'Лучшие в команде' })
        .getByRole('columnheader', { name: NAMES[figure] as string, exact: true });
      expect(await heading.getAttribute('aria-describedby')).toBe(`rule-${figure}`);
    }
    const worker = byAgent.rows.find(({ name }) => name === 'Agent 1');
    const index = wanted.indexOf('inWork');
    await checkLead(page, worker?.cells[index], 'inWork', { agent: 1 });
  });
});
