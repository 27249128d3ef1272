import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { cards, newCustomer, newNumber, openOffice, written, type Office } from './desk.ts';

let office: Office;
beforeAll(async () => {
  office = await openOffice();
}, 180_000);
afterEach((context) => office.leave(context));
afterAll(() => office.close(), 60_000);

async function miss(from: string | null, extension = '101'): Promise<void> {
  const call = office.product.pbx.incoming({ from });
  await call.ring(extension);
  await call.giveUp();
  await call.finish();
}
const row = (page: Page, text: string) => page.getByRole('row').filter({ hasText: text });
/** The lines of «Пропущенные»: cards are list items too, and tell of the same people. */
const worklist = (page: Page) => page.getByRole('list', { name: 'Пропущенные' }).getByRole('listitem');
const status = (page: Page) => page.getByLabel('Статус').locator('option:checked');

describe('S11–S13 missed calls in the list', () => {
  test('S11, S12 a missed call stands there in red and in words; more of them share its line with count and time', async () => {
    const { vera } = office.product;
    const { phone } = await newCustomer(office.product, 'Мария Ермолова');
    const page = await office.tab(vera);
    await miss(phone);
    const line = row(page, `Пропущенный звонок с ${written(phone)}`);
    await line.waitFor();
    expect(await line.innerText()).toMatch(/Пропущенный[^]*Мария Ермолова[^]*Открытое[^]*Анна Смирнова/);
    await miss(phone);
    await miss(phone);
    await line.getByText(/^3 звонка, последний \d\d:\d\d$/).waitFor();
    expect(await line.count()).toBe(1);
  });

  test('S12 from whichever of the customer’s numbers: one ticket, which says by each call where it came from', async () => {
    const { vera } = office.product;
    const [one, two] = [newNumber(), newNumber()];
    await newCustomer(office.product, 'Пров Садовский', { phones: [one, two] });
    await miss(one);
    const page = await office.tab(vera);
    await row(page, 'Пров Садовский').getByRole('link').first().click();
    const thread = page.getByRole('list', { name: 'Переписка' });
    await thread.getByText('Пропущенный звонок').waitFor();
    expect(await thread.getByText(written(one)).count()).toBe(0);
    await miss(two);
    for (const number of [one, two]) await thread.getByText(written(number)).waitFor();
  });

  test('S11 the column «Телефон» is switched on by each agent for themselves, and stays on', async () => {
    const { vera, boris } = office.product;
    const { phone } = await newCustomer(office.product, 'Константин Станиславский');
    await miss(phone);
    const page = await office.tab(vera);
    await row(page, 'Станиславский').waitFor();
    expect(await page.getByRole('columnheader', { name: 'Телефон' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Столбцы' }).click();
    const saved = page.waitForResponse((response) => response.request().method() === 'PATCH');
    await page.getByRole('menuitemcheckbox', { name: 'Телефон' }).click();
    await saved;
    await page.getByRole('columnheader', { name: 'Телефон' }).waitFor();
    const elsewhere = await office.tab(vera);
    await elsewhere.getByRole('columnheader', { name: 'Телефон' }).waitFor();
    await row(elsewhere, 'Станиславский').getByText(written(phone), { exact: true }).waitFor();
    const colleague = await office.tab(boris);
    await row(colleague, 'Станиславский').waitFor();
    expect(await colleague.getByRole('columnheader', { name: 'Телефон' }).count()).toBe(0);
  });

  test('S13, S17, S18в called back: an attempt leaves it open and red, a talk turns the handset green and the ticket to pending', async () => {
    const { pbx, anna } = office.product;
    const phones = [newNumber(), newNumber()] as const;
    await newCustomer(office.product, 'Вера Комиссаржевская', { phones });
    const page = await office.tab(anna, '/missed');
    await miss(phones[0]);
    await miss(phones[1]);
    // One click calls where the customer called from last: the list says so, a while after the card did.
    await worklist(page).filter({ hasText: 'Комиссаржевская' }).getByText(written(phones[1])).waitFor();
    const callBack = page.getByRole('button', { name: 'Перезвонить: Вера Комиссаржевская' });
    await callBack.click();
    await page.getByText(`Звоним на ${written(phones[1])}`).waitFor();
    const attempt = await pbx.nextCallback();
    await attempt.operatorAnswers();
    await attempt.customerDoesNotAnswer();
    await attempt.finish();
    await page.getByText('Попытка дозвониться: пользователь не ответил').waitFor();
    expect(await status(page).innerText()).toBe('Открытое');
    await page.getByText('Пропущенный', { exact: true }).waitFor();

    await page.getByRole('button', { name: 'Позвонить: выбрать номер' }).click();
    await page.getByRole('menuitem', { name: written(phones[0]) }).click();
    const call = await pbx.nextCallback();
    await call.operatorAnswers();
    await call.customerAnswers();
    await call.pass(12);
    await call.hangUp();
    await call.finish();
    await page.getByRole('group', { name: 'Запись разговора' }).waitFor();
    await page.getByText('Связались', { exact: true }).waitFor();
    expect(await status(page).innerText()).toBe('В ожидании');
  });

  test('S14 a call that never reaches a mapped agent makes nothing', async () => {
    const { pbx, vera } = office.product;
    const phone = newNumber();
    const page = await office.tab(vera);
    const call = pbx.incoming({ from: phone });
    await call.menu();
    await call.leaveMenu(1170);
    await call.finish();
    const later = newNumber();
    await miss(later, '0103');
    await row(page, written(later)).waitFor();
    expect(await row(page, written(phone)).count()).toBe(0);
  });
});

describe('S15–S18 statuses', () => {
  test('S18а a new ticket for the next talk closes the missed-call ticket, which says so', async () => {
    const { pbx, anna } = office.product;
    const { phone } = await newCustomer(office.product, 'Павел Мочалов');
    await miss(phone);
    const page = await office.tab(anna);
    await row(page, `Пропущенный звонок с ${written(phone)}`)
      .getByRole('link')
      .click();
    await page.waitForURL(/\/tickets\/\d+/);
    const missed = page.url();
    const desk = await office.tab(anna);
    const call = pbx.incoming({ from: phone });
    await call.ring('101');
    await call.answer('101');
    await desk.getByRole('main').getByRole('button', { name: 'Создать обращение по звонку' }).click();
    await desk.getByRole('button', { name: 'Создать', exact: true }).click();
    await desk.getByText('Звонок в процессе').waitFor();
    await page.goto(missed);
    await page.getByText('Закрыто: разговор с пользователем записан в новом обращении').waitFor();
    expect(await status(page).innerText()).toBe('Закрытое');
    await call.hangUp();
    await call.finish();
    await desk.getByRole('group', { name: 'Запись разговора' }).waitFor();
    // S15
    expect(await status(desk).innerText()).toBe('В ожидании');
  });

  test('S18б the talk is linked to the missed-call ticket: pending at its end, the handset green', async () => {
    const { pbx, anna } = office.product;
    const { phone } = await newCustomer(office.product, 'Михаил Щепкин');
    await miss(phone);
    const page = await office.tab(anna);
    const call = pbx.incoming({ from: phone });
    await call.ring('101');
    // The card names the open missed-call ticket.
    await cards(page)
      .getByRole('link', { name: /Пропущенный звонок/ })
      .waitFor();
    await call.answer('101');
    await page.getByRole('heading', { level: 1, name: 'Михаил Щепкин' }).waitFor();
    await page.getByRole('link', { name: `Пропущенный звонок с ${written(phone)}` }).click();
    await page.getByRole('button', { name: 'Зафиксировать звонок в текущем обращении' }).click();
    await page.getByRole('button', { name: 'Сохранить' }).click();
    await page.getByText('Звонок в процессе').waitFor();
    await call.pass(7);
    await call.hangUp();
    await call.finish();
    await page.getByText('Связались', { exact: true }).waitFor();
    expect(await status(page).innerText()).toBe('В ожидании');
  });

  test('S18г, S18д from the softphone: a new ticket closes the missed one, a link makes it pending', async () => {
    const { pbx, vera } = office.product;
    const first = await newCustomer(office.product, 'Прасковья Жемчугова');
    const second = await newCustomer(office.product, 'Екатерина Семёнова');
    await miss(first.phone);
    await miss(second.phone);
    const page = await office.tab(vera);
    const call = pbx.outgoing({ from: '0103', to: first.phone });
    await call.dial();
    await call.customerAnswers();
    await page.getByRole('main').getByRole('button', { name: 'Создать обращение по звонку' }).click();
    await page.getByRole('button', { name: 'Создать', exact: true }).click();
    await page.getByText('Звонок в процессе').waitFor();
    await call.hangUp();
    await call.finish();
    await page.goto('/tickets?status=closed&kind=missed');
    await row(page, 'Прасковья Жемчугова').waitFor();

    const next = pbx.outgoing({ from: '0103', to: second.phone });
    await next.dial();
    await next.customerAnswers();
    await page.getByRole('heading', { level: 1, name: 'Екатерина Семёнова' }).waitFor();
    await page.getByRole('link', { name: `Пропущенный звонок с ${written(second.phone)}` }).click();
    await page.getByRole('button', { name: 'Зафиксировать звонок в текущем обращении' }).click();
    await page.getByRole('button', { name: 'Сохранить' }).click();
    await page.getByText('Звонок в процессе').waitFor();
    await next.pass(5);
    await next.hangUp();
    await next.finish();
    await page.getByRole('group', { name: 'Запись разговора' }).waitFor();
    expect(await status(page).innerText()).toBe('В ожидании');
  });
});

describe('the worklist', () => {
  test('says how often, since when, and live what was tried, by whom and when', async () => {
    const { pbx, vera, anna, database } = office.product;
    const { phone } = await newCustomer(office.product, 'Ольга Книппер');
    await miss(phone);
    await miss(phone);
    // Friday night: nothing is cut off.
    const night = new Date(Date.now() - 3 * 86_400_000);
    night.setHours(23, 41, 0, 0);
    const page = await office.tab(vera, '/missed');
    const line = worklist(page).filter({ hasText: 'Ольга Книппер' });
    await line.getByText('2 раза').waitFor();
    await database.db('conversations').where({ phone, outcome: 'missed' }).update({ started_at: night });
    await page.reload();
    await line.getByText('Ещё не перезванивали').waitFor();
    await line.getByText(/^с [а-я]{2}, \d+ [а-я]+\.?, 23:41$/).waitFor();
    expect(await line.innerText()).toMatch(/[23] (дня|д \d+ ч)/);

    const desk = await office.tab(anna, '/missed');
    await desk.getByRole('button', { name: 'Перезвонить: Ольга Книппер' }).click();
    await line.getByText('Сейчас звонит: Анна Смирнова').waitFor();
    const attempt = await pbx.nextCallback();
    await attempt.operatorAnswers();
    await attempt.customerDoesNotAnswer();
    await attempt.finish();
    await line.getByText(/^Не дозвонились: Анна Смирнова, \d\d:\d\d$/).waitFor();
  });

  test('several are given to a colleague at once, who sees them come', async () => {
    const { vera, boris } = office.product;
    const people = ['Алла Тарасова', 'Ангелина Степанова'];
    for (const name of people) await miss((await newCustomer(office.product, name)).phone, '102');
    const colleague = await office.tab(vera, '/missed?whose=me');
    const page = await office.tab(boris, '/missed');
    for (const name of people) await page.getByRole('checkbox', { name: `Выбрать: ${name}` }).click();
    await page.getByRole('group', { name: 'Выбрано: 2' }).getByRole('button', { name: 'Назначить' }).click();
    // The menu lies over the rows, whose buttons stand above their links.
    await page.getByRole('menuitem', { name: 'Вера' }).click();
    for (const name of people) await colleague.getByRole('link', { name }).waitFor();
  });

  test('several missed calls are taken at once, and closed at once', async () => {
    const { vera } = office.product;
    const people = ['Фаина Раневская', 'Любовь Орлова'];
    for (const name of people) await miss((await newCustomer(office.product, name)).phone);
    const page = await office.tab(vera, '/missed');
    for (const name of people) await page.getByRole('checkbox', { name: `Выбрать: ${name}` }).click();
    const bar = page.getByRole('group', { name: 'Выбрано: 2' });
    await bar.getByRole('button', { name: 'Взять' }).click();
    await bar.waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'Мои', exact: true }).click();
    for (const name of people) await page.getByRole('checkbox', { name: `Выбрать: ${name}` }).click();
    await page.getByRole('group', { name: 'Выбрано: 2' }).getByRole('button', { name: 'Закрыть' }).click();
    for (const name of people) await page.getByRole('link', { name }).waitFor({ state: 'detached' });
  });
});
