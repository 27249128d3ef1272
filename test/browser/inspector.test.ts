import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Locator, Page } from 'playwright-core';
import { newCustomer, newNumber, openOffice, violations, type Office } from './desk.ts';
import { signedPost, TEST_CREDENTIALS } from '../support/pbx.ts';

let office: Office;
beforeAll(async () => {
  office = await openOffice({ env: { TEMPORAL_UI_URL: process.env['TEST_TEMPORAL_UI_URL'] ?? '' } });
}, 180_000);
afterEach((context) => office.leave(context));
afterAll(() => office.close(), 60_000);

const leg = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
  entry_id: randomUUID(),
  call_id: randomUUID(),
  timestamp: Math.floor(Date.now() / 1000),
  seq: 1,
  call_state: 'Appeared',
  location: 'abonent',
  from: { number: newNumber().slice(1) },
  to: { extension: '101', line_number: '74950000001' },
  ...more,
});
const send = (event: unknown, credentials = TEST_CREDENTIALS) =>
  signedPost(office.product.url, '/mango/events/call', event, credentials);
const shown = (page: Page): Locator => page.getByRole('list', { name: 'События' }).getByRole('listitem');
const newest = (page: Page): Locator => shown(page).first();
const steps = (page: Page): Locator => page.getByRole('list', { name: 'Шаги' }).getByRole('listitem');
const auditOf = async (action: string): Promise<unknown[]> =>
  (await office.product.admin.get<{ items: unknown[] }>(`/api/audit?action=${action}`)).items;

describe('the event inspector', () => {
  test('shows every event as it comes, with what became of it and why', async () => {
    const { admin, pbx } = office.product;
    const page = await office.tab(admin, '/settings/inspector');
    await page.getByText('В реальном времени').waitFor();

    await send(leg(), { ...TEST_CREDENTIALS, salt: 'another' });
    await newest(page).getByText('Неверная подпись').waitFor();
    await newest(page).getByRole('button').click();
    await page.getByText('Ключ верен. Отличается соль').waitFor();
    await page.getByText('Тело отклонённого запроса не хранится').waitFor();

    await send(leg({ to: { extension: '777' } }));
    await newest(page).getByText('Неизвестный оператор').waitFor();
    await newest(page).getByRole('button').click();
    await page.getByText('Такого внутреннего номера нет среди операторов').waitFor();

    const { db } = office.product.database;
    const account = (await db('integrations').first('id')) as { id: string };
    await db('operators').insert({ integration_id: account.id, extension: '776', ignored: true });
    await send(leg({ to: { extension: '776' } }));
    await newest(page).getByText('Без последствий').waitFor();
    await newest(page).getByRole('button').click();
    await page.getByText('включено «Игнорировать звонки»').waitFor();

    const twice = leg({ location: 'ivr', to: { number: '74950000001', line_number: '74950000001' } });
    await send(twice);
    await newest(page).getByText('Доставлено', { exact: true }).waitFor();
    await send(twice);
    await newest(page).getByText('повтор', { exact: true }).waitFor();
    await send(twice);
    await newest(page).getByText('2 повтора').waitFor();

    const { phone } = await newCustomer(office.product, 'Софья Ковалевская');
    const call = pbx.incoming({ from: phone });
    await call.ring('101');
    await newest(page).getByText('Appeared').waitFor();
    await newest(page)
      .getByText(`${phone.slice(1, 2)}••••••${phone.slice(-4)} → 101`)
      .waitFor();
    await call.answer('101');
    await shown(page).filter({ hasText: 'Connected' }).first().getByText('Доставлено', { exact: true }).waitFor();
    await call.hangUp();
    await call.finish();
    await shown(page).filter({ hasText: 'Итог звонка' }).first().getByText('Доставлено', { exact: true }).waitFor();
    await shown(page).filter({ hasText: 'Запись сохранена' }).first().waitFor();
    expect(await auditOf('inspector.opened')).toMatchObject([{ agent: { fullName: 'Админ' } }]);
  });

  test('is narrowed in the address bar, and shows whole numbers on demand only', async () => {
    const { admin } = office.product;
    const number = newNumber();
    await send(leg({ from: { number: number.slice(1) }, to: { extension: '778' } }));
    await send(leg({ to: { extension: '779' } }));
    const page = await office.tab(admin, '/settings/inspector');
    await page.getByRole('searchbox', { name: 'Цифры номера' }).fill(number.slice(-7));
    await page.waitForURL(/digits=\d{7}/);
    await newest(page).getByText('→ 778').waitFor();
    await expect.poll(() => shown(page).count()).toBe(1);
    await page.reload();
    await newest(page).getByText('→ 778').waitFor();
    await newest(page).getByRole('button').click();
    const body = page.getByRole('region', { name: 'Тело события' });
    await body.getByText('"extension": "778"').waitFor();
    expect(await body.innerText()).not.toContain(number.slice(1));
    await page.getByRole('button', { name: 'Показать номера полностью' }).click();
    await body.getByText(number.slice(1)).waitFor();
    await page.getByText('Это записано в журнал действий').waitFor();
    expect(await auditOf('inspector.unmasked')).toMatchObject([{ subject: expect.stringMatching(/^i\d+$/) as string }]);

    await page.getByRole('button', { name: 'Сбросить' }).click();
    await page.getByRole('combobox', { name: 'Исход' }).selectOption('unknown_operator');
    await page.waitForURL(/verdict=unknown_operator/);
    await page.getByRole('searchbox', { name: 'Внутренний номер' }).fill('779');
    await page.waitForURL(/extension=779/);
    await newest(page).getByText('→ 779').waitFor();
    await expect.poll(() => shown(page).count()).toBe(1);
  });

  test('is narrowed by account, kind and period, alone and together', async () => {
    const { admin, url } = office.product;
    const credentials = { key: 'key-of-a-branch', salt: 'salt-of-a-branch' };
    const branch = await admin.post<{ id: string }>('/api/integrations', {
      ...{ name: 'Филиал', apiKey: credentials.key, apiSalt: credentials.salt },
    });
    const extension = newNumber().slice(-6);
    await send(leg({ to: { extension } }));
    await send(leg({ to: { extension } }), credentials);
    const summary = { entry_id: randomUUID(), call_direction: 1, from: { number: '79260000000' }, to: { extension } };
    await signedPost(url, '/mango/events/summary', { ...summary, entry_result: 0, disconnect_reason: 1110 }, credentials);
    const page = await office.tab(admin, `/settings/inspector?extension=${extension}`);
    await expect.poll(() => shown(page).count()).toBe(3);
    await page.getByRole('combobox', { name: 'АТС' }).selectOption({ label: 'Филиал' });
    await page.waitForURL(new RegExp(branch.id));
    await expect.poll(() => shown(page).count()).toBe(2);
    await page.getByRole('combobox', { name: 'Событие' }).selectOption({ label: 'Итог звонка' });
    await page.waitForURL(/kind=/);
    await expect.poll(() => shown(page).count()).toBe(1);
    await newest(page).getByText('Итог звонка').waitFor();
    const inMinutes = (n: number): string => {
      const at = new Date(Date.now() + n * 60_000);
      return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
    };
    await page.getByLabel('С', { exact: true }).fill(inMinutes(5));
    await page.getByText('Под эти условия не подходит ни одно событие').waitFor();
    await page.getByLabel('С', { exact: true }).fill(inMinutes(-5));
    await expect.poll(() => shown(page).count()).toBe(1);
    await page.getByLabel('По', { exact: true }).fill(inMinutes(-4));
    await page.getByText('Под эти условия не подходит ни одно событие').waitFor();
    await page.getByRole('button', { name: 'Сбросить' }).click();
    await page.waitForURL(/inspector$/);
    await expect.poll(() => shown(page).count()).toBeGreaterThan(3);
    await admin.request('DELETE', `/api/integrations/${branch.id}`);
  });

  test('leafs to what came earlier, and stands still there', async () => {
    const { admin } = office.product;
    // Of this try alone.
    const extension = newNumber().slice(-6);
    for (let n = 0; n < 55; n++) await send(leg({ to: { extension } }));
    const page = await office.tab(admin, `/settings/inspector?extension=${extension}`);
    await expect.poll(() => shown(page).count()).toBe(50);
    await page.getByRole('link', { name: 'Раньше' }).click();
    await page.waitForURL(/before=/);
    await expect.poll(() => shown(page).count()).toBe(5);
    await page.getByText('новые здесь не появляются').waitFor();
    await page.getByRole('link', { name: 'К новым' }).click();
    await expect.poll(() => shown(page).count()).toBe(50);
    await newest(page).getByText('Неизвестный оператор').waitFor();
    await page.getByRole('button', { name: 'Приостановить' }).click();
    const before = await newest(page).innerText();
    await send(leg({ to: { extension } }));
    await page.getByText('Приостановлено').waitFor();
    expect(await newest(page).innerText()).toBe(before);
    await page.getByRole('button', { name: 'Продолжить' }).click();
    await expect.poll(() => newest(page).innerText()).not.toBe(before);
  });

  test.each([
    ['light, wide', {}],
    ['dark, narrow, English', { dark: true, width: 390, height: 844, language: 'en' as const }],
  ])('meets WCAG 2.2 AA: %s', async (_name, look) => {
    const { admin } = office.product;
    await send(leg({ to: { extension: '777' } }));
    const page = await office.tab(admin, '/settings/inspector', look);
    const list = page.getByRole('list', { name: /^(События|Events)$/ }).getByRole('listitem');
    await list.first().getByRole('button').click();
    await page.getByRole('region', { name: /^(Тело события|Event body)$/ }).waitFor();
    expect(await violations(page)).toEqual([]);
    const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - window.innerWidth');
    expect(overflow).toBeLessThanOrEqual(0);
    await admin.request('PATCH', '/api/session', { preferences: { language: 'ru' } });
  });
});

describe('the timeline of a call', () => {
  test('of a transferred one reads from the first ring to both tickets, each decision with its rule', async () => {
    const { pbx, admin, anna, boris } = office.product;
    const { phone } = await newCustomer(office.product, 'Лев Ландау');
    const call = pbx.incoming({ from: phone });
    await call.ring('101');
    await hasCard(anna, 'ringing');
    await call.answer('101');
    await hasCard(anna, 'talking');
    await call.consult('101', '102');
    await call.answer('102');
    await call.completeTransfer('101');
    await hasCard(boris, 'talking');
    await call.pass(20);
    pbx.setFaults({ commands: [{ path: 'call/hangup', code: 5001 }] });
    expect(await hangsUp(boris)).toMatchObject({ state: 'refused', code: 'pbx_overloaded' });
    pbx.setFaults({});
    await call.hangUp();
    await call.finish();
    const ticket = await eventuallyTicket(anna, 'Ландау', 2);
    const page = await office.tab(admin, `/tickets/${ticket}`);
    await page.getByRole('link', { name: 'Ход звонка' }).first().click();
    await page.getByRole('heading', { level: 1, name: 'Ход звонка' }).waitFor();
    const step = (text: string): Locator => steps(page).filter({ hasText: text }).first();
    await step('Запись получена').waitFor();
    await step('Карточка входящего звонка: Анна Смирнова').getByText('S1', { exact: true }).waitFor();
    await step('Разговаривает Анна Смирнова').getByText('S2', { exact: true }).waitFor();
    const handedOver = step('Разговор передан: Борис Кузнецов');
    await handedOver.getByText('S5', { exact: true }).waitFor();
    await handedOver.getByText(/по событию/).waitFor();
    await step('Закрытое · Анна Смирнова').getByText('S5', { exact: true }).waitFor();
    await step('Открытое · Борис Кузнецов').getByText('S2a', { exact: true }).waitFor();
    const command = step('Команда АТС: положить трубку');
    await command.getByText('АТС отказала, код 5001: АТС перегружена.').waitFor();
    await command.getByText('по команде — Борис Кузнецов').waitFor();
    const order = await steps(page).allInnerTexts();
    const placeOf = (text: string): number => order.findIndex((line) => line.includes(text));
    // The PBX of the tests is quicker than the decisions about what it sends: each comes after what led to it.
    for (const story of [
      ['Appeared', 'Карточка входящего звонка', 'Разговаривает Анна', 'Разговор передан', 'Запись получена'],
      ['Connected', 'Разговаривает Анна'],
      ['Appeared', 'Connected', 'Disconnected', 'Итог звонка', 'Запись получена'],
    ]) {
      const places = story.map(placeOf);
      expect(places).not.toContain(-1);
      expect(places).toEqual(places.toSorted((a, b) => a - b));
    }
    await step('Connected').getByRole('button').click();
    await page.getByRole('region', { name: 'Тело события' }).getByText('"call_state": "Connected"').waitFor();
    expect(await violations(page)).toEqual([]);
    const workflow = page.getByRole('link', { name: 'Процесс звонка' }).first();
    expect(decodeURIComponent((await workflow.getAttribute('href')) ?? '')).toMatch(/^\/admin\/workflows\/queue\/Звонки\/call:/);
  });

  test('of a missed call in a group says that it was grouped, and by which rule', async () => {
    const { pbx, admin, anna } = office.product;
    const { phone } = await newCustomer(office.product, 'Пётр Капица');
    for (let n = 0; n < 2; n++) {
      const call = pbx.incoming({ from: phone });
      await call.ring('101');
      await hasCard(anna, 'ringing');
      await call.giveUp();
      await call.finish();
      await eventuallyTicket(anna, 'Капица', 1);
      const missedCount = async () =>
        (await admin.get<{ items: { missedCount: number }[] }>(`/api/tickets?q=${phone.slice(1)}`)).items[0]?.missedCount;
      // Of the second call the ticket is there already: this waits as long for it as the others wait for theirs.
      await expect.poll(missedCount, { timeout: 20_000 }).toBe(n + 1);
    }
    const ticket = await eventuallyTicket(anna, 'Капица', 1);
    const page = await office.tab(admin, `/tickets/${ticket}`);
    await page.getByRole('link', { name: 'Ход звонка' }).last().click();
    const missed = steps(page).filter({ hasText: 'Пропущенный звонок в обращении' });
    await missed.getByText('S12', { exact: true }).waitFor();
    await missed.getByText('попадает в то же обращение').waitFor();
    await steps(page).filter({ hasText: 'Карточка убрана: Анна Смирнова' }).waitFor();
    expect(await steps(page).filter({ hasText: 'Создано обращение' }).count()).toBe(0);
  });

  test('of a call to nobody says why nothing was made', async () => {
    const { pbx, admin } = office.product;
    const from = newNumber();
    const call = pbx.incoming({ from });
    await call.ring('190');
    await call.giveUp();
    await call.finish();
    const page = await office.tab(admin, `/settings/inspector?digits=${from.slice(-7)}`);
    await newest(page).getByRole('button').click();
    await page.getByRole('link', { name: 'Ход звонка' }).click();
    const nothing = steps(page).filter({ hasText: 'Ничего не создано' });
    await nothing.getByText('S14', { exact: true }).waitFor();
    await nothing.getByText('не дошёл ни до одного сотрудника').waitFor();
  });

  test('is for admins only', async () => {
    const page = await office.tab(office.product.anna, '/settings/inspector');
    await page.getByRole('heading', { level: 1, name: 'Такой страницы нет' }).waitFor();
    const other = await office.tab(office.product.anna, `/calls/${randomUUID()}/timeline`);
    await other.getByRole('heading', { level: 1, name: 'Такой страницы нет' }).waitFor();
  });
});

describe('the board over the workflows', () => {
  const job = (page: Page, workflowId: string): Locator =>
    page.locator('[class*=card-]').filter({ has: page.getByRole('link', { name: workflowId, exact: true }) });
  /** Its buttons are pictures, in this order; what they do is asked once more, in words. */
  const press = async (page: Page, workflowId: string, nth: number, question: string): Promise<void> => {
    await job(page, workflowId).locator('[class*=jobActions-] button').nth(nth).click();
    const dialog = page.getByRole('alertdialog');
    await dialog.getByText(question).waitFor();
    await dialog.getByRole('button', { name: 'Подтвердить' }).click();
    await dialog.waitFor({ state: 'detached' });
  };
  const state = (page: Page, name: string): Promise<void> =>
    page
      .getByRole('main')
      .getByRole('link', { name: new RegExp(`^${name}`, 'i') })
      .click();

  test('stops a call, takes it up again, asks for its recording again; says what it did, in its log, in Temporal, and to the audit', async () => {
    const { pbx, database } = office.product;
    pbx.setFaults({ commands: [{ path: 'queries/recording/post', code: 3320 }] });
    const call = pbx.incoming({ from: newNumber() });
    await call.ring('101');
    await call.answer('101');
    await call.hangUp();
    await call.finish();
    const newestCall = () =>
      database.db('calls').orderBy('started_at', 'desc').first('id', 'workflow_id', 'state') as unknown as Promise<{
        readonly id: string;
        readonly workflow_id: string;
        readonly state: string;
      }>;
    await expect.poll(async () => (await newestCall()).state, { timeout: 20_000 }).toBe('over');
    const { id: callId, workflow_id: workflowId } = await newestCall();
    const recording = async () =>
      (await database.db('recordings').where({ call_id: callId }).first('state', 'reason')) as Record<string, unknown>;

    const page = await (await office.desk(null)).newPage();
    await page.goto('/admin/workflows');
    await page.getByLabel('Email').fill('admin@demo.local');
    await page.locator('input[type=password]').fill('correct horse battery');
    await page.keyboard.press('Enter');
    await page.getByRole('main').getByRole('link', { name: 'Звонки', exact: true }).click();
    await state(page, 'Прерванные и с ошибкой');
    await page.getByText('Таких процессов нет.').waitFor();
    // It is no board over queues of tasks.
    expect(await page.locator('body').innerText()).not.toMatch(/очеред|задач|failed/i);
    await page.getByPlaceholder('Найти раздел').waitFor();
    await state(page, 'Ждут записи');
    await job(page, workflowId).getByRole('tab', { name: 'Логи' }).click();
    await job(page, workflowId).getByText('Начат: call').waitFor();
    // What is done to whole queues has no meaning here, and is not offered.
    for (const all of ['Повторить все', 'Очистить все', 'Продвинуть все']) {
      expect(await page.getByRole('button', { name: all }).isVisible()).toBe(false);
    }
    expect(await page.getByRole('main').locator('button[aria-haspopup=menu]:visible').count()).toBe(0);

    await press(page, workflowId, 1, 'Прервать?');
    await expect.poll(recording).toEqual({ state: 'unavailable', reason: 'interrupted' });
    await state(page, 'Прерванные и с ошибкой');
    const pages = job(page, workflowId).getByRole('tab');
    await expect.poll(() => pages.allInnerTexts()).toEqual(expect.arrayContaining(['Ошибка', 'Данные', 'Логи']));
    expect(await pages.allInnerTexts()).not.toContain('Прогресс');
    await press(page, workflowId, 0, 'Повторить?');
    await state(page, 'Ждут записи');
    pbx.setFaults({});
    await press(page, workflowId, 0, 'Запросить у АТС запись этого звонка ещё раз?');
    await expect.poll(recording, { timeout: 20_000 }).toMatchObject({ state: 'ready' });
    await state(page, 'Завершённые');
    await job(page, workflowId).waitFor();

    // On a phone nothing of the page stays beneath the ways out of it.
    await page.setViewportSize({ width: 390, height: 844 });
    await page.evaluate('document.body.scrollTop = document.body.scrollHeight');
    const edge = async (part: Locator): Promise<{ y: number; height: number }> => {
      const box = await part.boundingBox();
      expect(box).not.toBeNull();
      return box!;
    };
    const ways = page.getByRole('navigation', { name: 'Трубка' });
    const lowest = await edge(page.locator('[class*=card-]').last());
    expect(lowest.y + lowest.height).toBeLessThan((await edge(ways)).y);
    expect((await ways.boundingBox())?.width).toBe(390);
    await page.setViewportSize({ width: 1440, height: 900 });

    await page.getByRole('link', { name: 'Найти по id' }).click();
    await page.getByLabel('Id процесса, звонка или entry_id').fill('call:nobody:knows');
    await page.getByRole('button', { name: 'Найти' }).click();
    await page.getByRole('alert').getByText('Такого процесса нет').waitFor();
    await page.getByLabel('Id процесса, звонка или entry_id').fill(callId);
    await page.getByRole('button', { name: 'Найти' }).click();
    await page.getByText(workflowId, { exact: true }).first().waitFor();
    const opened = page.context().waitForEvent('page');
    await page.getByRole('link', { name: 'Temporal' }).click();
    const temporal = await opened;
    await temporal.getByRole('heading', { name: workflowId }).waitFor();
    expect(new URL(temporal.url()).pathname).toMatch(/^\/admin\/temporal\/namespaces\/default\/workflows\//);

    await page.goto('/settings/audit');
    const lines = page.getByRole('list', { name: 'Журнал действий' }).getByRole('listitem');
    for (const done of ['Запись запрошена у АТС ещё раз', 'Процесс звонка остановлен', 'Процесс звонка повторён']) {
      await lines.filter({ hasText: done }).first().getByRole('link', { name: 'процесс' }).waitFor();
    }
    // The pages of the board and of Temporal grumble at themselves; nobody outside is asked for anything.
    expect(office.complaints().filter((complaint) => /^(foreign|exception)/.test(complaint))).toEqual([]);
  });
});

/** The PBX of the tests is quicker than people: only who has been seen with a card is written down as having had one. */
async function hasCard(visitor: Office['product']['anna'], state: 'ringing' | 'talking'): Promise<void> {
  const states = async () =>
    (await visitor.get<{ items: { state: string }[] }>('/api/calls?state=active')).items.map(({ state }) => state);
  await expect.poll(states, { timeout: 20_000 }).toEqual([state]);
}

/** What came of it. */
async function hangsUp(visitor: Office['product']['anna']): Promise<unknown> {
  const { items } = await visitor.get<{ items: { callId: string }[] }>('/api/calls?state=active');
  const actionId = randomUUID();
  const actions = `/api/calls/${items[0]?.callId ?? ''}/actions`;
  await visitor.request('POST', actions, { actionId, type: 'hang_up' });
  const outcome = () => visitor.get<{ state: string }>(`${actions}/${actionId}`);
  await expect.poll(async () => (await outcome()).state, { timeout: 20_000 }).not.toBe('accepted');
  return outcome();
}

/** The newest ticket of this customer, once there are so many, all with their recordings decided. */
async function eventuallyTicket(visitor: Office['product']['anna'], q: string, atLeast: number): Promise<string> {
  const find = async () =>
    (await visitor.get<{ items: { id: string }[] }>(`/api/tickets?q=${encodeURIComponent(q)}&sort=-createdAt`)).items;
  await expect.poll(async () => (await find()).length, { timeout: 20_000 }).toBe(atLeast);
  return (await find())[0]?.id ?? '';
}
