import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openGate } from '../torture/gate.ts';
import { cards, cookiesOf, goTo, newCustomer, newNumber, openOffice, written, type Office } from './desk.ts';

let office: Office;
beforeAll(async () => {
  office = await openOffice();
}, 180_000);
afterEach((context) => office.leave(context));
afterAll(() => office.close(), 60_000);

describe('two tabs of one agent never contradict each other', () => {
  test('the form is open in both: typing in one shows in the other, and a ticket made in one opens in both', async () => {
    const { pbx, anna } = office.product;
    const { phone } = await newCustomer(office.product, 'Исаак Левитан');
    const desk = await office.desk(anna);
    const [first, second] = [await desk.newPage(), await desk.newPage()];
    await goTo(first, '/tickets');
    const call = pbx.incoming({ from: phone });
    await call.ring('101');
    await call.answer('101');
    await first.getByRole('main').getByRole('button', { name: 'Создать обращение по звонку' }).click();
    await first.getByLabel('Суть звонка').waitFor();
    await goTo(second, new URL(first.url()).pathname);
    await second.getByLabel('Суть звонка').waitFor();
    await first.getByLabel('Суть звонка').fill('Набрано в первой вкладке');
    await second.getByText('Черновик сохранён').waitFor();
    expect(await second.getByLabel('Суть звонка').inputValue()).toBe('Набрано в первой вкладке');
    await second.getByRole('button', { name: 'Создать', exact: true }).click();
    for (const page of [first, second]) {
      await page.getByRole('heading', { level: 1, name: `Входящий звонок с ${written(phone)}` }).waitFor();
      await page.getByText('Набрано в первой вкладке').waitFor();
    }
    expect(first.url()).toBe(second.url());
    await call.pass(5);
    await call.hangUp();
    await call.finish();
    for (const page of [first, second]) await page.getByRole('group', { name: 'Запись разговора' }).waitFor();
  });

  test('the profile opens in the tab that was used last, the other stays where it is', async () => {
    const { pbx, vera } = office.product;
    const { phone } = await newCustomer(office.product, 'Архип Куинджи');
    const desk = await office.desk(vera);
    const [first, second] = [await desk.newPage(), await desk.newPage()];
    await goTo(first, '/customers');
    await goTo(second, '/missed');
    await second.bringToFront();
    await second.evaluate('window.dispatchEvent(new Event("focus"))');
    const call = pbx.incoming({ from: phone });
    await call.ring('0103');
    await call.answer('0103');
    await second.getByRole('heading', { level: 1, name: 'Архип Куинджи' }).waitFor();
    await cards(first).getByText('Идёт разговор').waitFor();
    expect(new URL(first.url()).pathname).toBe('/customers');
    await call.hangUp();
    await call.finish();
    await cards(first).waitFor({ state: 'detached' });
  });

  test('the same click twice makes one ticket', async () => {
    const { pbx, anna, admin } = office.product;
    const { id, phone } = await newCustomer(office.product, 'Иван Шишкин');
    const page = await office.tab(anna);
    const call = pbx.incoming({ from: phone });
    await call.ring('101');
    await call.answer('101');
    await page.getByRole('main').getByRole('button', { name: 'Создать обращение по звонку' }).click();
    await page.getByLabel('Суть звонка').fill('Медведи');
    await page.getByRole('button', { name: 'Создать', exact: true }).dblclick();
    await page.getByText('Звонок в процессе').waitFor();
    await call.pass(5);
    await call.hangUp();
    await call.finish();
    await page.getByRole('group', { name: 'Запись разговора' }).waitFor();
    expect((await admin.get<{ total: number }>(`/api/tickets?customerId=${id}`)).total).toBe(1);
  });
});

describe('one browser, one stream', () => {
  const streams = async (): Promise<number> => {
    const metrics = await (await fetch(`${office.product.url}/metrics`)).text();
    return Number(/^trubka_stream_clients (\d+)$/m.exec(metrics)?.[1]);
  };

  test('seven tabs all show the call and can act on it, and go on when the first is closed', async () => {
    const { pbx, boris } = office.product;
    const { phone } = await newCustomer(office.product, 'Иван Айвазовский');
    const desk = await office.desk(boris);
    const pages: Page[] = [];
    for (let count = 0; count < 7; count += 1) pages.push(await desk.newPage());
    await Promise.all(pages.map((page) => goTo(page, '/missed')));
    await expect.poll(streams).toBe(1);
    const call = pbx.incoming({ from: phone });
    await call.ring('102');
    await Promise.all(pages.map((page) => cards(page).getByText('Иван Айвазовский').waitFor()));
    await pages[0]!.close();
    const [last, ...others] = pages.slice(1).reverse();
    await last!.bringToFront();
    await last!.evaluate('window.dispatchEvent(new Event("focus"))');
    await call.answer('102');
    await last!.getByRole('heading', { level: 1, name: 'Иван Айвазовский' }).waitFor();
    for (const page of others) await cards(page).getByText('Идёт разговор').waitFor();
    await others[0]!.bringToFront();
    await cards(others[0]!).getByRole('button', { name: 'Создать обращение по звонку' }).click();
    await others[0]!.getByLabel('Суть звонка').fill('Девятый вал');
    await others[0]!.getByRole('button', { name: 'Создать', exact: true }).click();
    await others[0]!.getByText('Девятый вал').waitFor();
    await call.hangUp();
    await call.finish();
    for (const page of others) await cards(page).waitFor({ state: 'detached' });
  });

  test('who signs out in one tab is signed out in all; who signs in as somebody else is that in all', async () => {
    const { vera } = office.product;
    const colleague = await office.product.signIn('anna@demo.local');
    const desk = await office.desk(colleague);
    const [first, second] = [await desk.newPage(), await desk.newPage()];
    for (const page of [first, second]) await goTo(page, '/missed');
    await first.getByRole('button', { name: /Личное меню/ }).click();
    await first.getByRole('menuitem', { name: 'Выйти' }).click();
    for (const page of [first, second]) await page.getByRole('heading', { level: 1, name: 'Вход' }).waitFor();

    await desk.addCookies(cookiesOf(await office.product.signIn('anna@demo.local')));
    for (const page of [first, second]) await goTo(page, '/missed');
    await desk.addCookies(cookiesOf(vera));
    await first.reload();
    for (const page of [first, second]) await page.getByRole('button', { name: /Вера Орлова/ }).waitFor();
    expect(office.complaints().filter((text) => !text.includes('401 (Unauthorized)'))).toEqual([]);
  });
});

describe('live, from any change by anyone', () => {
  test('a customer’s new name and number, an agent and a field, in lists, the panel, the handset and the choices', async () => {
    const { anna, admin } = office.product;
    const { id } = await newCustomer(office.product, 'Кузьма Петров');
    const ticket = await admin.post<{ id: string }>('/api/tickets', { subject: 'Купание', channel: 'email', customerId: id });
    const desk = await office.desk(anna);
    const open = async (path: string): Promise<Page> => {
      const page = await desk.newPage();
      await goTo(page, path);
      return page;
    };
    const [tickets, customers, found] = [await open('/tickets'), await open('/customers'), await open('/search?q=Петров-Водкин')];
    const page = await open(`/tickets/${ticket.id}`);
    const choice = page.getByLabel('Ответственный').getByRole('option', { name: 'Новый Красный' });
    await page.getByRole('button', { name: /^Позвонить на/ }).waitFor();
    expect([await choice.count(), await found.getByText('Кузьма Петров-Водкин').count()]).toEqual([0, 0]);

    const second = newNumber();
    const { phones } = await admin.get<{ phones: string[] }>(`/api/customers/${id}`);
    const changed = { fullName: 'Кузьма Петров-Водкин', phones: [...phones, second], customFields: {} };
    await admin.request('PATCH', `/api/customers/${id}`, changed);
    for (const one of [tickets, customers, found]) await one.getByText('Кузьма Петров-Водкин').first().waitFor();
    const panel = page.getByRole('complementary', { name: 'Пользователь' });
    await panel.getByText('Кузьма Петров-Водкин').waitFor();
    await panel.getByText(written(second)).waitFor();
    await page.getByRole('button', { name: 'Позвонить: выбрать номер' }).waitFor();

    await admin.post('/api/agents', { fullName: 'Новый Красный', email: 'red@demo.local', role: 'agent' });
    await choice.waitFor({ state: 'attached' });
    const field = await admin.post<{ key: string }>('/api/fields', { label: 'Любимый цвет', type: 'text' });
    await admin.request('PATCH', `/api/customers/${id}`, { customFields: { [field.key]: 'Красный' } });
    await panel.getByText('Любимый цвет').waitFor();

    // Beyond the end of a list there is its last page.
    await goTo(customers, '/customers?page=99');
    await customers.getByText('Кузьма Петров-Водкин').waitFor();
  });
});

describe('text is never lost', () => {
  test('a reload in the middle of typing, and another page in between', async () => {
    const { pbx, vera } = office.product;
    const { phone } = await newCustomer(office.product, 'Василий Суриков');
    const page = await office.tab(vera);
    const call = pbx.incoming({ from: phone });
    await call.ring('0103');
    await call.answer('0103');
    await page.getByRole('main').getByRole('button', { name: 'Создать обращение по звонку' }).click();
    await page.getByLabel('Суть звонка').pressSequentially('Боярыня');
    await page.reload();
    await page.getByLabel('Суть звонка').waitFor();
    expect(await page.getByLabel('Суть звонка').inputValue()).toBe('Боярыня');
    await page.getByLabel('Суть звонка').press('End');
    await page.getByLabel('Суть звонка').pressSequentially(' Морозова');
    await page.getByRole('link', { name: 'Обращения', exact: true }).click();
    await cards(page).getByRole('button', { name: 'Создать обращение по звонку' }).click();
    expect(await page.getByLabel('Суть звонка').inputValue()).toBe('Боярыня Морозова');
    // The tab is closed: what was typed is in the ticket all the same.
    await page.getByLabel('Тема', { exact: true }).fill('Картина');
    await page.close({ runBeforeUnload: true });
    await call.hangUp();
    await call.finish();
    const later = await office.tab(vera);
    await later.getByRole('row').filter({ hasText: 'Картина' }).getByRole('link').click();
    await later.getByText('Боярыня Морозова').waitFor();
  });

  test('what is added to a ticket that is made already is in its field after a reload; «Отмена» takes it back', async () => {
    const { pbx, boris, admin } = office.product;
    const { id, phone } = await newCustomer(office.product, 'Михаил Нестеров');
    const page = await office.tab(boris);
    const call = pbx.incoming({ from: phone });
    await call.ring('102');
    await call.answer('102');
    await page.getByRole('main').getByRole('button', { name: 'Создать обращение по звонку' }).click();
    const field = page.getByRole('textbox', { name: 'Суть звонка' });
    await field.fill('Пустынник');
    await page.getByRole('button', { name: 'Создать', exact: true }).click();
    await page.getByRole('button', { name: 'Изменить суть звонка' }).click();
    await field.fill('Пустынник и лисичка');
    await page.getByText('Черновик сохранён').waitFor();
    await page.reload();
    expect(await field.inputValue()).toBe('Пустынник и лисичка');
    await page.getByRole('button', { name: 'Отмена' }).click();
    await field.waitFor({ state: 'detached' });
    await page.getByText('Пустынник', { exact: true }).waitFor();
    await page.reload();
    await page.getByText('Пустынник', { exact: true }).waitFor();
    expect(await field.count()).toBe(0);
    await call.hangUp();
    await call.finish();

    // An automatic ticket takes over what is typed as it is typed.
    const second = pbx.incoming({ from: phone });
    await second.ring('102');
    await second.answer('102');
    await second.hangUp();
    await second.finish();
    const newest = async (): Promise<string | null> => {
      const { items } = await admin.get<{ items: { id: string }[] }>(`/api/tickets?customerId=${id}&sort=-createdAt`);
      return items.length < 2 ? null : items[0]!.id;
    };
    await expect.poll(newest).not.toBeNull();
    const automatic = await newest();
    const bodies = async (): Promise<string[]> => {
      const { messages } = await admin.get<{ messages: { body: string }[] }>(`/api/tickets/${automatic}`);
      return messages.map(({ body }) => body);
    };
    await expect.poll(bodies).toEqual(['']);
    await goTo(page, `/tickets/${automatic}`);
    await page.getByRole('button', { name: 'Записать суть звонка' }).click();
    await field.fill('Не то');
    await expect.poll(bodies).toEqual(['Не то']);
    await page.getByRole('button', { name: 'Отмена' }).click();
    await expect.poll(bodies).toEqual(['']);
    // S2a again: nobody has done anything.
    await expect.poll(() => page.getByLabel('Статус').inputValue()).toBe('open');
  });

  test('a note that is being written is still there after a reload', async () => {
    const { anna } = office.product;
    const { id } = await anna.post<{ id: string }>('/api/tickets', { subject: 'Заметка', channel: 'email' });
    const page = await office.tab(anna, `/tickets/${id}`);
    await page.getByLabel('Заметка').check({ force: true });
    await page.getByRole('textbox', { name: 'Заметка' }).fill('Недописанное');
    await page.reload();
    await page.getByRole('textbox', { name: 'Заметка' }).waitFor();
    expect(await page.getByRole('textbox', { name: 'Заметка' }).inputValue()).toBe('Недописанное');
    await page.getByRole('button', { name: 'Добавить заметку' }).click();
    await page.getByRole('list', { name: 'Переписка' }).getByText('Недописанное').waitFor();
  });
});

describe('when the network goes away', () => {
  test('what is typed without it, while the call ends, is in the ticket as soon as it is back', async () => {
    const { pbx, boris, admin } = office.product;
    const { id, phone } = await newCustomer(office.product, 'Карл Брюллов');
    const page = await office.tab(boris);
    const call = pbx.incoming({ from: phone });
    await call.ring('102');
    await call.answer('102');
    await page.getByRole('main').getByRole('button', { name: 'Создать обращение по звонку' }).click();
    await page.getByLabel('Суть звонка').pressSequentially('Последний день');
    await page.getByText('Черновик сохранён').waitFor();
    await page.context().setOffline(true);
    await page.getByText('Связь потеряна').waitFor();
    await page.getByLabel('Суть звонка').pressSequentially(' Помпеи');
    await call.hangUp();
    await call.finish();
    const made = async () => (await admin.get<{ items: { id: string }[] }>(`/api/tickets?customerId=${id}`)).items[0]?.id ?? null;
    await expect.poll(made, { timeout: 20_000 }).not.toBeNull();
    await page.context().setOffline(false);
    await page.waitForURL(`**/tickets/${await made()}`);
    expect(await page.getByRole('textbox', { name: 'Суть звонка' }).inputValue()).toBe('Последний день Помпеи');
    await page.getByText('Связь потеряна').waitFor({ state: 'detached' });
    const texts = async () => {
      const { messages } = await admin.get<{ messages: { body: string }[] }>(`/api/tickets/${await made()}`);
      return messages.map(({ body }) => body);
    };
    await expect.poll(texts, { timeout: 10_000 }).toEqual(['Последний день Помпеи']);
    expect(office.complaints().join()).toContain('ERR_INTERNET_DISCONNECTED');
  });

  test('what was typed without it is in the ticket also after a reload, one without the network and one with it', async () => {
    const { pbx, boris, admin } = office.product;
    const { id, phone } = await newCustomer(office.product, 'Орест Кипренский');
    const page = await office.tab(boris);
    const call = pbx.incoming({ from: phone });
    await call.ring('102');
    await call.answer('102');
    await page.getByRole('main').getByRole('button', { name: 'Создать обращение по звонку' }).click();
    await page.getByLabel('Суть звонка').pressSequentially('Портрет');
    await page.getByText('Черновик сохранён').waitFor();
    await page.context().setOffline(true);
    await page.getByText('Связь потеряна').waitFor();
    await page.getByLabel('Суть звонка').pressSequentially(' Давыдова');
    await call.hangUp();
    await call.finish();
    const made = async () => (await admin.get<{ items: { id: string }[] }>(`/api/tickets?customerId=${id}`)).items[0]?.id ?? null;
    await expect.poll(made, { timeout: 20_000 }).not.toBeNull();
    // The browser's own page of an error stands there now.
    expect(await page.reload().catch((error: unknown) => String(error))).toContain('ERR_INTERNET_DISCONNECTED');
    await page.context().setOffline(false);
    await page.reload();
    await page.getByRole('heading', { level: 1 }).waitFor();
    const texts = async () => {
      const { messages } = await admin.get<{ messages: { body: string }[] }>(`/api/tickets/${await made()}`);
      return messages.map(({ body }) => body);
    };
    await expect.poll(texts, { timeout: 10_000 }).toEqual(['Портрет Давыдова']);
    await goTo(page, `/tickets/${await made()}`);
    await page.getByText('Портрет Давыдова').waitFor();
    office.complaints();
  });

  test('an action says so and can be repeated; the list says it may be behind, and catches up by itself', async () => {
    const { pbx, anna, vera } = office.product;
    const { phone } = await newCustomer(office.product, 'Илья Репин');
    const page = await office.tab(anna);
    const call = pbx.incoming({ from: phone });
    await call.ring('101');
    await call.answer('101');
    await page.getByRole('main').getByRole('button', { name: 'Создать обращение по звонку' }).click();
    await page.getByLabel('Тема', { exact: true }).fill('Не ждали');
    await page.getByText('Черновик сохранён').waitFor();

    await page.context().setOffline(true);
    await page.getByRole('button', { name: 'Создать', exact: true }).click();
    await page.getByText('Нет связи с сервером. Проверьте сеть и повторите.').waitFor();
    await page.context().setOffline(false);
    await page.getByRole('button', { name: 'Повторить' }).click();
    await page.getByRole('heading', { level: 1, name: 'Не ждали' }).waitFor();
    await call.pass(5);
    await call.hangUp();
    await call.finish();
    await page.getByRole('group', { name: 'Запись разговора' }).waitFor();

    // A wire that can be cut: no browser's switch reaches the connection that all tabs share.
    const gate = await openGate([Number(new URL(office.product.url).port)]);
    const list = await (await office.desk(vera)).newPage();
    await goTo(list, `http://127.0.0.1:${gate.port}/tickets`);
    gate.cut(true);
    await list.getByText('Связь потеряна').waitFor();
    await vera.post('/api/tickets', { subject: 'Пока не было связи', channel: 'email' });
    gate.heal();
    await list.getByText('Связь потеряна').waitFor({ state: 'detached', timeout: 20_000 });
    await list.getByRole('link', { name: 'Пока не было связи' }).waitFor();
    await list.context().close();
    await gate.close();
    // Broken requests are what this test is about.
    office.complaints();
  });
});
