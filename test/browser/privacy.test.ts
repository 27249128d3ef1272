import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Locator, Page } from 'playwright-core';
import { newCustomer, openOffice, violations, type Look, type Office } from './desk.ts';

let office: Office;
beforeAll(async () => {
  office = await openOffice();
}, 180_000);
afterEach((context) => office.leave(context));
afterAll(() => office.close(), 60_000);

const LOOKS: readonly (readonly [string, Look])[] = [
  ['light, wide', {}],
  ['dark, narrow, English', { dark: true, width: 390, height: 844, language: 'en' }],
];
const linesOf = (page: Page): Locator => page.getByRole('list', { name: /^(Журнал действий|Audit log)$/ }).getByRole('listitem');
async function download(page: Page, from: Locator): Promise<string> {
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    from.getByRole('link', { name: /^(Скачать CSV|Download CSV)$/ }).click(),
  ]);
  return readFile(await file.path(), 'utf8');
}
async function fits(page: Page): Promise<void> {
  expect(await page.evaluate<number>('document.documentElement.scrollWidth - window.innerWidth')).toBeLessThanOrEqual(0);
}
const speakRussian = () => office.product.admin.request('PATCH', '/api/session', { preferences: { language: 'ru' } });

/** A customer who has talked to Анна, with the recording there. */
async function talker(fullName: string): Promise<{ id: string; phone: string }> {
  const { pbx, admin, database } = office.product;
  const customer = await newCustomer(office.product, fullName, { emails: ['erased@example.org'] });
  const call = pbx.incoming({ from: customer.phone });
  await call.ring('101');
  await call.answer('101');
  await call.pass(9);
  await call.hangUp();
  await call.finish();
  await expect
    .poll(async () => (await admin.get<{ total: number }>(`/api/tickets?customerId=${customer.id}`)).total, { timeout: 20_000 })
    .toBe(1);
  const calls = database.db('calls').where({ customer_id: customer.id }).select('id');
  await expect
    .poll(async () => database.db('recordings').whereIn('call_id', calls).select('state'), { timeout: 20_000 })
    .toEqual([{ state: 'ready' }]);
  return customer;
}

describe('«Журнал действий»', () => {
  test('is narrowed by who, what and when in the address bar, and exported as narrowed', async () => {
    const { admin, boris, signIn } = office.product;
    await signIn('vera@demo.local');
    await boris.request('PATCH', '/api/session', { preferences: { language: 'ru' } });
    await admin.post('/api/fields', { label: 'Любимый цвет', type: 'text' });
    const page = await office.tab(admin, '/settings/audit');
    await linesOf(page).filter({ hasText: 'Добавлено поле данных' }).filter({ hasText: 'Админ' }).first().waitFor();
    await page.getByRole('combobox', { name: 'Действие' }).selectOption({ label: 'Вход' });
    await page.waitForURL(/action=session\.started/);
    await linesOf(page).filter({ hasText: 'Вера Орлова' }).first().waitFor();
    await page.getByRole('combobox', { name: 'Кто' }).selectOption({ label: 'Вера Орлова' });
    await page.waitForURL(/agentId=/);
    await expect.poll(() => linesOf(page).filter({ hasText: 'Анна Смирнова' }).count()).toBe(0);
    const shown = await linesOf(page).allInnerTexts();
    expect(shown.length).toBeGreaterThan(0);
    for (const line of shown) expect(line).toMatch(/Вера Орлова[\s\S]*Вход/);
    await page.reload();
    await linesOf(page).first().waitFor();
    expect(await linesOf(page).count()).toBe(shown.length);

    const csv = await download(page, page.getByRole('main'));
    const [head, ...rows] = csv.trim().split('\r\n');
    expect(head).toMatch(/^\uFEFF?Когда \(Europe\/Moscow\);Кто;Адрес;Действие;Код действия;Над чем;Название;Подробности$/);
    expect(rows).toHaveLength(shown.length);
    for (const row of rows) expect(row).toContain('Вера Орлова');

    await page.locator('input[type=date]').last().fill('2020-01-31');
    await page.getByText('Таких действий не было').waitFor();
    await page.getByRole('link', { name: 'Сбросить фильтры' }).click();
    await page.getByRole('combobox', { name: 'Действие' }).selectOption({ label: 'Выгрузка журнала действий' });
    await page.waitForURL(/action=audit\.exported/);
    await expect.poll(() => linesOf(page).count()).toBe(1);
    expect(await linesOf(page).innerText()).toMatch(/Админ[\s\S]*Выгрузка журнала действий/);
  });

  test.each(LOOKS)('meets WCAG 2.2 AA: %s', async (_name, look) => {
    const page = await office.tab(office.product.admin, '/settings/audit', look);
    await linesOf(page).first().waitFor();
    expect(await violations(page)).toEqual([]);
    await fits(page);
    await speakRussian();
  });

  test('and erasure are for admins only', async () => {
    const { anna } = office.product;
    const { id } = await newCustomer(office.product, 'Михаил Пришвин');
    for (const path of ['/settings/audit', '/settings/privacy', `/customers/${id}/erase`]) {
      const page = await office.tab(anna, path);
      await page.getByRole('heading', { level: 1, name: 'Такой страницы нет' }).waitFor();
    }
    const profile = await office.tab(anna, `/customers/${id}`);
    await profile.getByRole('heading', { level: 1, name: 'Михаил Пришвин' }).waitFor();
    expect(await profile.getByText('Удалить персональные данные').count()).toBe(0);
  });
});

describe('erasing a customer', () => {
  test('shows what will go, does it in front of the admin, and leaves a line in the destruction log and its export', async () => {
    const { admin, database } = office.product;
    const { id, phone } = await talker('Афанасий Фет');
    const page = await office.tab(admin, `/customers/${id}`);
    await page.getByRole('link', { name: 'Удалить персональные данные' }).click();
    await page.getByRole('heading', { level: 1, name: 'Удаление персональных данных' }).waitFor();
    const count = (kind: string): Promise<string> =>
      page.getByRole('main').locator('dl > div').filter({ hasText: kind }).getByRole('definition').innerText();
    await page.getByRole('heading', { name: 'Что будет удалено' }).waitFor();
    const kinds = ['Номера', 'Адреса', 'Обращения', 'Звонки', 'Записи'];
    expect(await Promise.all(kinds.map(count))).toEqual(['1', '1', '1', '1', '1']);
    const submit = page.getByRole('button', { name: 'Удалить навсегда' });
    expect(await submit.isDisabled()).toBe(true);
    await page.getByLabel('Основание').selectOption({ label: 'Согласие отозвано' });
    await page.getByRole('checkbox', { name: /Афанасий Фет восстановить нельзя/ }).click();
    expect(await violations(page)).toEqual([]);
    await submit.click();
    await page.getByText('Удалено', { exact: true }).waitFor();
    const done = await page.getByText(/В журнале уничтожения — пользователь № \d+/).innerText();
    const number = /№ (\d+)/.exec(done)?.[1] ?? '';
    expect(done).toContain('записи разговоров: 1');
    expect(await violations(page)).toEqual([]);

    // Whoever comes back to the page is told the same, although nobody is found there any more.
    await page.reload();
    await page.getByText(`пользователь № ${number}`).waitFor();
    await database.db('erasures').where({ customer_id: id }).update({ state: 'erasing' });
    await page.goto('/settings/privacy');
    const underWay = page.getByRole('list', { name: 'Удаляется сейчас' }).getByRole('listitem');
    expect(await underWay.filter({ hasText: `№ ${number}` }).innerText()).toMatch(/Удаляем данные и записи/);
    await underWay.getByRole('link', { name: `№ ${number}` }).click();
    await page.getByText('дождётся записи этого звонка').waitFor();
    await database.db('erasures').where({ customer_id: id }).update({ state: 'done' });
    await page.getByText('Удалено', { exact: true }).waitFor();
    await page.getByText(`пользователь № ${number}`).waitFor();

    await page.getByRole('link', { name: 'К журналу уничтожения' }).click();
    const log = page.getByRole('list', { name: 'Журнал уничтожения' }).getByRole('listitem');
    const line = log.filter({ hasText: `Удалённый пользователь № ${number}` });
    await line.waitFor();
    expect(await line.innerText()).toMatch(/номера: 1[\s\S]*Согласие отозвано[\s\S]*Админ/);
    const section = page.locator('section').filter({ has: page.getByRole('heading', { name: 'Журнал уничтожения' }) });
    const csv = await download(page, section);
    expect(csv).toContain(`Удалённый пользователь № ${number} (${id})`);
    expect(csv).not.toContain(phone.slice(1));

    const ticket = (await database.db('tickets').where({ customer_id: id }).first('id')) as { id: string };
    await page.goto(`/tickets/${ticket.id}`);
    await page.getByText(`Удалённый пользователь № ${number}`).first().waitFor();
    await page.getByText('Запись удалена вместе с персональными данными').waitFor();
    const panel = page.getByRole('complementary', { name: 'Пользователь' });
    await panel.getByText('Персональные данные удалены').waitFor();
    expect(await panel.getByRole('link', { name: /Удалённый пользователь/ }).count()).toBe(0);
    expect(await page.content()).not.toContain('Фет');
    // That there is no profile any more is what the browser is told.
    for (const complaint of office.complaints()) expect(complaint).toContain('404');
    await page.goto('/settings/audit?action=customer.erasure_ordered');
    await linesOf(page)
      .filter({ hasText: 'Админ' })
      .filter({ hasText: `Удалённый пользователь № ${number}` })
      .waitFor();
  });

  test.each(LOOKS)('and the retention page meet WCAG 2.2 AA: %s', async (_name, look) => {
    const { admin } = office.product;
    const { id } = await newCustomer(office.product, 'Константин Случевский');
    const page = await office.tab(admin, `/customers/${id}/erase`, look);
    await page.getByRole('checkbox').waitFor();
    expect(await violations(page)).toEqual([]);
    await fits(page);
    await page.goto('/settings/privacy');
    await page.getByRole('list', { name: /^(Журнал уничтожения|Destruction log)$/ }).waitFor();
    expect(await violations(page)).toEqual([]);
    await fits(page);
    await speakRussian();
  });
});
