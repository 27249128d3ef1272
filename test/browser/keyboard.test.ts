import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { cards, newCustomer, newNumber, openOffice, written, type Office } from './desk.ts';

let office: Office;
beforeAll(async () => {
  office = await openOffice();
}, 180_000);
afterEach((context) => office.leave(context));
afterAll(() => office.close(), 60_000);

const FOCUSED = `(() => {
  const { activeElement: it } = document;
  return it.getAttribute('aria-label') ?? it.labels?.[0]?.textContent?.trim() ?? it.textContent.trim();
})()`;
const focused = (page: Page): Promise<string> => page.evaluate<string>(FOCUSED);
const MOST_STEPS = 40;

/** As whoever has no mouse goes on: key by key, until what they want has the focus. */
async function tabTo(page: Page, name: RegExp, key = 'Tab'): Promise<void> {
  const met: string[] = [];
  while (!name.test(met.at(-1) ?? '')) {
    if (met.length > MOST_STEPS) throw new Error(`${String(name)} was not reached, but ${met.join(' → ')}`);
    await page.keyboard.press(key);
    met.push(await focused(page));
  }
}
const focusIs = (page: Page, name: RegExp) => expect.poll(() => focused(page)).toMatch(name);

describe('a whole call by the keyboard alone', () => {
  test('of somebody unknown: from the ring to the ticket, and on in the ticket after the talk; then the page of keys', async () => {
    const { pbx, anna } = office.product;
    const phone = newNumber();
    const page = await office.tab(anna);
    const call = pbx.incoming({ from: phone });
    await call.ring('101');
    await cards(page).waitFor();
    await page.keyboard.press('Alt+KeyA');
    await focusIs(page, /^Входящий звонок/);
    await call.answer('101');
    await cards(page).getByRole('button', { name: 'Создать новое обращение по звонку' }).waitFor();
    await tabTo(page, /Создать новое обращение по звонку/);
    await page.keyboard.press('Enter');

    // The form asks for its first word by itself.
    await focusIs(page, /^Тема/);
    await page.keyboard.type('Без мыши');
    await tabTo(page, /^Суть звонка/);
    await page.keyboard.type('Всё набрано');
    await page.keyboard.press('Control+Enter');
    await page.getByRole('heading', { level: 1, name: 'Без мыши' }).waitFor();
    await page.getByText('Звонок в процессе').waitFor();
    await call.pass(10);
    await call.hangUp();
    await call.finish();
    await page.getByRole('group', { name: 'Запись разговора' }).waitFor();

    await tabTo(page, /^Слушать/);
    await page.keyboard.press('Enter');
    await tabTo(page, /^Изменить суть звонка/);
    await page.keyboard.press('Enter');
    await focusIs(page, /^Суть звонка/);
    await page.keyboard.press('End');
    await page.keyboard.type(', и дополнено');
    await page.keyboard.press('Control+Enter');
    await page.getByText('Всё набрано, и дополнено').waitFor();

    await page.keyboard.press('Escape');
    await tabTo(page, /./);
    await page.keyboard.press('Shift+Slash');
    await page.getByRole('heading', { level: 1, name: 'Клавиши' }).waitFor();
    await page.getByText('К карточке звонка и обратно').waitFor();
  });

  test('of a known customer: the profile is there by itself, an earlier ticket is chosen, and the gist saved in it', async () => {
    const { pbx, vera } = office.product;
    const { id, phone } = await newCustomer(office.product, 'Василий Кандинский');
    await vera.post('/api/tickets', { subject: 'Композиция VII', channel: 'call', kind: 'incoming', customerId: id });
    const page = await office.tab(vera);
    const call = pbx.incoming({ from: phone });
    await call.ring('0103');
    await call.answer('0103');
    await page.getByRole('heading', { level: 1, name: 'Василий Кандинский' }).waitFor();
    await focusIs(page, /^Василий Кандинский/);
    await page.getByRole('link', { name: 'Композиция VII' }).waitFor();
    await tabTo(page, /Композиция VII/);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Композиция VII' }).waitFor();
    await page.getByRole('button', { name: 'Зафиксировать звонок в текущем обращении' }).waitFor();
    await tabTo(page, /Зафиксировать звонок/);
    await page.keyboard.press('Enter');
    await focusIs(page, /^Суть звонка/);
    await page.keyboard.type('Цвет это клавиша');
    await page.keyboard.press('Control+Enter');
    await page.getByText('Звонок в процессе').waitFor();
    await page.getByText('Цвет это клавиша').waitFor();
    await call.hangUp();
    await call.finish();
    await page.getByRole('group', { name: 'Запись разговора' }).waitFor();
  });

  test('to a customer: called from the ticket, cancelled, called again, and the gist saved', async () => {
    const { pbx, boris } = office.product;
    const { id, phone } = await newCustomer(office.product, 'Казимир Малевич');
    const { id: ticketId } = await boris.post<{ id: string }>('/api/tickets', {
      ...{ subject: 'Квадрат', channel: 'call', kind: 'incoming', customerId: id },
    });
    const page = await office.tab(boris, `/tickets/${ticketId}`);
    const handset = page.getByRole('button', { name: `Позвонить на ${written(phone)}` });
    await handset.waitFor();
    await tabTo(page, /^Позвонить на/);
    await page.keyboard.press('Enter');
    const first = await pbx.nextCallback();
    await page.getByRole('button', { name: 'Отменить' }).waitFor();
    await tabTo(page, /^Отменить/, 'Shift+Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('group', { name: 'Набираем номер' }).waitFor({ state: 'detached' });
    await first.finish();

    await tabTo(page, /^Позвонить на/);
    await page.keyboard.press('Enter');
    const second = await pbx.nextCallback();
    await second.operatorAnswers();
    await second.customerAnswers();
    await page.getByLabel('Суть звонка').waitFor();
    await tabTo(page, /^Суть звонка/, 'Shift+Tab');
    await page.keyboard.type('Чёрный');
    await page.keyboard.press('Control+Enter');
    await page.getByText('Звонок в процессе').waitFor();
    await page.getByText('Чёрный').waitFor();
    await second.hangUp();
    await second.finish();
    await page.getByRole('group', { name: 'Запись разговора' }).waitFor();
    // What is told as a failure stays. Who cancelled the first call knew that it would not come.
    expect(await page.getByText('Звонок не состоялся').count()).toBe(0);
  });
});
