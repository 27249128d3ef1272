import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { newCustomer, openOffice, violations, type Office } from './desk.ts';

let office: Office;
beforeAll(async () => {
  office = await openOffice();
}, 180_000);
afterEach((context) => office.leave(context));
afterAll(() => office.close(), 60_000);

const newTicket = async (customerId: string, subject: string, more: object = {}): Promise<string> =>
  (
    await office.product.admin.post<{ id: string }>('/api/tickets', {
      subject,
      channel: 'call',
      kind: 'incoming',
      customerId,
      ...more,
    })
  ).id;

describe('a call linked to the wrong ticket', () => {
  test('S2b during the talk it moves to another ticket of the customer, by the keyboard alone; another agent sees it go', async () => {
    const { pbx, anna, boris } = office.product;
    const { id, phone } = await newCustomer(office.product, 'Анна Ахматова');
    const wrong = await newTicket(id, 'Не тот вопрос', { status: 'closed' });
    const right = await newTicket(id, 'Тот самый вопрос');
    await newTicket(id, 'Письмо', { channel: 'email', kind: undefined });
    const page = await office.tab(anna);
    const call = pbx.incoming({ from: phone });
    await call.ring('101');
    await call.answer('101');
    await page.getByRole('heading', { level: 1, name: 'Анна Ахматова' }).waitFor();
    await page.getByRole('link', { name: 'Не тот вопрос' }).click();
    await page.getByRole('button', { name: 'Зафиксировать звонок в текущем обращении' }).click();
    await page.getByLabel('Суть звонка').fill('Сжала руки.');
    await page.getByRole('button', { name: 'Сохранить' }).click();
    await page.getByText('Звонок в процессе').waitFor();
    const watching = await office.tab(boris, `/tickets/${right}`);
    const wrongSeen = await office.tab(boris, `/tickets/${wrong}`);
    await wrongSeen.getByText('Сжала руки.').waitFor();

    await page.getByRole('button', { name: 'Действия со звонком' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('menuitem', { name: 'Перенести звонок…' }).waitFor();
    await page.keyboard.press('Enter');
    const form = page.getByRole('form', { name: 'Перенести звонок' });
    await form.getByRole('radio').first().waitFor();
    const names = await form
      .getByRole('radio')
      .evaluateAll((all) => all.map((one) => one.closest('label')?.innerText.split('\n')[0]));
    expect(names).toEqual(['Тот самый вопрос', 'Письмо', 'В новое обращение']);
    expect(await violations(page)).toEqual([]);
    await page.keyboard.type('самый');
    await form.getByText('Письмо').waitFor({ state: 'detached' });
    await form.getByRole('radio', { name: /Тот самый вопрос/ }).focus();
    await page.keyboard.press('Space');
    await page.keyboard.press('Enter');

    await page.getByRole('link', { name: /Звонок перенесён в обращение №/ }).waitFor();
    expect(await page.getByText('Звонок в процессе').count()).toBe(0);
    expect(await page.getByLabel('Статус').locator('option:checked').innerText()).toBe('Закрытое');
    await watching.getByText('Звонок в процессе').waitFor();
    await watching.getByText('Сжала руки.').waitFor();
    await watching.getByRole('link', { name: /Звонок перенесён из обращения №/ }).waitFor();
    await wrongSeen.getByRole('link', { name: /Звонок перенесён в обращение №/ }).waitFor();
    await call.pass(15);
    await call.hangUp();
    await call.finish();
    await watching.getByRole('group', { name: 'Запись разговора' }).waitFor();
    expect(await watching.getByLabel('Статус').locator('option:checked').innerText()).toBe('В ожидании');
  });

  test('S13, S15 after the talk it moves out into a new ticket at 390 px, then into the missed-call ticket, which turns green', async () => {
    const { pbx, anna } = office.product;
    const { id, phone } = await newCustomer(office.product, 'Николай Гумилёв');
    const missedCall = pbx.incoming({ from: phone });
    await missedCall.ring('102');
    await missedCall.hangUp();
    await missedCall.finish();
    const call = pbx.incoming({ from: phone });
    await call.ring('101');
    await call.answer('101');
    await call.pass(15);
    await call.hangUp();
    await call.finish();
    const page = await office.tab(anna, `/customers/${id}`, { width: 390, height: 844, language: 'en' });
    await page.getByRole('link', { name: /^Входящий звонок с/ }).click();
    await page.getByRole('group', { name: 'Recording of the talk' }).waitFor();
    const automatic = page.url();

    await page.getByRole('button', { name: 'Call actions' }).click();
    await page.getByRole('menuitem', { name: 'Move the call…' }).click();
    const form = page.getByRole('form', { name: 'Move the call' });
    await form.getByRole('radio', { name: 'To a new ticket' }).check();
    await form.getByLabel('Subject').fill('Путешествие в Африку');
    expect(await violations(page)).toEqual([]);
    expect(await page.evaluate<boolean>('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    await form.getByRole('button', { name: 'Move', exact: true }).click();
    await page.getByRole('link', { name: /The call was moved to ticket no\./ }).click();
    await page.getByRole('heading', { level: 1, name: 'Путешествие в Африку' }).waitFor();
    expect(page.url()).not.toBe(automatic);
    expect(await page.getByLabel('Status').locator('option:checked').innerText()).toBe('Pending');
    await page.getByRole('group', { name: 'Recording of the talk' }).waitFor();

    await page.getByRole('button', { name: 'Call actions' }).click();
    await page.getByRole('menuitem', { name: 'Move the call…' }).click();
    await form.getByRole('radio', { name: /Пропущенный звонок/ }).check();
    await form.getByRole('button', { name: 'Move', exact: true }).click();
    await page.getByRole('link', { name: /The call was moved to ticket no\./ }).click();
    await page.getByRole('heading', { level: 1, name: /^Пропущенный звонок/ }).waitFor();
    await page.getByRole('group', { name: 'Recording of the talk' }).waitFor();
    const { items } = await anna.get<{ items: { handset: string; status: string }[] }>(
      `/api/tickets?customerId=${id}&kind=missed`,
    );
    expect(items).toMatchObject([{ handset: 'green', status: 'pending' }]);
    await anna.request('PATCH', '/api/session', { preferences: { language: 'ru' } });
  });
});
