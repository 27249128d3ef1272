import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { cards, newCustomer, newNumber, openOffice, typeUntil, written, type Office } from './desk.ts';

let office: Office;
beforeAll(async () => {
  office = await openOffice();
}, 180_000);
afterEach((context) => office.leave(context));
afterAll(() => office.close(), 60_000);

async function ticketOf(customerId: string, phone: string | null, subject: string): Promise<string> {
  const body = { subject, channel: 'call', kind: 'incoming', customerId, ...(phone ? { phone } : {}) };
  return (await office.product.anna.post<{ id: string }>('/api/tickets', body)).id;
}
const status = (page: Page) => page.getByLabel('Статус').locator('option:checked');

describe('S6–S9 calling from a ticket', () => {
  test('S6, S7, S8: the handset calls, the block shows the dialling, the gist is saved, the recording joins', async () => {
    const { pbx, anna } = office.product;
    const { id, phone } = await newCustomer(office.product, 'Владимир Маяковский');
    const ticketId = await ticketOf(id, phone, 'Перезвонить');
    const page = await office.tab(anna, `/tickets/${ticketId}`);
    await page.getByRole('button', { name: `Позвонить на ${written(phone)}` }).click();
    const block = page.getByRole('group', { name: 'Набираем номер' });
    await block.getByText(`Звоним на ${written(phone)}`).waitFor();
    await block.getByRole('timer').waitFor();
    const call = await pbx.nextCallback();

    // Whoever leaves the page gets a way back.
    expect(await cards(page).count()).toBe(0);
    await page.getByRole('link', { name: 'Пропущенные' }).click();
    await cards(page).getByText('Набираем номер').waitFor();
    await cards(page).getByRole('link', { name: 'Вернуться к обращению' }).click();
    await block.waitFor();

    await block.getByText('Снимите трубку в софтфоне').waitFor();
    await call.operatorAnswers();
    await block.getByText('Трубка снята. Вызываем пользователя.').waitFor();
    await call.customerAnswers();
    await page.getByLabel('Суть звонка').fill('Всё хорошо');
    await page.getByRole('button', { name: 'Сохранить' }).click();
    await page.getByText('Звонок в процессе').waitFor();
    await page.getByText('Всё хорошо').waitFor();
    await call.pass(20);
    await call.hangUp();
    await call.finish();
    await page.getByRole('group', { name: 'Запись разговора' }).waitFor();
    expect(await status(page).innerText()).toBe('В ожидании');
  });

  test('S6 with several numbers the agent picks one', async () => {
    const { pbx, anna } = office.product;
    const [one, two] = [newNumber(), newNumber()];
    const { id } = await newCustomer(office.product, 'Сергей Есенин', { phones: [one, two] });
    const ticketId = await ticketOf(id, null, 'Два номера');
    const page = await office.tab(anna, `/tickets/${ticketId}`);
    await page.getByRole('button', { name: 'Позвонить: выбрать номер' }).click();
    await page.getByRole('menuitem', { name: written(two) }).click();
    await page.getByText(`Звоним на ${written(two)}`).waitFor();
    const call = await pbx.nextCallback();
    await page.getByRole('button', { name: 'Отменить' }).click();
    await page.getByText(`Звоним на ${written(two)}`).waitFor({ state: 'detached' });
    await call.finish();
  });

  test('S8 not saved: the text typed so far stands in the message after the talk, and the agent types on in it', async () => {
    const { pbx, anna } = office.product;
    const { id, phone } = await newCustomer(office.product, 'Борис Пастернак');
    const page = await office.tab(anna, `/tickets/${await ticketOf(id, phone, 'Февраль')}`);
    await page.getByRole('button', { name: `Позвонить на ${written(phone)}` }).click();
    const call = await pbx.nextCallback();
    await call.operatorAnswers();
    await call.customerAnswers();
    await page.getByLabel('Суть звонка').pressSequentially('Достать чернил ');
    await call.hangUp();
    await page.getByText('Звонок завершён. Сохраняем набранное в обращение…').waitFor();
    const over = call.finish();
    const message = page.getByRole('article').filter({ hasText: 'Исходящий звонок' });
    const text = `Достать чернил ${await typeUntil(page, message.getByLabel('Суть звонка'))}`;
    await over;
    expect(await message.getByLabel('Суть звонка').inputValue()).toBe(text);
    await message.getByRole('button', { name: 'Сохранить' }).click();
    await message.getByText(text).waitFor();
  });

  test('S9 the customer does not answer: the attempt stands in the ticket, its status stays', async () => {
    const { pbx, anna } = office.product;
    const { id, phone } = await newCustomer(office.product, 'Осип Мандельштам');
    const page = await office.tab(anna, `/tickets/${await ticketOf(id, phone, 'Бессонница')}`);
    await page.getByRole('button', { name: `Позвонить на ${written(phone)}` }).click();
    const call = await pbx.nextCallback();
    await call.operatorAnswers();
    await call.customerDoesNotAnswer();
    await call.finish();
    await page.getByText('Попытка дозвониться: пользователь не ответил').waitFor();
    expect(await status(page).innerText()).toBe('Открытое');
  });

  test('S9 the agent never picks up: told so, and the ticket has no attempt', async () => {
    const { pbx, anna } = office.product;
    const { id, phone } = await newCustomer(office.product, 'Велимир Хлебников');
    const page = await office.tab(anna, `/tickets/${await ticketOf(id, phone, 'Крылышкуя')}`);
    await page.getByRole('button', { name: `Позвонить на ${written(phone)}` }).click();
    const call = await pbx.nextCallback();
    await call.operatorDoesNotAnswer();
    await call.finish();
    await page.getByText('Вы не сняли трубку в софтфоне — пользователю не звонили.').waitFor();
    expect(await page.getByText('Попытка дозвониться').count()).toBe(0);
  });

  test('S9 the PBX refuses: the agent reads why', async () => {
    const { pbx, boris } = office.product;
    const { id, phone } = await newCustomer(office.product, 'Николай Гумилёв');
    const page = await office.tab(boris, `/tickets/${await ticketOf(id, phone, 'Жираф')}`);
    pbx.callbacks.set({ result: 2220 });
    await page.getByRole('button', { name: `Позвонить на ${written(phone)}` }).click();
    const notice = page.getByRole('alert').filter({ hasText: 'Звонок не состоялся' });
    await notice.getByText('Исчерпан лимит АТС. Повторите позже или обратитесь к администратору.').waitFor();
    await notice.getByText('Код АТС: 2220').waitFor();
    await page.getByRole('group', { name: 'Набираем номер' }).waitFor({ state: 'detached' });
    pbx.callbacks.set({ result: 1000 });
    await page.getByRole('button', { name: `Позвонить на ${written(phone)}` }).click();
    await page.getByRole('group', { name: 'Набираем номер' }).waitFor();
    await notice.waitFor({ state: 'detached' });
    const call = await pbx.nextCallback();
    await call.operatorDoesNotAnswer();
    await call.finish();
  });
});

describe('S10 dialled on the softphone', () => {
  test('S10 the agent gets the same choices: a new ticket for the call', async () => {
    const { pbx, vera } = office.product;
    const { phone } = await newCustomer(office.product, 'Андрей Белый');
    const page = await office.tab(vera);
    const call = pbx.outgoing({ from: '0103', to: phone });
    await call.dial();
    await cards(page).getByText('Андрей Белый').waitFor();
    await call.customerAnswers();
    await page.getByRole('heading', { level: 1, name: 'Андрей Белый' }).waitFor();
    await page.getByRole('main').getByRole('button', { name: 'Создать обращение по звонку' }).click();
    await page.getByLabel('Суть звонка').fill('Позвонила сама');
    await page.getByRole('button', { name: 'Создать', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: `Исходящий звонок на ${written(phone)}` }).waitFor();
    await call.hangUp();
    await call.finish();
    await page.getByRole('group', { name: 'Запись разговора' }).waitFor();
    expect(await status(page).innerText()).toBe('В ожидании');
  });

  test('S10 dialled to somebody unknown: whose number it is, is looked for', async () => {
    const { pbx, vera } = office.product;
    const phone = newNumber();
    const page = await office.tab(vera, '/missed');
    const call = pbx.outgoing({ from: '0103', to: phone });
    await call.dial();
    await call.customerAnswers();
    await cards(page).getByRole('link', { name: 'Найти пользователя из базы для связки' }).click();
    await page.getByRole('heading', { level: 1, name: `Чей номер ${written(phone)}?` }).waitFor();
    await call.hangUp();
    await call.finish();
  });

  test('S10, S19 nothing done: a closed ticket with the agent', async () => {
    const { pbx, vera } = office.product;
    const { phone } = await newCustomer(office.product, 'Даниил Хармс');
    const page = await office.tab(vera, '/tickets?status=closed&assigneeId=me');
    const call = pbx.outgoing({ from: '0103', to: phone });
    await call.dial();
    await call.customerAnswers();
    await call.pass(9);
    await call.hangUp();
    await call.finish();
    await page.goto('/tickets?status=closed&assigneeId=me');
    await page.getByRole('link', { name: `Исходящий звонок на ${written(phone)}` }).waitFor();
  });
});
