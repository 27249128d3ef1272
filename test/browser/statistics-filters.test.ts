import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import type { Question } from '../statistics/reckoning.ts';
import { FIGURES_OF_SECTION } from '../statistics/figures.ts';
import { goTo, openOffice, violations, type Look, type Office } from './desk.ts';
import { BERLIN, coveredTexts, inWords, makeWorld, pagePath, reckoned, tableOf, tilesOf, type Made } from './statistics-page.ts';

let office: Office;
let made: Made;
beforeAll(async () => {
  office = await openOffice();
  made = await makeWorld(office.product);
}, 180_000);
afterEach((context) => office.leave(context));
afterAll(() => office.close(), 60_000);

const berlin: Look = { timezone: BERLIN, language: 'ru' };
const open = (section: string, more: Readonly<Record<string, string>> = {}, look: Look = berlin): Promise<Page> =>
  office.tab(made.admin, pagePath(section, more), look);
const loadOf = (asked: Partial<Question>): string[] =>
  FIGURES_OF_SECTION.load.map((figure) => inWords(figure, reckoned(made.world, figure, asked).value));
const shownLoad = async (page: Page): Promise<string[]> => (await tilesOf(page)).map(({ value }) => value.text);
/** Choosing asks anew, once what was asked before is answered; what stands there is read when the answer is on the screen. */
async function afterAnswer(page: Page, change: () => Promise<unknown>): Promise<URL> {
  await page.locator('main [aria-busy="false"]').waitFor();
  const [response] = await Promise.all([page.waitForResponse((one) => one.url().includes('/api/statistics/')), change()]);
  await page.locator('main [aria-busy="false"]').waitFor();
  return new URL(response.url());
}

describe('the filters', () => {
  test('S20–S25 agent, team, channel and direction, alone and together, and cleared', async () => {
    const page = await open('load');
    const choose = (label: string, option: string) =>
      afterAnswer(page, () => page.getByRole('combobox', { name: label, exact: true }).selectOption({ label: option }));
    expect(await shownLoad(page)).toEqual(loadOf({}));
    await choose('Сотрудник', 'Agent 2');
    expect(await shownLoad(page)).toEqual(loadOf({ agent: 2 }));
    await choose('Канал', 'Звонки');
    expect(await shownLoad(page)).toEqual(loadOf({ agent: 2, channel: 'call' }));
    await choose('Сотрудник', 'Все сотрудники');
    await choose('Направление', 'Исходящие');
    expect(await shownLoad(page)).toEqual(loadOf({ channel: 'call', direction: 'outgoing' }));
    await choose('Канал', 'Все каналы');
    await choose('Направление', 'Входящие');
    await choose('Команда', 'Первая линия');
    expect(await shownLoad(page)).toEqual(loadOf({ team: 'Первая линия', direction: 'incoming' }));
    const [tile] = await tilesOf(page);
    await goTo(page, tile?.value.href ?? '');
    const total = reckoned(made.world, 'newTickets', { team: 'Первая линия', direction: 'incoming' }).tickets.size;
    await page.getByRole('heading', { level: 1 }).locator('xpath=following-sibling::span[1]').getByText(String(total)).waitFor();
    await goTo(
      page,
      pagePath('load', {
        channel: 'social',
        direction: 'outgoing',
        team: 'Вторая линия',
        agentId: made.stored.agentIds[0] as string,
      }),
    );
    await page.getByText('За этот период ничего не было').waitFor();
    await afterAnswer(page, () => page.getByRole('button', { name: 'Сбросить фильтры' }).click());
    expect(await shownLoad(page)).toEqual(loadOf({}));
  });

  test('S20–S25 presets and free days say what is asked for; the end moves along with a later beginning', async () => {
    const page = await open('load');
    await page.clock.setFixedTime(new Date('2026-03-31T10:00:00Z'));
    const preset = async (label: string): Promise<[string, string]> => {
      const url = await afterAnswer(page, () =>
        page.getByRole('combobox', { name: 'Период', exact: true }).selectOption({ label }),
      );
      return [url.searchParams.get('from') ?? '', url.searchParams.get('to') ?? ''];
    };
    expect(await preset('Сегодня')).toEqual(['2026-03-30T22:00:00.000Z', '2026-03-31T22:00:00.000Z']);
    expect(await preset('Вчера')).toEqual(['2026-03-29T22:00:00.000Z', '2026-03-30T22:00:00.000Z']);
    expect(await preset('7 дней')).toEqual(['2026-03-24T23:00:00.000Z', '2026-03-31T22:00:00.000Z']);
    expect(await preset('30 дней')).toEqual(['2026-03-01T23:00:00.000Z', '2026-03-31T22:00:00.000Z']);
    expect(await preset('Этот месяц')).toEqual(['2026-02-28T23:00:00.000Z', '2026-03-31T22:00:00.000Z']);
    expect(await preset('Прошлый месяц')).toEqual(['2026-01-31T23:00:00.000Z', '2026-02-28T23:00:00.000Z']);
    expect(await preset('Этот год')).toEqual(['2025-12-31T23:00:00.000Z', '2026-03-31T22:00:00.000Z']);
    await afterAnswer(page, () => page.getByLabel('По', { exact: true }).fill('2026-03-29'));
    await afterAnswer(page, () => page.getByLabel('С', { exact: true }).fill('2026-03-25'));
    const free = { from: Date.parse('2026-03-24T23:00:00Z'), to: Date.parse('2026-03-29T22:00:00Z') };
    expect(await shownLoad(page)).toEqual(loadOf(free));
    expect(await page.getByRole('combobox', { name: 'Период', exact: true }).locator('option:checked').innerText()).toBe(
      'Свой период',
    );
    await afterAnswer(page, () => page.getByLabel('С', { exact: true }).fill('2026-03-30'));
    expect(await page.getByLabel('По', { exact: true }).inputValue()).toBe('2026-03-30');
    const day = { from: Date.parse('2026-03-29T22:00:00Z'), to: Date.parse('2026-03-30T22:00:00Z') };
    expect(await shownLoad(page)).toEqual(loadOf(day));
  });

  test('S20, S21 days and hours are the viewer’s own, also on the day on which the clock changes', async () => {
    const here = await open('load', { from: '2026-03-29', to: '2026-03-29' });
    const hours = await tableOf(here, 'По времени');
    expect(hours.rows).toHaveLength(23);
    const labels = hours.rows.map(({ name }) => /\d\d:\d\d/.exec(name)?.[0]);
    expect(labels.slice(0, 4)).toEqual(['00:00', '01:00', '03:00', '04:00']);
    const there = await open('load', { from: '2026-03-29', to: '2026-03-29' }, { timezone: 'America/New_York', language: 'ru' });
    expect((await tableOf(there, 'По времени')).rows).toHaveLength(24);
    const newYork = { from: Date.parse('2026-03-29T04:00:00Z'), to: Date.parse('2026-03-30T04:00:00Z'), tz: 'America/New_York' };
    expect(await shownLoad(there)).toEqual(loadOf(newYork));
    expect(await there.getByText('Часовой пояс: America/New_York').isVisible()).toBe(true);
  });

  test('S25 an admin puts agents into teams under «Сотрудники», and the statistics know them at once', async () => {
    const page = await office.tab(made.admin, '/settings/staff', berlin);
    const field = page.getByLabel('Команда: Agent 3');
    await field.fill('Третья линия');
    const saved = page.waitForResponse((response) => response.request().method() === 'PATCH');
    await field.press('Tab');
    expect((await saved).status()).toBe(200);
    await goTo(page, pagePath('team'));
    const table = await tableOf(page, 'Команды');
    expect(table.rows.map(({ name }) => name)).toContain('Третья линия');
    await made.admin.request('PATCH', `/api/agents/${made.stored.agentIds[3]}`, { team: null });
  });
});

describe('the page’s other faces', () => {
  test('loading, failed with another try, and nothing to show', async () => {
    const page = await office.tab(made.admin, '/tickets', berlin);
    let answer: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (answer = resolve));
    await page.route('**/api/statistics/**', async (route) => {
      await held;
      await route.fulfill({ status: 500, contentType: 'application/problem+json', body: '{"code":"internal","status":500}' });
    });
    await page.getByRole('link', { name: 'Статистика' }).click();
    await page.getByRole('status', { name: 'Загрузка' }).waitFor();
    answer();
    await page.getByRole('alert').getByRole('button', { name: 'Повторить' }).waitFor();
    expect(await violations(page)).toEqual([]);
    expect(office.complaints().join()).toContain('500');
    await page.unroute('**/api/statistics/**');
    await page.getByRole('button', { name: 'Повторить' }).click();
    await tilesOf(page);
    await goTo(page, pagePath('load', { from: '2020-01-01', to: '2020-01-31' }));
    await page.getByText('За этот период ничего не было').waitFor();
    expect(await page.getByRole('table').count()).toBe(0);
    await goTo(page, pagePath('sla', { from: '2020-01-01', to: '2020-01-31' }));
    await page.getByText('Все цели соблюдены').waitFor();
    expect(await page.getByText('ничего не было').count()).toBe(0);
  });

  // Light and dark, wide and narrow, both languages: each once.
  const LOOKS: readonly (readonly [string, Look])[] = [
    ['light, wide, Russian', { language: 'ru' }],
    ['dark, 390 pixels, English', { width: 390, height: 844, dark: true, language: 'en' }],
  ];
  test.each(LOOKS)('S20–S25 %s: nothing against WCAG 2.2 AA in any section, nothing to scroll sideways', async (_name, look) => {
    const page = await open('load', {}, { ...look, timezone: BERLIN });
    for (const section of Object.keys(FIGURES_OF_SECTION)) {
      await goTo(page, pagePath(section));
      await page.getByRole('table').first().waitFor();
      if (section === 'team') await page.locator('summary').click();
      if (!['peak', 'team'].includes(section)) await page.locator('[role=img] svg text').first().waitFor();
      expect({ section, covered: await coveredTexts(page) }).toEqual({ section, covered: [] });
      if (section === 'channels') expect(await page.locator('[role=img] svg').textContent()).toMatch(/Чат.*Соцсети|Chat.*Social/);
      expect({ section, found: await violations(page) }).toEqual({ section, found: [] });
      const spill = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
      expect({ section, spill }).toEqual({ section, spill: 0 });
    }
  });

  test('S20–S25 with the keyboard alone: to a section, into the table, along a figure to its tickets, and back', async () => {
    const page = await open('load');
    await tilesOf(page);
    const sections = page.getByRole('navigation', { name: 'Статистика' });
    await sections.getByRole('link', { name: 'Общая нагрузка' }).focus();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('table', { name: 'По дням недели и часам' }).waitFor();
    await sections.getByRole('link', { name: 'Лучшие в команде' }).focus();
    await page.keyboard.press('Enter');
    const region = page.getByRole('group', { name: 'Лучшие в команде' });
    await region.focus();
    expect(await page.evaluate<string>('document.activeElement.getAttribute("role")')).toBe('group');
    await page.keyboard.press('Tab');
    const name = await page.evaluate<string>('document.activeElement.tagName');
    expect(name).toBe('A');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Обращения' }).waitFor();
    await page.goBack();
    await page.getByRole('table', { name: 'Лучшие в команде' }).waitFor();
    const summary = page.locator('summary');
    await summary.focus();
    await page.keyboard.press('Enter');
    expect(await page.locator('#rule-newTickets').isVisible()).toBe(true);
  });
});
